#include "tests/unit/transport/io/far_side.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <array>

namespace holdfast::transport::testing {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

std::size_t content_length(const std::string& head) {
    const std::string name = "Content-Length: ";
    const std::size_t at = head.find(name);
    return at == std::string::npos ? 0 : std::stoul(head.substr(at + name.size()));
}

}  // namespace

Peer::Peer(tcp::socket socket, asio::ssl::context* tls, int number)
    : socket_(std::move(socket)), number_(number) {
    error_code ignored;
    socket_.set_option(tcp::no_delay(true), ignored);
    if (tls != nullptr) tls_.emplace(socket_, *tls);
}

asio::awaitable<bool> Peer::shake_hands() {
    if (!tls_) co_return true;
    auto [ec] = co_await tls_->async_handshake(asio::ssl::stream_base::server, kNoThrow);
    co_return !ec;
}

asio::awaitable<std::string> Peer::read_head() {
    error_code ec;
    std::size_t size = 0;
    auto buffer = asio::dynamic_buffer(buffer_);
    if (tls_) {
        std::tie(ec, size) = co_await asio::async_read_until(*tls_, buffer, "\r\n\r\n", kNoThrow);
    } else {
        std::tie(ec, size) = co_await asio::async_read_until(socket_, buffer, "\r\n\r\n", kNoThrow);
    }
    if (ec) co_return "";
    std::string head = buffer_.substr(0, size);
    buffer_.erase(0, size);
    co_return head;
}

asio::awaitable<std::string> Peer::read_request() {
    std::string head = co_await read_head();
    const std::size_t length = content_length(head);
    std::array<char, 4096> chunk{};
    while (buffer_.size() < length) {
        error_code ec;
        std::size_t size = 0;
        const asio::mutable_buffer into = asio::buffer(chunk);
        if (tls_) {
            std::tie(ec, size) = co_await tls_->async_read_some(into, kNoThrow);
        } else {
            std::tie(ec, size) = co_await socket_.async_read_some(into, kNoThrow);
        }
        if (ec) co_return "";
        buffer_.append(chunk.data(), size);
    }
    std::string whole = head + buffer_.substr(0, length);
    buffer_.erase(0, length);
    co_return whole;
}

asio::awaitable<void> Peer::read_until_end() {
    std::string head = "x";
    while (!head.empty()) head = co_await read_head();
}

asio::awaitable<bool> Peer::write(std::string text) {
    error_code ec;
    std::size_t size = 0;
    const asio::const_buffer bytes = asio::buffer(text);
    if (tls_) {
        std::tie(ec, size) = co_await asio::async_write(*tls_, bytes, kNoThrow);
    } else {
        std::tie(ec, size) = co_await asio::async_write(socket_, bytes, kNoThrow);
    }
    co_return !ec;
}

asio::awaitable<void> Peer::close() {
    error_code ignored;
    if (tls_) {
        SSL_set_quiet_shutdown(tls_->native_handle(), 0);
        // Sends ours, then would wait for theirs: half of it is enough here.
        socket_.shutdown(tcp::socket::shutdown_receive, ignored);
        co_await tls_->async_shutdown(kNoThrow);
    }
    socket_.close(ignored);
}

void Peer::cut() {
    error_code ignored;
    socket_.close(ignored);
}

void Peer::reset() {
    error_code ignored;
    socket_.set_option(asio::socket_base::linger(true, 0), ignored);
    socket_.close(ignored);
}

std::string Peer::server_name() const {
    const char* name =
        tls_ ? SSL_get_servername(
                   const_cast<asio::ssl::stream<tcp::socket&>&>(*tls_).native_handle(),
                   TLSEXT_NAMETYPE_host_name)
             : nullptr;
    return name == nullptr ? "" : name;
}

FarSide::FarSide(asio::io_context& io, asio::ssl::context* tls, Script script, bool shakes_hands)
    : io_(io),
      tls_(tls),
      script_(std::move(script)),
      shakes_hands_(shakes_hands),
      acceptor_(io, tcp::endpoint(asio::ip::address_v4::loopback(), 0)) {
    asio::co_spawn(io_, accept(), asio::detached);
}

asio::awaitable<void> FarSide::accept() {
    for (;;) {
        auto [ec, socket] = co_await acceptor_.async_accept(kNoThrow);
        if (ec) co_return;
        asio::co_spawn(io_, session(std::move(socket), ++connections_), asio::detached);
    }
}

asio::awaitable<void> FarSide::session(tcp::socket socket, int number) {
    Peer peer(std::move(socket), tls_, number);
    bool ready = true;
    if (shakes_hands_) ready = co_await peer.shake_hands();
    if (ready) co_await script_(peer);
    ++finished_;
}

std::unique_ptr<asio::ssl::context> server_context(const Identity& identity) {
    auto context = std::make_unique<asio::ssl::context>(asio::ssl::context::tls_server);
    SSL_CTX_use_certificate(context->native_handle(), identity.certificate.get());
    SSL_CTX_use_PrivateKey(context->native_handle(), identity.key.get());
    return context;
}

FarSide::Script answer_each_with(std::string answer) {
    return [answer = std::move(answer)](Peer& peer) -> asio::awaitable<void> {
        for (;;) {
            const std::string request = co_await peer.read_request();
            if (request.empty()) co_return;
            (void)co_await peer.write(answer);
        }
    };
}

FarSide::Script write_and_close(std::string bytes) {
    return [bytes = std::move(bytes)](Peer& peer) -> asio::awaitable<void> {
        (void)co_await peer.read_request();
        (void)co_await peer.write(bytes);
        co_await peer.close();
    };
}

asio::awaitable<void> pause(std::chrono::milliseconds time) {
    asio::steady_timer timer(co_await asio::this_coro::executor, time);
    co_await timer.async_wait(kNoThrow);
}

std::string ok(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

}  // namespace holdfast::transport::testing
