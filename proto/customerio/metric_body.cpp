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

std::optional<std::string> read_delivery(const Field& id, std::string& person) {
    if (!id.is_string() || !item_fault(id.string()).empty()) {
        return std::string(id.name) +
               " must be a string of 1 to 1000 bytes, without control characters";
    }
    append_delivery(id.string(), person);
    return std::nullopt;
}

std::optional<std::string> read_metric(const Field& metric, std::string& name) {
    if (!metric.is_string() || trimmed(metric.string()).empty() ||
        metric.string().size() > kEventNameBytesMax) {
        return std::string(metric.name) + " must be a string of 1 to 100 bytes";
    }
    name = trimmed(metric.string());
    return std::nullopt;
}

std::optional<Refusal> check_metric(simdjson::dom::object body,
                                    std::string_view metric_field,
                                    Subject& out) {
    std::array<Field, 2> fields{{{"delivery_id"}, {metric_field}}};
    const auto& [delivery, metric] = fields;
    if (const Field* twice = find_fields(body, fields)) return refuse(stands_twice(*twice));
    if (auto fault = read_delivery(delivery, out.person)) return refuse(std::move(*fault));
    if (auto fault = read_metric(metric, out.name)) return refuse(std::move(*fault));
    return std::nullopt;
}

}  // namespace holdfast::customerio
