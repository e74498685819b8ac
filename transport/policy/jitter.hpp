// Chance as an argument: the same seed gives the same number on every machine, for ever, so that a
// simulation can repeat a run and an operator can be shown a wait before it begins.
#pragma once

#include "proto/assert.hpp"
#include "proto/time.hpp"

#include <cstdint>

namespace holdfast::transport {

// SplitMix64's step (https://prng.di.unimi.it/splitmix64.c): neighbouring seeds share nothing.
[[nodiscard]] constexpr std::uint64_t mix(std::uint64_t seed) {
    std::uint64_t z = seed + 0x9e3779b97f4a7c15U;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
    z = (z ^ z >> 27) * 0x94d049bb133111ebU;
    return z ^ z >> 31;
}

// Uniform in [0, max]. The modulo's bias is below 2^-20 for every wait of less than four hours.
[[nodiscard]] inline Duration jitter(Duration max, std::uint64_t seed) {
    HOLDFAST_ASSERT(max >= Duration::zero());
    return Duration(
        static_cast<Duration::rep>(mix(seed) % (static_cast<std::uint64_t>(max.count()) + 1)));
}

}  // namespace holdfast::transport
