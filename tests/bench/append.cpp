#include "tests/bench/append.hpp"

#include "tests/bench/fail.hpp"
#include "tests/bench/payload.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace holdfast::bench {

Clock::time_point append_and_sync(const std::string& directory,
                                  std::size_t batch,
                                  Recorder& recorder) {
    const auto path = directory + "/append.log";
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0) fail_errno("open " + path);
    std::string bytes;
    for (std::size_t i = 0; i < batch; ++i) bytes += payloads()[i % payloads().size()];
    auto now = Clock::now();
    while (!recorder.over(now)) {
        const auto written = ::write(fd, bytes.data(), bytes.size());
        if (written < 0) fail_errno("write");
        if (static_cast<std::size_t>(written) != bytes.size()) fail("a short write");
        if (::fdatasync(fd) != 0) fail_errno("fdatasync");
        const auto asked = now;
        now = Clock::now();
        for (std::size_t i = 0; i < batch; ++i) recorder.ack(asked, now);
    }
    ::close(fd);
    ::unlink(path.c_str());
    return now;
}

}  // namespace holdfast::bench
