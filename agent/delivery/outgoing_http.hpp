// What goes out to a destination of type "http".
#pragma once

#include "agent/config.hpp"
#include "proto/event.hpp"
#include "transport/attempt.hpp"

#include <cstdint>

namespace holdfast::agent {

// By which the receiver knows what it has had: the entry's own id, or for a replay that of the
// entry it repeats.
[[nodiscard]] Ulid delivery_id(const Event& event);

// As outgoing().
[[nodiscard]] transport::OutgoingRequest outgoing_http(const Event& event,
                                                       const DestinationConfig& destination,
                                                       std::uint32_t attempt,
                                                       WallTime now);

}  // namespace holdfast::agent
