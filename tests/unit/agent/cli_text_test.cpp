#include "agent/cli/table.hpp"
#include "agent/cli/text.hpp"

#include <gtest/gtest.h>

namespace holdfast::cli {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kNow{1'767'323'045'678ms};  // 2026-01-02T03:04:05.678Z

TEST(CliTextTest, WritesATimeAsItReadsIt) {
    EXPECT_EQ(time_text(kNow), "2026-01-02T03:04:05.678Z");
    EXPECT_EQ(time_text(WallTime(0ms)), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(time_text(WallTime(1'709'164'800'001ms)), "2024-02-29T00:00:00.001Z");
}

TEST(CliTextTest, ReadsAMomentAsATimeOrHowLongAgoItWas) {
    EXPECT_EQ(parse_moment("2026-01-02T03:04:05.678Z", kNow), kNow);
    EXPECT_EQ(parse_moment("90s", kNow), kNow - 90s);
    EXPECT_EQ(parse_moment("30m", kNow), kNow - 30min);
    EXPECT_EQ(parse_moment("2h", kNow), kNow - 2h);
    EXPECT_EQ(parse_moment("7d", kNow), kNow - 168h);
    for (const char* text : {"", "s", "7", "-2h", "2 h", "1000001s", "2w", "yesterday"}) {
        EXPECT_EQ(parse_moment(text, kNow), std::nullopt) << text;
    }
}

TEST(CliTextTest, SaysHowLongAgoAndInHowLong) {
    const std::vector<std::pair<std::chrono::milliseconds, std::string>> times = {
        {0ms, "now"},
        {-999ms, "now"},
        {999ms, "now"},
        {-1s, "1 s ago"},
        {12s, "in 12 s"},
        {-119s, "119 s ago"},
        {-2min, "2 min ago"},
        {119min, "in 119 min"},
        {-120min, "2 h ago"},
        {-47h, "47 h ago"},
        {48h, "in 2 d"},
        {-240h, "10 d ago"},
    };
    for (const auto& [difference, text] : times) EXPECT_EQ(relative(kNow + difference, kNow), text);
}

TEST(CliTextTest, ShowsControlCharactersAsTheirNumbers) {
    EXPECT_EQ(printable("plain \xc3\xbc\xe2\x82\xac"), "plain \xc3\xbc\xe2\x82\xac");
    EXPECT_EQ(printable("\x1b[31mred\n\t\x7f"), "\\x1b[31mred\\x0a\\x09\\x7f");
    EXPECT_EQ(printable("\xc2\x9b\xc2\xa0"), "\\x9b\xc2\xa0");
    EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
}

TEST(CliTextTest, WritesSizesWithTwoDigitsThatMatter) {
    const std::vector<std::pair<std::uint64_t, std::string>> sizes = {
        {0, "0 B"},
        {999, "999 B"},
        {1000, "1 kB"},
        {1550, "1.5 kB"},
        {15'900, "15 kB"},
        {999'999'999, "999 MB"},
        {1'100'000'000, "1.1 GB"},
        {12'000'000'000'000'000, "12000 TB"},
        {~std::uint64_t{0}, "1152921 TB"}};
    for (const auto& [bytes, text] : sizes) EXPECT_EQ(bytes_text(bytes), text);
}

TEST(CliTextTest, AlignsColumnsByCodePoints) {
    Table table({{"NAME"}, {"N", Table::Align::right}, {"LAST"}});
    table.add({"\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc", "7", ""});
    table.add({"b\n", "1234", "x"});
    EXPECT_EQ(table.text(),
              "NAME      N  LAST\n"
              "\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc\xc3\xbc     7\n"
              "b\\x0a  1234  x\n");
}

TEST(CliTextTest, WritesNoHeadingLineWithoutHeadings) {
    Table table({{}, {}});
    table.add({"key", "value"});
    EXPECT_EQ(table.text(), "key  value\n");
}

}  // namespace
}  // namespace holdfast::cli
