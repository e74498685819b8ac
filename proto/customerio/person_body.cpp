#include "proto/customerio/body.hpp"
#include "proto/customerio/identifier.hpp"
#include "proto/customerio/limits.hpp"

#include <boost/container/static_vector.hpp>

#include <algorithm>
#include <array>

namespace holdfast::customerio {
namespace {

constexpr std::size_t kKindsMax = 5;

Refusal refuse(std::string_view message) {
    return {400, "invalid_merge", std::string(message)};
}

std::string not_exactly_one(const Field& identifiers, std::span<const std::string_view> kinds) {
    std::string message(identifiers.name);
    message.append(" must be an object with exactly one of ");
    for (const std::string_view kind : kinds) {
        message.append(kind == kinds.front() ? "" : ", ").append(kind);
    }
    return message;
}

}  // namespace

std::optional<std::string> read_person(const Field& identifiers,
                                       std::string& person,
                                       const Naming& naming) {
    boost::container::static_vector<Field, kKindsMax> fields;
    for (const std::string_view kind : naming.kinds) fields.push_back({kind});
    simdjson::dom::object object;
    if (identifiers.present && identifiers.value.get(object) == simdjson::SUCCESS) {
        const Field* twice = find_fields(object, {fields.data(), fields.size()});
        if (twice != nullptr) return stands_twice(*twice);
    }
    const auto is_given = [](const Field& field) { return field.given(); };
    const auto one = std::find_if(fields.begin(), fields.end(), is_given);
    if (std::count_if(fields.begin(), fields.end(), is_given) != 1 ||
        (naming.is_alone && object.size() != 1)) {
        return not_exactly_one(identifiers, naming.kinds);
    }
    const bool may_be_number = one->name == "id" && !naming.is_alone;
    std::string value;
    if ((!one->is_string() && !may_be_number) || !append_scalar(one->value, value)) {
        return std::string(text::kIdNotString);
    }
    if (const std::string_view fault = identifier_fault(value); !fault.empty()) {
        return std::string(fault);
    }
    append_person(one->name, value, person);
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
