// Operations of several entries in one request of the vendor's v2 API, and what its answer says of
// each.
#pragma once

#include "agent/config.hpp"
#include "proto/event.hpp"
#include "transport/attempt.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::agent {

// The most that the event can add to such a request; 0: it never goes in one.
[[nodiscard]] std::size_t shared_size(const Event& event,
                                      std::optional<customerio::PathIdentifier> identifiers);

// As an operation of the v2 API. nullopt: it has no such form, or is too large for one.
[[nodiscard]] std::optional<std::string> operation_text(
    const Event& event, std::optional<customerio::PathIdentifier> identifiers);

// `body`: of a customerio::Packer.
[[nodiscard]] transport::OutgoingRequest shared_request(std::string body,
                                                        const DestinationConfig& destination);

// Reads what a 207 says of each of the `count`.
void read_rejections(transport::AttemptResult& result, std::size_t count);

}  // namespace holdfast::agent
