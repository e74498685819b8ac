#include "tests/customerio-sim/session.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>

#include <string>
#include <utility>

namespace holdfast::customerio_sim {
namespace {

using boost::beast::flat_buffer;
using ErrorCode = boost::system::error_code;
using namespace asio::experimental::awaitable_operators;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kPipelinedBytesMax = std::size_t{16} << 20;
constexpr std::string_view kGarbage = "\x15\x03 garbage \xff\xfe, not HTTP at all\n\n";

// What is left to do with the connection after an exchange.
enum class Next : std::uint8_t { read_on, close, reset };

void hang_up(Tcp::socket::lowest_layer_type& socket, Next how) {
    ErrorCode ignored;  // the peer may have closed first
    if (how == Next::reset) {
        socket.set_option(asio::socket_base::linger(true, 0), ignored);
    } else {
        socket.shutdown(Tcp::socket::shutdown_both, ignored);
    }
    socket.close(ignored);
}

template <class Stream>
class Session {
public:
    Session(Stream& stream, Simulator& simulator, std::uint64_t connection)
        : stream_(stream), simulator_(simulator), connection_(connection) {}

    asio::awaitable<void> run() {
        Next next = Next::read_on;
        while (next == Next::read_on) {
            ReadRequest read = co_await read_request(stream_, buffer_);
            if (read.refusal) co_await refuse_and_drain(stream_, *read.refusal);
            if (!read.request) break;
            Exchange exchange = simulator_.arrive(std::move(*read.request), connection_);
            next = co_await perform(exchange);
        }
        hang_up(stream_.lowest_layer(), next);
    }

private:
    asio::awaitable<Next> perform(Exchange& exchange) {
        const Fault& fault = exchange.fault;
        if (!fault.prevents_work()) simulator_.work(exchange, std::chrono::steady_clock::now());
        bool peer_is_there = true;
        if (fault.hang) {
            co_await until_peer_leaves();
            peer_is_there = false;
        } else if (fault.delay.count() > 0) {
            peer_is_there = co_await pause(fault.delay);
        }
        const bool reset = fault.reset != Fault::Cut::never;
        if (!peer_is_there || reset || fault.close != Fault::Cut::never) {
            simulator_.leave(exchange, std::nullopt);
            co_return reset ? Next::reset : Next::close;
        }
        co_return co_await answer(exchange);
    }

    asio::awaitable<Next> answer(Exchange& exchange) {
        const Fault& fault = exchange.fault;
        const Request& request = exchange.request;
        const bool replaced = fault.status || !fault.redirect.empty();
        if (replaced) exchange.decision.answer = fault.answer(request);
        const unsigned status = exchange.decision.answer.status;
        std::string bytes = wire(exchange.decision.answer,
                                 http_date_now(),
                                 request.keep_alive,
                                 request.method != "HEAD");
        const bool broken = fault.truncate || fault.garbage;
        if (fault.truncate) bytes.resize(bytes.size() / 2);
        if (fault.garbage) bytes = kGarbage;
        std::string_view rest = bytes;
        if (fault.drip.count() > 0) {
            const bool dripped = co_await drip(rest, fault.drip);
            if (!dripped) {
                simulator_.leave(exchange, std::nullopt);
                co_return Next::close;
            }
        }
        // Before the last byte: who has it may send that person's next request at once.
        simulator_.leave(exchange, broken ? std::nullopt : std::optional(status));
        auto [ec, size] = co_await asio::async_write(stream_, asio::buffer(rest), kNoThrow);
        co_return ec || broken || !request.keep_alive ? Next::close : Next::read_on;
    }

    // Sends all but the last byte, which stays in `rest`. False when the peer left.
    asio::awaitable<bool> drip(std::string_view& rest, std::chrono::milliseconds interval) {
        while (rest.size() > 1) {
            const auto one = asio::buffer(rest.substr(0, 1));
            auto [ec, size] = co_await asio::async_write(stream_, one, kNoThrow);
            if (ec) co_return false;
            rest.remove_prefix(1);
            const bool waited = co_await pause(interval);
            if (!waited) co_return false;
        }
        co_return true;
    }

    // False when the peer left before the time was over.
    asio::awaitable<bool> pause(std::chrono::milliseconds duration) {
        asio::steady_timer timer(stream_.get_executor(), duration);
        const auto first = co_await (timer.async_wait(kNoThrow) || until_peer_leaves());
        co_return first.index() == 0;
    }

    // Reading is the only way to see a peer leave; what it sent meanwhile is kept for later.
    asio::awaitable<void> until_peer_leaves() {
        for (;;) {
            const auto room = buffer_.prepare(4096);
            auto [ec, size] = co_await stream_.async_read_some(room, kNoThrow);
            if (ec) co_return;
            buffer_.commit(size);
            if (buffer_.size() > kPipelinedBytesMax) co_return;
        }
    }

    Stream& stream_;
    Simulator& simulator_;
    std::uint64_t connection_;
    flat_buffer buffer_;
};

struct Counted {
    explicit Counted(RequestLog& counters) : log(counters) { log.connected(); }

    ~Counted() { log.disconnected(); }

    Counted(const Counted&) = delete;
    Counted& operator=(const Counted&) = delete;

    RequestLog& log;
};

}  // namespace

asio::awaitable<void> serve_http(Tcp::socket socket,
                                 Simulator& simulator,
                                 Connections& connections,
                                 std::uint64_t connection) {
    const Connections::Entry entry(connections, socket.lowest_layer());
    const Counted counted(simulator.log);
    Session<PlainStream> session(socket, simulator, connection);
    co_await session.run();
}

asio::awaitable<void> serve_https(Tcp::socket socket,
                                  asio::ssl::context& tls,
                                  Simulator& simulator,
                                  Connections& connections,
                                  std::uint64_t connection) {
    TlsStream stream(std::move(socket), tls);
    const Connections::Entry entry(connections, stream.lowest_layer());
    const Counted counted(simulator.log);
    auto [ec] = co_await stream.async_handshake(TlsStream::server, kNoThrow);
    if (ec) co_return;
    Session<TlsStream> session(stream, simulator, connection);
    co_await session.run();
}

asio::awaitable<void> serve_control(Tcp::socket socket,
                                    Control& control,
                                    Connections& connections) {
    const Connections::Entry entry(connections, socket.lowest_layer());
    flat_buffer buffer;
    for (;;) {
        ReadRequest read = co_await read_request(socket, buffer);
        if (read.refusal) co_await refuse_and_drain(socket, *read.refusal);
        if (!read.request) break;
        const Answer answer = control.handle(*read.request);
        const bool keep_alive = read.request->keep_alive;
        const std::string bytes = wire(answer, http_date_now(), keep_alive, /*with_body=*/true);
        auto [ec, size] = co_await asio::async_write(socket, asio::buffer(bytes), kNoThrow);
        if (ec || !keep_alive) break;
    }
    hang_up(socket.lowest_layer(), Next::close);
}

}  // namespace holdfast::customerio_sim
