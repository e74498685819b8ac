// A ULID: 48 bits of milliseconds and 80 random bits, 26 characters of Crockford's base 32, ordered
// as bytes and as text alike (https://github.com/ulid/spec). Customer.io drops an event whose ULID
// it has seen; ours are also ordered as the log is.
#pragma once

#include "proto/time.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <string_view>

namespace holdfast {

struct Ulid {
    static constexpr std::size_t kTextSize = 26;

    std::array<std::uint8_t, 16> bytes{};

    auto operator<=>(const Ulid&) const = default;

    [[nodiscard]] WallTime time() const;
    [[nodiscard]] std::string text() const;
    void write_text(char* out) const;  // exactly kTextSize characters

    // Refuses anything but 26 characters of the alphabet (either case) that fit 128 bits.
    [[nodiscard]] static std::optional<Ulid> parse(std::string_view text);
};

// Makes ULIDs that only grow: within a millisecond, and when the clock goes back, the last one plus
// one. Runs on one thread at a time.
class UlidFactory {
public:
    explicit UlidFactory(std::uint64_t seed) : random_(seed) {}

    // Every ULID made from now on is greater than `last`. For the newest one of an existing log.
    void continue_after(const Ulid& last);

    [[nodiscard]] Ulid make(WallTime now);

private:
    std::mt19937_64 random_;
    Ulid last_{};
};

}  // namespace holdfast
