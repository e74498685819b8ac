#include "proto/customerio/body.hpp"
#include "proto/customerio/identifier.hpp"

#include <array>

namespace holdfast::customerio {
namespace {

Refusal refuse(std::string_view message) {
    return {400, "invalid_device", std::string(message)};
}

}  // namespace

// Only what the vendor requires: clients put the rest in several places.
std::optional<Refusal> check_device(simdjson::dom::object body) {
    std::array<Field, 1> outer{{{"device"}}};
    if (const Field* twice = find_fields(body, outer)) return refuse(stands_twice(*twice));
    simdjson::dom::object device;
    if (!outer[0].present || outer[0].value.get(device) != simdjson::SUCCESS) {
        return refuse("device must be an object");
    }
    std::array<Field, 2> fields{{{"id"}, {"platform"}}};
    const auto& [id, platform] = fields;
    if (const Field* twice = find_fields(device, fields)) return refuse(stands_twice(*twice));
    // A path must be able to name it, or it could not be deleted.
    if (!id.is_string() || !item_fault(id.string()).empty()) {
        return refuse(
            "the id of a device must be a string of 1 to 1000 bytes, without control "
            "characters");
    }
    if (!platform.is_string() || trimmed(platform.string()).empty()) {
        return refuse("the platform of a device must be a string that is not blank");
    }
    return std::nullopt;
}

}  // namespace holdfast::customerio
