// An entry as the request that goes out: the stored method, path and body, and the destination's
// credential; for a destination of type "http" the stored body, and the rest as it is configured.
// Nothing of it but the bytes of the event comes from the app.
#pragma once

#include "agent/config.hpp"
#include "proto/event.hpp"
#include "transport/attempt.hpp"

#include <cstdint>

namespace holdfast::agent {

// What all requests to the endpoint have.
[[nodiscard]] transport::OutgoingRequest request_to(Endpoint endpoint,
                                                    const DestinationConfig& destination);

// `attempt`: 1 is the first; `now`: when it is made.
[[nodiscard]] transport::OutgoingRequest outgoing(const Event& event,
                                                  const DestinationConfig& destination,
                                                  std::uint32_t attempt,
                                                  WallTime now);

}  // namespace holdfast::agent
