#include "transport/policy/rate_factor.hpp"

#include <gtest/gtest.h>

namespace holdfast::transport {
namespace {

using namespace std::chrono_literals;

class RateFactorTest : public testing::Test {
protected:
    // A window with so many answers of each kind.
    void window(int successes, int throttles) {
        for (int i = 0; i < successes; ++i) factor_.on_success(now_);
        for (int i = 0; i < throttles; ++i) factor_.on_throttled(now_);
        now_ += 1s;
    }

    [[nodiscard]] int percent() const {
        return static_cast<int>(factor_.factor() * 100 / RateFactor::kWhole);
    }

    Instant now_{1000s};
    RateFactor factor_{10};
};

TEST_F(RateFactorTest, BeginsWhole) {
    EXPECT_EQ(factor_.factor(), RateFactor::kWhole);
    window(100, 0);
    window(100, 0);
    EXPECT_EQ(factor_.factor(), RateFactor::kWhole);
}

TEST_F(RateFactorTest, FallsByAThirdOfTheShareAndLetsThatSettle) {
    window(50, 50);
    window(50, 50);  // the first answer in it closes the window before
    EXPECT_EQ(percent(), 85);
    window(50, 50);
    EXPECT_EQ(percent(), 85) << "the window after a fall is let settle";
    window(1, 0);
    EXPECT_EQ(percent(), 70);
}

TEST_F(RateFactorTest, AFewOnesAreNoReason) {
    window(90, 10);
    window(90, 10);
    window(1, 0);
    EXPECT_EQ(percent(), 100);
}

TEST_F(RateFactorTest, RisesByATenthForTwoGoodWindows) {
    for (int i = 0; i < 4; ++i) window(0, 10);
    const int low = percent();
    EXPECT_LT(low, 60);
    window(10, 0);
    window(10, 0);
    window(10, 0);
    EXPECT_NEAR(percent(), low + 10, 1);
    window(10, 0);
    EXPECT_NEAR(percent(), low + 10, 1);
    window(10, 0);
    EXPECT_NEAR(percent(), low + 20, 1);
}

TEST_F(RateFactorTest, APauseIsNoReasonToRise) {
    window(0, 10);
    window(0, 10);
    const int low = percent();
    now_ += 1h;
    window(1, 0);
    EXPECT_EQ(percent(), low) << "nothing was answered in that hour";
}

TEST_F(RateFactorTest, NeverFallsBelowItsLeast) {
    for (int i = 0; i < 100; ++i) window(0, 10);
    EXPECT_EQ(factor_.factor(), 10U);
}

TEST_F(RateFactorTest, WhatIsRestoredIsWithinItsBounds) {
    factor_.restore(500);
    EXPECT_EQ(factor_.factor(), 500U);
    factor_.restore(0);
    EXPECT_EQ(factor_.factor(), 10U);
    factor_.restore(4'000'000'000U);
    EXPECT_EQ(factor_.factor(), RateFactor::kWhole);
}

}  // namespace
}  // namespace holdfast::transport
