// Keeps attempts away from an endpoint that fails, and lets them back in a few at a time.
//
//   closed --failures--> open --time--> half_open --successes--> closed
//                         ^                 |
//                         +-----failure-----+
//
// Promise: no other transition. In half_open at most 1, then 2, then 4 ... probes are out; each is
// a lease that ends by itself, so nothing that is lost can keep the door shut. An answer decides
// only in the state that it was asked in, and a probe's only while its lease runs; a later one is
// counted in the window and no more. Why: whatever fails in half_open opens again at once: the
// minimum of calls guards only the way out of `closed`. Told the time, which must not run
// backwards, and chance; says nothing by itself. One thread. Limits: `lease_for` must be longer
// than an attempt may take, or slow probes never count. The figures and where they come from are in
// transport/README.md.
#pragma once

#include "proto/time.hpp"
#include "transport/policy/failure_window.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::transport {

struct BreakerPolicy {
    std::uint32_t failures_in_a_row = 5;  // open, however few calls there are; 0: not by these
    Duration window = std::chrono::seconds(30);       // open, when within it
    std::uint32_t window_calls_min = 10;              // there were so many calls
    std::uint32_t window_failure_percent = 50;        // and this share failed; 0: not by these
    Duration open_for = std::chrono::seconds(30);     // doubles with each failed round of probes
    Duration open_for_max = std::chrono::minutes(5);  // both are before jitter, which only shortens
    Duration lease_for = std::chrono::seconds(30);
    // An answer that took longer speaks against the far side's health, whatever it says.
    Duration slow_answer = std::chrono::seconds(5);
    std::uint32_t successes_to_close = 3;

    bool operator==(const BreakerPolicy&) const = default;
};

class Breaker {
public:
    // Numbers are stored: add at the end, never renumber.
    enum class State : std::uint8_t { closed = 1, open = 2, half_open = 3 };

    // Permission for one attempt. Goes back through exactly one of on_success, on_failure and
    // on_neutral, or is forgotten: then it ends by itself.
    struct Ticket {
        std::uint64_t epoch = 0;   // which stay in which state it was given in
        std::uint64_t number = 0;  // which lease it is
    };

    // What must outlive the process.
    struct Snapshot {
        State state = State::closed;
        WallTime until{};                  // with `open`
        std::uint32_t opens_in_a_row = 0;  // since it was last closed
        std::string reason;
    };

    explicit Breaker(BreakerPolicy policy);

    // nullopt: not now; next_try_at() says when.
    [[nodiscard]] std::optional<Ticket> try_acquire(Instant now);

    void on_success(Ticket ticket, Instant now);
    // `reason` is for people and is kept only when it opens the breaker.
    void on_failure(Ticket ticket, Instant now, std::uint64_t seed, std::string_view reason);
    // The attempt says nothing about the far side's health (poison, auth, throttled), or there was
    // none.
    void on_neutral(Ticket ticket, Instant now);

    // A success was the last of all work: nothing is left to probe with, so it closes a half-open
    // one. True if it did.
    bool on_drained();

    // `open` becomes `half_open` by time alone.
    [[nodiscard]] State state(Instant now) const;

    // nullopt: try_acquire() says yes now. Otherwise when it may, if nothing is told before: for
    // timers.
    [[nodiscard]] std::optional<Instant> next_try_at(Instant now) const;

    // Why it opened; empty while closed.
    [[nodiscard]] const std::string& reason() const { return reason_; }

    [[nodiscard]] Snapshot save(Instant now, WallTime wall_now) const;

    // Goes on where another process stopped: an open breaker stays open for the time that is left,
    // never more than `open_for_max` (the wall clock may have jumped); a half-open one has lost its
    // probes and begins again with the first. All tickets given before are late.
    void restore(const Snapshot& snapshot, Instant now, WallTime wall_now);

private:
    struct Lease {
        std::uint64_t number;
        Instant expires_at;
    };

    [[nodiscard]] std::uint64_t probes_max() const;
    [[nodiscard]] bool take_back(Ticket ticket, Instant now);
    [[nodiscard]] std::string cause_to_open(Instant now, std::string_view reason) const;
    void enter(State state);
    void open(Instant now, std::uint64_t seed, std::string reason);

    BreakerPolicy policy_;
    FailureWindow window_;
    State state_ = State::closed;
    std::uint64_t epoch_ = 1;  // moves with every change of state
    std::uint64_t tickets_given_ = 0;
    std::uint32_t failures_in_a_row_ = 0;  // in closed
    std::uint32_t probes_succeeded_ = 0;   // in half_open
    std::vector<Lease> leases_;            // in half_open
    std::uint32_t opens_in_a_row_ = 0;
    Instant open_until_{};  // in open
    std::string reason_;
};

[[nodiscard]] std::string_view to_string(Breaker::State state);

}  // namespace holdfast::transport
