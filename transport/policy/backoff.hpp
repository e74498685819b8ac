// How long an entry waits after a failed attempt: exponential, capped, then jittered.
//
// Why: the jitter comes after the cap, or all late retries would land together on the cap itself.
// Half of the wait is fixed ("equal jitter"), so that no retry follows at once. The seed comes from
// the entry, so nothing is stored and the schedule can be shown ahead of time.
#pragma once

#include "proto/time.hpp"
#include "proto/ulid.hpp"

#include <cstdint>

namespace holdfast::transport {

struct BackoffPolicy {
    Duration base = std::chrono::seconds(1);  // above zero
    Duration cap = std::chrono::minutes(5);
};

// `attempt` counts the failures so far: 1 after the first one. With d = min(cap, base *
// 2^(attempt-1)) the answer is uniform in [d/2, d]. Any attempt is fine; 0 is read as 1.
[[nodiscard]] Duration backoff(const BackoffPolicy& policy,
                               std::uint32_t attempt,
                               std::uint64_t seed);

// What an entry brings to its seeds.
[[nodiscard]] std::uint64_t backoff_chance(const Ulid& id);
[[nodiscard]] std::uint64_t backoff_seed(std::uint64_t chance, std::uint32_t attempt);

}  // namespace holdfast::transport
