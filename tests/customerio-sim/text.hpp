// Small pure functions on text that HTTP and the vendor's API need.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::customerio_sim {

// Decodes %XX and nothing else: a `+` stays a `+`, as an e-mail address needs. Refuses a bad
// escape.
[[nodiscard]] std::optional<std::string> decode_percent(std::string_view text);

// Takes both alphabets (the Go client sends `-` and `_`), with or without padding.
[[nodiscard]] std::optional<std::string> decode_base64(std::string_view text);

// `*` stands for any run of characters, slashes included; `?` for one character.
[[nodiscard]] bool matches_glob(std::string_view pattern, std::string_view text);

[[nodiscard]] std::string lower(std::string_view text);
[[nodiscard]] std::string_view trim(std::string_view text);
[[nodiscard]] std::vector<std::string_view> split(std::string_view text, char separator);

// The 128 bits of a well-formed ULID in either case; nothing for any other text.
using UlidBits = std::array<std::uint64_t, 2>;
[[nodiscard]] std::optional<UlidBits> parse_ulid(std::string_view text);

}  // namespace holdfast::customerio_sim
