// The Idempotency-Key field of a request. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::agent {

inline constexpr std::string_view kKeyField = "Idempotency-Key";

// The key in the field's value: a quoted string as draft-ietf-httpapi-idempotency-key-header wants
// it, or a bare word as many clients send it; both name the same key. nullopt: it is neither, or
// not of 1 to 255 bytes.
[[nodiscard]] std::optional<std::string> parse_request_key(std::string_view value);

}  // namespace holdfast::agent
