#include "transport/policy/gates.hpp"

#include "transport/policy/retry_after.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::transport {

std::string_view to_string(GateKind kind) {
    switch (kind) {
        case GateKind::auth_hold:
            return "auth_hold";
        case GateKind::retry_after:
            return "retry_after";
        case GateKind::breaker:
            return "breaker";
        case GateKind::rate:
            return "rate";
    }
    return "unknown";
}

Gates::Gates(GatesPolicy policy)
    : policy_(policy), breaker_(policy.breaker), limiter_(policy.rate) {}

std::vector<ClosedGate> Gates::closed(Instant now) const {
    std::vector<ClosedGate> gates;
    if (auth_hold_ && now < auth_probe_at_) {
        gates.push_back({GateKind::auth_hold, auth_probe_at_, auth_hold_reason_});
    }
    if (now < retry_after_until_) {
        gates.push_back({GateKind::retry_after, retry_after_until_, retry_after_reason_});
    }
    if (const std::optional<Instant> at = breaker_.next_try_at(now)) {
        gates.push_back({GateKind::breaker, *at, breaker_.reason()});
    }
    if (const Instant at = limiter_.next_at(now); at > now) {
        gates.push_back({GateKind::rate, at, "the configured rate is reached"});
    }
    return gates;
}

Instant Gates::opens_at(Instant now) const {
    Instant at = std::max(now, retry_after_until_);
    if (auth_hold_) at = std::max(at, auth_probe_at_);
    if (const std::optional<Instant> breaker = breaker_.next_try_at(now))
        at = std::max(at, *breaker);
    return std::max(at, limiter_.next_at(now));
}

bool Gates::makes_progress(Instant now) const {
    return !auth_hold_ && throttles_in_a_row_ < 2 && breaker_.state(now) == Breaker::State::closed;
}

std::optional<Gates::Pass> Gates::try_enter(Instant now) {
    if (opens_at(now) > now) return std::nullopt;
    const std::optional<Breaker::Ticket> ticket = breaker_.try_acquire(now);
    if (!ticket) return std::nullopt;
    if (!limiter_.try_take(now)) {
        breaker_.on_neutral(*ticket, now);
        return std::nullopt;
    }
    if (auth_hold_) auth_probe_at_ = now + policy_.auth_probe_every;
    return Pass{*ticket, throttles_in_a_row_};
}

void Gates::close_for(Duration wait, std::string reason, Instant now) {
    retry_after_until_ = std::max(retry_after_until_, now + wait);
    retry_after_reason_ = std::move(reason);
    ++version_;
}

void Gates::on_result(const Pass& pass,
                      const Verdict& verdict,
                      const AttemptResult& result,
                      std::uint64_t seed,
                      Instant now,
                      WallTime wall_now) {
    const Breaker::State before = breaker_.state(now);
    if (verdict.outcome == Outcome::delivered) {
        breaker_.on_success(pass.ticket, now);
    } else if (counts_as_failure(verdict.outcome)) {
        breaker_.on_failure(pass.ticket, now, seed, verdict.reason);
    } else {
        breaker_.on_neutral(pass.ticket, now);
    }
    if (breaker_.state(now) != before) ++version_;

    std::optional<RetryAfter> asked;
    if (result.retry_after && result.phase == Phase::answered) {
        asked =
            parse_retry_after(*result.retry_after, result.date, wall_now, policy_.retry_after_max);
    }
    switch (verdict.outcome) {
        case Outcome::delivered:
            if (throttles_in_a_row_ > 0) ++version_;
            throttles_in_a_row_ = 0;
            break;
        case Outcome::throttled: {
            // Those that were under way together are one: only what was asked after a wait counts
            // on.
            throttles_in_a_row_ = std::max(throttles_in_a_row_, pass.throttles + 1);
            // "At once" is no answer to who just came too fast.
            const bool says_when = asked && asked->wait > Duration::zero();
            const Duration wait = says_when ? spread(*asked, seed)
                                            : backoff(policy_.throttle, throttles_in_a_row_, seed);
            close_for(wait, verdict.reason, now);
            break;
        }
        case Outcome::transient:
        case Outcome::ambiguous:
            if (asked) close_for(spread(*asked, seed), verdict.reason, now);
            break;
        case Outcome::auth:
            auth_hold_ = true;
            auth_hold_reason_ = verdict.reason;
            auth_probe_at_ = now + policy_.auth_probe_every;
            ++version_;
            break;
        case Outcome::poison:
            break;
    }
    // Whoever judges an entry has let its credential pass.
    const bool credential_passed =
        verdict.outcome == Outcome::delivered || verdict.outcome == Outcome::poison;
    if (!credential_passed) return;
    ++credential_passes_;
    if (auth_hold_) on_credential_changed();
}

void Gates::on_drained() {
    if (breaker_.on_drained()) ++version_;
}

void Gates::on_cancelled(const Pass& pass, Instant now) {
    breaker_.on_neutral(pass.ticket, now);
}

void Gates::on_credential_changed() {
    auth_hold_ = false;
    auth_hold_reason_.clear();
    ++version_;
}

Gates::Snapshot Gates::save(Instant now, WallTime wall_now) const {
    Snapshot snapshot;
    snapshot.breaker = breaker_.save(now, wall_now);
    if (retry_after_until_ > now) {
        snapshot.retry_after_until =
            wall_now + std::chrono::ceil<std::chrono::milliseconds>(retry_after_until_ - now);
        snapshot.retry_after_reason = retry_after_reason_;
    }
    snapshot.throttles_in_a_row = throttles_in_a_row_;
    snapshot.auth_hold = auth_hold_;
    snapshot.auth_hold_reason = auth_hold_reason_;
    return snapshot;
}

void Gates::restore(const Snapshot& snapshot, Instant now, WallTime wall_now) {
    breaker_.restore(snapshot.breaker, now, wall_now);
    if (snapshot.retry_after_until) {
        // The wall clock may have jumped: never longer than a Retry-After can be, spread included.
        using std::chrono::milliseconds;
        const milliseconds longest =
            std::chrono::duration_cast<milliseconds>(policy_.retry_after_max * 11 / 10);
        const milliseconds left = *snapshot.retry_after_until - wall_now;
        retry_after_until_ = now + std::clamp(left, milliseconds::zero(), longest);
        retry_after_reason_ = snapshot.retry_after_reason;
    }
    throttles_in_a_row_ = snapshot.throttles_in_a_row;
    auth_hold_ = snapshot.auth_hold;
    auth_hold_reason_ = snapshot.auth_hold_reason;
    auth_probe_at_ = now;
}

}  // namespace holdfast::transport
