// What the result of an attempt means for the entry. The table is in transport/README.md.
#pragma once

#include "proto/operation.hpp"
#include "transport/attempt.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::transport {

enum class Outcome : std::uint8_t {
    delivered,  // the far side accepted it
    transient,  // the same again may pass later; repeating is safe
    throttled,  // the far side asks to go slower; repeating is safe
    auth,       // the credential is refused: a matter of the endpoint, not of the entry
    poison,     // the same again will fail again
    ambiguous,  // may have been done, and a repeat would be seen: only for once_if_ambiguous
};

struct Verdict {
    Outcome outcome;
    std::string reason;  // short, for a person: "503 Service Unavailable", "connection refused"
};

// Looks at the phase and the status, never at the body. A 207 is `delivered` here: whoever sent a
// batch reads its items.
[[nodiscard]] Verdict classify(Safety safety, const AttemptResult& result);

// Whether the outcome speaks against the far side's health. For a breaker `delivered` is a success
// and the rest is neutral: `poison` and `auth` say that somebody is there, not that he works, and
// `throttled` closes the Retry-After gate instead.
[[nodiscard]] bool counts_as_failure(Outcome outcome);

[[nodiscard]] std::string_view to_string(Outcome outcome);

}  // namespace holdfast::transport
