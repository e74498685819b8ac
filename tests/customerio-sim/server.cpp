#include "tests/customerio-sim/server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <sys/socket.h>

#include <charconv>
#include <chrono>

namespace holdfast::customerio_sim {
namespace {

using ErrorCode = boost::system::error_code;
using ReusePort = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds kAcceptRetryAfter{20};

std::optional<Tcp::endpoint> parse_address(const std::string& address) {
    const std::size_t colon = address.rfind(':');
    if (colon == std::string::npos) return std::nullopt;
    std::string host = address.substr(0, colon);
    if (host == "localhost") host = "127.0.0.1";
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    std::uint16_t port = 0;
    const char* end = address.data() + address.size();
    const auto [stop, bad_number] = std::from_chars(address.data() + colon + 1, end, port);
    ErrorCode ec;
    const auto ip = asio::ip::make_address(host, ec);
    if (ec || bad_number != std::errc() || stop != end) return std::nullopt;
    return Tcp::endpoint(ip, port);
}

using Reuse = asio::socket_base::reuse_address;

// Two sockets can be bound to one port when both say ReusePort and belong to one user.
void bind(
    Tcp::acceptor& acceptor, const Tcp::endpoint& endpoint, bool reuse, bool share, ErrorCode& ec) {
    acceptor.open(endpoint.protocol(), ec);
    if (!ec && reuse) acceptor.set_option(Reuse(true), ec);
    if (!ec && share) acceptor.set_option(ReusePort(true), ec);
    if (!ec) acceptor.bind(endpoint, ec);
}

}  // namespace

std::optional<std::string> Listener::open(const std::string& address) {
    const std::optional<Tcp::endpoint> wanted = parse_address(address);
    if (!wanted) return fmt::format("{}: not HOST:PORT with a numeric host", address);
    endpoint_ = *wanted;
    port_was_chosen_ = wanted->port() == 0;
    if (port_was_chosen_) {
        ErrorCode ec;
        bind(holder_, endpoint_, /*reuse=*/false, /*share=*/true, ec);
        if (!ec) endpoint_ = holder_.local_endpoint(ec);
        if (ec) return fmt::format("{}: {}", address, ec.message());
    }
    return listen();
}

std::optional<std::string> Listener::listen() {
    ErrorCode ec;
    bind(acceptor_, endpoint_, /*reuse=*/true, /*share=*/port_was_chosen_, ec);
    if (!ec) acceptor_.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) {
        close();
        return fmt::format(
            "{}:{}: {}", endpoint_.address().to_string(), endpoint_.port(), ec.message());
    }
    asio::co_spawn(acceptor_.get_executor(), accept_all(), asio::detached);
    return std::nullopt;
}

void Listener::close() {
    ErrorCode ignored;  // closing is all we want
    acceptor_.close(ignored);
}

std::optional<std::string> Listener::reopen() {
    return listen();
}

asio::awaitable<void> Listener::accept_all() {
    for (;;) {
        auto [ec, socket] = co_await acceptor_.async_accept(kNoThrow);
        if (ec == asio::error::operation_aborted || !acceptor_.is_open()) co_return;
        if (ec) {  // out of descriptors, most likely: let some connections end
            asio::steady_timer timer(acceptor_.get_executor(), kAcceptRetryAfter);
            (void)co_await timer.async_wait(kNoThrow);  // nothing can be wrong with it
            continue;
        }
        ErrorCode ignored;  // only costs speed
        socket.set_option(Tcp::no_delay(true), ignored);
        on_connection_(std::move(socket));
    }
}

std::optional<std::string> Service::set_down(bool down) {
    if (down == down_) return std::nullopt;
    if (!down) {
        for (Listener* listener : listeners_) {
            if (auto problem = listener->reopen()) {
                for (Listener* opened : listeners_) opened->close();
                return problem;
            }
        }
    } else {
        for (Listener* listener : listeners_) listener->close();
        connections_.close_all();
    }
    down_ = down;
    return std::nullopt;
}

}  // namespace holdfast::customerio_sim
