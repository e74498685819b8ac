// The bytes of one HTTP/1.1 request. Pure.
#pragma once

#include "proto/result.hpp"
#include "transport/attempt.hpp"

#include <string>
#include <string_view>

namespace holdfast::transport {

[[nodiscard]] constexpr std::uint16_t usual_port(bool tls) {
    return tls ? 443 : 80;
}

// "host", "host:8443", "[::1]:8080": as the Host header has it, without the scheme's own port.
[[nodiscard]] std::string host_header(const Origin& origin);

// Whether it can be a header's name, and its value, without breaking the framing.
[[nodiscard]] bool is_header_name(std::string_view text);
[[nodiscard]] bool is_header_value(std::string_view text);

// Head and body in one piece, so that they share a packet and a TLS record.
// Errors: bad_input, when the method, the target or a header would break the framing, or a header
// is one that only the client may set. Neither is shown: a header may hold a credential.
[[nodiscard]] Result<std::string> encode_request(const Origin& origin,
                                                 const OutgoingRequest& request);

}  // namespace holdfast::transport
