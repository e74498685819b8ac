#include "transport/policy/limiter.hpp"

#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <vector>

namespace holdfast::transport {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1000s};
constexpr int kSequences = 10'000;

int take_all(Limiter& limiter, Instant now) {
    int taken = 0;
    while (limiter.try_take(now)) ++taken;
    return taken;
}

TEST(LimiterTest, GrantsTheBurstAtOnceAndThenOneForEachInterval) {
    Limiter limiter({.count = 10, .per = 1s, .burst = 3});
    EXPECT_EQ(take_all(limiter, kStart), 3);
    EXPECT_FALSE(limiter.try_take(kStart + 100ms - 1ns));
    EXPECT_TRUE(limiter.try_take(kStart + 100ms));
    EXPECT_FALSE(limiter.try_take(kStart + 100ms));
}

TEST(LimiterTest, IdleTimeBuildsNoMoreThanTheBurst) {
    Limiter limiter({.count = 10, .per = 1s, .burst = 3});
    EXPECT_EQ(take_all(limiter, kStart), 3);
    EXPECT_EQ(take_all(limiter, kStart + 24h * 365 * 100), 3);
}

TEST(LimiterTest, SaysTheFirstMomentAtWhichOneMayGo) {
    Limiter limiter({.count = 3, .per = 1s, .burst = 1});
    EXPECT_EQ(limiter.next_at(kStart), kStart) << "full";
    ASSERT_TRUE(limiter.try_take(kStart));
    const Instant next = limiter.next_at(kStart);
    EXPECT_EQ(next, kStart + 333'333'334ns) << "rounded up";
    EXPECT_FALSE(limiter.try_take(next - 1ns));
    EXPECT_TRUE(limiter.try_take(next));
}

TEST(LimiterTest, DoesNotDriftAtARateThatDoesNotDivideASecond) {
    for (const std::uint32_t rate : {3U, 7U, 999U, 3000U, 700'001U}) {
        Limiter limiter({.count = rate, .per = 1s, .burst = 2});
        ASSERT_EQ(take_all(limiter, kStart), 2);
        Instant now = kStart;
        for (std::uint32_t i = 0; i < rate * 2 && i < 20'000; ++i) {
            now = limiter.next_at(now);
            ASSERT_TRUE(limiter.try_take(now));
            const Duration exact = Duration((i + 1) * 1'000'000'000LL / rate);
            ASSERT_LE(now - kStart, exact + 1ns) << rate << " a second, number " << i;
        }
    }
}

TEST(LimiterTest, OneInTenSeconds) {
    Limiter limiter({.count = 1, .per = 10s, .burst = 1});
    EXPECT_EQ(take_all(limiter, kStart), 1);
    EXPECT_EQ(limiter.next_at(kStart), kStart + 10s);
    EXPECT_FALSE(limiter.try_take(kStart + 10s - 1ns));
    EXPECT_TRUE(limiter.try_take(kStart + 10s));
    Limiter hourly({.count = 1, .per = kLimiterPeriodMax, .burst = 2000});
    EXPECT_EQ(take_all(hourly, kStart), 2000);
    EXPECT_EQ(hourly.next_at(kStart), kStart + 1h);
}

TEST(LimiterTest, AFactorLowersTheRateFromThenOn) {
    Limiter limiter({.count = 10, .per = 1s, .burst = 1});
    ASSERT_TRUE(limiter.try_take(kStart));
    limiter.set_factor(Limiter::kWhole / 2, kStart);
    EXPECT_EQ(limiter.next_at(kStart), kStart + 200ms);
    limiter.set_factor(Limiter::kWhole, kStart + 100ms);
    EXPECT_EQ(limiter.next_at(kStart + 100ms), kStart + 150ms) << "half of it was gained before";
    EXPECT_TRUE(limiter.try_take(kStart + 150ms));
    limiter.set_factor(1, kStart + 150ms);
    EXPECT_EQ(limiter.next_at(kStart + 150ms), kStart + 150ms + 102400ms);
}

TEST(LimiterTest, ARefusalCostsNothing) {
    Limiter limiter({.count = 1, .per = 1s, .burst = 1});
    ASSERT_TRUE(limiter.try_take(kStart));
    for (Duration t = 0ns; t < 1s; t += 1ms) ASSERT_FALSE(limiter.try_take(kStart + t));
    EXPECT_TRUE(limiter.try_take(kStart + 1s));
}

TEST(LimiterTest, TheLargestFiguresFit) {
    constexpr std::uint32_t kMost = kLimiterBurstMax / 1s;
    Limiter limiter({.count = kMost, .per = 1s, .burst = kMost});
    EXPECT_TRUE(limiter.try_take(Instant::max()));
    EXPECT_EQ(limiter.next_at(Instant::max()), Instant::max());
}

// Over every span between two grants, not only from the start.
TEST(LimiterTest, NeverGrantsMoreThanRateTimesTimePlusBurst) {
    for (std::uint64_t seed = 0; seed < kSequences; ++seed) {
        std::mt19937_64 random(seed);
        const LimiterPolicy policy{.count = static_cast<std::uint32_t>(random() % 2000 + 1),
                                   .per = 1s,
                                   .burst = static_cast<std::uint32_t>(random() % 20 + 1)};
        Limiter limiter(policy);
        std::vector<Instant> grants;
        Instant now = kStart;
        for (int i = 0; i < 40; ++i) {
            if (random() % 3 != 0) {
                now += Duration(static_cast<Duration::rep>(random() % 20'000'000));
            }
            const Instant next = limiter.next_at(now);
            const bool granted = limiter.try_take(now);
            ASSERT_EQ(granted, next == now) << "seed " << seed;
            if (granted) grants.push_back(now);
        }
        // In billionths: grants * 10^9 <= rate * nanoseconds + burst * 10^9.
        for (std::size_t first = 0; first < grants.size(); ++first) {
            const auto count = static_cast<std::int64_t>(grants.size() - first);
            const std::int64_t allowed = (grants.back() - grants[first]).count() * policy.count +
                                         policy.burst * 1'000'000'000LL;
            ASSERT_LE(count * 1'000'000'000LL, allowed) << "seed " << seed;
        }
    }
}

}  // namespace
}  // namespace holdfast::transport
