#include "proto/customerio/body.hpp"
#include "proto/customerio/identifier.hpp"
#include "proto/customerio/limits.hpp"

#include <array>

namespace holdfast::customerio {
namespace {

Refusal refuse(std::string message) {
    return {400, "invalid_metric", std::move(message)};
}

}  // namespace

std::optional<Refusal> check_metric(simdjson::dom::object body,
                                    std::string_view metric_field,
                                    Subject& out) {
    std::array<Field, 2> fields{{{"delivery_id"}, {metric_field}}};
    const auto& [delivery, metric] = fields;
    if (const Field* twice = find_fields(body, fields)) return refuse(stands_twice(*twice));
    if (!delivery.is_string() || !item_fault(delivery.string()).empty()) {
        return refuse(
            "delivery_id must be a string of 1 to 1000 bytes, without control characters");
    }
    if (!metric.is_string() || trimmed(metric.string()).empty() ||
        metric.string().size() > kEventNameBytesMax) {
        return refuse(std::string(metric_field) + " must be a string of 1 to 100 bytes");
    }
    append_delivery(delivery.string(), out.person);
    out.name = trimmed(metric.string());
    return std::nullopt;
}

}  // namespace holdfast::customerio
