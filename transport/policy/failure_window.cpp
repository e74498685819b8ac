#include "transport/policy/failure_window.hpp"

#include "proto/assert.hpp"

namespace holdfast::transport {

FailureWindow::FailureWindow(Duration length) : slot_length_(length / kBuckets) {
    HOLDFAST_ASSERT(slot_length_ > Duration::zero());
}

void FailureWindow::add(Instant now, bool failed) {
    const std::int64_t slot = slot_of(now);
    Bucket& bucket = buckets_[static_cast<std::size_t>(slot % kBuckets)];
    if (bucket.slot != slot) bucket = {slot, {}};
    ++bucket.counts.calls;
    if (failed) ++bucket.counts.failures;
}

void FailureWindow::clear() {
    buckets_ = {};
}

FailureWindow::Counts FailureWindow::counts(Instant now) const {
    const std::int64_t oldest = slot_of(now) - kBuckets + 1;
    Counts sum;
    for (const Bucket& bucket : buckets_) {
        if (bucket.slot < oldest) continue;
        sum.calls += bucket.counts.calls;
        sum.failures += bucket.counts.failures;
    }
    return sum;
}

std::int64_t FailureWindow::slot_of(Instant now) const {
    HOLDFAST_ASSERT(now.time_since_epoch() >= Duration::zero());
    return now.time_since_epoch() / slot_length_;
}

}  // namespace holdfast::transport
