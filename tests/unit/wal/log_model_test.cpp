#include "tests/unit/wal/log_model.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>

namespace holdfast::wal {
namespace {

constexpr std::uint64_t kSeeds = 200;
constexpr std::uint64_t kControlSeeds = 40;

std::optional<std::uint64_t> chosen_seed() {
    const char* text = std::getenv("HOLDFAST_SEED");
    if (text == nullptr) return std::nullopt;
    return std::strtoull(text, nullptr, 10);
}

// Seeds until the first in which the trial finds something.
bool is_caught(const TrialOptions& options) {
    for (std::uint64_t seed = 0; seed < kControlSeeds; ++seed) {
        if (!run_trial(seed, options).violation.empty()) return true;
    }
    return false;
}

TEST(LogModel, HoldsForEverySeed) {
    const std::optional<std::uint64_t> chosen = chosen_seed();
    TrialResult sum;
    for (std::uint64_t seed = chosen.value_or(0); seed < (chosen ? *chosen + 1 : kSeeds); ++seed) {
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
    EXPECT_GT(sum.failures, 50U);
    EXPECT_GT(sum.reappeared, 5U);
    EXPECT_GT(sum.came_again, 5U);
}

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
