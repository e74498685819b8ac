// A token bucket: at most `per_second` a second on average, at most `burst` at once.
//
// Promise: over any time t never more than per_second * t + burst are granted. Exact: it counts
// billionths of a token in integers, so nothing drifts. (Only a burst of 1 has no room for the rest
// of a nanosecond: each of its intervals is rounded up.)
// Told the time, which must not run backwards. One thread.
#pragma once

#include "proto/time.hpp"

#include <cstdint>

namespace holdfast::transport {

struct LimiterPolicy {
    // 1 or more. The vendor's limit is 1000 a second for a workspace, "not strictly enforced": a
    // tenth of it leaves room for everybody else.
    std::uint32_t per_second = 100;
    std::uint32_t burst = 100;  // 1 or more
};

class Limiter {
public:
    explicit Limiter(LimiterPolicy policy);  // full

    [[nodiscard]] bool try_take(Instant now);

    // When try_take() will say yes, if nobody else takes; `now` when it would now.
    [[nodiscard]] Instant next_at(Instant now) const;

private:
    void refill(Instant now);

    std::int64_t per_second_;  // tokens a second, which is billionths of a token a nanosecond
    std::int64_t level_max_;   // in billionths of a token
    std::int64_t level_;       // at refilled_at_
    Instant refilled_at_{};
};

}  // namespace holdfast::transport
