// Why an entry ended without being delivered.
#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast {

// Stored in the log: a number keeps its meaning for ever.
enum class FailureCause : std::uint8_t {
    poison = 1,     // the far side will never take it
    ambiguous = 2,  // it may have arrived, and a repeat would be seen
    too_old = 3,    // given up by age
    damaged = 4,    // the log cannot read it any more
    shed = 5,       // the operator chose not to send its class at this degradation level
    too_many = 6,   // given up by the count of attempts
};

inline constexpr FailureCause kLastFailureCause = FailureCause::too_many;

// "poison", "ambiguous", "too_old", "damaged", "shed", "too_many"
[[nodiscard]] constexpr std::string_view to_string(FailureCause cause) {
    switch (cause) {
        case FailureCause::poison:
            return "poison";
        case FailureCause::ambiguous:
            return "ambiguous";
        case FailureCause::too_old:
            return "too_old";
        case FailureCause::damaged:
            return "damaged";
        case FailureCause::shed:
            return "shed";
        case FailureCause::too_many:
            break;
    }
    return "too_many";
}

}  // namespace holdfast
