#include "proto/customerio/body.hpp"
#include "proto/customerio/limits.hpp"

#include <array>

namespace holdfast::customerio {
namespace {

Refusal refuse(std::string_view message) {
    return {400, "invalid_segment", std::string(message)};
}

}  // namespace

// The vendor passes over ids that are nobody's, so none of them is looked at closely.
std::optional<Refusal> check_segment(simdjson::dom::object body) {
    std::array<Field, 1> fields{{{"ids"}}};
    if (const Field* twice = find_fields(body, fields)) return refuse(stands_twice(*twice));
    simdjson::dom::array ids;
    if (!fields[0].present || fields[0].value.get(ids) != simdjson::SUCCESS) {
        return refuse("ids must be a list of strings");
    }
    if (ids.size() == 0 || ids.size() > kSegmentIdCountMax) {
        return refuse("ids must have 1 to 1000 entries");
    }
    for (const simdjson::dom::element id : ids) {
        if (!id.is_string()) return refuse("ids must be a list of strings");
    }
    return std::nullopt;
}

}  // namespace holdfast::customerio
