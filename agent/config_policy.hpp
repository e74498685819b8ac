// The part of a [[destination]] that says how it is delivered to: limits, breaker, levels, sharing.
#pragma once

#include "agent/config_reader.hpp"
#include "proto/customerio/v2_operation.hpp"
#include "transport/policy/degradation.hpp"
#include "transport/policy/delivery.hpp"

#include <string>
#include <vector>

namespace holdfast::agent {

struct PolicyConfig {
    bool is_adaptive = true;  // the concurrency
    std::array<transport::KindPolicy, kKindCount> kinds;
    // Without open_for, open_for_max and lease_for, which follow from other keys.
    transport::BreakerPolicy breaker;
    Duration retry_after_cap{};
    Duration auth_probe_every{};
    std::optional<std::uint32_t> give_up_attempts;  // nothing: never
    bool retries_ambiguous = false;
    transport::DegradationPolicy degradation;
    std::vector<std::string> essential_events;  // by name
    std::vector<std::string> shed_events;       // by name; none of them essential
    // What the paths of v1 calls hold; nothing: nobody said, and they go as they came.
    std::optional<customerio::PathIdentifier> identifiers;
    bool shares_requests = true;
    transport::SharePolicy share;

    bool operator==(const PolicyConfig&) const = default;
};

// What the policies are weighed against.
struct PolicyContext {
    unsigned concurrency;
    Duration backoff_base;
    std::optional<Duration> give_up_after;
    Duration attempt_max;  // no attempt takes longer
};

[[nodiscard]] PolicyConfig read_policy(Section& in, const PolicyContext& context);

}  // namespace holdfast::agent
