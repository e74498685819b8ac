// A position in the log. Starts at 1, grows by one for each entry, is never reused for another
// acknowledged entry and survives restarts. Its own type, so that it is not mixed up with a count.
#pragma once

#include <compare>
#include <cstdint>
#include <functional>

namespace holdfast {

struct Seq {
    std::uint64_t value = 0;  // 0 stands before the first entry

    auto operator<=>(const Seq&) const = default;

    [[nodiscard]] Seq next() const { return {value + 1}; }

    [[nodiscard]] Seq previous() const { return {value - 1}; }
};

}  // namespace holdfast

template <>
struct std::hash<holdfast::Seq> {
    std::size_t operator()(holdfast::Seq seq) const noexcept { return seq.value; }
};
