#include "tests/unit/agent/process/app.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace holdfast::agent {

std::string Reply::field(std::string_view name) const {
    const std::size_t at = head.find("\r\n" + std::string(name) + ": ");
    if (at == std::string::npos) return {};
    const std::size_t begin = at + 2 + name.size() + 2;
    return head.substr(begin, head.find("\r\n", begin) - begin);
}

std::vector<Reply> answers_in(std::string_view stream) {
    std::vector<Reply> answers;
    for (;;) {
        const std::size_t end = stream.find("\r\n\r\n");
        if (end == std::string_view::npos) return answers;
        Reply answer;
        answer.head = stream.substr(0, end + 2);
        answer.status = static_cast<unsigned>(std::stoul(answer.head.substr(9, 3)));
        const std::string length = answer.field("Content-Length");
        const std::size_t size = length.empty() ? 0 : std::stoul(length);
        if (stream.size() < end + 4 + size) return answers;
        answer.body = stream.substr(end + 4, size);
        stream.remove_prefix(end + 4 + size);
        answers.push_back(std::move(answer));
    }
}

namespace {

int open_unix() {
    return ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

bool connect_unix(int descriptor, const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return ::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
}

}  // namespace

App App::on_unix(const std::string& path) {
    const int descriptor = open_unix();
    EXPECT_TRUE(connect_unix(descriptor, path)) << path << ": " << std::strerror(errno);
    return App(descriptor);
}

std::vector<App> App::elsewhere_on_unix(const std::string& path, std::size_t count) {
    std::vector<int> descriptors(count);
    for (int& descriptor : descriptors) descriptor = open_unix();
    const pid_t child = ::fork();
    if (child == 0) {
        for (const int descriptor : descriptors) {
            if (!connect_unix(descriptor, path)) ::_exit(errno);
        }
        ::_exit(0);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0) << path;
    std::vector<App> apps;
    for (const int descriptor : descriptors) apps.push_back(App(descriptor));
    return apps;
}

App App::on_tcp(std::uint16_t port) {
    const int descriptor = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0)
        << port << ": " << std::strerror(errno);
    return App(descriptor);
}

App::App(App&& other) noexcept
    : descriptor_(std::exchange(other.descriptor_, -1)), unsent_(std::move(other.unsent_)) {}

App::~App() {
    close();
}

void App::end_sending() {
    end_ = true;
}

void App::close() {
    if (descriptor_ >= 0) ::close(std::exchange(descriptor_, -1));
    ended_ = true;
}

void App::leave(bool reset) {
    ended_ = true;
    reset_ = reset_ || reset;
}

bool App::pump() {
    if (descriptor_ < 0) return false;
    bool moved = false;
    while (!unsent_.empty()) {
        const ssize_t size =
            ::send(descriptor_, unsent_.data(), unsent_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
        if (size < 0 && errno != EAGAIN) {
            unsent_.clear();
            if (!reads_) leave(true);
        }
        if (size < 0) break;
        unsent_.erase(0, static_cast<std::size_t>(size));
        bytes_sent_ += static_cast<std::size_t>(size);
        moved = true;
    }
    if (end_ && unsent_.empty()) {
        ::shutdown(descriptor_, SHUT_WR);
        end_ = false;
    }
    while (reads_ && !ended_ && take()) moved = true;
    return moved;
}

void App::take_some() {
    if (!ended_) (void)take();
}

bool App::take() {
    std::array<char, 65536> buffer;  // NOLINT: filled by recv
    const ssize_t size = ::recv(descriptor_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (size < 0 && errno == EAGAIN) return false;
    if (size <= 0) {
        leave(size < 0);
    } else {
        received_.append(buffer.data(), static_cast<std::size_t>(size));
    }
    return true;
}

std::string request(std::string_view method,
                    std::string_view target,
                    std::string_view body,
                    std::string_view fields) {
    std::string out;
    out.append(method).append(" ").append(target).append(" HTTP/1.1\r\nHost: localhost\r\n");
    out.append(fields);
    if (!body.empty()) out.append("Content-Length: " + std::to_string(body.size()) + "\r\n");
    return out.append("\r\n").append(body);
}

std::string identify(std::string_view person) {
    return request("PUT", "/api/v1/customers/" + std::string(person), R"({"plan":"basic"})");
}

}  // namespace holdfast::agent
