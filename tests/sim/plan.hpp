// What one seed stands for: how much work, how small the limits, and which faults there are.
#pragma once

#include "proto/event.hpp"
#include "transport/policy/delivery.hpp"

#include <cstdint>
#include <set>

namespace holdfast::sim {

// Each seed switches some of them off: what hides behind a common fault appears without it.
enum class Fault : std::uint8_t {
    refused,            // the far side cannot be reached
    unavailable,        // 503, now and then with Retry-After
    server_error,       // 500 or 502: done or not
    throttled,          // 429 with Retry-After
    throttled_plain,    // 429 without, or with "0"
    credential,         // 401 or 403, for a while
    poison,             // some events are refused for good
    hang,               // nothing comes back
    answer_lost,        // done, and nothing comes back
    late,               // nothing comes back, and it is done later
    outage,             // for a while nothing but one of the above
    log_trouble,        // the log cannot read an entry or store an intent now
    clock_jumps,        // of the wall clock
    crash,              // of the process: what was written stays
    power_cut,          // of the machine: what was not synced may be gone
    credential_change,  // an operator installs another one now and then
};
inline constexpr int kFaultCount = 16;

// Mistakes that the driver of the policy could make, for seeing that they are caught.
enum class Bug : std::uint8_t {
    none,
    settles_before_the_answer,
    skips_the_intent,
    forgets_the_retry,  // at a restart: when, and how often it was tried
    forgets_the_fence,  // at a restart: what is tried again holds up nobody of its lane
    forgets_the_gates,  // at a restart
    keeps_the_lease,    // an attempt that could not be made is never given back
};

struct Plan {
    std::uint64_t seed = 0;
    Bug bug = Bug::none;
    std::set<Fault> faults;
    transport::DeliveryPolicy policy;
    std::uint64_t fault_percent = 0;  // of the attempts outside of an outage
    std::uint64_t events = 0;
    std::uint64_t lanes = 0;
    Duration trouble{};   // how long faults happen
    Duration deadline{};  // of an attempt
    bool tells = false;   // what happens, on the standard output

    [[nodiscard]] bool has(Fault fault) const { return faults.contains(fault); }
};

[[nodiscard]] Plan plan_for(std::uint64_t seed, Bug bug);

// An event that the app was told to be safe.
struct Accepted {
    Seq seq;
    Ulid id;
    Lane lane{};
    Operation operation{};
    WallTime accepted_at;
    bool poison = false;
};

}  // namespace holdfast::sim
