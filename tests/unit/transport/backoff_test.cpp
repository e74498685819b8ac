#include "transport/policy/backoff.hpp"

#include "transport/policy/jitter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <random>
#include <set>

namespace holdfast::transport {
namespace {

using namespace std::chrono_literals;

constexpr int kSequences = 10'000;
constexpr std::uint32_t kAttemptMax = std::numeric_limits<std::uint32_t>::max();

struct Bounds {
    std::uint32_t attempt;
    Duration full;
};

TEST(BackoffTest, DoublesFromTheBaseToTheCapAndIsJitteredBetweenHalfAndAll) {
    const Bounds table[] = {
        {0, 1s},
        {1, 1s},
        {2, 2s},
        {3, 4s},
        {8, 128s},
        {9, 256s},
        {10, 300s},
        {11, 300s},
        {63, 300s},
        {64, 300s},
        {65, 300s},
        {kAttemptMax, 300s},
    };
    for (const auto& [attempt, full] : table) {
        for (std::uint64_t seed = 0; seed < 1000; ++seed) {
            const Duration wait = backoff({}, attempt, seed);
            ASSERT_GE(wait, full / 2) << "attempt " << attempt << " seed " << seed;
            ASSERT_LE(wait, full) << "attempt " << attempt << " seed " << seed;
        }
    }
}

TEST(BackoffTest, IsJitteredAfterTheCapSoThatLateRetriesDoNotLandTogether) {
    std::set<Duration> waits;
    Duration sum{};
    for (std::uint64_t seed = 0; seed < 1000; ++seed) {
        const Duration wait = backoff({}, 100, seed);
        waits.insert(wait);
        sum += wait / 1000;
    }
    EXPECT_EQ(waits.size(), 1000U);
    EXPECT_GT(sum, 220s) << "the middle of [150 s, 300 s] is 225 s";
    EXPECT_LT(sum, 230s);
    EXPECT_LT(*waits.begin(), 152s);
    EXPECT_GT(*waits.rbegin(), 298s);
}

TEST(BackoffTest, ABaseAboveTheCapIsTheCap) {
    const Duration wait = backoff({.base = 10min, .cap = 1min}, 1, 7);
    EXPECT_GE(wait, 30s);
    EXPECT_LE(wait, 60s);
}

TEST(BackoffTest, StaysWithinItsBoundsForAnyPolicyAttemptAndSeed) {
    for (std::uint64_t sequence = 0; sequence < kSequences; ++sequence) {
        std::mt19937_64 random(sequence);
        const auto any_duration = [&] {
            const Duration::rep bits = static_cast<Duration::rep>(random() >> 1);
            return Duration((bits >> random() % 63) + (bits == Duration::max().count() ? 0 : 1));
        };
        const BackoffPolicy policy{.base = any_duration(), .cap = any_duration()};
        const std::uint32_t attempt = static_cast<std::uint32_t>(random() >> (32 + random() % 32));

        long double full = static_cast<long double>(policy.base.count());
        for (std::uint32_t i = 1; i < attempt && i < 100; ++i) full *= 2;
        full = std::min(full, static_cast<long double>(policy.cap.count()));

        const auto wait = static_cast<long double>(backoff(policy, attempt, random()).count());
        ASSERT_GE(wait * 2 + 1, full) << "sequence " << sequence;
        ASSERT_LE(wait, full) << "sequence " << sequence;
    }
}

TEST(BackoffSeedTest, IsTheSameEveryTimeAndOnEveryMachine) {
    const Ulid id = *Ulid::parse("01ARZ3NDEKTSV4RRFFQ69G5FAV");
    EXPECT_EQ(backoff_seed(backoff_chance(id), 1), 13'835'958'106'027'281'723U);
    EXPECT_EQ(backoff({}, 1, backoff_seed(backoff_chance(id), 1)), 611'843'557ns);
}

TEST(BackoffSeedTest, DiffersWithEachByteOfTheIdAndWithTheAttempt) {
    std::set<std::uint64_t> seeds{backoff_seed(backoff_chance(Ulid{}), 0)};
    for (std::size_t i = 0; i < 16; ++i) {
        Ulid id;
        id.bytes[i] = 1;
        seeds.insert(backoff_seed(backoff_chance(id), 0));
    }
    for (std::uint32_t attempt = 1; attempt <= 1000; ++attempt)
        seeds.insert(backoff_seed(backoff_chance(Ulid{}), attempt));
    EXPECT_EQ(seeds.size(), 1017U);
}

TEST(JitterTest, ReachesBothEndsAndNeverLeavesThem) {
    std::set<Duration> seen;
    for (std::uint64_t seed = 0; seed < 1000; ++seed) seen.insert(jitter(3ns, seed));
    EXPECT_EQ(seen, (std::set<Duration>{0ns, 1ns, 2ns, 3ns}));
    EXPECT_EQ(jitter(0ns, 42), 0ns);
    EXPECT_LE(jitter(Duration::max(), 42), Duration::max());
}

}  // namespace
}  // namespace holdfast::transport
