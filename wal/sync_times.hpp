// How long synced writes took: what an operator looks at first when apps wait.
//
// Pure. Limits: a few numbers.
#pragma once

#include "proto/time.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

namespace holdfast::wal {

struct SyncTimes {
    // From what an NVMe drive takes to what a tired network disk does.
    static constexpr std::array<Duration, 11> kBounds = {std::chrono::microseconds(100),
                                                         std::chrono::microseconds(250),
                                                         std::chrono::microseconds(500),
                                                         std::chrono::milliseconds(1),
                                                         std::chrono::microseconds(2500),
                                                         std::chrono::milliseconds(5),
                                                         std::chrono::milliseconds(10),
                                                         std::chrono::milliseconds(25),
                                                         std::chrono::milliseconds(100),
                                                         std::chrono::milliseconds(250),
                                                         std::chrono::seconds(1)};

    std::array<std::uint64_t, kBounds.size() + 1> counts{};  // up to each bound, and beyond all
    Duration sum{};

    void record(Duration took) {
        std::size_t bucket = 0;
        while (bucket < kBounds.size() && took > kBounds.at(bucket)) ++bucket;
        ++counts.at(bucket);
        sum += took;
    }
};

}  // namespace holdfast::wal
