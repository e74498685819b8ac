#include "agent/client/socket.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace holdfast::client {
namespace {

using std::chrono::microseconds;
using std::chrono::milliseconds;

template <class Unit>
std::int64_t left_until(Deadline deadline) {
    const auto left = std::chrono::ceil<Unit>(deadline - std::chrono::steady_clock::now());
    return std::max<std::int64_t>(left.count(), 0);
}

// connect() to a full backlog waits for as long as the socket may send; 0 would be for ever.
void limit_connect(int fd, Deadline deadline) {
    const std::int64_t us = std::max<std::int64_t>(left_until<microseconds>(deadline), 1);
    const timeval limit{.tv_sec = us / 1'000'000, .tv_usec = us % 1'000'000};
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
}

int connect_to(int fd, const sockaddr_un& address, Deadline deadline) {
    for (;;) {
        limit_connect(fd, deadline);
        // The socket API wants the general type.
        const auto* general = reinterpret_cast<const sockaddr*>(&address);
        if (::connect(fd, general, sizeof address) == 0) break;
        if (errno == EAGAIN) return ETIMEDOUT;
        if (errno != EINTR) return errno;
        if (left_until<microseconds>(deadline) == 0) return ETIMEDOUT;
    }
    return ::fcntl(fd, F_SETFL, O_NONBLOCK) == 0 ? 0 : errno;
}

Socket::Moved moved(ssize_t result, bool zero_is_end) {
    if (result > 0) return {static_cast<std::size_t>(result), false};
    if (result == 0) return {0, zero_is_end};
    return {0, errno != EAGAIN && errno != EINTR};
}

}  // namespace

int Socket::connect(const std::string& path, Deadline deadline) {
    close();
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.empty()) return ENOENT;
    if (path.size() >= sizeof address.sun_path) return ENAMETOOLONG;
    std::memcpy(address.sun_path, path.data(), path.size());
    fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd_ < 0) return errno;
    const int error = connect_to(fd_, address, deadline);
    if (error != 0) close();
    return error;
}

void Socket::close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

bool Socket::is_quiet() const {
    char byte = 0;
    return ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
}

Socket::Moved Socket::write(std::string_view bytes) const {
    return moved(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL), false);
}

Socket::Moved Socket::read(char* bytes, std::size_t size) const {
    return moved(::recv(fd_, bytes, size, 0), true);
}

bool Socket::wait(bool also_to_write, Deadline deadline) const {
    pollfd entry{};
    entry.fd = fd_;
    entry.events = static_cast<short>(also_to_write ? POLLIN | POLLOUT : POLLIN);
    for (;;) {
        const std::int64_t left =
            std::min<std::int64_t>(left_until<milliseconds>(deadline), INT_MAX);
        const int ready = ::poll(&entry, 1, static_cast<int>(left));
        if (ready > 0) return true;
        if (ready == 0 && left < INT_MAX) return false;
        // Interrupted, or nothing to wait for but time: looked at again, at least once.
        if (ready < 0 && errno != EINTR) return false;
        if (left_until<milliseconds>(deadline) == 0) return false;
    }
}

}  // namespace holdfast::client
