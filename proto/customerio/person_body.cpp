#include "proto/customerio/body.hpp"
#include "proto/customerio/identifier.hpp"

#include <array>

namespace holdfast::customerio {
namespace {

Refusal refuse(std::string_view message) {
    return {400, "invalid_merge", std::string(message)};
}

}  // namespace

std::optional<std::string> read_person(const Field& identifiers, std::string& person) {
    simdjson::dom::object object;
    const bool is_object =
        identifiers.present && identifiers.value.get(object) == simdjson::SUCCESS;
    std::array<Field, 3> fields{{{"id"}, {"email"}, {"cio_id"}}};
    const auto& [id, email, cio_id] = fields;
    if (is_object) {
        if (const Field* twice = find_fields(object, fields)) return stands_twice(*twice);
    }
    if (id.given() + email.given() + cio_id.given() != 1) {
        return std::string(identifiers.name) +
               " must be an object with exactly one of id, email, cio_id";
    }
    std::string value;
    const Field& one = id.given() ? id : email.given() ? email : cio_id;
    if ((&one != &id && !one.is_string()) || !append_scalar(one.value, value)) {
        return "the identifier must be a string";
    }
    if (const std::string_view fault = identifier_fault(value); !fault.empty()) {
        return std::string(fault);
    }
    if (&one == &email) {
        append_email(value, person);
    } else if (&one == &cio_id) {
        append_cio_id(value, person);
    } else {
        person.append("id:").append(value);
    }
    return std::nullopt;
}

std::optional<Refusal> check_merge(simdjson::dom::object body, Subject& out) {
    std::array<Field, 2> fields{{{"primary"}, {"secondary"}}};
    const auto& [primary, secondary] = fields;
    if (const Field* twice = find_fields(body, fields)) return refuse(stands_twice(*twice));
    if (const auto fault = read_person(primary, out.person)) return refuse(*fault);
    if (const auto fault = read_person(secondary, out.other_person)) return refuse(*fault);
    return std::nullopt;
}

}  // namespace holdfast::customerio
