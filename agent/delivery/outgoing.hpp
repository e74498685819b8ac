// An entry as the request that goes out: the stored method, path and body, and the destination's
// credential. Nothing of it but the bytes of the event comes from the app.
#pragma once

#include "agent/config.hpp"
#include "proto/event.hpp"
#include "transport/attempt.hpp"

namespace holdfast::agent {

// What all requests to the endpoint have.
[[nodiscard]] transport::OutgoingRequest request_to(Endpoint endpoint,
                                                    const DestinationConfig& destination);

[[nodiscard]] transport::OutgoingRequest outgoing(const Event& event,
                                                  const DestinationConfig& destination);

}  // namespace holdfast::agent
