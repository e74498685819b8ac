// What one seed stands for: how much work, how small the limits, and which faults there are.
#pragma once

#include "agent/delivery/traits.hpp"
#include "proto/event.hpp"
#include "transport/policy/delivery.hpp"

#include <cstdint>
#include <set>
#include <vector>

namespace holdfast::sim {

// Each seed switches some of them off: what hides behind a common fault appears without it.
enum class Fault : std::uint8_t {
    refused,            // the far side cannot be reached
    unavailable,        // 503, now and then with Retry-After
    server_error,       // 500 or 502: done, in part, or not
    throttled,          // 429 with Retry-After
    throttled_plain,    // 429 without, or with "0"
    credential,         // 401 or 403, for a while
    forbidden,          // some events are refused with 403, until long after the other faults
    crasher,            // some events make the far side fail with 500, for as long
    poison,             // some events are refused for good
    opaque,             // one of those in a shared request makes the whole of it a 400
    unreadable_answer,  // the body of a 207 cannot be read
    slow,               // the answer takes long
    hang,               // nothing comes back
    cut_short,          // nothing comes back, and only the first of a request were done
    answer_lost,        // done, and nothing comes back
    late,               // nothing comes back, and it is done later
    outage,             // for a while nothing but one of the above
    log_trouble,        // the log cannot read an entry or store an intent now
    damage,             // some entries can never be read again
    misfit,             // an entry turns out not to fit in with the others of its request
    level_change,       // an operator sets another level now and then
    clock_jumps,        // of the wall clock
    crash,              // of the process: what was written stays
    power_cut,          // of the machine: what was not synced may be gone
    credential_change,  // an operator installs another one now and then
};
inline constexpr int kFaultCount = 25;

// Mistakes that the driver of the policy could make, for seeing that they are caught.
enum class Bug : std::uint8_t {
    none,
    settles_before_the_answer,
    settles_all_as_the_first,  // of a shared request
    takes_partly_for_done,     // a 207 is a success of each
    reverses_the_request,
    sheds_silently,  // what is shed is not marked
    skips_the_intent,
    forgets_the_retry,     // at a restart: when, and how often it was tried
    forgets_the_fence,     // at a restart: what is tried again holds up nobody of its lane
    forgets_the_barriers,  // at a restart
    forgets_the_gates,     // at a restart
    forgets_the_factor,    // at a restart: of the rate
    forgets_the_level,     // at a restart
    keeps_the_lease,       // an attempt that could not be made is never given back
};

struct Plan {
    std::uint64_t seed = 0;
    Bug bug = Bug::none;
    std::set<Fault> faults;
    transport::DeliveryPolicy policy;
    std::uint64_t fault_percent = 0;  // of the attempts outside of an outage
    std::uint64_t events = 0;
    std::uint64_t burst = 0;  // so many come together at most
    std::uint64_t lanes = 0;
    std::uint64_t barrier_percent = 0;    // of what may be one
    std::uint64_t share_percent = 0;      // of what may share a request
    std::uint64_t essential_percent = 0;  // of the events
    std::uint64_t sheddable_percent = 0;
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
    AlsoLanes also;
    Operation operation{};
    WallTime accepted_at;
    agent::Traits traits;
    bool poison = false;
    bool forbidden = false;
    bool crashes = false;
    bool damaged = false;

    // Its own first.
    [[nodiscard]] std::vector<Lane> lanes() const {
        std::vector<Lane> all{lane};
        all.insert(all.end(), also.begin(), also.end());
        return all;
    }

    [[nodiscard]] bool is_barrier() const { return !also.empty(); }

    [[nodiscard]] Kind kind() const { return info(operation).kind; }

    [[nodiscard]] Endpoint endpoint() const { return info(operation).endpoint(); }

    [[nodiscard]] bool is_once() const {
        return info(operation).safety == Safety::once_if_ambiguous;
    }
};

}  // namespace holdfast::sim
