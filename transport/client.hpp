// An HTTP/1.1 client for one origin: keeps connections, TLS 1.2 or newer with the peer's chain and
// host name verified, and never follows a redirect.
//
// Runs on: the executor it was given, one thread. Owns its connections; the executor's context must
// outlive it, and stop() must be called (or the context stopped) before it is destroyed.
// Limits: a request waits for nobody (who calls bounds the concurrency); answers are bounded by
// attempt.hpp; at most `idle_connections_max` stay open between requests.
// Errors: none are thrown or returned: an AttemptResult says how far it came.
#pragma once

#include "proto/result.hpp"
#include "transport/attempt.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <memory>
#include <string>

namespace holdfast::transport {

struct Deadlines {
    Duration connect = std::chrono::seconds(5);  // name resolution, TCP and TLS together
    Duration first_byte =
        std::chrono::seconds(10);               // from the last byte sent to the answer's header
    Duration total = std::chrono::seconds(15);  // the whole attempt
};

struct ClientOptions {
    Origin origin;
    Deadlines deadlines;
    std::string ca_file;  // PEM bundle; empty: the system's
    std::size_t idle_connections_max = 32;
    Duration idle_for = std::chrono::seconds(30);  // then a kept connection is closed
};

class Client {
public:
    // Errors: bad_config, when the CA file cannot be read or holds no certificate.
    [[nodiscard]] static Result<std::unique_ptr<Client>> create(
        boost::asio::any_io_executor executor, ClientOptions options);
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // `request` must live until the coroutine is done.
    [[nodiscard]] boost::asio::awaitable<AttemptResult> send(const OutgoingRequest& request);

    // Closes every connection; attempts that are under way end with what they have.
    void stop();

private:
    struct Impl;
    explicit Client(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

// "https://host[:port][/prefix]"; http only to a loopback address or `localhost`.
[[nodiscard]] Result<Origin> parse_origin(std::string_view url);

}  // namespace holdfast::transport
