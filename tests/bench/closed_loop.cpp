#include "tests/bench/closed_loop.hpp"

#include "tests/bench/fail.hpp"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace holdfast::bench {
namespace {

constexpr auto kPatience = std::chrono::seconds(10);
constexpr std::size_t kReadBytes = 64 << 10;

int try_to_connect(const sockaddr_un& address) {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) fail_errno("socket");
    // The socket API wants the general type.
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
    const int why = errno;
    ::close(fd);
    errno = why;
    return -1;
}

// A blocking connect, so that a full listen queue is waited for.
int connect_to(const std::string& path, Clock::time_point deadline) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) fail("the path of the socket is too long: " + path);
    std::memcpy(address.sun_path, path.data(), path.size());
    for (;;) {
        const int fd = try_to_connect(address);
        if (fd >= 0) {
            if (::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) fail_errno("fcntl");
            return fd;
        }
        const bool starting = errno == ENOENT || errno == ECONNREFUSED;
        if (!starting || Clock::now() >= deadline) fail_errno("connect to " + path);
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

class Connection {
public:
    Connection(int fd, std::size_t outstanding) : fd_(fd), asked_(outstanding) {}

    Connection(Connection&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)),
          out_(std::move(other.out_)),
          sent_(other.sent_),
          in_(std::move(other.in_)),
          asked_(std::move(other.asked_)),
          oldest_(other.oldest_) {}

    Connection& operator=(Connection&&) = delete;

    ~Connection() {
        if (fd_ >= 0) ::close(fd_);
    }

    [[nodiscard]] int fd() const { return fd_; }

    [[nodiscard]] bool wants_to_write() const { return sent_ < out_.size(); }

    void ask_first(Protocol& protocol, Clock::time_point now) {
        ask(protocol, asked_.size(), now);
        flush();
    }

    // Takes what has come and asks again for each answer.
    void on_readable(Protocol& protocol, Recorder& recorder) {
        receive();
        const auto now = Clock::now();
        std::size_t taken = 0;
        std::size_t answered = 0;
        for (;;) {
            const auto rest = std::string_view(in_).substr(taken);
            if (rest.empty()) break;
            const auto reply = protocol.parse(rest);
            if (reply.kind == Reply::Kind::incomplete) break;
            if (reply.kind == Reply::Kind::malformed)
                fail(fmt::format("a malformed answer: {}", rest.substr(0, 300)));
            taken += reply.size;
            for (std::size_t i = 0; i < reply.count; ++i) {
                const auto asked = asked_[(oldest_ + answered + i) % asked_.size()];
                settle(reply, asked, rest.substr(0, reply.size), recorder, now);
            }
            answered += reply.count;
        }
        if (answered > 0) ask(protocol, answered, now);
        in_.erase(0, taken);
        if (taken > 0) flush();
    }

    void flush() {
        while (sent_ < out_.size()) {
            const auto n = ::send(fd_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0 && errno == EAGAIN) return;
            if (n < 0) fail_errno("send");
            sent_ += static_cast<std::size_t>(n);
        }
        out_.clear();
        sent_ = 0;
    }

private:
    // In the place of the oldest that were asked.
    void ask(Protocol& protocol, std::size_t count, Clock::time_point now) {
        protocol.append_requests(count, out_);
        for (std::size_t i = 0; i < count; ++i) {
            asked_[oldest_] = now;
            oldest_ = (oldest_ + 1) % asked_.size();
        }
    }

    static void settle(const Reply& reply,
                       Clock::time_point asked,
                       std::string_view text,
                       Recorder& recorder,
                       Clock::time_point now) {
        if (reply.kind == Reply::Kind::ok) return recorder.ack(asked, now);
        if (recorder.errors() == 0)
            fmt::print(stderr, "holdfast-bench: the first refusal: {}\n", text.substr(0, 300));
        recorder.error();
    }

    void receive() {
        static thread_local std::array<char, kReadBytes> buffer;
        const auto n = ::recv(fd_, buffer.data(), buffer.size(), 0);
        if (n == 0) fail("the server closed a connection");
        if (n > 0)
            in_.append(buffer.data(), static_cast<std::size_t>(n));
        else if (errno != EAGAIN && errno != EINTR)
            fail_errno("recv");
    }

    int fd_;
    std::string out_;
    std::size_t sent_ = 0;  // of out_
    std::string in_;
    std::vector<Clock::time_point> asked_;  // a ring: answers come in the order of the requests
    std::size_t oldest_ = 0;
};

class Poll {
public:
    Poll() : fd_(::epoll_create1(EPOLL_CLOEXEC)) {
        if (fd_ < 0) fail_errno("epoll_create1");
    }

    Poll(const Poll&) = delete;
    Poll& operator=(const Poll&) = delete;

    ~Poll() { ::close(fd_); }

    void watch(int operation, int fd, std::size_t index, bool writable) const {
        epoll_event event{};
        event.events = EPOLLIN | (writable ? EPOLLOUT : 0u);
        event.data.u64 = index;
        if (::epoll_ctl(fd_, operation, fd, &event) != 0) fail_errno("epoll_ctl");
    }

    // How many of `events` are filled; 0 when nothing came in time.
    std::size_t wait(std::array<epoll_event, 64>& events) const {
        using std::chrono::milliseconds;
        const auto limit = static_cast<int>(milliseconds(kPatience).count());
        const int n = ::epoll_wait(fd_, events.data(), static_cast<int>(events.size()), limit);
        if (n < 0) fail_errno("epoll_wait");
        return static_cast<std::size_t>(n);
    }

private:
    int fd_;
};

}  // namespace

Clock::time_point closed_loop(const Load& load, Protocol& protocol, Recorder& recorder) {
    const Poll poll;
    std::vector<Connection> connections;
    std::vector<bool> watched_for_write(load.connections);
    const auto deadline = Clock::now() + kPatience;
    for (std::size_t i = 0; i < load.connections; ++i) {
        connections.emplace_back(connect_to(load.socket, deadline), load.outstanding);
        poll.watch(EPOLL_CTL_ADD, connections[i].fd(), i, false);
    }
    const auto keep_watch = [&](std::size_t i) {
        const bool writable = connections[i].wants_to_write();
        if (writable == watched_for_write[i]) return;
        poll.watch(EPOLL_CTL_MOD, connections[i].fd(), i, writable);
        watched_for_write[i] = writable;
    };
    for (std::size_t i = 0; i < load.connections; ++i) {
        connections[i].ask_first(protocol, Clock::now());
        keep_watch(i);
    }
    std::array<epoll_event, 64> events{};
    for (auto now = Clock::now();; now = Clock::now()) {
        if (recorder.over(now)) return now;
        const auto ready = poll.wait(events);
        if (ready == 0) fail("no answer for 10 s");
        for (std::size_t e = 0; e < ready; ++e) {
            const std::size_t i = events[e].data.u64;
            if ((events[e].events & EPOLLOUT) != 0) connections[i].flush();
            if ((events[e].events & ~std::uint32_t{EPOLLOUT}) != 0)
                connections[i].on_readable(protocol, recorder);
            keep_watch(i);
        }
    }
}

}  // namespace holdfast::bench
