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
std::optional<std::string> device_fault(const Field& device, std::string_view id_name) {
    simdjson::dom::object object;
    if (!device.present || device.value.get(object) != simdjson::SUCCESS) {
        return "device must be an object";
    }
    std::array<Field, 2> fields{{{id_name}, {"platform"}}};
    const auto& [id, platform] = fields;
    if (const Field* twice = find_fields(object, fields)) return stands_twice(*twice);
    // A path must be able to name it, or it could not be deleted.
    if (!id.is_string() || !item_fault(id.string()).empty()) {
        return "the " + std::string(id_name) +
               " of a device must be a string of 1 to 1000 bytes, without control characters";
    }
    if (!platform.is_string() || trimmed(platform.string()).empty()) {
        return "the platform of a device must be a string that is not blank";
    }
    return std::nullopt;
}

std::optional<Refusal> check_device(simdjson::dom::object body) {
    std::array<Field, 1> fields{{{"device"}}};
    if (const Field* twice = find_fields(body, fields)) return refuse(stands_twice(*twice));
    if (const auto fault = device_fault(fields.front(), "id")) return refuse(*fault);
    return std::nullopt;
}

}  // namespace holdfast::customerio
