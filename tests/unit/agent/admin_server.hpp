// An agent's admin socket with answers made up by a test. Serves on a thread of its own.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>

#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace holdfast::cli {

class AdminServer {
public:
    struct Canned {
        unsigned status = 200;
        std::string body;
    };

    // The n-th request gets the n-th answer; a further one waits for ever.
    AdminServer(const std::string& socket, std::vector<Canned> answers);
    ~AdminServer();
    AdminServer(const AdminServer&) = delete;
    AdminServer& operator=(const AdminServer&) = delete;

    // As in "GET /v1/status" and "POST /v1/replay {...}", in order of arrival.
    [[nodiscard]] std::vector<std::string> requests() const;

private:
    boost::asio::awaitable<void> serve();

    boost::asio::io_context context_{1};
    boost::asio::local::stream_protocol::acceptor acceptor_;
    const std::vector<Canned> answers_;
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::thread thread_;
};

}  // namespace holdfast::cli
