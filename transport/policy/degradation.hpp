// Which level a destination is at: the operator's, or by itself what comes first when the disk
// fills or entries wait for long.
//
// By itself nothing is ever held: it only decides what goes first, so that nothing gets stuck that
// the far side would take.
//
// Pure.
#pragma once

#include "proto/time.hpp"
#include "transport/policy/level.hpp"

#include <optional>
#include <string>

namespace holdfast::transport {

struct DegradationPolicy {
    // Of the oldest entry that waits; none: not by age.
    std::optional<Duration> by_age = std::chrono::minutes(15);
    bool by_disk = true;  // while the log has little room left

    bool operator==(const DegradationPolicy&) const = default;
};

struct Degradation {
    Level level = Level::full;     // the operator's
    bool essential_first = false;  // by itself; with `full`
    std::string reason;            // empty at `full`

    bool operator==(const Degradation&) const = default;
};

// `was`: what was decided before. By age it lasts until the oldest waits for less than half as
// long, so that it does not flutter.
[[nodiscard]] Degradation degrade(const DegradationPolicy& policy,
                                  Level chosen,
                                  bool is_disk_tight,
                                  std::optional<Duration> oldest,
                                  const Degradation& was);

}  // namespace holdfast::transport
