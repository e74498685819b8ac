#include "proto/time.hpp"

#include <algorithm>
#include <charconv>

namespace holdfast {
namespace {

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

std::optional<WallTime> parse_rfc3339(std::string_view rfc3339) {
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

}  // namespace holdfast
