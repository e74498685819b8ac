#include "tests/customerio-sim/read_request.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include <array>
#include <chrono>
#include <ctime>

namespace holdfast::customerio_sim {
namespace {

namespace http = boost::beast::http;
using ErrorCode = boost::system::error_code;
using namespace asio::experimental::awaitable_operators;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::seconds kDrainFor{2};

ReadRequest failed(const ErrorCode& ec) {
    if (ec == http::error::end_of_stream || ec == http::error::partial_message) return {};
    if (ec == http::error::header_limit)
        return {{}, error_answer(431, "request header is too large")};
    if (ec == http::error::body_limit) return {{}, error_answer(413, "request body is too large")};
    if (ec.category() == make_error_code(http::error::bad_method).category()) {
        return {{}, error_answer(400, "malformed request: " + ec.message())};
    }
    return {};
}

Request to_request(http::request<http::string_body>&& message) {
    Request request;
    request.method = std::string(message.method_string());
    request.target = std::string(message.target());
    request.authorization = std::string(message[http::field::authorization]);
    request.keep_alive = message.keep_alive();
    request.body = std::move(message.body());
    return request;
}

template <class Stream>
asio::awaitable<void> drain(Stream& stream) {
    std::array<char, 16 * 1024> scrap;
    std::size_t left = 4 * kBodyBytesMax;
    while (left > 0) {
        auto [ec, size] = co_await stream.async_read_some(asio::buffer(scrap), kNoThrow);
        if (ec) co_return;
        left -= std::min(left, size);
    }
}

}  // namespace

template <class Stream>
asio::awaitable<ReadRequest> read_request(Stream& stream, boost::beast::flat_buffer& buffer) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(kHeaderBytesMax);
    parser.body_limit(kBodyBytesMax);
    auto [head_ec, head_size] = co_await http::async_read_header(stream, buffer, parser, kNoThrow);
    if (head_ec) co_return failed(head_ec);
    if (boost::beast::iequals(parser.get()[http::field::expect], "100-continue")) {
        constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
        auto [ec, size] = co_await asio::async_write(stream, asio::buffer(kContinue), kNoThrow);
        if (ec) co_return ReadRequest{};
    }
    if (!parser.is_done()) {
        auto [ec, size] = co_await http::async_read(stream, buffer, parser, kNoThrow);
        if (ec) co_return failed(ec);
    }
    ReadRequest result;
    result.request = to_request(parser.release());
    co_return result;
}

template <class Stream>
asio::awaitable<void> refuse_and_drain(Stream& stream, const Answer& refusal) {
    const std::string bytes =
        wire(refusal, http_date_now(), /*keep_alive=*/false, /*with_body=*/true);
    auto [ec, size] = co_await asio::async_write(stream, asio::buffer(bytes), kNoThrow);
    if (ec) co_return;
    ErrorCode ignored;  // the peer may be gone already
    stream.lowest_layer().shutdown(Tcp::socket::shutdown_send, ignored);
    asio::steady_timer timer(stream.get_executor(), kDrainFor);
    co_await (drain(stream) || timer.async_wait(kNoThrow));
}

template asio::awaitable<ReadRequest> read_request(PlainStream&, boost::beast::flat_buffer&);
template asio::awaitable<ReadRequest> read_request(TlsStream&, boost::beast::flat_buffer&);
template asio::awaitable<void> refuse_and_drain(PlainStream&, const Answer&);
template asio::awaitable<void> refuse_and_drain(TlsStream&, const Answer&);

std::string http_date_now() {
    const std::time_t now = std::time(nullptr);
    std::tm parts{};
    gmtime_r(&now, &parts);
    std::array<char, 40> text{};
    const std::size_t size =
        std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
    return {text.data(), size};
}

}  // namespace holdfast::customerio_sim
