#include "transport/connection.hpp"

#include "transport/tls.hpp"
#include "transport/wire.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include <algorithm>
#include <chrono>

namespace holdfast::transport {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::ip::tcp;
using boost::system::error_code;
using AnswerParser = http::response_parser<http::string_body>;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

// 100 and 103 are of no use to us; real far sides send one or two.
constexpr int kInterimAnswersMax = 8;

std::string describe(const error_code& ec) {
    if (ec == beast::error::timeout) return "the deadline passed";
    if (ec == asio::error::eof || ec == http::error::end_of_stream) {
        return "the far side closed the connection";
    }
    if (ec == http::error::partial_message)
        return "the far side closed it in the middle of the answer";
    if (ec == asio::ssl::error::stream_truncated) return "the TLS connection was cut off";
    if (ec == http::error::header_limit || ec == http::error::buffer_overflow) {
        return "the header is longer than " + std::to_string(kAnswerHeaderBytesMax) + " bytes";
    }
    if (ec == http::error::body_limit) {
        return "the body is longer than " + std::to_string(kAnswerBodyBytesMax) + " bytes";
    }
    return ec.message();
}

// What was ready at once outruns its timer; a request must not go out after its time all the same.
error_code lateness(Instant deadline) {
    return std::chrono::steady_clock::now() < deadline ? error_code() : beast::error::timeout;
}

void set_limits(AnswerParser& parser, bool to_head) {
    parser.header_limit(kAnswerHeaderBytesMax);
    parser.body_limit(kAnswerBodyBytesMax);
    parser.skip(to_head);
}

std::optional<std::string> header_of(const AnswerParser::value_type& answer, http::field name) {
    const auto found = answer.find(name);
    if (found == answer.end()) return std::nullopt;
    return std::string(found->value());
}

AttemptResult answered(AnswerParser& parser) {
    AnswerParser::value_type& answer = parser.get();
    AttemptResult result;
    result.phase = Phase::answered;
    result.status = answer.result_int();
    result.retry_after = header_of(answer, http::field::retry_after);
    result.date = header_of(answer, http::field::date);
    result.body = answer.body().substr(0, kAnswerBodyBytesKept);
    return result;
}

}  // namespace

Connection::Connection(const asio::any_io_executor& executor,
                       Origin origin,
                       asio::ssl::context* tls)
    : origin_(std::move(origin)), lookup_(executor), tcp_(executor) {
    if (tls != nullptr) tls_.emplace(tcp_, *tls);
}

Error Connection::failure(std::string doing, std::string why) const {
    return {Errc::unavailable,
            std::move(doing) + " " + host_header(origin_) + ": " +
                (stopped_ ? "stopped" : std::move(why))};
}

asio::awaitable<Result<void>> Connection::open(Instant deadline) {
    Result<Endpoints> found = co_await lookup_.run(origin_.host, origin_.port, deadline);
    if (!found || stopped_) co_return failure("resolve", found ? "" : found.error().detail);
    Result<void> opened = co_await open_at(std::move(*found), deadline);
    co_return opened;
}

asio::awaitable<Result<void>> Connection::open_at(Endpoints endpoints, Instant deadline) {
    Result<void> connected = failure("connect to", "no address");
    for (std::size_t i = 0; i < endpoints.size() && !connected && !stopped_; ++i) {
        const Instant now = std::chrono::steady_clock::now();
        const Duration left = std::max(deadline - now, Duration::zero());
        // One address that swallows packets must not use up the time of the others.
        const auto share = static_cast<Duration::rep>(endpoints.size() - i);
        connected = co_await connect(endpoints[i], now + left / share);
    }
    if (!connected || !tls_) co_return connected;
    Result<void> shaken = co_await shake_hands(deadline);
    co_return shaken;
}

asio::awaitable<Result<void>> Connection::connect(const tcp::endpoint& endpoint, Instant deadline) {
    tcp_.close();  // a socket keeps the family and the failure of the address before
    tcp_.expires_at(deadline);
    auto [ec] = co_await tcp_.async_connect(endpoint, kNoThrow);
    if (!ec) ec = lateness(deadline);
    if (!ec && !stopped_) tcp_.socket().set_option(tcp::no_delay(true), ec);
    // For quiet(): a plain read must not wait. Asio's own operations do not care.
    if (!ec && !stopped_) tcp_.socket().non_blocking(true, ec);
    if (ec || stopped_) co_return failure("connect to", describe(ec));
    co_return Result<void>();
}

asio::awaitable<Result<void>> Connection::shake_hands(Instant deadline) {
    if (!expect_peer(*tls_->native_handle(), origin_.host)) {
        co_return failure("TLS handshake with", "not a host name that TLS can check");
    }
    tcp_.expires_at(deadline);
    auto [ec] = co_await tls_->async_handshake(asio::ssl::stream_base::client, kNoThrow);
    if (!ec) ec = lateness(deadline);
    if (!ec && !stopped_) co_return Result<void>();
    const bool by_deadline = ec == beast::error::timeout;
    co_return failure("TLS handshake with",
                      by_deadline ? describe(ec) : handshake_error(*tls_->native_handle(), ec));
}

asio::awaitable<Exchange> Connection::exchange(std::shared_ptr<const std::string> wire,
                                               bool to_head,
                                               Instant header_by,
                                               Instant whole_by) {
    if (tls_) return exchange_over(*tls_, std::move(wire), to_head, header_by, whole_by);
    return exchange_over(tcp_, std::move(wire), to_head, header_by, whole_by);
}

// The reader alone decides how it ended: an answer may come before the request is out, and a write
// that failed is soon followed by a read that fails.
template <class Stream>
void Connection::start_write(Stream& stream, std::shared_ptr<const std::string> wire) {
    request_sent_ = false;
    const asio::const_buffer bytes = asio::buffer(*wire);
    asio::async_write(stream,
                      bytes,
                      [self = shared_from_this(), wire = std::move(wire)](
                          error_code ec, std::size_t) { self->request_sent_ = !ec; });
}

template <class Stream>
asio::awaitable<Exchange> Connection::exchange_over(Stream& stream,
                                                    std::shared_ptr<const std::string> wire,
                                                    bool to_head,
                                                    Instant header_by,
                                                    Instant whole_by) {
    tcp_.expires_at(header_by);
    start_write(stream, std::move(wire));

    beast::flat_buffer buffer;
    for (int interim = 0; interim <= kInterimAnswersMax; ++interim) {
        AnswerParser parser;
        set_limits(parser, to_head);
        auto [ec, header_bytes] =
            co_await http::async_read_header(stream, buffer, parser, kNoThrow);
        if (ec) co_return no_answer(ec, interim > 0 || parser.got_some() || buffer.size() > 0);
        if (parser.get().result_int() < 200) continue;

        const bool ends_with_connection = parser.need_eof();
        if (!parser.is_done()) {
            tcp_.expires_at(whole_by);
            auto [body_ec, body_bytes] =
                co_await http::async_read(stream, buffer, parser, kNoThrow);
            if (body_ec) co_return no_answer(body_ec, true);
        }
        Exchange exchange;
        exchange.result = answered(parser);
        exchange.reusable = parser.keep_alive() && !ends_with_connection && buffer.size() == 0 &&
                            request_sent_ && !stopped_;
        co_return exchange;
    }
    Exchange endless = no_answer({}, true);
    endless.result.error = "more than " + std::to_string(kInterimAnswersMax) + " interim answers";
    co_return endless;
}

Exchange Connection::no_answer(const error_code& ec, bool answer_began) const {
    Exchange exchange;
    exchange.result.phase = Phase::no_answer;
    exchange.result.error = failure("no answer from", describe(ec)).detail;
    // Our own deadline says nothing about the connection: a slow far side must not get it twice.
    exchange.was_dead = !answer_began && !stopped_ && ec != beast::error::timeout;
    return exchange;
}

bool Connection::quiet() {
    char byte = 0;
    error_code ec;
    const asio::mutable_buffer one(&byte, 1);
    // Through TLS, so that a late session ticket does not look like an answer that nobody asked
    // for.
    if (tls_) {
        tls_->read_some(one, ec);
    } else {
        tcp_.read_some(one, ec);
    }
    return ec == asio::error::would_block;
}

void Connection::close() {
    tcp_.close();
}

void Connection::stop() {
    stopped_ = true;
    lookup_.cancel();
    tcp_.close();
}

}  // namespace holdfast::transport
