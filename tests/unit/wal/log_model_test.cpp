#include "tests/unit/wal/log_model.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace holdfast::wal {
namespace {

constexpr std::uint64_t kSeedsPerPart = 50;
constexpr std::uint64_t kControlSeeds = 40;

// Seeds until the first in which the trial finds something.
bool is_caught(const TrialOptions& options) {
    for (std::uint64_t seed = 0; seed < kControlSeeds; ++seed) {
        if (!run_trial(seed, options).violation.empty()) return true;
    }
    return false;
}

// In parts, so that they run side by side and each in good time.
class LogModel : public testing::TestWithParam<std::uint64_t> {};

TEST_P(LogModel, HoldsForEverySeed) {
    TrialResult sum;
    const char* chosen = std::getenv("HOLDFAST_SEED");  // that one alone, once in each part
    const std::uint64_t first =
        chosen ? std::strtoull(chosen, nullptr, 10) : GetParam() * kSeedsPerPart;
    const std::uint64_t count = chosen ? 1 : kSeedsPerPart;
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        const TrialResult result = run_trial(seed);
        ASSERT_EQ(result.violation, "") << "again with HOLDFAST_SEED=" << seed;
        sum.acknowledged += result.acknowledged;
        sum.openings += result.openings;
        sum.failures += result.failures;
        sum.reappeared += result.reappeared;
        sum.came_again += result.came_again;
    }
    std::printf("%llu acknowledged, %llu openings, %llu failures, %llu reappeared, %llu again\n",
                static_cast<unsigned long long>(sum.acknowledged),
                static_cast<unsigned long long>(sum.openings),
                static_cast<unsigned long long>(sum.failures),
                static_cast<unsigned long long>(sum.reappeared),
                static_cast<unsigned long long>(sum.came_again));
    if (chosen) return;
    // It meets all that it is about.
    EXPECT_GT(sum.failures, 5U);
    EXPECT_GT(sum.reappeared, 2U);
    EXPECT_GT(sum.came_again, 5U);
}

INSTANTIATE_TEST_SUITE_P(Part, LogModel, testing::Range(std::uint64_t{0}, std::uint64_t{5}));

TEST(LogModelControl, CatchesADiskThatLiesAboutSyncing) {
    TrialOptions options;
    options.disk_lies_about_sync = true;
    EXPECT_TRUE(is_caught(options));
}

TEST(LogModelControl, CatchesAStopThatWasNotClean) {
    TrialOptions options;
    options.stops_are_crashes = true;
    EXPECT_TRUE(is_caught(options));
}

TEST(LogModelControl, CatchesAMarkThatWasForgotten) {
    TrialOptions options;
    options.forgets_a_mark = true;
    EXPECT_TRUE(is_caught(options));
}

}  // namespace
}  // namespace holdfast::wal
