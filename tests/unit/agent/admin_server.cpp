#include "tests/unit/agent/admin_server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>

namespace holdfast::cli {

namespace asio = boost::asio;
namespace http = boost::beast::http;

namespace {

constexpr auto kToken = asio::as_tuple(asio::use_awaitable);

}  // namespace

AdminServer::AdminServer(const std::string& socket, std::vector<Canned> answers)
    : acceptor_(context_, asio::local::stream_protocol::endpoint(socket)),
      answers_(std::move(answers)) {
    asio::co_spawn(context_, serve(), asio::detached);
    thread_ = std::thread([this] { context_.run(); });
}

AdminServer::~AdminServer() {
    context_.stop();
    thread_.join();
}

std::vector<std::string> AdminServer::requests() const {
    const std::lock_guard lock(mutex_);
    return requests_;
}

asio::awaitable<void> AdminServer::serve() {
    std::vector<asio::local::stream_protocol::socket> waiting;
    for (std::size_t served = 0;; ++served) {
        auto [not_accepted, socket] = co_await acceptor_.async_accept(kToken);
        if (not_accepted) co_return;
        boost::beast::flat_buffer buffer;
        http::request<http::string_body> request;
        const auto [unread, received] = co_await http::async_read(socket, buffer, request, kToken);
        if (unread) continue;
        {
            const std::lock_guard lock(mutex_);
            const std::string body = request.body().empty() ? "" : " " + request.body();
            requests_.push_back(std::string(request.method_string()) + " " +
                                std::string(request.target()) + body);
        }
        if (served >= answers_.size()) {
            waiting.push_back(std::move(socket));
            continue;
        }
        http::response<http::string_body> response;
        response.result(answers_[served].status);
        response.body() = answers_[served].body;
        response.prepare_payload();
        (void)co_await http::async_write(socket, response, kToken);  // the client's test sees it
    }
}

}  // namespace holdfast::cli
