#include "transport/policy/gates.hpp"

#include "transport/policy/retry_after.hpp"

#include <algorithm>
#include <cmath>
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

namespace {

// One attempt a second is left at the worst, or the whole of a rate that is slower.
std::uint32_t least_factor(const LimiterPolicy& rate) {
    const auto a_second = std::chrono::duration<double>(rate.per).count() / rate.count;
    const double least = std::ceil(a_second * RateFactor::kWhole);
    return static_cast<std::uint32_t>(std::clamp(least, 1.0, double{RateFactor::kWhole}));
}

}  // namespace

Gates::Gates(GatesPolicy policy)
    : policy_(policy),
      breaker_(policy.breaker),
      limiter_(policy.rate),
      factor_(least_factor(policy.rate)),
      concurrency_(policy.concurrency) {}

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
        const std::uint32_t percent = factor_.factor() * 100 / RateFactor::kWhole;
        gates.push_back({GateKind::rate,
                         at,
                         percent == 100 ? "the configured rate is reached"
                                        : std::to_string(percent) +
                                              " % of the configured rate, lowered by 429s"});
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

bool Gates::is_probing(Instant now) const {
    return auth_hold_ || breaker_.state(now) != Breaker::State::closed;
}

bool Gates::makes_progress(Instant now) const {
    return !auth_hold_ && throttles_in_a_row_ < 2 && breaker_.state(now) == Breaker::State::closed;
}

std::optional<Gates::Pass> Gates::try_enter(Instant now) {
    if (is_busy() || opens_at(now) > now) return std::nullopt;
    const std::optional<Breaker::Ticket> ticket = breaker_.try_acquire(now);
    if (!ticket) return std::nullopt;
    if (!limiter_.try_take(now)) {
        breaker_.on_neutral(*ticket, now);
        return std::nullopt;
    }
    if (auth_hold_) auth_probe_at_ = now + policy_.auth_probe_every;
    concurrency_.on_start(++in_flight_);
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
    --in_flight_;
    tell_breaker(pass, verdict, result, seed, now);
    tell_concurrency(verdict.outcome, result, now);
    tell_rate(verdict.outcome, now);

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

void Gates::tell_breaker(const Pass& pass,
                         const Verdict& verdict,
                         const AttemptResult& result,
                         std::uint64_t seed,
                         Instant now) {
    const Breaker::State before = breaker_.state(now);
    const bool is_slow = result.latency > policy_.breaker.slow_answer;
    if (counts_as_failure(verdict.outcome)) {
        breaker_.on_failure(pass.ticket, now, seed, verdict.reason);
    } else if (verdict.outcome == Outcome::delivered && is_slow) {
        const auto seconds = std::chrono::round<std::chrono::seconds>(result.latency);
        breaker_.on_failure(pass.ticket,
                            now,
                            seed,
                            verdict.reason + ", after " + std::to_string(seconds.count()) + " s");
    } else if (verdict.outcome == Outcome::delivered) {
        breaker_.on_success(pass.ticket, now);
    } else {
        breaker_.on_neutral(pass.ticket, now);
    }
    if (breaker_.state(now) != before) ++version_;
}

void Gates::tell_concurrency(Outcome outcome, const AttemptResult& result, Instant now) {
    switch (outcome) {
        case Outcome::delivered:
        case Outcome::poison:
            return concurrency_.on_answer(result.latency, now);
        case Outcome::transient:
        case Outcome::ambiguous:
        case Outcome::throttled:
            return concurrency_.on_push_back(now);
        case Outcome::auth:
            break;
    }
}

void Gates::tell_rate(Outcome outcome, Instant now) {
    const std::uint32_t before = factor_.factor();
    if (outcome == Outcome::delivered) factor_.on_success(now);
    if (outcome == Outcome::throttled) factor_.on_throttled(now);
    if (factor_.factor() == before) return;
    limiter_.set_factor(factor_.factor(), now);
    ++version_;
}

void Gates::on_drained() {
    if (breaker_.on_drained()) ++version_;
}

void Gates::on_cancelled(const Pass& pass, Instant now) {
    --in_flight_;
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
    snapshot.rate_factor = factor_.factor();
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
    factor_.restore(snapshot.rate_factor);
    limiter_.set_factor(factor_.factor(), now);
}

}  // namespace holdfast::transport
