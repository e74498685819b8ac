#include "gate_model.hpp"

#include <algorithm>

namespace holdfast::sim {
namespace {

using namespace std::chrono_literals;
using transport::Outcome;

// Saved times are whole milliseconds on a clock that is read in milliseconds.
constexpr Duration kRounding = 2ms;

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
}

Wrong GateModel::on_state(State state, Duration elapsed) {
    if (state == state_) return std::nullopt;
    const bool legal = state_ == State::half_open ||
                       state == (state_ == State::closed ? State::open : State::half_open);
    ++stay_;
    failures_in_a_row_ = 0;
    successes_ = 0;
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

Wrong GateModel::on_attempt(Seq seq, State state, Duration elapsed) {
    if (elapsed < kept_.breaker_until) return "sent while the breaker is open";
    if (const Wrong wrong = on_state(state, elapsed)) return wrong;
    if (state == State::open) return "sent while the breaker is open";
    if (elapsed < kept_.retry_after_until) return "sent while Retry-After runs";
    if (kept_.auth_hold && elapsed < auth_probe_at_) return "sent in an auth hold";
    if (kept_.auth_hold) auth_probe_at_ = elapsed + policy_.auth_probe_every;
    if (state == State::half_open && !has_place_for_a_probe(elapsed)) return "a flood of probes";
    asked_.insert_or_assign(seq, Asked{stay_, elapsed + policy_.breaker.lease_for});
    return take_token(elapsed);
}

Wrong GateModel::on_idle(bool breaker_is_shut, Duration elapsed) const {
    const bool leaked =
        state_ == State::half_open && breaker_is_shut && has_place_for_a_probe(elapsed);
    return leaked ? Wrong("a lease was not given back") : std::nullopt;
}

bool GateModel::has_place_for_a_probe(Duration elapsed) const {
    const auto out = std::count_if(asked_.begin(), asked_.end(), [&](const auto& one) {
        return one.second.stay == stay_ && elapsed < one.second.lease_until;
    });
    return out < 1 << successes_;
}

// Counted in floating point, so that it shares nothing with what it checks.
Wrong GateModel::take_token(Duration elapsed) {
    using Seconds = std::chrono::duration<double>;
    const double burst = policy_.rate.burst;
    const double gained = Seconds(elapsed - tokens_at_).count() * policy_.rate.per_second;
    tokens_ = std::min(burst, tokens_.value_or(burst) + gained) - 1;
    tokens_at_ = elapsed;
    return *tokens_ < -1e-6 ? Wrong("faster than the rate") : std::nullopt;
}

void GateModel::on_cancelled(Seq seq) {
    asked_.erase(seq);
}

Wrong GateModel::on_result(Seq seq,
                           const transport::AttemptResult& result,
                           Outcome outcome,
                           bool alone,
                           State state,
                           Duration elapsed) {
    const auto asked = asked_.extract(seq);
    const bool decides = !asked.empty() && asked.mapped().stay == stay_;
    if (decides && outcome == Outcome::delivered) {
        failures_in_a_row_ = 0;
        if (elapsed < asked.mapped().lease_until) ++successes_;
    }
    if (decides && transport::counts_as_failure(outcome)) ++failures_in_a_row_;
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
    return on_state(state, elapsed);
}

void GateModel::on_throttled(const transport::AttemptResult& result, Duration elapsed) {
    Duration wait{};
    if (result.retry_after) wait = std::chrono::seconds(std::stoi(*result.retry_after));
    wait = std::min(wait, policy_.retry_after_max);
    if (wait == Duration::zero()) wait = policy_.throttle.base / 2;
    kept_.retry_after_until = std::max(kept_.retry_after_until, elapsed + wait);
}

}  // namespace holdfast::sim
