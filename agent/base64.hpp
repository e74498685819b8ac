// Base64 (RFC 4648). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::agent {

[[nodiscard]] std::string encode_base64(std::string_view bytes);

// In either alphabet, padded or not. nullopt: it is something else.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

}  // namespace holdfast::agent
