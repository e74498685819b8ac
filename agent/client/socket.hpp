// A stream socket to a path, that never blocks but in connect() and wait(). Not installed.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast::client {

using Deadline = std::chrono::steady_clock::time_point;

class Socket {
public:
    Socket() = default;

    ~Socket() { close(); }

    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    // What went wrong, as in errno(3), or 0.
    [[nodiscard]] int connect(const std::string& path, Deadline deadline);
    void close();

    [[nodiscard]] bool is_open() const { return fd_ >= 0; }

    // Neither bytes nor the end have come.
    [[nodiscard]] bool is_quiet() const;

    // Neither bytes nor an end: it would block.
    struct Moved {
        std::size_t bytes = 0;
        bool ended = false;
    };

    [[nodiscard]] Moved write(std::string_view bytes) const;
    [[nodiscard]] Moved read(char* bytes, std::size_t size) const;

    // Until something can be read, or also be written. False when the time is over.
    [[nodiscard]] bool wait(bool also_to_write, Deadline deadline) const;

private:
    int fd_ = -1;
};

}  // namespace holdfast::client
