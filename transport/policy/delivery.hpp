// Decides for one destination what is sent next and what becomes of it: lanes in order, gates,
// limits, levels, sharing of requests, backoff, giving up. Asked by whoever does the sending; told
// what came of it.
//
//   add() --> lane --> next() --> [attempt] --> on_result() --> Done | Again | Dead
//                ^                                               |
//                +---------------- Again: waits at the head -----+
//
// Promise: one attempt at a time for a lane, and its entries in the order in which they were added,
// also within a request that they share; another lane is never held up by it. Nothing is Dead for
// being late before `give_up_after`, and nothing for a refused credential, ever.
//
// Sharing: entries with a size may go together in one request. One that is refused as a whole, for
// what is in it, is bisected: its entries go again in halves until the one that is to blame stands
// alone. That is no attempt of the others, and nothing of it is recorded. One that fails again and
// again is divided likewise.
//
// Essential entries go first, but each fourth request to an endpoint is for the oldest there is, so
// that a steady stream of them starves nobody.
//
// Pure: time and chance are arguments. One thread. Memory: 112 bytes an entry that is held, 125 for
// one that is alone in its lane.
#pragma once

#include "proto/event.hpp"
#include "proto/failure_cause.hpp"
#include "proto/seq.hpp"
#include "transport/policy/gates.hpp"
#include "transport/policy/kind_limits.hpp"
#include "transport/policy/lanes.hpp"
#include "transport/policy/level.hpp"

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

// What may go in one request.
struct SharePolicy {
    std::size_t bytes_max = 500'000;  // the sizes of its entries together
    std::size_t count_max = 1000;

    bool operator==(const SharePolicy&) const = default;
};

struct DeliveryPolicy {
    BackoffPolicy backoff;
    std::array<GatesPolicy, kEndpointCount> gates;
    std::array<KindPolicy, kKindCount> kinds;
    SharePolicy share;
    // Endpoints that have entries at all: for another nobody looks behind those that wait.
    std::array<bool, kEndpointCount> serves = {true, true, false, true};
    std::optional<Duration> give_up_after = std::chrono::days(7);  // of age; none: never
    std::optional<std::uint32_t> give_up_attempts;                 // after so many; none: never
    // What must happen once and was sent without an answer is tried again all the same.
    bool retries_ambiguous = false;
    std::size_t window_max = 4096;  // entries held that are not parked; more than are in flight
    std::size_t parked_max = 1'000'000;  // entries that wait in lanes while others go on
    // An endpoint that is closed for longer than this does not keep what it holds in the window.
    Duration long_wait = std::chrono::seconds(10);
};

// An entry as far as deciding needs it.
struct Item {
    Seq seq;
    Ulid id;
    Lane lane{};
    AlsoLanes also;
    Operation operation{};
    WallTime accepted_at;
    std::size_t size = 0;  // bytes that it adds to a request that it shares; 0: it shares none
    bool is_essential = false;
    bool is_sheddable = false;  // at a level other than full it ends instead of waiting
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

struct Settled {
    Seq seq;
    Decision decision;
};

// One request. Those that share it are in the order in which they stand in it.
struct Attempt {
    std::vector<Seq> seqs;  // one or more; the first names the attempt
    Operation operation;    // of the first
    std::uint32_t number;   // of the first; 1: it was not tried before
    bool must_be_intended;  // record it, synced, before a byte is sent; then it is alone

    [[nodiscard]] Seq seq() const { return seqs.front(); }
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

    // Only the first `count` of those that share the request go in it; the next one cannot share
    // any, and is sent alone when its turn comes. With none left it is that one, alone.
    void trim(Attempt& attempt, std::size_t count, Instant now);

    // What becomes of each entry of the attempt. One that is not named goes again, as if it had not
    // been sent.
    [[nodiscard]] std::vector<Settled> on_result(Seq attempt,
                                                 const AttemptResult& result,
                                                 Instant now,
                                                 WallTime wall_now);

    // The attempt could not be made, for a reason of our own.
    void on_cancelled(Seq attempt, Instant now);

    // The attempt, which is of one entry, could not be made and never can: the entry is unreadable.
    // Its lane goes on.
    [[nodiscard]] Dead on_unreadable(Seq attempt, std::string why, Instant now);

    void on_credential_changed(Endpoint endpoint);

    // Then shed().
    void set_level(Level level) { level_ = level; }

    // Essential ones have strict priority, also those that were not read yet: the others go when
    // nothing else can. No level: it holds nothing for ever.
    void set_essential_first(bool essential_first) { essential_first_ = essential_first; }

    // Whether the log has entries that were not added yet.
    void on_read(bool has_more) { has_more_ = has_more; }

    // Those that end, because the level is not full, or essential ones go first, and the operator
    // wants them shed rather than held: when their turn in their lane has come. After each change
    // of the level, and before next().
    [[nodiscard]] std::vector<Settled> shed(Instant now);

    [[nodiscard]] Level level() const { return level_; }

    // When there is no room and all that is held waits (for its time, its lane or an endpoint that
    // stays closed), although an endpoint is open: the entries to park, so that others can be read.
    // They stay held here.
    [[nodiscard]] std::vector<Seq> park(Instant now);

    [[nodiscard]] std::set<Seq> in_flight() const;

    [[nodiscard]] std::size_t retrying() const { return retrying_; }

    [[nodiscard]] std::size_t held() const { return lanes_->size(); }

    // Of those, the events that were accepted before. Looks at each.
    [[nodiscard]] std::size_t events_before(WallTime when) const;

    [[nodiscard]] Gates& gates(Endpoint endpoint) {
        return gates_[static_cast<std::size_t>(endpoint)];
    }

    [[nodiscard]] const Gates& gates(Endpoint endpoint) const {
        return gates_[static_cast<std::size_t>(endpoint)];
    }

    [[nodiscard]] const KindLimits& limits(Kind kind) const {
        return limits_[static_cast<std::size_t>(kind)];
    }

private:
    struct Flight {
        Kind kind;
        Gates::Pass pass;
        std::vector<Held*> entries;
    };

    // What a request has room for.
    struct Room {
        std::size_t bytes;
        std::size_t count;
        bool for_suspects;  // only what was in a request that was refused
    };

    [[nodiscard]] KindLimits& limits(Kind kind) { return limits_[static_cast<std::size_t>(kind)]; }

    // What of a lane is in a request.
    struct Run {
        Held* last;
        std::uint32_t essentials_left;  // in the lane, behind it
    };

    [[nodiscard]] Flight land(Seq attempt);
    void schedule(Held& first, Instant now);
    void put_back(Held& entry, Instant now);
    void release_refused(Endpoint endpoint);
    void wake_due(Instant now);
    void finish(Held& first, Instant now);
    [[nodiscard]] bool is_busy(Kind kind) const;
    [[nodiscard]] Instant opens_at(Kind kind, Instant now) const;
    [[nodiscard]] bool lets_go(bool urgent) const;
    [[nodiscard]] bool serves(Kind kind) const;
    [[nodiscard]] Held* oldest(Kind kind, bool urgent) const;
    [[nodiscard]] Held* next_of(Kind kind, bool urgent, bool is_probe) const;
    [[nodiscard]] bool has_ready(Kind kind) const;
    [[nodiscard]] Held* choose(Endpoint endpoint, Instant now) const;
    static void board(Held& entry, Flight& flight);
    [[nodiscard]] Run begin_run(Held& first) const;
    void gather(Held& first, Flight& flight, Instant now);
    [[nodiscard]] std::vector<Held*> heads_beside(const Held& first, std::size_t count) const;
    static bool take_in(Held& entry, Room& room, Flight& flight);
    void take_run(Run& run, std::size_t count, Room& room, Flight& flight, Instant now);
    // There is a place at an open endpoint, and nothing to send there.
    [[nodiscard]] bool is_starved(Instant now) const;
    static void halve(Held& entry, std::size_t company);
    [[nodiscard]] Decision decide(Held& entry,
                                  const Verdict& verdict,
                                  const AttemptResult& result,
                                  bool refused_alone,
                                  Instant now,
                                  WallTime wall_now);
    [[nodiscard]] Safety safety_of(Operation operation) const;
    [[nodiscard]] bool may_read_on() const;
    [[nodiscard]] bool has_urgent() const;
    [[nodiscard]] bool is_enough(const Held& entry) const;
    [[nodiscard]] Duration wait_of(const Held& entry, Outcome outcome, bool refused_alone) const;

    DeliveryPolicy policy_;
    std::vector<Gates> gates_;
    std::vector<KindLimits> limits_;
    std::unique_ptr<Lanes> lanes_ = std::make_unique<Lanes>();
    std::map<Seq, Flight> flights_;                       // by the first of each
    std::array<std::size_t, kEndpointCount> held_for_{};  // parked ones too
    std::map<Seq, Held*> window_;                         // held and not parked
    Level level_ = Level::full;
    bool essential_first_ = false;
    bool has_more_ = false;
    std::array<std::uint64_t, kEndpointCount> requests_{};  // so far
    std::size_t parked_ = 0;
    std::size_t sheddable_ = 0;
    std::size_t retrying_ = 0;  // held with an attempt behind them
};

}  // namespace holdfast::transport
