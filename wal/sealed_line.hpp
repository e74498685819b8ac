// A line of text with its CRC-32C behind it, for small files that a flipped bit must not change in
// silence.
//
// Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::wal {

[[nodiscard]] std::string sealed(std::string_view line);

// The line; nullopt: it was not sealed, or is damaged.
[[nodiscard]] std::optional<std::string_view> unsealed(std::string_view bytes);

}  // namespace holdfast::wal
