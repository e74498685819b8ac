// The connections that are kept open between requests; all lead to the same origin.
//
// Runs on: the client's executor. One timer for all, armed only while one is kept. Held by
// shared_ptr. Limits: `max` connections, each for at most `idle_for`.
#pragma once

#include "proto/time.hpp"
#include "transport/connection.hpp"

#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <memory>

namespace holdfast::transport {

class Pool : public std::enable_shared_from_this<Pool> {
public:
    Pool(const boost::asio::any_io_executor& executor, std::size_t max, Duration idle_for);

    // The one used last that is still quiet, or null. Those found dead on the way are closed.
    [[nodiscard]] std::shared_ptr<Connection> take();

    // Keeps it from now on; the one idle for longest is closed if there are too many.
    void put(std::shared_ptr<Connection> connection);

    void clear();

private:
    struct Idle {
        std::shared_ptr<Connection> connection;
        Instant until;
    };

    void arm();
    void close_expired();

    const std::size_t max_;
    const Duration idle_for_;
    std::deque<Idle> idle_;  // the longest idle at the front
    boost::asio::steady_timer timer_;
};

}  // namespace holdfast::transport
