#include "transport/policy/rate_factor.hpp"

#include <algorithm>

namespace holdfast::transport {
namespace {

constexpr Duration kWindow = std::chrono::seconds(1);
constexpr std::uint32_t kRaise = RateFactor::kWhole / 10;
constexpr std::uint32_t kGoodWindows = 2;

}  // namespace

void RateFactor::on_success(Instant now) {
    enter_window(now);
    ++successes_;
}

void RateFactor::on_throttled(Instant now) {
    enter_window(now);
    ++throttles_;
}

void RateFactor::restore(std::uint32_t factor) {
    factor_ = std::clamp(factor, min_, kWhole);
}

void RateFactor::enter_window(Instant now) {
    if (now < window_ends_at_) return;
    close_window();
    window_ends_at_ = now + kWindow;
}

void RateFactor::close_window() {
    const std::uint64_t answers = successes_ + throttles_;
    const bool is_lowered = throttles_ * 10 > answers && !is_settling_;
    if (is_lowered) {
        const auto fall = static_cast<std::uint32_t>(throttles_ * kWhole * 3 / (answers * 10));
        factor_ = std::max(factor_ - std::min(fall, factor_), min_);
    }
    is_settling_ = is_lowered;
    good_windows_ = throttles_ > 0 ? 0 : good_windows_ + (successes_ > 0 ? 1 : 0);
    if (good_windows_ == kGoodWindows) {
        factor_ = std::min(factor_ + kRaise, kWhole);
        good_windows_ = 0;
    }
    successes_ = 0;
    throttles_ = 0;
}

}  // namespace holdfast::transport
