// A listening socket: a Unix socket by path, one that systemd opened, or loopback TCP.
#pragma once

#include "proto/event.hpp"
#include "proto/result.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cstdint>
#include <functional>
#include <string>

namespace holdfast::agent {

// Accepts until it is closed: whoever has no place for a connection says so to it, since one that
// waits in the kernel's queue holds up those behind it. When the process is out of descriptors it
// waits a little instead of spinning. Runs on: its executor, whose context does not run any more
// once this is gone. A path that it made is removed by close().
class Listener {
public:
    using Socket = boost::asio::generic::stream_protocol::socket;
    using OnAccept = std::function<void(Socket, Peer)>;

    Listener(boost::asio::any_io_executor executor, OnAccept on_accept);
    ~Listener();
    Listener(const Listener&) = delete;
    Listener& operator=(const Listener&) = delete;

    // Errors: busy (somebody listens there), bad_config (the system's reason).
    [[nodiscard]] Result<void> listen_unix(const std::string& path, std::uint32_t mode);
    [[nodiscard]] Result<void> listen_tcp(const boost::asio::ip::tcp::endpoint& endpoint);
    // Takes over a listening Unix socket from systemd; its path is systemd's.
    [[nodiscard]] Result<void> adopt_unix(int descriptor);

    void close();

    // "127.0.0.1:8480", "/run/holdfast/ingest.sock"
    [[nodiscard]] const std::string& address() const { return address_; }

private:
    using Protocol = boost::asio::generic::stream_protocol;

    void start(std::string address, bool is_unix);
    void accept();

    boost::asio::basic_socket_acceptor<Protocol> acceptor_;
    boost::asio::steady_timer retry_;
    OnAccept on_accept_;
    std::string address_;
    std::string path_to_remove_;
    bool is_unix_ = false;
    bool accepting_ = false;
};

}  // namespace holdfast::agent
