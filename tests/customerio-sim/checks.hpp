// The vendor's validation, as values: the text of the refusal, or nothing when all is well.
// Limits and texts: https://docs.customer.io/journeys/invalid-api-requests and the OpenAPI files.
#pragma once

#include "tests/customerio-sim/message.hpp"

#include <optional>
#include <string>

namespace holdfast::customerio_sim {

using Refusal = std::optional<std::string>;

[[nodiscard]] Refusal check_identifier(std::string_view value);
[[nodiscard]] Refusal check_attributes(const Json& attributes);

// `data_key` is `data` in v1 and `attributes` in v2.
[[nodiscard]] Refusal check_event(const Json& event, const char* data_key);

// A field that is a non-empty string; "" when it is anything else.
[[nodiscard]] std::string string_field(const Json& object, const char* key);
[[nodiscard]] std::optional<std::int64_t> integer_field(const Json& object, const char* key);

}  // namespace holdfast::customerio_sim
