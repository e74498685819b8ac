// Bytes in, HTTP requests out: Beast's parser with our limits, and a refusal of whatever two
// parsers could read in two ways. No sockets: fed in any pieces. Limits: keeps what was fed and is
// not parsed yet, and one request of kRequestBytesMax; read all requests before feeding more.
#pragma once

#include "agent/ingest/request_parser.hpp"
#include "proto/customerio/request.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::agent {

// Beast counts a few bytes more or less, by how the header came.
inline constexpr std::uint32_t kRequestHeaderBytesMax = 16 * 1024;

class RequestReader {
public:
    enum class Status : std::uint8_t {
        incomplete,  // feed more
        complete,    // request() may be used; call next() when done with it
        refused,     // refusal() says why; the stream cannot be read on: answer and close
    };

    RequestReader();
    RequestReader(const RequestReader&) = delete;  // its parser refers to its request
    RequestReader& operator=(const RequestReader&) = delete;

    void feed(std::string_view bytes);

    // Parses on. Where requests are pipelined, each call goes on after the last request.
    [[nodiscard]] Status next();

    [[nodiscard]] const HttpRequest& request() const { return request_; }

    [[nodiscard]] const customerio::Refusal& refusal() const { return *refusal_; }

    // The client waits for "100 Continue" before it sends the body. True once a request.
    [[nodiscard]] bool take_expectation();

    // Of what was fed: what is not parsed yet, and the body so far.
    [[nodiscard]] std::size_t bytes_held() const {
        return buffer_.size() - parsed_ + request_.body.size();
    }

    // What the request that has begun will take, as far as it says.
    [[nodiscard]] std::size_t bytes_expected() const;

    // Nothing will be fed or read any more: gives the memory back.
    void forget();

    // A request has begun and is not complete: somebody should watch the time.
    [[nodiscard]] bool is_inside_request() const;

private:
    Status refuse(customerio::Refusal refusal);

    std::string buffer_;
    std::size_t parsed_ = 0;  // of buffer_
    HttpRequest request_;
    std::optional<RequestParser> parser_;
    bool expectation_taken_ = false;
    std::optional<customerio::Refusal> refusal_;
};

}  // namespace holdfast::agent
