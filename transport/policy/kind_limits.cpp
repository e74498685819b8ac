#include "transport/policy/kind_limits.hpp"

#include "proto/assert.hpp"

namespace holdfast::transport {

KindLimits::KindLimits(const KindPolicy& policy) : concurrency_max_(policy.concurrency_max) {
    HOLDFAST_ASSERT(policy.concurrency_max > 0);
    if (policy.rate) limiter_.emplace(*policy.rate);
}

Instant KindLimits::opens_at(Instant now) const {
    return limiter_ ? limiter_->next_at(now) : now;
}

bool KindLimits::try_enter(Instant now) {
    if (is_busy() || (limiter_ && !limiter_->try_take(now))) return false;
    ++in_flight_;
    return true;
}

void KindLimits::on_end() {
    HOLDFAST_ASSERT(in_flight_ > 0);
    --in_flight_;
}

}  // namespace holdfast::transport
