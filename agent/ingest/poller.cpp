#include "agent/ingest/poller.hpp"

#include "proto/assert.hpp"

#include <sys/epoll.h>

#include <array>
#include <utility>

namespace holdfast::agent {
namespace {

// One turn: others of the executor have theirs in between.
constexpr int kToldAtOnce = 256;

constexpr std::uint32_t kReading = EPOLLIN | EPOLLRDHUP | EPOLLET;

bool control(int epoll, int operation, int descriptor, Poller::Id id, std::uint32_t events) {
    epoll_event event{};
    event.events = events;
    event.data.u32 = id;
    return ::epoll_ctl(epoll, operation, descriptor, &event) == 0;
}

}  // namespace

Poller::Poller(const boost::asio::any_io_executor& executor, OnReady on_ready)
    : epoll_(executor), on_ready_(std::move(on_ready)) {
    const int descriptor = ::epoll_create1(EPOLL_CLOEXEC);
    HOLDFAST_ASSERT(descriptor >= 0);  // as for the executor's own
    epoll_.assign(descriptor);
    wait();
}

bool Poller::add(int descriptor, Id id) {
    return control(epoll_.native_handle(), EPOLL_CTL_ADD, descriptor, id, kReading);
}

void Poller::watch_writing(int descriptor, Id id, bool yes) {
    const std::uint32_t events = yes ? kReading | EPOLLOUT : kReading;
    const bool is_changed = control(epoll_.native_handle(), EPOLL_CTL_MOD, descriptor, id, events);
    HOLDFAST_ASSERT(is_changed);
}

void Poller::wait() {
    epoll_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                      [this](boost::system::error_code ec) {
                          if (ec) return;
                          tell();
                          wait();
                      });
}

void Poller::tell() {
    std::array<epoll_event, kToldAtOnce> events;
    const int count = ::epoll_wait(epoll_.native_handle(), events.data(), kToldAtOnce, 0);
    for (int i = 0; i < count; ++i) {
        const epoll_event& event = events[static_cast<std::size_t>(i)];
        Ready ready;
        ready.gone = (event.events & (EPOLLHUP | EPOLLERR)) != 0;
        ready.ended = ready.gone || (event.events & EPOLLRDHUP) != 0;
        ready.to_read = ready.ended || (event.events & EPOLLIN) != 0;
        ready.to_write = ready.gone || (event.events & EPOLLOUT) != 0;
        on_ready_(event.data.u32, ready);
    }
}

}  // namespace holdfast::agent
