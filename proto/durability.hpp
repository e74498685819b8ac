// How an event was stored when its answer left.
#pragma once

#include <cstdint>
#include <string_view>

namespace holdfast {

enum class Durability : std::uint8_t {
    none = 0,      // it was not
    buffered = 1,  // outlives the process; a power cut within the next second may take it
    synced = 2,    // on the disk
};

// As in the config and in answers: "none", "buffered", "fsync"
[[nodiscard]] constexpr std::string_view to_string(Durability durability) {
    switch (durability) {
        case Durability::none:
            return "none";
        case Durability::buffered:
            return "buffered";
        case Durability::synced:
            return "fsync";
    }
    return "unknown";
}

}  // namespace holdfast
