#include "agent/admin/server.hpp"

#include "agent/admin/metrics.hpp"
#include "agent/admin/requests.hpp"
#include "agent/clock.hpp"
#include "agent/journal.hpp"
#include "proto/customerio/limits.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/basic_stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

#include <optional>
#include <sstream>
#include <utility>

namespace holdfast::agent {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kConnectionsMax = 16;
constexpr std::size_t kRequestBytesMax = std::size_t{64} * 1024;
// Below what `holdfast` waits for an answer.
constexpr std::chrono::seconds kRequestTimeout{5};
// One that was read a moment ago may have its request: one more of its process does not close it.
constexpr std::chrono::milliseconds kOwnRest{100};

std::string text(beast::string_view view) {
    return {view.data(), view.size()};
}

// What came is no request, as opposed to: nothing came.
bool is_their_fault(boost::system::error_code ec) {
    return ec.category() == http::make_error_code(http::error::bad_method).category() &&
           ec != http::error::end_of_stream && ec != http::error::partial_message;
}

http::response<http::string_body> response_of(const AdminAnswer& answer, bool keep_alive) {
    http::response<http::string_body> response;
    response.result(answer.status);
    response.version(11);
    response.keep_alive(keep_alive);
    if (answer.text.empty()) {
        response.set(http::field::content_type, "application/json; charset=utf-8");
        response.body() = answer.body.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
    } else {
        response.set(http::field::content_type, kMetricsType);
        response.body() = answer.text;
    }
    response.prepare_payload();
    return response;
}

// It fits the buffer of a new connection.
void refuse(Listener::Socket socket) {
    const Error error{Errc::overloaded, "all connections to the admin socket are at work"};
    http::response<http::string_body> response = response_of({503, error_view(error)}, false);
    response.set(http::field::retry_after, "1");
    std::ostringstream text;
    text << response;
    boost::system::error_code ec;
    socket.non_blocking(true, ec);
    if (!ec) socket.write_some(asio::buffer(text.str()), ec);
}

// An edit brings a whole body of an event.
std::size_t body_bytes_max(std::string_view target) {
    const bool is_edit = target.starts_with("/v1/entries/") && target.ends_with("/edit");
    return is_edit ? customerio::kRequestBytesMax : kRequestBytesMax;
}

}  // namespace

struct AdminServer::Parser : http::request_parser<http::string_body> {};

struct AdminServer::Connection {
    explicit Connection(Listener::Socket socket) : stream(std::move(socket)) {}

    beast::basic_stream<asio::generic::stream_protocol> stream;
    beast::flat_buffer buffer;
    std::optional<Instant> waits_since = now();  // for a request, or for the rest of it
};

asio::awaitable<boost::system::error_code> AdminServer::read(Connection& connection,
                                                             Parser& parser) {
    parser.body_limit(customerio::kRequestBytesMax);
    const auto [no_head, head] =
        co_await http::async_read_header(connection.stream, connection.buffer, parser, kAwait);
    if (no_head) co_return no_head;
    const std::size_t limit = body_bytes_max(text(parser.get().target()));
    if (parser.content_length().value_or(0) > limit) co_return http::error::body_limit;
    parser.body_limit(limit);
    const auto [no_body, body] =
        co_await http::async_read(connection.stream, connection.buffer, parser, kAwait);
    co_return no_body;
}

AdminServer::AdminServer(asio::any_io_executor executor, AdminHost& host)
    : executor_(executor),
      host_(host),
      listener_(executor,
                [this](Listener::Socket socket, Peer peer) { accepted(std::move(socket), peer); }),
      places_({.for_own = kOwnRest, .for_others = kRequestTimeout}) {}

Result<void> AdminServer::listen_unix(const std::string& path) {
    return listener_.listen_unix(path, 0600);
}

Result<void> AdminServer::adopt_unix(int descriptor) {
    return listener_.adopt_unix(descriptor);
}

void AdminServer::close() {
    listener_.close();
    for (const auto& [id, connection] : connections_) connection->stream.cancel();
}

void AdminServer::accepted(Listener::Socket socket, Peer peer) {
    if (places_.size() >= kConnectionsMax && !make_room(peer.pid)) return refuse(std::move(socket));
    auto connection = std::make_shared<Connection>(std::move(socket));
    do {
        ++last_id_;
    } while (connections_.contains(last_id_));
    const Places::Id id = last_id_;
    connections_.emplace(id, connection);
    places_.add(id, peer.pid, now());
    asio::awaitable<void> task = serve(connection, peer);
    asio::co_spawn(executor_, std::move(task), [this, id](std::exception_ptr unforeseen) {
        if (unforeseen) std::rethrow_exception(unforeseen);
        connections_.erase(id);
        places_.remove(id);
    });
}

bool AdminServer::make_room(Places::Process who) {
    const auto look = [this](Places::Id one) -> std::optional<Instant> {
        Connection& connection = *connections_.at(one);
        boost::system::error_code ec;
        const bool has_come = connection.stream.socket().available(ec) > 0;  // and is not read yet
        return has_come ? std::nullopt : connection.waits_since;
    };
    const auto id = places_.find_room(who, now(), look);
    if (!id) return false;
    connections_.at(*id)->stream.close();
    places_.remove(*id);
    return true;
}

asio::awaitable<void> AdminServer::serve(std::shared_ptr<Connection> connection, Peer peer) {
    for (;;) {
        Parser parser;
        connection->stream.expires_after(kRequestTimeout);
        connection->waits_since = now();
        const boost::system::error_code read_ec = co_await read(*connection, parser);
        connection->waits_since.reset();
        if (read_ec && !is_their_fault(read_ec)) co_return;
        AdminAnswer answer;
        bool keep_alive = false;
        if (read_ec) {
            const Error error{Errc::bad_input, "the request is malformed: " + read_ec.message()};
            answer = {400, error_view(error)};
        } else {
            const http::request<http::string_body> request = parser.release();
            const AdminRequest wanted{
                text(request.method_string()), text(request.target()), request.body(), peer};
            keep_alive = request.keep_alive();
            connection->stream.expires_never();
            answer = co_await answer_admin(host_, wanted);
        }
        const http::response<http::string_body> response = response_of(answer, keep_alive);
        connection->stream.expires_after(kRequestTimeout);
        const auto [write_ec, written] =
            co_await http::async_write(connection->stream, response, kAwait);
        if (write_ec || !keep_alive) co_return;
    }
}

}  // namespace holdfast::agent
