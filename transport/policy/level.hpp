// The degradation level: what of a destination's entries is sent now. What is not sent is held.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::transport {

// Numbers are stored: add at the end, never renumber.
enum class Level : std::uint8_t {
    full = 1,
    essential_only = 2,  // and what stands in a lane in front of an essential one
    disabled = 3,
};

[[nodiscard]] constexpr std::string_view to_string(Level level) {
    switch (level) {
        case Level::full:
            return "full";
        case Level::essential_only:
            return "essential_only";
        case Level::disabled:
            break;
    }
    return "disabled";
}

[[nodiscard]] constexpr std::optional<Level> parse_level(std::string_view text) {
    for (const Level level : {Level::full, Level::essential_only, Level::disabled}) {
        if (to_string(level) == text) return level;
    }
    return std::nullopt;
}

}  // namespace holdfast::transport
