#include "transport/policy/concurrency.hpp"

#include "proto/assert.hpp"

#include <algorithm>
#include <cmath>

namespace holdfast::transport {
namespace {

using Seconds = std::chrono::duration<double>;

constexpr double kAlpha = 0.4;
constexpr double kDeviations = 2.5;
constexpr std::size_t kTenths = 9;  // what is left after a decrease
constexpr double kEqual = 1e-6;     // of a round trip: a difference that comes of summing up

Duration as_duration(double seconds) {
    return std::chrono::duration_cast<Duration>(Seconds(seconds));
}

}  // namespace

Concurrency::Concurrency(ConcurrencyPolicy policy)
    : policy_(policy), limit_(policy.is_adaptive ? 1 : policy.max) {
    HOLDFAST_ASSERT(policy.max > 0);
}

void Concurrency::on_start(std::size_t in_flight) {
    limit_reached_ |= in_flight >= limit_;
}

void Concurrency::on_answer(Duration took, Instant now) {
    sum_ += Seconds(took).count();
    ++count_;
    decide(now);
}

void Concurrency::on_push_back(Instant now) {
    was_pushed_back_ = true;
    decide(now);
}

void Concurrency::decide(Instant now) {
    if (!policy_.is_adaptive) return;
    const double mean = count_ > 0 ? sum_ / static_cast<double>(count_) : 0;
    if (!knows_mean_) {
        if (count_ == 0) return;
        knows_mean_ = true;
        mean_ = mean;
    } else if (now < decides_at_) {
        return;
    } else {
        const double slow = mean_ * (1 + kEqual) + kDeviations * std::sqrt(variance_);
        if (limit_ < policy_.max && limit_reached_ && !was_pushed_back_ && count_ > 0 &&
            mean <= mean_ * (1 + kEqual)) {
            ++limit_;
        } else if (was_pushed_back_ || (count_ > 0 && mean > slow)) {
            limit_ = std::max<std::size_t>(limit_ * kTenths / 10, 1);
        }
        if (count_ > 0) {
            const double difference = mean - mean_;
            mean_ += kAlpha * difference;
            variance_ = (1 - kAlpha) * (variance_ + kAlpha * difference * difference);
        }
    }
    decides_at_ = now + as_duration(mean_);
    sum_ = 0;
    count_ = 0;
    limit_reached_ = false;
    was_pushed_back_ = false;
}

}  // namespace holdfast::transport
