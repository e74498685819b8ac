#include "transport/policy/retry_after.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <ostream>
#include <random>
#include <string>

namespace holdfast::transport {

static void PrintTo(const RetryAfter& value, std::ostream* out) {
    *out << value.wait.count() << " ns" << (value.clamped ? ", clamped" : "");
}

namespace {

using namespace std::chrono_literals;

// Sun, 06 Nov 1994 08:49:37 GMT, as RFC 9110 has it in its examples.
constexpr WallTime kNow{784'111'777'000ms};

std::optional<RetryAfter> parse(std::string_view value, std::optional<std::string_view> date = {}) {
    return parse_retry_after(value, date, kNow, 1h);
}

std::optional<RetryAfter> wait(Duration duration) {
    return RetryAfter{duration, false};
}

std::optional<RetryAfter> clamped(Duration duration) {
    return RetryAfter{duration, true};
}

TEST(RetryAfterTest, ReadsSeconds) {
    EXPECT_EQ(parse("0"), wait(0s));
    EXPECT_EQ(parse("120"), wait(120s));
    EXPECT_EQ(parse(" \t7 "), wait(7s)) << "blanks around a value mean nothing";
    EXPECT_EQ(parse("007"), wait(7s));
}

TEST(RetryAfterTest, ReadsADateInAllThreeForms) {
    EXPECT_EQ(parse("Sun, 06 Nov 1994 08:50:37 GMT"), wait(60s));
    EXPECT_EQ(parse("Sunday, 06-Nov-94 08:50:37 GMT"), wait(60s));
    EXPECT_EQ(parse("Sun Nov  6 08:50:37 1994"), wait(60s));
}

TEST(RetryAfterTest, MeasuresADateAgainstTheFarSidesOwnClock) {
    EXPECT_EQ(parse("Wed, 01 Jan 2031 00:05:00 GMT", "Wed, 01 Jan 2031 00:00:00 GMT"), wait(5min));
}

TEST(RetryAfterTest, MeasuresADateAgainstOursWhenTheirsIsNotReadable) {
    EXPECT_EQ(parse("Sun, 06 Nov 1994 08:50:37 GMT", "yesterday"), wait(60s));
    EXPECT_EQ(parse("Sun, 06 Nov 1994 08:50:37 GMT", ""), wait(60s));
}

TEST(RetryAfterTest, SecondsCountFromTheReceiptWhateverTheirClockSays) {
    EXPECT_EQ(parse("30", "Wed, 01 Jan 2031 00:00:00 GMT"), wait(30s));
}

TEST(RetryAfterTest, ADateInThePastIsNoWait) {
    EXPECT_EQ(parse("Sun, 06 Nov 1994 08:49:36 GMT"), wait(0s));
    EXPECT_EQ(parse("Sat, 01 Jan 0000 00:00:00 GMT", "Fri, 31 Dec 9999 23:59:59 GMT"), wait(0s));
}

TEST(RetryAfterTest, IsClampedToTheMaximumAndSaysSo) {
    EXPECT_EQ(parse("3600"), wait(1h));
    EXPECT_EQ(parse("3601"), clamped(1h));
    EXPECT_EQ(parse("Sun, 06 Nov 1994 09:49:37 GMT"), wait(1h));
    EXPECT_EQ(parse("Sun, 06 Nov 1994 09:49:38 GMT"), clamped(1h));
    EXPECT_EQ(parse("Fri, 31 Dec 9999 23:59:59 GMT"), clamped(1h));
    EXPECT_EQ(parse("9223372036854775807"), clamped(1h));
    EXPECT_EQ(parse("99999999999999999999999999"), clamped(1h)) << "more than any number holds";
    EXPECT_EQ(parse_retry_after("1", {}, kNow, 0s), clamped(0s));
    EXPECT_EQ(parse_retry_after("9223372036", {}, kNow, Duration::max()), wait(9223372036s));
    EXPECT_EQ(parse_retry_after("9223372037", {}, kNow, Duration::max()), clamped(Duration::max()));
}

TEST(RetryAfterTest, WhatIsMalformedIsAbsent) {
    const std::string_view table[] = {
        "",
        " ",
        "-1",
        "+1",
        "1.5",
        "1e3",
        "0x10",
        "12 s",
        "1, 2",
        "soon",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 GMT+1",
        "Sun, 06 Nov 1994 08:49:37 CET",
        "Sun, 31 Feb 1994 08:49:37 GMT",
        "Sun, 06 Nov 1994 25:49:37 GMT",
        "Sun, 06 Nov",
        "1994-11-06T08:49:37Z",
        std::string_view("12\0", 3),
        std::string_view("Sun, 06 Nov 1994 08:49:37 GMT\0", 30),
    };
    for (const std::string_view value : table) EXPECT_EQ(parse(value), std::nullopt) << value;
}

TEST(RetryAfterTest, AnyBytesAreReadWithoutHarmAndStayWithinBounds) {
    const std::string_view alphabet = "0123456789 ,:-SunNovGMT\t\xff";
    for (std::uint64_t seed = 0; seed < 10'000; ++seed) {
        std::mt19937_64 random(seed);
        std::string value = seed % 2 == 0 ? "" : "Sun, 06 Nov 1994 08:49:37 GMT";
        for (std::uint64_t i = random() % 10; i > 0; --i)
            value.insert(random() % (value.size() + 1), 1, alphabet[random() % alphabet.size()]);
        if (const auto parsed = parse(value, value)) {
            ASSERT_GE(parsed->wait, 0s) << value;
            ASSERT_LE(parsed->wait, 1h) << value;
        }
    }
}

TEST(RetryAfterTest, IsSpreadByUpToATenthAndNeverShortened) {
    Duration least = 1h;
    Duration most{};
    for (std::uint64_t seed = 0; seed < 1000; ++seed) {
        const Duration spread_out = spread({100s, true}, seed);
        least = std::min(least, spread_out);
        most = std::max(most, spread_out);
    }
    EXPECT_GE(least, 100s);
    EXPECT_LT(least, 101s);
    EXPECT_GT(most, 109s);
    EXPECT_LE(most, 110s);
    EXPECT_EQ(spread({0s, false}, 7), 0s);
}

}  // namespace
}  // namespace holdfast::transport
