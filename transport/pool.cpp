#include "transport/pool.hpp"

#include <chrono>

namespace holdfast::transport {

Pool::Pool(const boost::asio::any_io_executor& executor, std::size_t max, Duration idle_for)
    : max_(max), idle_for_(idle_for), timer_(executor) {}

std::shared_ptr<Connection> Pool::take() {
    std::shared_ptr<Connection> found;
    while (!found && !idle_.empty()) {
        std::shared_ptr<Connection> last = std::move(idle_.back().connection);
        idle_.pop_back();
        if (last->quiet()) {
            found = std::move(last);
        } else {
            last->close();
        }
    }
    if (idle_.empty()) timer_.cancel();
    return found;
}

void Pool::put(std::shared_ptr<Connection> connection) {
    idle_.push_back({std::move(connection), std::chrono::steady_clock::now() + idle_for_});
    if (idle_.size() > max_) {
        idle_.front().connection->close();
        idle_.pop_front();
    }
    if (idle_.size() == 1) arm();
}

void Pool::clear() {
    for (const Idle& idle : idle_) idle.connection->close();
    idle_.clear();
    timer_.cancel();
}

void Pool::arm() {
    timer_.expires_at(idle_.front().until);
    timer_.async_wait([weak = weak_from_this()](const boost::system::error_code& ec) {
        const std::shared_ptr<Pool> self = weak.lock();
        if (!ec && self) self->close_expired();
    });
}

void Pool::close_expired() {
    const Instant now = std::chrono::steady_clock::now();
    while (!idle_.empty() && idle_.front().until <= now) {
        idle_.front().connection->close();
        idle_.pop_front();
    }
    if (!idle_.empty()) arm();
}

}  // namespace holdfast::transport
