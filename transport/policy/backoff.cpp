#include "transport/policy/backoff.hpp"

#include "proto/assert.hpp"
#include "transport/policy/jitter.hpp"

#include <algorithm>

namespace holdfast::transport {

Duration backoff(const BackoffPolicy& policy, std::uint32_t attempt, std::uint64_t seed) {
    HOLDFAST_ASSERT(policy.base > Duration::zero() && policy.cap > Duration::zero());
    const std::uint32_t doublings = std::min<std::uint32_t>(std::max(attempt, 1U) - 1, 62);
    const Duration::rep cap = policy.cap.count();
    const Duration::rep base = policy.base.count();
    // Compared by dividing the cap: the product might not fit.
    const Duration full(base > cap >> doublings ? cap : base << doublings);
    const Duration fixed = full / 2;
    return fixed + jitter(full - fixed, seed);
}

std::uint64_t backoff_chance(const Ulid& id) {
    std::uint64_t seed = 0;
    for (std::size_t half = 0; half < 2; ++half) {
        std::uint64_t word = 0;
        for (std::size_t i = 0; i < 8; ++i) word = word << 8 | id.bytes[half * 8 + i];
        seed = mix(seed ^ word);
    }
    return seed;
}

std::uint64_t backoff_seed(std::uint64_t chance, std::uint32_t attempt) {
    return mix(chance ^ attempt);
}

}  // namespace holdfast::transport
