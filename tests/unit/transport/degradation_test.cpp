#include "transport/policy/degradation.hpp"

#include <gtest/gtest.h>

namespace holdfast::transport {
namespace {

using namespace std::chrono_literals;

TEST(DegradationTest, IsFullWhileAllIsWell) {
    EXPECT_EQ(degrade({}, Level::full, false, std::nullopt, {}), Degradation{});
    EXPECT_EQ(degrade({}, Level::full, false, 14min, {}), Degradation{});
}

TEST(DegradationTest, TheOperatorsLevelIsTheLevelWhateverElse) {
    for (const Level level : {Level::essential_only, Level::disabled}) {
        const Degradation degradation = degrade({}, level, true, 24h, {});
        EXPECT_EQ(degradation.level, level);
        EXPECT_FALSE(degradation.essential_first);
        EXPECT_EQ(degradation.reason, "an operator chose it");
    }
}

TEST(DegradationTest, ATightDiskAndLongWaitsPutEssentialOnesFirst) {
    EXPECT_TRUE(degrade({}, Level::full, true, std::nullopt, {}).essential_first);
    EXPECT_TRUE(degrade({}, Level::full, false, 15min, {}).essential_first);
    const DegradationPolicy never{.by_age = std::nullopt, .by_disk = false};
    EXPECT_EQ(degrade(never, Level::full, true, 24h, {}), Degradation{});
}

TEST(DegradationTest, LastsUntilTheOldestWaitsForHalfAsLong) {
    Degradation now = degrade({}, Level::full, false, 15min, {});
    now = degrade({}, Level::full, false, 8min, now);
    EXPECT_TRUE(now.essential_first);
    now = degrade({}, Level::full, false, 7min, now);
    EXPECT_FALSE(now.essential_first);
    EXPECT_FALSE(degrade({}, Level::full, false, 8min, now).essential_first);
}

TEST(LevelTest, ItsNamesAreReadAgain) {
    for (const Level level : {Level::full, Level::essential_only, Level::disabled}) {
        EXPECT_EQ(parse_level(to_string(level)), level);
    }
    EXPECT_EQ(parse_level("half"), std::nullopt);
}

}  // namespace
}  // namespace holdfast::transport
