#include "agent/units.hpp"

#include <gtest/gtest.h>

namespace holdfast::agent {
namespace {

using namespace std::chrono_literals;

TEST(UnitsTest, ReadADurationAsANumberAndOneUnit) {
    EXPECT_EQ(parse_duration("250ms"), 250ms);
    EXPECT_EQ(parse_duration("1s"), 1s);
    EXPECT_EQ(parse_duration("5m"), 5min);
    EXPECT_EQ(parse_duration("24h"), 24h);
    EXPECT_EQ(parse_duration("7d"), 7 * 24h);
    EXPECT_EQ(parse_duration("0s"), 0s);
}

TEST(UnitsTest, RefuseEveryOtherTextForADuration) {
    for (const char* text : {"",
                             "s",
                             "1",
                             "1.5s",
                             "-1s",
                             "+1s",
                             " 1s",
                             "1 s",
                             "1s ",
                             "1S",
                             "1h30m",
                             "1w",
                             "never",
                             "18446744073709551616s"}) {
        EXPECT_EQ(parse_duration(text), std::nullopt) << text;
    }
}

TEST(UnitsTest, RefuseADurationThatDoesNotFitNanoseconds) {
    EXPECT_TRUE(parse_duration("106751d"));
    EXPECT_EQ(parse_duration("106752d"), std::nullopt);
}

TEST(UnitsTest, ReadASizeInPowersOf1000And1024) {
    EXPECT_EQ(parse_size("0"), 0U);
    EXPECT_EQ(parse_size("1500"), 1500U);
    EXPECT_EQ(parse_size("2kB"), 2000U);
    EXPECT_EQ(parse_size("2KiB"), 2048U);
    EXPECT_EQ(parse_size("3MB"), 3'000'000U);
    EXPECT_EQ(parse_size("3MiB"), 3U << 20);
    EXPECT_EQ(parse_size("4GB"), 4'000'000'000U);
    EXPECT_EQ(parse_size("4GiB"), std::uint64_t{4} << 30);
}

TEST(UnitsTest, RefuseEveryOtherTextForASize) {
    for (const char* text : {"", "GiB", "1K", "1kb", "1 GiB", "1.5GiB", "-1", "17179869184GiB"}) {
        EXPECT_EQ(parse_size(text), std::nullopt) << text;
    }
}

TEST(UnitsTest, ShowAValueWithTheLargestUnitThatDividesIt) {
    EXPECT_EQ(format_duration(0s), "0s");
    EXPECT_EQ(format_duration(1500ms), "1500ms");
    EXPECT_EQ(format_duration(90s), "90s");
    EXPECT_EQ(format_duration(48h), "2d");
    EXPECT_EQ(format_size(0), "0");
    EXPECT_EQ(format_size(1001), "1001");
    EXPECT_EQ(format_size(2000), "2kB");
    EXPECT_EQ(format_size(3 << 20), "3MiB");
}

TEST(RateTest, ACountAndATime) {
    using namespace std::chrono_literals;
    EXPECT_EQ(parse_rate("100/s"), (Rate{100, 1s}));
    EXPECT_EQ(parse_rate("1/10s"), (Rate{1, 10s}));
    EXPECT_EQ(parse_rate("5/m"), (Rate{5, 1min}));
    EXPECT_EQ(parse_rate("0/s"), (Rate{0, 1s}));
    for (const std::string_view text : {"",
                                        "/",
                                        "5",
                                        "5/",
                                        "/s",
                                        "5/x",
                                        "-1/s",
                                        "5 /s",
                                        "5/ s",
                                        "4294967296/s",
                                        "1/2",
                                        "1/s/s"}) {
        EXPECT_FALSE(parse_rate(text)) << text;
    }
}

}  // namespace
}  // namespace holdfast::agent
