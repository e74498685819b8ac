// Latencies in log buckets: 128 to each power of two, so a quantile is at most 0.8 % too high.
#pragma once

#include <array>
#include <bit>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace holdfast::bench {

class Histogram {
public:
    void record(std::uint64_t nanoseconds) {
        ++buckets_[bucket_of(nanoseconds)];
        ++count_;
    }

    [[nodiscard]] std::uint64_t count() const { return count_; }

    // The smallest bucket end that at least the share `q` (0 < q <= 1) of the values does not
    // exceed, in nanoseconds; 0 when nothing was recorded.
    [[nodiscard]] std::uint64_t quantile(double q) const {
        const auto wanted = static_cast<std::uint64_t>(std::ceil(q * static_cast<double>(count_)));
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < buckets_.size() && wanted > 0; ++i) {
            seen += buckets_[i];
            if (seen >= wanted) return end_of(i);
        }
        return 0;
    }

    // How many values were in [low, high), to the grain of the buckets.
    [[nodiscard]] std::uint64_t between(std::uint64_t low, std::uint64_t high) const {
        std::uint64_t found = 0;
        for (std::size_t i = bucket_of(low); i < bucket_of(high); ++i) found += buckets_[i];
        return found;
    }

private:
    static constexpr unsigned kBits = 7;
    static constexpr std::size_t kSub = std::size_t{1} << kBits;

    static constexpr std::size_t bucket_of(std::uint64_t value) {
        if (value < kSub) return value;
        const auto shift = static_cast<unsigned>(std::bit_width(value)) - kBits - 1;
        return shift * kSub + (value >> shift);
    }

    static constexpr std::uint64_t end_of(std::size_t bucket) {
        if (bucket < 2 * kSub) return bucket;
        const std::size_t shift = bucket / kSub - 1;
        return (((bucket % kSub + kSub) + 1) << shift) - 1;
    }

    std::array<std::uint64_t, (64 - kBits + 1) * kSub> buckets_{};
    std::uint64_t count_ = 0;
};

}  // namespace holdfast::bench
