#include "tests/unit/agent/client/fake_agent.hpp"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstring>
#include <utility>

namespace holdfast::client {
namespace {

constexpr timeval kPatience{.tv_sec = 10, .tv_usec = 0};

void be_patient(int fd) {
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &kPatience, sizeof kPatience);
}

}  // namespace

std::vector<Peer::Seen> Peer::take(std::size_t count) {
    while (ready_.size() < count) {
        std::array<char, 64 << 10> buffer{};
        const ssize_t size = ::recv(fd_, buffer.data(), buffer.size(), 0);
        EXPECT_GT(size, 0) << "the client sent too little";
        if (size <= 0) return std::exchange(ready_, {});
        in_.append(buffer.data(), static_cast<std::size_t>(size));
        while (in_.size() >= frame::kHeaderBytes) {
            const auto header = frame::read_header(in_);
            const std::size_t whole = frame::kHeaderBytes + header->payload_bytes;
            if (in_.size() < whole) break;
            EXPECT_TRUE(frame::matches_checksum(*header, std::string_view(in_).substr(0, whole)));
            auto payload = std::string_view(in_).substr(frame::kHeaderBytes, header->payload_bytes);
            bool begins = true;
            while (!payload.empty()) {
                const auto event = frame::take_event(payload);
                ready_.push_back({.target = std::string(event->target),
                                  .body = std::string(event->body),
                                  .destination = std::string(event->destination),
                                  .key = std::string(event->key),
                                  .method = event->method,
                                  .begins_frame = std::exchange(begins, false)});
            }
            in_.erase(0, whole);
        }
    }
    const auto end = ready_.begin() + static_cast<std::ptrdiff_t>(count);
    std::vector<Seen> taken(ready_.begin(), end);
    ready_.erase(ready_.begin(), end);
    return taken;
}

void Peer::send(std::string_view bytes) const {
    while (!bytes.empty()) {
        const ssize_t size = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        ASSERT_GT(size, 0) << "the client does not take its answers";
        bytes.remove_prefix(static_cast<std::size_t>(size));
    }
}

void Peer::end_sending() const {
    ::shutdown(fd_, SHUT_WR);
}

bool Peer::waits_for_end() const {
    std::array<char, 4096> buffer{};
    for (;;) {
        const ssize_t size = ::recv(fd_, buffer.data(), buffer.size(), 0);
        if (size <= 0) return size == 0;
    }
}

void Peer::close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
}

FakeAgent::FakeAgent(std::vector<Script> scripts)
    : scripts_(std::move(scripts)), listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path().c_str(), path().size() + 1);
    EXPECT_EQ(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(::listen(listener_, 16), 0);
    be_patient(listener_);
    sigset_t all;
    sigset_t before;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are for the client's thread
    thread_ = std::thread([this] { serve(); });
    ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

FakeAgent::~FakeAgent() {
    thread_.join();
    ::close(listener_);
}

void FakeAgent::serve() {
    for (const Script& script : scripts_) {
        const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        ASSERT_GE(fd, 0) << "the client did not connect";
        be_patient(fd);
        Peer peer(fd);
        script(peer);
    }
}

frame::Answer stored(std::uint64_t seq) {
    frame::Answer answer;
    answer.durability = frame::Durability::synced;
    answer.seq = Seq{seq};
    answer.id = *Ulid::parse("01KDYGA0KE0000000000000018");
    answer.accepted_at = wall_from_ms(1'700'000'000'123);
    return answer;
}

frame::Answer refused(std::uint16_t status, std::string_view body) {
    frame::Answer answer;
    answer.status = status;
    answer.body = body;
    return answer;
}

std::string frame_of(const std::vector<frame::Answer>& answers, frame::Type type) {
    std::string out;
    frame::Writer writer(out, type);
    for (const frame::Answer& answer : answers) writer.add(answer);
    writer.end();
    return out;
}

}  // namespace holdfast::client
