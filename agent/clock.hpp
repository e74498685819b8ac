// The only readers of the real clocks.
#pragma once

#include "proto/time.hpp"

namespace holdfast::agent {

[[nodiscard]] inline Instant now() {
    return std::chrono::steady_clock::now();
}

[[nodiscard]] inline WallTime wall_now() {
    return std::chrono::time_point_cast<std::chrono::milliseconds>(
        std::chrono::system_clock::now());
}

}  // namespace holdfast::agent
