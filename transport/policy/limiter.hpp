// A token bucket: on average at most `count` in each `per`, at most `burst` at once; less while a
// factor lowers it.
//
// Promise: over any time t never more than count / per * t + burst are granted. Exact: it counts
// parts of a token in integers, so nothing drifts. (Only a burst of 1 has no room for the rest of a
// nanosecond: each of its intervals is rounded up.)
// Told the time, which must not run backwards. One thread.
#pragma once

#include "proto/time.hpp"

#include <cstdint>

namespace holdfast::transport {

// "100 a second", "1 in 10 seconds".
struct LimiterPolicy {
    // The vendor's limit is 1000 a second for a workspace, "not strictly enforced": a tenth of it
    // leaves room for everybody else.
    std::uint32_t count = 100;               // 1 or more
    Duration per = std::chrono::seconds(1);  // above zero, at most kLimiterPeriodMax
    std::uint32_t burst = 100;               // 1 or more; at most kLimiterBurstMax of `per`

    bool operator==(const LimiterPolicy&) const = default;
};

inline constexpr Duration kLimiterPeriodMax = std::chrono::hours(1);
inline constexpr Duration kLimiterBurstMax = std::chrono::hours(2000);  // burst * per

class Limiter {
public:
    static constexpr std::uint32_t kWhole = 1024;  // of the factor: nothing is taken off

    explicit Limiter(LimiterPolicy policy);  // full

    // From now on the rate is factor / kWhole of the policy's. 1 to kWhole.
    void set_factor(std::uint32_t factor, Instant now);

    [[nodiscard]] bool try_take(Instant now);

    // When try_take() will say yes, if nobody else takes; `now` when it would now.
    [[nodiscard]] Instant next_at(Instant now) const;

private:
    void refill(Instant now);

    std::int64_t count_;      // parts gained in a nanosecond, for each unit of the factor
    std::int64_t token_;      // parts of one token
    std::int64_t level_max_;  // in parts
    std::int64_t level_;      // at refilled_at_
    std::int64_t factor_ = kWhole;
    Instant refilled_at_{};
};

}  // namespace holdfast::transport
