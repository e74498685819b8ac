// How single values are written for an operator. Pure.
#pragma once

#include "proto/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::cli {

// What an application or the far side sent, safe for a terminal: control characters as "\x1b".
// `text` is UTF-8.
[[nodiscard]] std::string printable(std::string_view text);

// Columns that a text takes, with one for each code point.
[[nodiscard]] std::size_t width(std::string_view text);

// "2026-01-02T03:04:05.678Z", as the agent writes times.
[[nodiscard]] std::string time_text(WallTime time);

// A time as above, or how long ago it was: "90s", "30m", "2h", "7d". Nothing for another text.
[[nodiscard]] std::optional<WallTime> parse_moment(std::string_view text, WallTime now);

// "3 s ago", "in 12 s", "now"; whole units, rounded down.
[[nodiscard]] std::string relative(WallTime time, WallTime now);

// "1.5 GB", "15 GB": rounded down, units of a thousand.
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

}  // namespace holdfast::cli
