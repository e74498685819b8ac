// crash_cut_power MOUNT [PID]: from now on nothing reaches the disk below the file system mounted
// there, as when the power goes; ext4 and xfs. What is mounted again afterwards has what was
// flushed before.
//
// The process is stopped (SIGSTOP) just before: a sync that is under way when the file system is
// cut off may return success for nothing, which no real disk does, and so must not be acted upon.
// Nothing it sends can come from after the cut. A thread that waits for the disk is not waited for:
// it stops on its way back.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace {

namespace fs = std::filesystem;

// The kernel's EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN: the same number and the same meaning.
constexpr unsigned long kShutdown = _IOR('X', 125, std::uint32_t);
constexpr std::uint32_t kWithoutFlushingTheJournal = 2;

// Neither in user mode nor on its way there without a stop.
bool is_halted(const fs::path& task) {
    std::ifstream in(task / "stat");
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    const std::size_t name_end = text.rfind(") ");
    if (name_end == std::string::npos || name_end + 2 >= text.size()) return true;  // it is gone
    const char state = text[name_end + 2];
    return state == 'T' || state == 't' || state == 'D' || state == 'Z' || state == 'X';
}

bool are_all_halted(pid_t process) {
    std::error_code ec;
    for (const auto& task :
         fs::directory_iterator("/proc/" + std::to_string(process) + "/task", ec)) {
        if (!is_halted(task.path())) return false;
    }
    return true;
}

bool stop(pid_t process) {
    if (::kill(process, SIGSTOP) != 0) return false;
    while (!are_all_halted(process)) {
    }
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) return 64;
    const int directory = ::open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool is_stopped = argc < 3 || stop(static_cast<pid_t>(std::atol(argv[2])));
    std::uint32_t how = kWithoutFlushingTheJournal;
    if (directory < 0 || !is_stopped || ::ioctl(directory, kShutdown, &how) != 0) {
        std::perror(argv[1]);
        return 1;
    }
    return 0;
}
