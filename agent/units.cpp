#include "agent/units.hpp"

#include <array>
#include <charconv>
#include <limits>
#include <span>

namespace holdfast::agent {
namespace {

struct Unit {
    std::string_view name;
    std::uint64_t factor;
};

// Largest first: that is the order in which a unit is chosen for showing a value.
constexpr std::uint64_t kMillisecond = 1'000'000;
constexpr std::array kTimeUnits{Unit{"d", 86'400'000 * kMillisecond},
                                Unit{"h", 3'600'000 * kMillisecond},
                                Unit{"m", 60'000 * kMillisecond},
                                Unit{"s", 1'000 * kMillisecond},
                                Unit{"ms", kMillisecond}};
constexpr std::array kSizeUnits{Unit{"GiB", std::uint64_t{1} << 30},
                                Unit{"GB", 1'000'000'000},
                                Unit{"MiB", std::uint64_t{1} << 20},
                                Unit{"MB", 1'000'000},
                                Unit{"KiB", std::uint64_t{1} << 10},
                                Unit{"kB", 1'000},
                                Unit{"", 1}};

std::optional<std::uint64_t> parse(std::string_view text,
                                   std::span<const Unit> units,
                                   std::uint64_t max) {
    std::uint64_t count = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, count);
    if (error != std::errc()) return std::nullopt;
    for (const Unit& unit : units) {
        if (unit.name != std::string_view(rest, end)) continue;
        if (count > max / unit.factor) return std::nullopt;
        return count * unit.factor;
    }
    return std::nullopt;
}

std::string format(std::uint64_t value, std::span<const Unit> units) {
    for (const Unit& unit : units) {
        if (value == 0 || value % unit.factor != 0) continue;
        return std::to_string(value / unit.factor) + std::string(unit.name);
    }
    return std::to_string(value);
}

}  // namespace

std::optional<Duration> parse_duration(std::string_view text) {
    constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<Duration::rep>::max());
    const auto count = parse(text, kTimeUnits, kMax);
    if (!count) return std::nullopt;
    return Duration(static_cast<Duration::rep>(*count));
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
    return parse(text, kSizeUnits, std::numeric_limits<std::uint64_t>::max());
}

std::optional<Rate> parse_rate(std::string_view text) {
    Rate rate{};
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, rate.count);
    if (error != std::errc() || rest == end || *rest != '/') return std::nullopt;
    std::string per(rest + 1, end);
    const bool is_unit_alone = !per.empty() && (per.front() < '0' || per.front() > '9');
    const auto time = parse_duration(is_unit_alone ? "1" + per : per);
    if (!time) return std::nullopt;
    rate.per = *time;
    return rate;
}

std::string format_duration(Duration duration) {
    if (duration == Duration::zero()) return "0s";
    return format(static_cast<std::uint64_t>(duration.count()), kTimeUnits);
}

std::string format_size(std::uint64_t bytes) {
    return format(bytes, kSizeUnits);
}

}  // namespace holdfast::agent
