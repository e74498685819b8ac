// Lengths of time and sizes as the configuration writes them: a whole number and one unit, as in
// "250ms", "7d", "64MiB". Pure.
#pragma once

#include "proto/time.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::agent {

// Units: ms, s, m, h, d. Nothing for any other text and for more than 292 years.
[[nodiscard]] std::optional<Duration> parse_duration(std::string_view text);

// Units: kB, MB, GB (powers of 1000), KiB, MiB, GiB (powers of 1024), none for bytes.
[[nodiscard]] std::optional<std::uint64_t> parse_size(std::string_view text);

struct Rate {
    std::uint32_t count;
    Duration per;

    bool operator==(const Rate&) const = default;
};

// "100/s", "1/10s", "5/m": a count, and a length of time that may be a unit alone.
[[nodiscard]] std::optional<Rate> parse_rate(std::string_view text);

// With the largest unit that divides it; what the parser reads back as the same. A duration is not
// negative and is a whole number of milliseconds.
[[nodiscard]] std::string format_duration(Duration duration);
[[nodiscard]] std::string format_size(std::uint64_t bytes);

}  // namespace holdfast::agent
