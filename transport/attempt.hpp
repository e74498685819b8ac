// One attempt to deliver: the request that goes out and what came of it. Values only.
#pragma once

#include "proto/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::transport {

struct Header {
    std::string name;
    std::string value;
};

// The far side's address, taken apart once, from configuration only, never from an event.
struct Origin {
    bool tls = true;
    std::string host;  // a name or an IP address, without brackets
    std::uint16_t port = 443;
    std::string base_path;  // "" or "/prefix": goes in front of every target

    auto operator<=>(const Origin&) const = default;
};

inline constexpr std::size_t kAnswerHeaderBytesMax = std::size_t{16} * 1024;
inline constexpr std::size_t kAnswerBodyBytesMax =
    std::size_t{256} * 1024;  // more is not an answer of this API
inline constexpr std::size_t kAnswerBodyBytesKept = std::size_t{2} * 1024;

struct OutgoingRequest {
    std::string_view method;
    std::string target;
    std::vector<Header>
        headers;  // Authorization and the like; Host, Content-Length are the client's
    std::string body;
    bool has_body = false;  // false: no Content-Length, no Content-Type
    std::size_t answer_bytes_kept =
        kAnswerBodyBytesKept;  // of the answer's body, at most kAnswerBodyBytesMax
    bool repeatable = false;   // may go out again by itself when a kept connection proves dead
};

// How far an attempt came. Only `answered` holds a complete, well-framed answer.
enum class Phase : std::uint8_t {
    not_sent,   // not one byte of the request can have reached the far side's application
    no_answer,  // sent, at least in part; no complete answer came
    answered,
};

// One of those that shared a request was refused, and the others were not.
struct Rejected {
    std::size_t index = 0;  // its place in the request
    std::string reason;     // the far side's, for people
};

struct AttemptResult {
    Phase phase = Phase::not_sent;
    unsigned status = 0;                     // with `answered`
    std::optional<std::string> retry_after;  // the header's value as it came
    std::optional<std::string> date;         // likewise
    std::string body;                        // its first bytes, as many as the request asked for
    std::string error;                       // why there is no answer, for people
    // Of a shared request that was answered with 207; none: the answer could not be read.
    std::optional<std::vector<Rejected>> rejected;
    Duration latency{};
};

}  // namespace holdfast::transport
