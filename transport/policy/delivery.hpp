// Decides for one destination what is sent next and what becomes of it: lanes in order, gates,
// backoff, giving up. Asked by whoever does the sending; told what came of it.
//
//   add() --> lane --> next() --> [attempt] --> on_result() --> Done | Again | Dead
//                ^                                               |
//                +---------------- Again: waits at the head -----+
//
// Promise: one attempt at a time for a lane, and its entries in the order in which they were added;
// another lane is never held up by it. Nothing is Dead for being late before `give_up_after`, and
// nothing for a refused credential, ever.
//
// Pure: time and chance are arguments. One thread. Memory: 112 bytes an entry that is held, 125 for
// one that is alone in its lane.
#pragma once

#include "proto/event.hpp"
#include "proto/failure_cause.hpp"
#include "proto/seq.hpp"
#include "transport/policy/gates.hpp"
#include "transport/policy/lanes.hpp"

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace holdfast::transport {

struct DeliveryPolicy {
    BackoffPolicy backoff;
    std::array<GatesPolicy, kEndpointCount> gates;
    std::size_t concurrency_max = 10;  // attempts at once to each endpoint
    // Endpoints that have entries at all: for another nobody looks behind those that wait.
    std::array<bool, kEndpointCount> serves = {true, true, false};
    std::optional<Duration> give_up_after = std::chrono::days(7);  // of age; none: never
    std::size_t window_max = 4096;  // entries held that are not parked; more than concurrency_max
    std::size_t parked_max = 1'000'000;  // entries that wait in lanes while others go on
    // An endpoint that is closed for longer than this does not keep what it holds in the window.
    Duration long_wait = std::chrono::seconds(10);
};

// An entry as far as deciding needs it.
struct Item {
    Seq seq;
    Ulid id;
    Lane lane{};
    Operation operation{};
    WallTime accepted_at;
    std::uint32_t attempts = 0;
    std::optional<WallTime> first_attempt_at;
    Instant not_before{};
    bool in_doubt = false;  // an attempt was intended, and the process that made it is gone
    bool parked = false;
};

// Delivered.
struct Done {};

// To be tried again, not before the time.
struct Again {
    std::uint32_t attempts;
    WallTime first_attempt_at;
    WallTime next_attempt_at;
    unsigned status;  // 0: no answer
    std::string reason;
};

// Never to be tried again by itself.
struct Dead {
    FailureCause cause;
    std::uint32_t attempts;
    unsigned status;
    std::string reason;
    std::string answer;
};

using Decision = std::variant<Done, Again, Dead>;

struct Attempt {
    Seq seq;
    Operation operation;
    std::uint32_t number;   // 1: the first
    bool must_be_intended;  // record it, synced, before a byte is sent
};

class Delivery {
public:
    explicit Delivery(DeliveryPolicy policy);

    // How many more entries can be held.
    [[nodiscard]] std::size_t room() const;

    // In log order. Dead at once when it is in doubt and must not be repeated.
    [[nodiscard]] std::optional<Dead> add(const Item& item);

    // What to send now; nullopt: nothing, until wake_at() or something is told.
    [[nodiscard]] std::optional<Attempt> next(Instant now);
    [[nodiscard]] std::optional<Instant> wake_at(Instant now) const;

    [[nodiscard]] Decision on_result(Seq seq,
                                     const AttemptResult& result,
                                     Instant now,
                                     WallTime wall_now);

    // The attempt could not be made, for a reason of our own.
    void on_cancelled(Seq seq, Instant now);

    // The attempt could not be made and never can: the entry is unreadable. Its lane goes on.
    [[nodiscard]] Dead on_unreadable(Seq seq, std::string why, Instant now);

    void on_credential_changed(Endpoint endpoint);

    // When there is no room and all that is held waits (for its time, its lane or an endpoint that
    // stays closed), although an endpoint is open: the entries to park, so that others can be read.
    // They stay held here.
    [[nodiscard]] std::vector<Seq> park(Instant now);

    [[nodiscard]] std::set<Seq> in_flight() const;

    [[nodiscard]] std::size_t retrying() const { return retrying_; }

    [[nodiscard]] Gates& gates(Endpoint endpoint) {
        return gates_[static_cast<std::size_t>(endpoint)];
    }

    [[nodiscard]] const Gates& gates(Endpoint endpoint) const {
        return gates_[static_cast<std::size_t>(endpoint)];
    }

private:
    struct InFlight {
        Lane lane;
        Endpoint endpoint;
        Gates::Pass pass;
    };

    [[nodiscard]] InFlight land(Seq seq);
    void schedule(Held& first, Instant now);
    void release_refused(Endpoint endpoint);
    void wake_due(Instant now);
    void finish(Lane lane, Instant now);
    [[nodiscard]] bool is_busy(Endpoint endpoint) const;
    // There is a place at an open endpoint, and nothing to send there.
    [[nodiscard]] bool is_starved(Instant now) const;
    [[nodiscard]] Decision decide(Held& entry,
                                  const Verdict& verdict,
                                  const AttemptResult& result,
                                  bool refused_alone,
                                  Instant now,
                                  WallTime wall_now);
    [[nodiscard]] Duration wait_of(const Held& entry, Outcome outcome, bool refused_alone) const;

    DeliveryPolicy policy_;
    std::vector<Gates> gates_;
    std::unique_ptr<Lanes> lanes_ = std::make_unique<Lanes>();
    std::map<Seq, InFlight> in_flight_;
    std::array<std::size_t, kEndpointCount> in_flight_to_{};
    std::array<std::size_t, kEndpointCount> held_for_{};  // parked ones too
    std::set<Seq> window_;                                // held and not parked
    std::size_t parked_ = 0;
    std::size_t retrying_ = 0;  // held with an attempt behind them
};

}  // namespace holdfast::transport
