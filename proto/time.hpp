// The two clocks, kept apart by type. Only the edges (agent/clock.hpp, tests) read a real one.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast {

// A length of time.
using Duration = std::chrono::nanoseconds;

// A point on the monotonic clock: for timers, timeouts and rates. Means nothing after a restart.
using Instant = std::chrono::time_point<std::chrono::steady_clock, Duration>;

// Milliseconds since 1970 UTC: data, stored and shown. Never used to measure.
using WallTime = std::chrono::sys_time<std::chrono::milliseconds>;

[[nodiscard]] inline std::int64_t unix_ms(WallTime time) {
    return time.time_since_epoch().count();
}

[[nodiscard]] inline std::int64_t unix_seconds(WallTime time) {
    return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

[[nodiscard]] inline WallTime wall_from_ms(std::int64_t ms) {
    return WallTime(std::chrono::milliseconds(ms));
}

// "2026-01-02T03:04:05Z" with any number of decimals, those after the third do not count; nothing
// for another form or another zone.
[[nodiscard]] std::optional<WallTime> parse_rfc3339(std::string_view text);

}  // namespace holdfast
