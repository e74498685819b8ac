#include "agent/cli/client.hpp"

#include "proto/assert.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <exception>
#include <optional>

namespace holdfast::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;

using Unix = asio::local::stream_protocol;
using Stream = beast::basic_stream<Unix>;
using Request = http::request<http::string_body>;

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);

std::string advice(const boost::system::error_code& error) {
    if (error == asio::error::access_denied)
        return "; are you root, or in the group of the socket?";
    if (error == beast::error::timeout) return "; it does not answer in time, see its log";
    return "; is holdfastd running?";
}

Error unreachable(const std::string& socket, const boost::system::error_code& error) {
    return {Errc::unavailable,
            "cannot reach the agent at " + socket + ": " + error.message() + advice(error)};
}

// Every reference outlives the coroutine: exchange() below waits for its end.
asio::awaitable<Result<Answer>> converse(const std::string& socket,
                                         Duration timeout,
                                         const Request& request) {
    const asio::any_io_executor executor = co_await asio::this_coro::executor;
    Stream stream(executor);
    stream.expires_after(timeout);
    const Unix::endpoint endpoint(socket);
    const auto [refused] = co_await stream.async_connect(endpoint, kToken);
    if (refused) co_return unreachable(socket, refused);
    const auto [unsent, sent] = co_await http::async_write(stream, request, kToken);
    if (unsent) co_return unreachable(socket, unsent);

    beast::flat_buffer buffer;
    http::response_parser<http::string_body> parser;
    parser.body_limit(kAnswerBytesMax);
    const auto [unread, received] = co_await http::async_read(stream, buffer, parser, kToken);
    if (unread) co_return unreachable(socket, unread);
    Answer answer{parser.get().result_int(), std::move(parser.get().body())};
    co_return answer;
}

Result<Answer> exchange(const std::string& socket, Duration timeout, Request request) {
    HOLDFAST_ASSERT(!socket.empty() && socket.size() <= kSocketPathBytesMax);
    request.set(http::field::host, "localhost");
    request.set(http::field::user_agent, "holdfast/" HOLDFAST_VERSION);
    request.keep_alive(false);
    request.prepare_payload();

    asio::io_context context(1);
    std::optional<Result<Answer>> answer;
    asio::co_spawn(context,
                   converse(socket, timeout, request),
                   [&answer](const std::exception_ptr& bug, Result<Answer> result) {
                       HOLDFAST_ASSERT(!bug);
                       answer.emplace(std::move(result));
                   });
    context.run();
    return std::move(*answer);
}

}  // namespace

Result<Answer> Client::get(const std::string& target) const {
    return exchange(socket_, timeout_, Request(http::verb::get, target, 11));
}

Result<Answer> Client::post(const std::string& target, std::string json) const {
    Request request(http::verb::post, target, 11, std::move(json));
    request.set(http::field::content_type, "application/json");
    return exchange(socket_, timeout_, std::move(request));
}

}  // namespace holdfast::cli
