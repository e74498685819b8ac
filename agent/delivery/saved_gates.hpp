// The gates of a destination as the text that is kept in the log, so that a restart is not a
// stampede.
#pragma once

#include "proto/result.hpp"
#include "transport/policy/gates.hpp"

#include <array>
#include <string>
#include <string_view>

namespace holdfast::agent {

using GatesSnapshot = std::array<transport::Gates::Snapshot, kEndpointCount>;

[[nodiscard]] std::string encode_gates(const GatesSnapshot& snapshot);

// Errors: corrupt. Whatever is missing counts as open.
[[nodiscard]] Result<GatesSnapshot> decode_gates(std::string_view text);

}  // namespace holdfast::agent
