// Tells which of many sockets can be read or written: an epoll of our own, for which the executor
// waits as for one descriptor.
//
// Why not Asio's reads: Asio 1.24 (Boost 1.81) tries each read before it waits for it. With an app
// that sends one event and waits for its answer that is a system call in vain for each event
// (measured: 3 % at 64 connections).
//
// Runs on: its executor, whose context does not run any more once this is gone.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstdint>
#include <functional>

namespace holdfast::agent {

class Poller {
public:
    using Id = std::uint32_t;

    // Each change is told once (EPOLLET): what can be read is to be read until a read takes less
    // than it could, epoll(7) says. With `ended` until its end.
    struct Ready {
        bool to_read = false;
        bool to_write = false;
        bool ended = false;  // the other side will send no more
        bool gone = false;   // nor take anything
    };

    using OnReady = std::function<void(Id, Ready)>;

    Poller(const boost::asio::any_io_executor& executor, OnReady on_ready);
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;

    // Until the descriptor is closed. False: the system has no room for it. Afterwards events of
    // this id may still be told once.
    [[nodiscard]] bool add(int descriptor, Id id);

    void watch_writing(int descriptor, Id id, bool yes);

private:
    void wait();
    void tell();

    boost::asio::posix::stream_descriptor epoll_;
    OnReady on_ready_;
};

}  // namespace holdfast::agent
