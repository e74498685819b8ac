#include "transport/policy/outcome.hpp"

#include <algorithm>
#include <array>

namespace holdfast::transport {
namespace {

struct Status {
    unsigned number;
    std::string_view phrase;
};

// The codes that an HTTP API or what stands in front of it answers with: RFC 9110, RFC 6585, and
// 520-526 of Cloudflare.
constexpr std::array kStatuses{
    Status{200, "OK"},
    Status{201, "Created"},
    Status{202, "Accepted"},
    Status{204, "No Content"},
    Status{207, "Multi-Status"},
    Status{301, "Moved Permanently"},
    Status{302, "Found"},
    Status{303, "See Other"},
    Status{307, "Temporary Redirect"},
    Status{308, "Permanent Redirect"},
    Status{400, "Bad Request"},
    Status{401, "Unauthorized"},
    Status{403, "Forbidden"},
    Status{404, "Not Found"},
    Status{405, "Method Not Allowed"},
    Status{408, "Request Timeout"},
    Status{409, "Conflict"},
    Status{410, "Gone"},
    Status{411, "Length Required"},
    Status{413, "Content Too Large"},
    Status{414, "URI Too Long"},
    Status{415, "Unsupported Media Type"},
    Status{422, "Unprocessable Content"},
    Status{429, "Too Many Requests"},
    Status{431, "Request Header Fields Too Large"},
    Status{500, "Internal Server Error"},
    Status{501, "Not Implemented"},
    Status{502, "Bad Gateway"},
    Status{503, "Service Unavailable"},
    Status{504, "Gateway Timeout"},
    Status{505, "HTTP Version Not Supported"},
    Status{507, "Insufficient Storage"},
    Status{520, "Web Server Returned an Unknown Error"},
    Status{521, "Web Server Is Down"},
    Status{522, "Connection Timed Out"},
    Status{523, "Origin Is Unreachable"},
    Status{524, "A Timeout Occurred"},
    Status{525, "SSL Handshake Failed"},
    Status{526, "Invalid SSL Certificate"},
};

std::string with_phrase(unsigned status) {
    std::string text = std::to_string(status);
    const auto* found = std::ranges::find(kStatuses, status, &Status::number);
    if (found != kStatuses.end()) text.append(" ").append(found->phrase);
    return text;
}

// Answers behind which the work may have been done all the same: a failing server, or a gateway
// that lost sight of one. A 503, like a 429, refuses before the work.
bool may_have_been_done(unsigned status) {
    switch (status) {
        case 408:
        case 500:
        case 502:
        case 504:
            return true;
        default:
            return status >= 520 && status <= 599;
    }
}

Verdict classify_answer(bool once, unsigned status) {
    const Outcome in_doubt = once ? Outcome::ambiguous : Outcome::transient;
    if (status < 200 || status > 599)
        return {in_doubt, "status " + std::to_string(status) + " is not a valid answer"};

    const std::string reason = with_phrase(status);
    if (status < 300) return {Outcome::delivered, reason};
    if (status < 400)
        return {Outcome::transient,
                reason + ": redirects are not followed; check the destination's region and URL"};
    if (status == 401 || status == 403) return {Outcome::auth, reason};
    if (status == 429) return {Outcome::throttled, reason};
    if (may_have_been_done(status)) return {in_doubt, reason};
    return {status < 500 ? Outcome::poison : Outcome::transient, reason};
}

std::string or_else(const std::string& text, std::string_view otherwise) {
    return text.empty() ? std::string(otherwise) : text;
}

}  // namespace

Verdict classify(Safety safety, const AttemptResult& result) {
    const bool once = safety == Safety::once_if_ambiguous;
    switch (result.phase) {
        case Phase::not_sent:
            return {Outcome::transient, or_else(result.error, "could not be sent")};
        case Phase::no_answer:
            return {once ? Outcome::ambiguous : Outcome::transient,
                    or_else(result.error, "no answer came")};
        case Phase::answered:
            break;
    }
    return classify_answer(once, result.status);
}

bool counts_as_failure(Outcome outcome) {
    return outcome == Outcome::transient || outcome == Outcome::ambiguous;
}

std::string_view to_string(Outcome outcome) {
    switch (outcome) {
        case Outcome::delivered:
            return "delivered";
        case Outcome::transient:
            return "transient";
        case Outcome::throttled:
            return "throttled";
        case Outcome::auth:
            return "auth";
        case Outcome::poison:
            return "poison";
        case Outcome::ambiguous:
            break;
    }
    return "ambiguous";
}

}  // namespace holdfast::transport
