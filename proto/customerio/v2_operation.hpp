// Track API v2: one operation, by itself or in a batch, is what one call is in v1.
#pragma once

#include "proto/event.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::customerio {

inline constexpr std::string_view kEntityTarget = "/api/v2/entity";
inline constexpr std::string_view kBatchTarget = "/api/v2/batch";

// What the identifiers in v1's paths are. The vendor guesses it by their form and by settings of
// the workspace that cannot be asked for: the operator has to say it.
enum class PathIdentifier : std::uint8_t {
    id,     // also one with an '@'
    email,  // one without an '@' is none
};

// Its body is an operation.
[[nodiscard]] bool is_v2_operation(const Event& event);

// A v1 call as an operation: identify, event, page, screen, delete, suppress, unsuppress, and
// devices. What is taken over of the body is taken over byte for byte. nullopt: it has no form in
// v2 that is sure to mean the same, or is larger than an operation may be, and goes by v1.
[[nodiscard]] std::optional<std::string> as_v2_operation(const Event& event, PathIdentifier holds);

}  // namespace holdfast::customerio
