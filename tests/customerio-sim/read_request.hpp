// Reads one HTTP/1 request from any stream.
#pragma once

#include "tests/customerio-sim/message.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/beast/core/flat_buffer.hpp>

#include <optional>

namespace holdfast::customerio_sim {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using PlainStream = Tcp::socket;
using TlsStream = asio::ssl::stream<Tcp::socket>;

inline constexpr std::size_t kHeaderBytesMax = 8 * 1024;
inline constexpr std::size_t kBodyBytesMax = 8 * 1024 * 1024;

// One of the two, or neither when the peer is gone.
struct ReadRequest {
    std::optional<Request> request;
    std::optional<Answer> refusal;  // 400, 413 or 431: send it and close
};

// What is read beyond the request stays in `buffer` for the next call.
template <class Stream>
[[nodiscard]] asio::awaitable<ReadRequest> read_request(Stream& stream,
                                                        boost::beast::flat_buffer& buffer);

extern template asio::awaitable<ReadRequest> read_request(PlainStream&, boost::beast::flat_buffer&);
extern template asio::awaitable<ReadRequest> read_request(TlsStream&, boost::beast::flat_buffer&);

// Sends the refusal so that it arrives: a close with unread input would reset the connection.
template <class Stream>
[[nodiscard]] asio::awaitable<void> refuse_and_drain(Stream& stream, const Answer& refusal);

extern template asio::awaitable<void> refuse_and_drain(PlainStream&, const Answer&);
extern template asio::awaitable<void> refuse_and_drain(TlsStream&, const Answer&);

[[nodiscard]] std::string http_date_now();

}  // namespace holdfast::customerio_sim
