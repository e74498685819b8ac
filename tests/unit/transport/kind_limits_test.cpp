#include "transport/policy/kind_limits.hpp"

#include <gtest/gtest.h>

namespace holdfast::transport {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1000s};

TEST(KindLimitsTest, NoMoreAtOnceThanItsConcurrency) {
    KindLimits limits({.concurrency_max = 2, .rate = std::nullopt});
    EXPECT_EQ(limits.opens_at(kStart), kStart);
    EXPECT_TRUE(limits.try_enter(kStart));
    EXPECT_TRUE(limits.try_enter(kStart));
    EXPECT_TRUE(limits.is_busy());
    EXPECT_FALSE(limits.try_enter(kStart));
    limits.on_end();
    EXPECT_TRUE(limits.try_enter(kStart));
}

TEST(KindLimitsTest, NoFasterThanItsRate) {
    KindLimits limits({.concurrency_max = 5, .rate = LimiterPolicy{1, 10s, 1}});
    EXPECT_TRUE(limits.try_enter(kStart));
    EXPECT_FALSE(limits.try_enter(kStart + 9s));
    EXPECT_EQ(limits.opens_at(kStart + 9s), kStart + 10s);
    EXPECT_FALSE(limits.is_busy()) << "what was refused is not under way";
    EXPECT_TRUE(limits.try_enter(kStart + 10s));
}

}  // namespace
}  // namespace holdfast::transport
