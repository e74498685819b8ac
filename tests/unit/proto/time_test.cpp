#include "proto/time.hpp"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow{1'767'323'045'678ms};  // 2026-01-02T03:04:05.678Z

TEST(Rfc3339, IsReadInUtc) {
    EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05.678Z"), kNow);
    EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05Z"), kNow - 678ms);
    EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05.6Z"), kNow - 78ms);
    EXPECT_EQ(parse_rfc3339("2026-01-02T03:04:05.678999Z"), kNow);
    EXPECT_EQ(parse_rfc3339("1970-01-01T00:00:00Z"), WallTime(0ms));
    EXPECT_EQ(parse_rfc3339("2024-02-29T00:00:00Z"), WallTime(1'709'164'800'000ms));
}

TEST(Rfc3339, OtherTextsAreRefused) {
    for (const char* text : {"",
                             "2026-01-02",
                             "2026-01-02T03:04:05",
                             "2026-01-02T03:04:05.Z",
                             "2026-01-02T03:04:05+01:00",
                             "2026-01-02 03:04:05Z",
                             "2026-02-30T03:04:05Z",
                             "2026-01-02T24:04:05Z",
                             "2026-01-02T03:60:05Z",
                             "2026-01-02T03:04:61Z",
                             "2026-01-02T03:04:-5Z",
                             "2026-01-02T03:04:05ZZ",
                             "x026-01-02T03:04:05Z"}) {
        EXPECT_EQ(parse_rfc3339(text), std::nullopt) << text;
    }
}

}  // namespace
}  // namespace holdfast
