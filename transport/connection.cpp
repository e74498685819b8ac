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
    if (ec == http::error::header_limit) {
        return "the header is longer than " + std::to_string(kAnswerHeaderBytesMax) + " bytes";
    }
    if (ec == http::error::buffer_overflow) {
        return "a chunk's header or the trailer is longer than " +
               std::to_string(kAnswerHeaderBytesMax) + " bytes";
    }
    if (ec == http::error::body_limit) {
        return "the body is longer than " + std::to_string(kAnswerBodyBytesMax) + " bytes";
    }
    return ec.message();
}

// What was ready at once may outrun the timer; a request must not go out after its time all the
// same.
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

// After 101 the far side speaks something else, which nobody asked it to.
bool is_interim(unsigned status) {
    return status >= 100 && status < 200 && status != 101;
}

// What nobody may go by although the parser can read it; empty: nothing.
std::string_view fault_of(const AnswerParser::value_type& answer) {
    if (answer.result_int() == 101) return "it switched to another protocol";
    // What stands between may have gone by the one and we by the other.
    if (answer.count(http::field::transfer_encoding) > 0 &&
        answer.count(http::field::content_length) > 0) {
        return "it has both a Transfer-Encoding and a Content-Length";
    }
    return {};
}

// Nothing in how it was framed leaves doubt about where it ended.
bool may_be_followed(const AnswerParser& parser, bool ends_with_connection) {
    const AnswerParser::value_type& answer = parser.get();
    // RFC 9112 6.1: HTTP/1.0 knows no chunks, and who passed them on may not either.
    const bool is_odd = answer.version() < 11 && answer.count(http::field::transfer_encoding) > 0;
    return parser.keep_alive() && !ends_with_connection && !is_odd;
}

AttemptResult answered(AnswerParser& parser) {
    AnswerParser::value_type& answer = parser.get();
    AttemptResult result;
    result.phase = Phase::answered;
    result.status = answer.result_int();
    result.retry_after = header_of(answer, http::field::retry_after);
    result.date = header_of(answer, http::field::date);
    result.body = answer.body();
    return result;
}

}  // namespace

Connection::Connection(const asio::any_io_executor& executor,
                       Origin origin,
                       asio::ssl::context* tls)
    : origin_(std::move(origin)), lookup_(executor), socket_(executor), deadline_(executor) {
    if (tls != nullptr) tls_.emplace(socket_, *tls);
}

// One timer for all, not one for each operation: where the next byte is always there already, none
// of those would ever fire.
void Connection::end_by(Instant deadline) {
    late_ = false;
    deadline_.expires_at(deadline);
    deadline_.async_wait([weak = weak_from_this()](const error_code& ec) {
        const std::shared_ptr<Connection> self = weak.lock();
        if (ec || !self) return;
        // It may have been set anew between its firing and this.
        if (self->deadline_.expiry() > std::chrono::steady_clock::now()) return;
        self->close();
        self->late_ = true;
    });
}

void Connection::disarm() {
    deadline_.expires_at(Instant::max());
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
    if (connected && tls_) connected = co_await shake_hands(deadline);
    if (connected && !quiet()) {
        co_return failure("connect to", "the far side spoke or left before it was asked anything");
    }
    co_return connected;
}

asio::awaitable<Result<void>> Connection::connect(const tcp::endpoint& endpoint, Instant deadline) {
    close();  // a socket keeps the family and the failure of the address before
    end_by(deadline);
    auto [ec] = co_await socket_.async_connect(endpoint, kNoThrow);
    if (!ec || late_) ec = lateness(deadline);
    if (!ec && !stopped_) socket_.set_option(tcp::no_delay(true), ec);
    // For quiet(): a plain read must not wait. Asio's own operations do not care.
    if (!ec && !stopped_) socket_.non_blocking(true, ec);
    if (ec || stopped_) co_return failure("connect to", describe(ec));
    co_return Result<void>();
}

asio::awaitable<Result<void>> Connection::shake_hands(Instant deadline) {
    if (!expect_peer(*tls_->native_handle(), origin_.host)) {
        co_return failure("TLS handshake with", "not a host name that TLS can check");
    }
    end_by(deadline);
    auto [ec] = co_await tls_->async_handshake(asio::ssl::stream_base::client, kNoThrow);
    if (!ec || late_) ec = lateness(deadline);
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
    return exchange_over(socket_, std::move(wire), to_head, header_by, whole_by);
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
    end_by(header_by);
    start_write(stream, std::move(wire));

    beast::flat_buffer buffer(kAnswerHeaderBytesMax);
    for (int interim = 0; interim <= kInterimAnswersMax; ++interim) {
        AnswerParser parser;
        set_limits(parser, to_head);
        auto [ec, header_bytes] =
            co_await http::async_read_header(stream, buffer, parser, kNoThrow);
        if (ec) co_return no_answer(ec, interim > 0 || parser.got_some() || buffer.size() > 0);
        const unsigned status = parser.get().result_int();
        if (is_interim(status)) continue;
        if (const std::string_view fault = fault_of(parser.get()); !fault.empty()) {
            co_return refused(std::string(fault));
        }

        const bool ends_with_connection = parser.need_eof();
        if (!parser.is_done()) {
            end_by(whole_by);
            auto [body_ec, body_bytes] =
                co_await http::async_read(stream, buffer, parser, kNoThrow);
            if (body_ec) co_return no_answer(body_ec, true);
        }
        if (status >= 200 && status < 300 && !request_sent_) {
            co_return refused("it came before the request was sent to its end");
        }
        disarm();
        Exchange exchange;
        exchange.result = answered(parser);
        exchange.reusable = may_be_followed(parser, ends_with_connection) && buffer.size() == 0 &&
                            request_sent_ && !late_ && !stopped_;
        co_return exchange;
    }
    co_return refused("more than " + std::to_string(kInterimAnswersMax) + " interim answers");
}

Exchange Connection::no_answer(const error_code& ec, bool answer_began) const {
    const error_code why = late_ ? beast::error::timeout : ec;
    Exchange exchange;
    exchange.result.phase = Phase::no_answer;
    exchange.result.error = failure("no answer from", describe(why)).detail;
    // Our own deadline says nothing about the connection: a slow far side must not get it twice.
    exchange.was_dead = !answer_began && !stopped_ && !late_;
    return exchange;
}

Exchange Connection::refused(std::string why) const {
    Exchange exchange;
    exchange.result.phase = Phase::no_answer;
    exchange.result.error = failure("answer refused from", std::move(why)).detail;
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
        socket_.read_some(one, ec);
    }
    return ec == asio::error::would_block;
}

void Connection::close() {
    disarm();
    error_code ignored;
    socket_.close(ignored);
}

void Connection::stop() {
    stopped_ = true;
    lookup_.cancel();
    close();
}

}  // namespace holdfast::transport
