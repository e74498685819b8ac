// One TCP or TLS connection to the origin; carries one request at a time.
//
// Runs on: the client's executor. Held by shared_ptr, because a write that an early answer overtook
// is still on its way when the exchange is over.
#pragma once

#include "proto/result.hpp"
#include "proto/time.hpp"
#include "transport/attempt.hpp"
#include "transport/lookup.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/tcp_stream.hpp>

#include <memory>
#include <optional>
#include <string>

namespace holdfast::transport {

// What one request on one connection came to.
struct Exchange {
    AttemptResult result;   // answered or no_answer
    bool was_dead = false;  // the far side or the network ended it before a byte of an answer
    bool reusable = false;  // nothing is left over; the connection may carry another request
};

class Connection : public std::enable_shared_from_this<Connection> {
public:
    // `tls` is null for plain HTTP.
    Connection(const boost::asio::any_io_executor& executor,
               Origin origin,
               boost::asio::ssl::context* tls);

    // Resolves, connects, shakes hands. Not a byte of a request has been sent when it fails.
    // Errors: unavailable.
    [[nodiscard]] boost::asio::awaitable<Result<void>> open(Instant deadline);

    // The same without the resolver: tries the addresses in turn, each with an even share of the
    // time left.
    [[nodiscard]] boost::asio::awaitable<Result<void>> open_at(Endpoints endpoints,
                                                               Instant deadline);

    // Sends `wire` and reads the answer meanwhile: its header by `header_by`, all of it by
    // `whole_by`. `to_head`: the answer to a HEAD has no body, whatever its header says. A body
    // that ends with the connection is whole when it ends cleanly (TLS: with a close_notify).
    [[nodiscard]] boost::asio::awaitable<Exchange> exchange(std::shared_ptr<const std::string> wire,
                                                            bool to_head,
                                                            Instant header_by,
                                                            Instant whole_by);

    // Between requests: still open, and the far side has said nothing since.
    [[nodiscard]] bool quiet();

    void close();

    // Ends what is under way with the text "stopped".
    void stop();

private:
    template <class Stream>
    boost::asio::awaitable<Exchange> exchange_over(Stream& stream,
                                                   std::shared_ptr<const std::string> wire,
                                                   bool to_head,
                                                   Instant header_by,
                                                   Instant whole_by);
    template <class Stream>
    void start_write(Stream& stream, std::shared_ptr<const std::string> wire);

    boost::asio::awaitable<Result<void>> connect(const boost::asio::ip::tcp::endpoint& endpoint,
                                                 Instant deadline);
    boost::asio::awaitable<Result<void>> shake_hands(Instant deadline);
    [[nodiscard]] Error failure(std::string doing, std::string why) const;
    [[nodiscard]] Exchange no_answer(const boost::system::error_code& ec, bool answer_began) const;

    const Origin origin_;
    Lookup lookup_;
    boost::beast::tcp_stream tcp_;
    std::optional<boost::asio::ssl::stream<boost::beast::tcp_stream&>> tls_;
    bool request_sent_ = false;  // the last one, to its end
    bool stopped_ = false;
};

}  // namespace holdfast::transport
