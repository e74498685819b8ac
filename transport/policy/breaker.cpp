#include "transport/policy/breaker.hpp"

#include "proto/assert.hpp"
#include "transport/policy/backoff.hpp"

#include <algorithm>
#include <limits>
#include <utility>

namespace holdfast::transport {

Breaker::Breaker(BreakerPolicy policy) : policy_(policy), window_(policy.window) {
    HOLDFAST_ASSERT(policy_.successes_to_close > 0);
    HOLDFAST_ASSERT(policy_.open_for > Duration::zero() && policy_.lease_for > Duration::zero());
}

std::optional<Breaker::Ticket> Breaker::try_acquire(Instant now) {
    if (next_try_at(now)) return std::nullopt;
    if (state_ == State::open) enter(State::half_open);
    const Ticket ticket{epoch_, ++tickets_given_};
    if (state_ == State::half_open) {
        std::erase_if(leases_, [now](const Lease& lease) { return lease.expires_at <= now; });
        leases_.push_back({ticket.number, now + policy_.lease_for});
    }
    return ticket;
}

void Breaker::on_success(Ticket ticket, Instant now) {
    window_.add(now, false);
    if (!take_back(ticket, now)) return;
    failures_in_a_row_ = 0;
    if (state_ == State::half_open && ++probes_succeeded_ >= policy_.successes_to_close)
        enter(State::closed);
}

void Breaker::on_failure(Ticket ticket, Instant now, std::uint64_t seed, std::string_view reason) {
    window_.add(now, true);
    if (!take_back(ticket, now)) return;
    ++failures_in_a_row_;
    if (std::string cause = cause_to_open(now, reason); !cause.empty())
        open(now, seed, std::move(cause));
}

void Breaker::on_neutral(Ticket ticket, Instant now) {
    static_cast<void>(take_back(ticket, now));  // the lease is all that matters
}

bool Breaker::on_drained() {
    if (state_ != State::half_open) return false;
    enter(State::closed);
    return true;
}

Breaker::State Breaker::state(Instant now) const {
    return state_ == State::open && now >= open_until_ ? State::half_open : state_;
}

std::optional<Instant> Breaker::next_try_at(Instant now) const {
    switch (state_) {
        case State::closed:
            return std::nullopt;
        case State::open:
            return now < open_until_ ? std::optional(open_until_) : std::nullopt;
        case State::half_open:
            break;
    }
    if (leases_.size() < probes_max()) return std::nullopt;
    const Instant first = std::ranges::min(leases_, {}, &Lease::expires_at).expires_at;
    return now < first ? std::optional(first) : std::nullopt;
}

Breaker::Snapshot Breaker::save(Instant now, WallTime wall_now) const {
    const Duration left = state(now) == State::open ? open_until_ - now : Duration::zero();
    return {.state = state(now),
            .until = wall_now + std::chrono::ceil<WallTime::duration>(left),
            .opens_in_a_row = opens_in_a_row_,
            .reason = reason_};
}

void Breaker::restore(const Snapshot& snapshot, Instant now, WallTime wall_now) {
    if (snapshot.state == State::closed) {
        enter(State::closed);
        return;
    }
    enter(State::open);
    opens_in_a_row_ = std::max(snapshot.opens_in_a_row, 1U);
    reason_ = snapshot.reason;
    open_until_ = now;
    if (snapshot.state == State::half_open) return;
    // Clamped in milliseconds: two wall times may be further apart than a Duration reaches.
    using Wait = WallTime::duration;
    open_until_ += std::clamp(
        snapshot.until - wall_now, Wait::zero(), std::chrono::floor<Wait>(policy_.open_for_max));
}

std::uint64_t Breaker::probes_max() const {
    return std::uint64_t{1} << std::min(probes_succeeded_, 16U);
}

// Whether the answer to `ticket` may decide: it comes in the state that it was asked in and, if it
// is a probe's, within its lease.
bool Breaker::take_back(Ticket ticket, Instant now) {
    if (ticket.epoch != epoch_) return false;
    if (state_ != State::half_open) return true;
    const auto lease = std::ranges::find(leases_, ticket.number, &Lease::number);
    if (lease == leases_.end()) return false;
    const bool in_time = now < lease->expires_at;
    leases_.erase(lease);
    return in_time;
}

// Empty: no cause.
std::string Breaker::cause_to_open(Instant now, std::string_view reason) const {
    const std::string last(reason);
    if (state_ == State::half_open) return "the probe failed: " + last;
    if (policy_.failures_in_a_row > 0 && failures_in_a_row_ >= policy_.failures_in_a_row)
        return std::to_string(failures_in_a_row_) + " failures in a row, the last: " + last;
    const auto [calls, failures] = window_.counts(now);
    if (policy_.window_failure_percent == 0 || calls < policy_.window_calls_min) return {};
    if (failures * 100 < calls * policy_.window_failure_percent) return {};
    const auto seconds = std::chrono::floor<std::chrono::seconds>(window_.length());
    return std::to_string(failures) + " of " + std::to_string(calls) + " attempts failed within " +
           std::to_string(seconds.count()) + " s, the last: " + last;
}

void Breaker::enter(State state) {
    state_ = state;
    ++epoch_;
    failures_in_a_row_ = 0;
    probes_succeeded_ = 0;
    leases_.clear();
    if (state != State::closed) return;
    // What was counted before the outage ended must not open it again.
    window_.clear();
    opens_in_a_row_ = 0;
    reason_.clear();
}

void Breaker::open(Instant now, std::uint64_t seed, std::string reason) {
    enter(State::open);
    if (opens_in_a_row_ < std::numeric_limits<std::uint32_t>::max()) ++opens_in_a_row_;
    open_until_ = now + backoff({policy_.open_for, policy_.open_for_max}, opens_in_a_row_, seed);
    reason_ = std::move(reason);
}

std::string_view to_string(Breaker::State state) {
    switch (state) {
        case Breaker::State::closed:
            return "closed";
        case Breaker::State::open:
            return "open";
        case Breaker::State::half_open:
            break;
    }
    return "half_open";
}

}  // namespace holdfast::transport
