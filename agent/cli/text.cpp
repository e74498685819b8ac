#include "agent/cli/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>

namespace holdfast::cli {
namespace {

bool is_continuation(char c) {
    return (static_cast<unsigned char>(c) & 0xc0U) == 0x80U;
}

// Two digits and more, from the front of `text`.
bool take_number(std::string_view& text, std::size_t digits, int& value) {
    if (text.size() < digits) return false;
    const char* end = text.data() + digits;
    if (std::from_chars(text.data(), end, value).ptr != end || value < 0) return false;
    text.remove_prefix(digits);
    return true;
}

bool take(std::string_view& text, char c) {
    if (!text.starts_with(c)) return false;
    text.remove_prefix(1);
    return true;
}

// ".678" as 678; none as 0. Digits after the third do not count.
bool take_decimals(std::string_view& text, int& milliseconds) {
    milliseconds = 0;
    if (!take(text, '.')) return true;
    const std::size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
    for (std::size_t i = 0; i < 3; ++i) {
        milliseconds = milliseconds * 10 + (i < digits ? text[i] - '0' : 0);
    }
    text.remove_prefix(digits);
    return digits > 0;
}

}  // namespace

std::string printable(std::string_view text) {
    constexpr std::string_view kHex = "0123456789abcdef";
    std::string shown;
    for (std::size_t i = 0; i < text.size(); ++i) {
        auto byte = static_cast<unsigned char>(text[i]);
        // U+0080 to U+009F are control characters too; in UTF-8 they begin with c2.
        const bool is_c1 =
            byte == 0xc2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xa0;
        if (is_c1) byte = static_cast<unsigned char>(text[++i]);
        if (byte >= 0x20 && byte != 0x7f && !is_c1) {
            shown += text[i];
        } else {
            shown += {'\\', 'x', kHex[byte >> 4U], kHex[byte & 0xfU]};
        }
    }
    return shown;
}

std::size_t width(std::string_view text) {
    return text.size() -
           static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_continuation));
}

std::optional<WallTime> parse_time(std::string_view rfc3339) {
    int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0, milliseconds = 0;
    std::string_view rest = rfc3339;
    const bool fits = take_number(rest, 4, year) && take(rest, '-') &&
                      take_number(rest, 2, month) && take(rest, '-') && take_number(rest, 2, day) &&
                      take(rest, 'T') && take_number(rest, 2, hour) && take(rest, ':') &&
                      take_number(rest, 2, minute) && take(rest, ':') &&
                      take_number(rest, 2, second) && take_decimals(rest, milliseconds) &&
                      rest == "Z";
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!fits || !date.ok() || hour > 23 || minute > 59 || second > 60) return std::nullopt;
    return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) +
           std::chrono::minutes(minute) + std::chrono::seconds(second) +
           std::chrono::milliseconds(milliseconds);
}

std::string time_text(WallTime time) {
    const auto day = std::chrono::floor<std::chrono::days>(time);
    const std::chrono::year_month_day date(day);
    const std::chrono::hh_mm_ss clock(time - day);
    std::array<char, 64> text{};
    std::snprintf(text.data(),
                  text.size(),
                  "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ",
                  static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()),
                  static_cast<int>(clock.hours().count()),
                  static_cast<int>(clock.minutes().count()),
                  static_cast<int>(clock.seconds().count()),
                  static_cast<int>(clock.subseconds().count()));
    return text.data();
}

std::string relative(WallTime time, WallTime now) {
    struct Unit {
        std::string_view name;
        std::int64_t ms;
        std::int64_t from;  // used from so many of it on
    };

    constexpr std::array kUnits{Unit{" d", 86'400'000, 2},
                                Unit{" h", 3'600'000, 2},
                                Unit{" min", 60'000, 2},
                                Unit{" s", 1'000, 1}};
    const std::int64_t difference = (time - now).count();
    const std::int64_t ms = difference < 0 ? -difference : difference;
    for (const Unit& unit : kUnits) {
        if (ms < unit.ms * unit.from) continue;
        const std::string length = std::to_string(ms / unit.ms) + std::string(unit.name);
        return difference < 0 ? length + " ago" : "in " + length;
    }
    return "now";
}

std::string bytes_text(std::uint64_t bytes) {
    constexpr std::array<std::string_view, 5> kUnits{" B", " kB", " MB", " GB", " TB"};
    std::size_t unit = 0;
    std::uint64_t tenths = bytes * 10;
    if (bytes > std::uint64_t{1} << 60U) tenths = std::uint64_t{10} << 60U;
    for (; tenths >= 10'000 && unit + 1 < kUnits.size(); ++unit) tenths /= 1000;
    std::string text = std::to_string(tenths / 10);
    if (tenths < 100 && tenths % 10 != 0) text += "." + std::to_string(tenths % 10);
    return text.append(kUnits.at(unit));
}

}  // namespace holdfast::cli
