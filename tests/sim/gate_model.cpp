#include "gate_model.hpp"

#include <algorithm>

namespace holdfast::sim {
namespace {

using namespace std::chrono_literals;
using transport::Outcome;
using transport::RateFactor;

// Saved times are whole milliseconds on a clock that is read in milliseconds.
constexpr Duration kRounding = 2ms;

// Of RateFactor::kWhole, each time at most.
constexpr std::uint32_t kRaiseMax = RateFactor::kWhole / 10;
constexpr std::uint32_t kFallMax = RateFactor::kWhole * 3 / 10;
constexpr std::uint64_t kSuccessesToRaise = 2;  // one in each of so many windows

double share_of_whole(std::uint32_t factor) {
    return static_cast<double>(factor) / RateFactor::kWhole;
}

// One attempt a second, or the whole rate where that is less.
std::uint32_t least_factor(const transport::LimiterPolicy& rate) {
    const std::int64_t whole = std::int64_t{RateFactor::kWhole} * rate.per.count();
    const std::int64_t a_second = std::int64_t{rate.count} * Duration(1s).count();
    const std::int64_t least = (whole + a_second - 1) / a_second;
    return static_cast<std::uint32_t>(std::min<std::int64_t>(least, RateFactor::kWhole));
}

}  // namespace

void GateModel::restore(const Kept& then,
                        Duration then_elapsed,
                        Duration elapsed,
                        Duration wall_passed) {
    const auto moved = [&](Duration until, Duration longest) {
        if (until <= then_elapsed) return elapsed;  // it was open then
        const Duration left = until - then_elapsed - wall_passed - kRounding;
        return elapsed + std::clamp(left, Duration::zero(), longest - kRounding);
    };
    *this = GateModel(policy_);
    kept_ = then;
    // Open until it is seen to be half open.
    if (then.opens_in_a_row > 0) state_ = State::open;
    kept_.retry_after_until = moved(then.retry_after_until, policy_.retry_after_max);
    kept_.breaker_until = moved(then.breaker_until, policy_.breaker.open_for_max);
    tokens_.set_factor(share_of_whole(kept_.rate_factor), elapsed);
}

Wrong GateModel::on_state(State state, Duration elapsed) {
    if (state == state_) return std::nullopt;
    const bool legal = state_ == State::half_open ||
                       state == (state_ == State::closed ? State::open : State::half_open);
    ++stay_;
    failures_in_a_row_ = 0;
    probes_succeeded_ = 0;
    state_ = state;
    if (state == State::closed) kept_.opens_in_a_row = 0;
    if (state == State::open) {
        const Duration full =
            std::min(policy_.breaker.open_for * (1 << std::min(kept_.opens_in_a_row, 10U)),
                     policy_.breaker.open_for_max);
        ++kept_.opens_in_a_row;
        kept_.breaker_until = elapsed + full / 2;
    }
    return legal ? std::nullopt : Wrong("the breaker moved as it must not");
}

Wrong GateModel::check_limits(const transport::Gates& gates) const {
    const std::size_t limit = gates.concurrency();
    const transport::ConcurrencyPolicy& policy = policy_.concurrency;
    if (limit < 1 || limit > policy.max) return "the concurrency left its bounds";
    if (!policy.is_adaptive && limit != policy.max) return "a fixed concurrency moved";
    if (gates.in_flight() != in_flight_) return "the attempts under way are miscounted";
    if (gates.rate_factor() != kept_.rate_factor) return "the rate moved without an answer";
    return std::nullopt;
}

Wrong GateModel::on_attempt(Seq first,
                            const transport::Gates& gates,
                            Instant now,
                            Duration elapsed) {
    if (elapsed < kept_.breaker_until) return "sent while the breaker is open";
    // The state after it was let in: half_open rather than open, whose time has passed.
    const State state = gates.breaker().state(now);
    if (const Wrong wrong = on_state(state, elapsed)) return wrong;
    if (state == State::open) return "sent while the breaker is open";
    if (elapsed < kept_.retry_after_until) return "sent while Retry-After runs";
    if (kept_.auth_hold && elapsed < auth_probe_at_) return "sent in an auth hold";
    if (kept_.auth_hold) auth_probe_at_ = elapsed + policy_.auth_probe_every;
    if (state == State::half_open && !has_place_for_a_probe(elapsed)) return "a flood of probes";
    asked_.insert_or_assign(first, Asked{stay_, elapsed + policy_.breaker.lease_for});
    if (++in_flight_ > gates.concurrency()) return "too many attempts at once";
    if (const Wrong wrong = check_limits(gates)) return wrong;
    return tokens_.take(elapsed) ? std::nullopt : Wrong("faster than the rate");
}

Wrong GateModel::on_idle(const transport::Gates& gates, Instant now, Duration elapsed) {
    if (const Wrong wrong = on_state(gates.breaker().state(now), elapsed)) return wrong;
    if (const Wrong wrong = check_limits(gates)) return wrong;
    const bool is_shut = gates.breaker().next_try_at(now).has_value();
    const bool leaked = state_ == State::half_open && is_shut && has_place_for_a_probe(elapsed);
    return leaked ? Wrong("a lease was not given back") : std::nullopt;
}

bool GateModel::has_place_for_a_probe(Duration elapsed) const {
    const auto out = std::count_if(asked_.begin(), asked_.end(), [&](const auto& one) {
        return one.second.stay == stay_ && elapsed < one.second.lease_until;
    });
    return out < 1 << probes_succeeded_;
}

void GateModel::on_cancelled(Seq first) {
    asked_.erase(first);
    --in_flight_;
}

Wrong GateModel::on_result(Seq first,
                           const transport::AttemptResult& result,
                           Outcome outcome,
                           bool alone,
                           const transport::Gates& gates,
                           Instant now,
                           Duration elapsed) {
    const State state = gates.breaker().state(now);
    --in_flight_;
    tell_breaker(first, result, outcome, elapsed);
    if (state_ == State::closed && state == State::closed &&
        failures_in_a_row_ >= policy_.breaker.failures_in_a_row) {
        return "the breaker did not open";
    }
    if (result.retry_after || outcome == Outcome::throttled) on_throttled(result, elapsed);
    if (outcome == Outcome::auth && !alone) {
        kept_.auth_hold = true;
        auth_probe_at_ = elapsed + policy_.auth_probe_every;
    } else if (outcome == Outcome::delivered || outcome == Outcome::poison) {
        kept_.auth_hold = false;
        ++credential_passes_;
    }
    if (const Wrong wrong = on_factor(gates.rate_factor(), outcome, elapsed)) return wrong;
    if (const Wrong wrong = on_state(state, elapsed)) return wrong;
    return check_limits(gates);
}

void GateModel::tell_breaker(Seq first,
                             const transport::AttemptResult& result,
                             Outcome outcome,
                             Duration elapsed) {
    const auto asked = asked_.extract(first);
    if (asked.empty() || asked.mapped().stay != stay_) return;  // it decides nothing
    const bool is_slow = result.latency > policy_.breaker.slow_answer;
    if (transport::counts_as_failure(outcome) || (outcome == Outcome::delivered && is_slow)) {
        ++failures_in_a_row_;
    } else if (outcome == Outcome::delivered) {
        failures_in_a_row_ = 0;
        if (elapsed < asked.mapped().lease_until) ++probes_succeeded_;
    }
}

void GateModel::on_throttled(const transport::AttemptResult& result, Duration elapsed) {
    Duration wait{};
    if (result.retry_after) wait = std::chrono::seconds(std::stoi(*result.retry_after));
    wait = std::min(wait, policy_.retry_after_max);
    if (wait == Duration::zero()) wait = policy_.throttle.base / 2;
    kept_.retry_after_until = std::max(kept_.retry_after_until, elapsed + wait);
}

// Only 429s lower it and only successes raise it: those before this answer, which closed their
// window.
Wrong GateModel::on_factor(std::uint32_t factor, Outcome outcome, Duration elapsed) {
    const std::uint32_t before = kept_.rate_factor;
    if (factor > RateFactor::kWhole) return "more than the whole rate";
    if (factor < least_factor(policy_.rate)) return "less than the least rate";
    if (factor < before) {
        if (throttles_ == 0) return "the rate was lowered without a 429";
        if (before - factor > kFallMax) return "the rate was lowered too much at once";
        throttles_ = 0;
    } else if (factor > before) {
        if (successes_ < kSuccessesToRaise) return "the rate was raised without successes";
        if (factor - before > kRaiseMax) return "the rate was raised too much at once";
        successes_ = 0;
    }
    if (outcome == Outcome::throttled) ++throttles_;
    if (outcome == Outcome::delivered) ++successes_;
    kept_.rate_factor = factor;
    tokens_.set_factor(share_of_whole(factor), elapsed);
    return std::nullopt;
}

}  // namespace holdfast::sim
