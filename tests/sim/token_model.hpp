// A token bucket, counted in floating point, so that it shares nothing with what it checks.
#pragma once

#include "transport/policy/limiter.hpp"

#include <algorithm>

namespace holdfast::sim {

class TokenModel {
public:
    explicit TokenModel(const transport::LimiterPolicy& policy)
        : burst_(policy.burst),
          rate_(policy.count / Seconds(policy.per).count()),
          tokens_(burst_) {}

    // From now on it gains so much of its rate.
    void set_factor(double factor, Duration elapsed) {
        gain(elapsed);
        factor_ = factor;
    }

    // There is one for certain.
    [[nodiscard]] bool has_one(Duration elapsed) const { return level(elapsed) >= 1 + kRounding; }

    // False: there was none.
    [[nodiscard]] bool take(Duration elapsed) {
        gain(elapsed);
        return --tokens_ >= -kRounding;
    }

private:
    using Seconds = std::chrono::duration<double>;

    static constexpr double kRounding = 1e-6;

    [[nodiscard]] double level(Duration elapsed) const {
        return std::min(burst_, tokens_ + Seconds(elapsed - at_).count() * rate_ * factor_);
    }

    void gain(Duration elapsed) {
        tokens_ = level(elapsed);
        at_ = elapsed;
    }

    double burst_;
    double rate_;  // in a second
    double factor_ = 1;
    double tokens_;
    Duration at_{};
};

}  // namespace holdfast::sim
