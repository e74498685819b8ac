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

std::optional<WallTime> parse_moment(std::string_view text, WallTime now) {
    constexpr std::int64_t kAtMost = 1'000'000;  // of any unit
    const auto unit_ms = [](char unit) -> std::int64_t {
        switch (unit) {
            case 's':
                return 1'000;
            case 'm':
                return 60'000;
            case 'h':
                return 3'600'000;
            case 'd':
                return 86'400'000;
            default:
                return 0;
        }
    };
    if (const auto time = parse_rfc3339(text)) return time;
    if (text.size() < 2) return std::nullopt;
    std::int64_t count = 0;
    const char* end = text.data() + text.size() - 1;
    const auto [rest, error] = std::from_chars(text.data(), end, count);
    const std::int64_t unit = unit_ms(*end);
    const bool is_length = error == std::errc() && rest == end && unit > 0;
    if (!is_length || count < 0 || count > kAtMost) return std::nullopt;
    return now - std::chrono::milliseconds(count * unit);
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
