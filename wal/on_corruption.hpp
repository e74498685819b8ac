// A name that the configuration shares with the log.
#pragma once

#include <cstdint>

namespace holdfast::wal {

// What the opening does with a log that lost acknowledged entries or that cannot be read as a
// whole.
enum class OnCorruption : std::uint8_t {
    quarantine,  // keep it aside, go on with all that can be read, and say what is gone
    refuse,      // corrupt: an operator decides
};

}  // namespace holdfast::wal
