// A far side on 127.0.0.1 whose every connection follows a script of the test. Shares the test's
// io_context, so nothing runs in parallel and nothing sleeps.
#pragma once

#include "tests/unit/transport/io/certificates.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace holdfast::transport::testing {

// The far side's end of one connection. Every call reports trouble by its result; none throws.
class Peer {
public:
    Peer(boost::asio::ip::tcp::socket socket, boost::asio::ssl::context* tls, int number);

    boost::asio::awaitable<bool> shake_hands();

    // One head, with its body if it has a Content-Length; empty when the connection ended before
    // that.
    boost::asio::awaitable<std::string> read_request();
    boost::asio::awaitable<std::string> read_head();
    boost::asio::awaitable<void> read_until_end();

    boost::asio::awaitable<bool> write(std::string text);
    boost::asio::awaitable<void> close();  // in good order: with a close_notify under TLS
    void cut();                            // a bare FIN
    void reset();                          // a RST

    [[nodiscard]] int number() const { return number_; }  // 1 is the first connection

    [[nodiscard]] std::string server_name() const;  // the SNI that came, or empty

    [[nodiscard]] SSL* native() { return tls_ ? tls_->native_handle() : nullptr; }

    boost::asio::ip::tcp::socket& socket() { return socket_; }

private:
    boost::asio::ip::tcp::socket socket_;
    std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
    std::string buffer_;
    int number_;
};

class FarSide {
public:
    using Script = std::function<boost::asio::awaitable<void>(Peer&)>;

    // `tls` null: plain. With `shakes_hands` false, the script finds the TCP connection as it came.
    FarSide(boost::asio::io_context& io,
            boost::asio::ssl::context* tls,
            Script script,
            bool shakes_hands = true);

    [[nodiscard]] std::uint16_t port() const { return acceptor_.local_endpoint().port(); }

    [[nodiscard]] int connections() const { return connections_; }  // so far

    [[nodiscard]] int finished() const { return finished_; }  // scripts that came to their end

    void stop_listening() { acceptor_.close(); }

private:
    boost::asio::awaitable<void> accept();
    boost::asio::awaitable<void> session(boost::asio::ip::tcp::socket socket, int number);

    boost::asio::io_context& io_;
    boost::asio::ssl::context* tls_;
    Script script_;
    bool shakes_hands_;
    boost::asio::ip::tcp::acceptor acceptor_;
    int connections_ = 0;
    int finished_ = 0;
};

// The TLS context of a server that shows `identity`.
[[nodiscard]] std::unique_ptr<boost::asio::ssl::context> server_context(const Identity& identity);

// Answers every request the same way, on as many connections as there come.
[[nodiscard]] FarSide::Script answer_each_with(std::string answer);

// Writes `bytes` once the request is there, then ends the connection in good order.
[[nodiscard]] FarSide::Script write_and_close(std::string bytes);

// Waits on the io_context's own clock, for scripts that are slow on purpose.
boost::asio::awaitable<void> pause(std::chrono::milliseconds time);

// "HTTP/1.1 200 OK" with this body and a Content-Length.
[[nodiscard]] std::string ok(const std::string& body = "{}");

}  // namespace holdfast::transport::testing
