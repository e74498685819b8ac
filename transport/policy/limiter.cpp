#include "transport/policy/limiter.hpp"

#include "proto/assert.hpp"

#include <algorithm>

namespace holdfast::transport {

Limiter::Limiter(LimiterPolicy policy)
    : count_(policy.count),
      token_(policy.per.count() * kWhole),
      level_max_(token_ * policy.burst),
      level_(level_max_) {
    HOLDFAST_ASSERT(policy.count > 0 && policy.burst > 0);
    HOLDFAST_ASSERT(policy.per > Duration::zero() && policy.per <= kLimiterPeriodMax);
    HOLDFAST_ASSERT(policy.burst <= kLimiterBurstMax / policy.per);
}

void Limiter::set_factor(std::uint32_t factor, Instant now) {
    HOLDFAST_ASSERT(factor > 0 && factor <= kWhole);
    refill(now);
    factor_ = factor;
}

bool Limiter::try_take(Instant now) {
    refill(now);
    if (level_ < token_) return false;
    level_ -= token_;
    return true;
}

Instant Limiter::next_at(Instant now) const {
    const std::int64_t missing = std::max<std::int64_t>(token_ - level_, 0);
    const std::int64_t gain = count_ * factor_;
    return std::max(now, refilled_at_ + Duration((missing + gain - 1) / gain));
}

void Limiter::refill(Instant now) {
    if (now <= refilled_at_) return;
    const std::int64_t elapsed = (now - refilled_at_).count();
    const std::int64_t gain = count_ * factor_;
    // Divided, not multiplied: after a long idle time the product might not fit.
    const bool full = elapsed > (level_max_ - level_) / gain;
    level_ = full ? level_max_ : level_ + elapsed * gain;
    refilled_at_ = now;
}

}  // namespace holdfast::transport
