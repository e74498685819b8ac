#include "transport/policy/limiter.hpp"

#include "proto/assert.hpp"

#include <algorithm>

namespace holdfast::transport {
namespace {

constexpr std::int64_t kToken = 1'000'000'000;

}  // namespace

Limiter::Limiter(LimiterPolicy policy)
    : per_second_(policy.per_second), level_max_(policy.burst * kToken), level_(level_max_) {
    HOLDFAST_ASSERT(policy.per_second > 0 && policy.burst > 0);
}

bool Limiter::try_take(Instant now) {
    refill(now);
    if (level_ < kToken) return false;
    level_ -= kToken;
    return true;
}

Instant Limiter::next_at(Instant now) const {
    const std::int64_t missing = std::max<std::int64_t>(kToken - level_, 0);
    return std::max(now, refilled_at_ + Duration((missing + per_second_ - 1) / per_second_));
}

void Limiter::refill(Instant now) {
    if (now <= refilled_at_) return;
    const std::int64_t elapsed = (now - refilled_at_).count();
    // Divided, not multiplied: after a long idle time the product might not fit.
    const bool full = elapsed > (level_max_ - level_) / per_second_;
    level_ = full ? level_max_ : level_ + elapsed * per_second_;
    refilled_at_ = now;
}

}  // namespace holdfast::transport
