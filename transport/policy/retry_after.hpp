// The Retry-After header (RFC 9110, section 10.2.3): how long the far side asks us to stay away.
#pragma once

#include "proto/time.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::transport {

struct RetryAfter {
    Duration wait;  // from the receipt of the answer; in [0, max]
    bool clamped;   // it asked for more than `max`: worth a line in the log

    bool operator==(const RetryAfter&) const = default;
};

// `value` is seconds or an HTTP date in any of its three forms. A date is measured against the far
// side's own `Date` header, which cancels the difference of the clocks; where that is absent or
// malformed, against `now`. A date in the past is no wait. nullopt: malformed, to be treated as
// absent.
[[nodiscard]] std::optional<RetryAfter> parse_retry_after(std::string_view value,
                                                          std::optional<std::string_view> date,
                                                          WallTime now,
                                                          Duration max);

// Adds 0-10 %, never less than asked: many clients are told the same moment. Comes after the clamp.
[[nodiscard]] Duration spread(const RetryAfter& asked, std::uint64_t seed);

}  // namespace holdfast::transport
