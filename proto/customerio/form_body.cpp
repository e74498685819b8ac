#include "proto/customerio/body.hpp"
#include "proto/customerio/identifier.hpp"

#include <array>

namespace holdfast::customerio {
namespace {

Refusal refuse(std::string_view message) {
    return {400, "invalid_form", std::string(message)};
}

}  // namespace

std::optional<Refusal> check_form(simdjson::dom::object body, Subject& out) {
    std::array<Field, 1> outer{{{"data"}}};
    if (const Field* twice = find_fields(body, outer)) return refuse(stands_twice(*twice));
    simdjson::dom::object data;
    if (!outer[0].present || outer[0].value.get(data) != simdjson::SUCCESS) {
        return refuse("data must be an object");
    }
    for (const auto [name, value] : data) {
        if (!value.is_string() && !value.is_null()) return refuse("values of data must be strings");
    }
    std::array<Field, 2> fields{{{"id"}, {"email"}}};
    const auto& [id, email] = fields;
    if (const Field* twice = find_fields(data, fields)) return refuse(stands_twice(*twice));
    if (!id.given() && !email.given()) return std::nullopt;
    if (id.given() && email.given()) return refuse("data must have only one of id, email");
    const std::string_view value = id.given() ? id.string() : email.string();
    if (const std::string_view fault = identifier_fault(value); !fault.empty())
        return refuse(fault);
    append_person(id.given() ? id.name : email.name, value, out.person);
    return std::nullopt;
}

}  // namespace holdfast::customerio
