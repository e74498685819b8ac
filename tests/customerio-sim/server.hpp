// The listening sockets: opens them, accepts, closes them all and opens them again on the same
// ports.
#pragma once

#include "tests/customerio-sim/connections.hpp"
#include "tests/customerio-sim/control.hpp"
#include "tests/customerio-sim/read_request.hpp"

#include <boost/asio/io_context.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::customerio_sim {

// One address. Runs on the io_context's thread.
class Listener {
public:
    using OnConnection = std::function<void(Tcp::socket)>;

    Listener(asio::io_context& io, OnConnection on_connection)
        : acceptor_(io), holder_(io), on_connection_(std::move(on_connection)) {}

    // `address` is HOST:PORT with a numeric host or `localhost`. Gives the reason of a failure.
    [[nodiscard]] std::optional<std::string> open(const std::string& address);

    void close();
    [[nodiscard]] std::optional<std::string> reopen();

    [[nodiscard]] Tcp::endpoint endpoint() const { return endpoint_; }

private:
    std::optional<std::string> listen();
    asio::awaitable<void> accept_all();

    Tcp::acceptor acceptor_;
    Tcp::acceptor holder_;  // bound, never listening: keeps a chosen port ours while we are closed
    Tcp::endpoint endpoint_;
    bool port_was_chosen_ = false;
    OnConnection on_connection_;
};

// The listeners of the simulated service, which `down` closes; not those of the control endpoint.
class Service final : public Availability {
public:
    explicit Service(Connections& connections) : connections_(connections) {}

    void add(Listener& listener) { listeners_.push_back(&listener); }

    [[nodiscard]] bool is_down() const override { return down_; }

    [[nodiscard]] std::optional<std::string> set_down(bool down) override;

private:
    Connections& connections_;
    std::vector<Listener*> listeners_;
    bool down_ = false;
};

}  // namespace holdfast::customerio_sim
