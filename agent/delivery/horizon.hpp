// The vendor starts campaigns only by events of the last 72 hours. One that waits longer still
// arrives; before that somebody should know.
//
// Pure.
#pragma once

#include "proto/time.hpp"

#include <optional>

namespace holdfast::agent {

inline constexpr Duration kCampaignHorizon = std::chrono::hours(72);
inline constexpr Duration kHorizonNotice = std::chrono::hours(12);  // so long before
inline constexpr Duration kHorizonEvery = std::chrono::hours(1);    // while it is so

struct HorizonCheck {
    bool is_close = false;            // something waits for so long that it should be said
    WallTime deadline;                // with is_close: when the oldest crosses the horizon
    std::optional<Duration> next_in;  // when to look again; none: when something waits
};

// `oldest`: when the oldest entry that waits was accepted.
[[nodiscard]] inline HorizonCheck check_horizon(std::optional<WallTime> oldest, WallTime now) {
    if (!oldest) return {};
    const Duration age = now - *oldest;
    const Duration quiet = kCampaignHorizon - kHorizonNotice;
    const auto deadline =
        *oldest + std::chrono::duration_cast<WallTime::duration>(kCampaignHorizon);
    if (age < quiet) return {false, deadline, quiet - age};
    return {true, deadline, kHorizonEvery};
}

}  // namespace holdfast::agent
