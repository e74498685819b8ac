// Counts calls and failures of the last while, in ten buckets: what is told apart is a tenth of
// the window, so it holds the last nine tenths in full and of the oldest tenth what is left.
#pragma once

#include "proto/time.hpp"

#include <array>
#include <cstdint>

namespace holdfast::transport {

class FailureWindow {
public:
    struct Counts {
        std::uint64_t calls = 0;
        std::uint64_t failures = 0;

        bool operator==(const Counts&) const = default;
    };

    explicit FailureWindow(Duration length);  // at least ten nanoseconds

    void add(Instant now, bool failed);
    void clear();
    [[nodiscard]] Counts counts(Instant now) const;

    [[nodiscard]] Duration length() const { return slot_length_ * kBuckets; }

private:
    static constexpr std::int64_t kBuckets = 10;

    // A bucket belongs to one slot of time; it is emptied when a later slot needs its place.
    struct Bucket {
        std::int64_t slot = -kBuckets;
        Counts counts;
    };

    [[nodiscard]] std::int64_t slot_of(Instant now) const;

    Duration slot_length_;
    std::array<Bucket, kBuckets> buckets_{};
};

}  // namespace holdfast::transport
