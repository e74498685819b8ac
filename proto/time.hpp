// The two clocks, kept apart by type. Only the edges (agent/clock.hpp, tests) read a real one.
#pragma once

#include <chrono>
#include <cstdint>

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

}  // namespace holdfast
