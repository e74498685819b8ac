#include "transport/policy/retry_after.hpp"

#include "proto/assert.hpp"
#include "transport/policy/jitter.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <limits>
#include <string>

namespace holdfast::transport {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

// RFC 9110, section 5.6.7: what is sent today, RFC 850's form, and that of asctime().
constexpr std::array kDateFormats{
    "%a, %d %b %Y %H:%M:%S GMT",
    "%a, %d-%b-%y %H:%M:%S GMT",
    "%a %b %d %H:%M:%S %Y",
};

std::string_view trim(std::string_view text) {
    constexpr std::string_view kBlanks = " \t";
    const std::size_t first = text.find_first_not_of(kBlanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

std::optional<WallTime> from_calendar(const std::tm& tm) {
    const std::chrono::year_month_day date{std::chrono::year(tm.tm_year + 1900),
                                           std::chrono::month(static_cast<unsigned>(tm.tm_mon + 1)),
                                           std::chrono::day(static_cast<unsigned>(tm.tm_mday))};
    if (!date.ok()) return std::nullopt;  // 31 February
    return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(tm.tm_hour) +
           std::chrono::minutes(tm.tm_min) + seconds(tm.tm_sec);
}

// strptime reads English names as long as the process keeps the "C" locale, as ours do.
std::optional<WallTime> parse_date(std::string_view value) {
    const std::string text(trim(value));
    for (const char* format : kDateFormats) {
        std::tm tm{};
        const char* end = strptime(text.c_str(), format, &tm);
        if (end == text.c_str() + text.size()) return from_calendar(tm);
    }
    return std::nullopt;
}

// More digits than fit are a very long wait, not a mistake.
std::optional<seconds> parse_delta(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789";
    if (text.empty() || text.find_first_not_of(kDigits) != std::string_view::npos)
        return std::nullopt;
    seconds::rep count = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), count);
    return seconds(ec == std::errc() ? count : std::numeric_limits<seconds::rep>::max());
}

// Compares in the coarse unit of `wait`: before that it need not fit a Duration.
template <class Wait>
RetryAfter clamp(Wait wait, Duration max) {
    if (wait > std::chrono::floor<Wait>(max)) return {max, true};
    return {std::max(wait, Wait::zero()), false};
}

}  // namespace

std::optional<RetryAfter> parse_retry_after(std::string_view value,
                                            std::optional<std::string_view> date,
                                            WallTime now,
                                            Duration max) {
    HOLDFAST_ASSERT(max >= Duration::zero());
    if (const std::optional<seconds> delta = parse_delta(trim(value))) return clamp(*delta, max);
    const std::optional<WallTime> until = parse_date(value);
    if (!until) return std::nullopt;
    const std::optional<WallTime> theirs = date ? parse_date(*date) : std::nullopt;
    return clamp(*until - theirs.value_or(now), max);
}

Duration spread(const RetryAfter& asked, std::uint64_t seed) {
    return asked.wait + jitter(asked.wait / 10, seed);
}

}  // namespace holdfast::transport
