// One TCP or TLS connection to the origin; carries one request at a time.
//
// Runs on: the client's executor. Held by shared_ptr, because a write that an early answer overtook
// is still on its way when the exchange is over. Limits: what it has read and not used yet is at
// most kAnswerHeaderBytesMax; a deadline holds however fast the far side sends.
#pragma once

#include "proto/result.hpp"
#include "proto/time.hpp"
#include "transport/attempt.hpp"
#include "transport/lookup.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>

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

    // Resolves, connects, shakes hands. A far side that speaks before it is asked is refused: what
    // it says is nobody's answer. Not a byte of a request has been sent when it fails.
    // Errors: unavailable.
    [[nodiscard]] boost::asio::awaitable<Result<void>> open(Instant deadline);

    // The same without the resolver: tries the addresses in turn, each with an even share of the
    // time left.
    [[nodiscard]] boost::asio::awaitable<Result<void>> open_at(Endpoints endpoints,
                                                               Instant deadline);

    // Sends `wire` and reads the answer meanwhile: its header by `header_by`, all of it by
    // `whole_by`. `to_head`: the answer to a HEAD has no body, whatever its header says. A body
    // that ends with the connection is whole when it ends cleanly (TLS: with a close_notify). A
    // success that is complete before the request was sent to its end is no answer: it cannot be
    // meant for what was not read. A refusal may come that early.
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
    [[nodiscard]] Exchange refused(std::string why) const;

    // Ends what is under way at `deadline`; the next call replaces it.
    void end_by(Instant deadline);
    void disarm();

    const Origin origin_;
    Lookup lookup_;
    boost::asio::ip::tcp::socket socket_;
    std::optional<boost::asio::ssl::stream<boost::asio::ip::tcp::socket&>> tls_;
    boost::asio::steady_timer deadline_;
    bool late_ = false;          // the deadline passed, and the socket was closed
    bool request_sent_ = false;  // the last one, to its end
    bool stopped_ = false;
};

}  // namespace holdfast::transport
