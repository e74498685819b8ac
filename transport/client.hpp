// An HTTP/1.1 client for one origin: keeps connections, TLS 1.2 or newer with the peer's chain and
// host name verified, and never follows a redirect.
//
// Runs on: the executor it was given, one thread; the coroutines of send() too. Owns its
// connections; the executor's context must outlive it. Destroying it stops it. Limits: a request
// waits for nobody (who calls bounds the concurrency); answers are bounded by attempt.hpp; at most
// `idle_connections_max` stay open between requests. While none is kept and no attempt is under
// way, no timer is armed. Errors: none are thrown or returned: an AttemptResult says how far it
// came.
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
        std::chrono::seconds(10);               // from the first byte sent to the answer's header
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

    // One attempt. A kept connection that ends before a byte of an answer is made up for at once on
    // a new one, within the same total deadline, but only for a `repeatable` request; what may have
    // been read on the first is never `not_sent` afterwards. `request` must live until the
    // coroutine is done.
    [[nodiscard]] boost::asio::awaitable<AttemptResult> send(const OutgoingRequest& request);

    // Closes every connection; attempts that are under way end at once with what they have, later
    // ones with `not_sent`. Final.
    void stop();

private:
    struct Impl;
    explicit Client(std::shared_ptr<Impl> impl);
    std::shared_ptr<Impl> impl_;  // shared with the attempts that are under way
};

// "https://host[:port][/prefix]"; http only to a loopback address or `localhost`.
// Errors: bad_config; the text never repeats the URL, which may hold a password by mistake.
[[nodiscard]] Result<Origin> parse_origin(std::string_view text);

}  // namespace holdfast::transport
