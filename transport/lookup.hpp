// One name resolution that can be given up. getaddrinfo() itself cannot be interrupted (minutes,
// when no name server answers): it is left behind on Asio's resolver thread, and nobody waits for
// it but the context's destructor. Runs on: the executor it was given.
#pragma once

#include "proto/result.hpp"
#include "proto/time.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::transport {

using Endpoints = std::vector<boost::asio::ip::tcp::endpoint>;

class Lookup {
public:
    explicit Lookup(const boost::asio::any_io_executor& executor);

    // The addresses of `host`, at least one, best first; an IP address needs no resolver.
    // Errors: unavailable.
    [[nodiscard]] boost::asio::awaitable<Result<Endpoints>> run(std::string host,
                                                                std::uint16_t port,
                                                                Instant deadline);

    // Ends run() at once.
    void cancel();

private:
    struct Pending;
    std::shared_ptr<Pending> pending_;
};

}  // namespace holdfast::transport
