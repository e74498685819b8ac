// Track API v2: what each type and action must have.
#include "proto/customerio/body.hpp"
#include "proto/customerio/identifier.hpp"
#include "proto/customerio/limits.hpp"

#include <array>
#include <span>

namespace holdfast::customerio {
namespace {

using Found = std::optional<Refusal>;

constexpr std::string_view kAnonymousId = "anonymous_id";

// The fields that somebody here looks at.
struct Fields {
    std::array<Field, 10> all{{{"type"},
                               {"action"},
                               {"identifiers"},
                               {"primary"},
                               {"secondary"},
                               {"attributes"},
                               {"cio_relationships"},
                               {"device"},
                               {"name"},
                               {"timestamp"}}};
    const Field& type = all[0];
    const Field& action = all[1];
    const Field& identifiers = all[2];
    const Field& primary = all[3];
    const Field& secondary = all[4];
    const Field& attributes = all[5];
    const Field& relationships = all[6];
    const Field& device = all[7];
    const Field& name = all[8];
    const Field& timestamp = all[9];
};

Refusal refuse(std::string_view field, std::string_view message) {
    return {400, "invalid_operation", std::string(message), std::string(field)};
}

bool has_text(const Field& field, std::string_view name) {
    simdjson::dom::object object;
    return field.present && field.value.get(object) == simdjson::SUCCESS &&
           !string_in(object, name).empty();
}

Found read_one_of(const Field& identifiers,
                  std::span<const std::string_view> kinds,
                  std::string& person) {
    const auto fault = read_person(identifiers, person, {.kinds = kinds, .is_alone = true});
    return fault ? Found(refuse(identifiers.name, *fault)) : std::nullopt;
}

Found read_identifiers(const Fields& fields, Subject& out) {
    static constexpr std::array<std::string_view, 4> kKinds = {"id", "email", "phone", "cio_id"};
    return read_one_of(fields.identifiers, kKinds, out.person);
}

// Segment's connector sends events of people that have no identifier yet in this way.
Found read_identifiers_of_event(const Fields& fields, Subject& out) {
    static constexpr std::array<std::string_view, 5> kKinds = {
        "id", "email", "phone", "cio_id", kAnonymousId};
    return read_one_of(fields.identifiers, kKinds, out.person);
}

Found read_two_people(const Fields& fields, Subject& out) {
    if (auto refusal = read_one_of(fields.primary, kPersonKinds, out.person)) return refusal;
    return read_one_of(fields.secondary, kPersonKinds, out.other_person);
}

// A number is as good as a string: the lane is the same.
Found read_object(const Fields& fields, Subject& out) {
    const Refusal wrong = refuse(
        "identifiers", "identifiers must have object_type_id and object_id, or cio_object_id");
    simdjson::dom::object object;
    if (!fields.identifiers.present || fields.identifiers.value.get(object) != simdjson::SUCCESS) {
        return wrong;
    }
    std::array<Field, 3> found{{{"object_type_id"}, {"object_id"}, {"cio_object_id"}}};
    const auto& [type_id, object_id, cio_object_id] = found;
    if (const Field* twice = find_fields(object, found)) {
        return refuse("identifiers", stands_twice(*twice));
    }
    const bool is_named = type_id.given() && object_id.given() && !cio_object_id.given();
    const bool is_known = cio_object_id.given() && !type_id.given() && !object_id.given();
    if (!is_named && !is_known) return wrong;
    out.person = is_named ? "object:" : "cio_object_id:";
    for (const Field& field : found) {
        if (!field.given()) continue;
        std::string part;
        if (!append_scalar(field.value, part)) return wrong;
        if (const auto fault = identifier_fault(part); !fault.empty()) {
            return refuse("identifiers", fault);
        }
        out.person.append(part).append(&field == &type_id ? "/" : "");
    }
    return std::nullopt;
}

// The metric is the name, as in v1.
Found read_report(const Fields& fields, Subject& out) {
    std::array<Field, 1> found{{{"id"}}};
    simdjson::dom::object object;
    if (fields.identifiers.present && fields.identifiers.value.get(object) == simdjson::SUCCESS) {
        if (const Field* twice = find_fields(object, found)) {
            return refuse("identifiers", stands_twice(*twice));
        }
    }
    if (const auto fault = read_delivery(found.front(), out.person)) {
        return refuse("identifiers", *fault);
    }
    const auto fault = read_metric(fields.name, out.name);
    return fault ? Found(refuse("name", *fault)) : std::nullopt;
}

Found check_attributes(const Fields& fields) {
    if (!fields.attributes.given()) return std::nullopt;
    simdjson::dom::object attributes;
    if (fields.attributes.value.get(attributes) != simdjson::SUCCESS) {
        return refuse("attributes", "attributes must be an object");
    }
    auto refusal = check_identify(attributes);
    if (refusal) refusal->field = "attributes";
    return refusal;
}

Found check_identity(const Fields& fields) {
    if (fields.relationships.given() && !fields.relationships.value.is_array()) {
        return refuse("cio_relationships", "cio_relationships must be an array");
    }
    if (fields.timestamp.given() && !is_unix_time(fields.timestamp)) {
        return refuse("timestamp", "timestamp must be a number of unix seconds");
    }
    return check_attributes(fields);
}

Found check_relationships(const Fields& fields) {
    if (fields.relationships.given() && fields.relationships.value.is_array()) return std::nullopt;
    return refuse("cio_relationships", "cio_relationships must be an array");
}

Found check_new_device(const Fields& fields) {
    const auto fault = device_fault(fields.device, "token");
    return fault ? Found(refuse("device", *fault)) : std::nullopt;
}

Found check_old_device(const Fields& fields) {
    if (has_text(fields.device, "token")) return std::nullopt;
    return refuse("device", "device must have a token");
}

Found check_report(const Fields& fields) {
    if (has_text(fields.attributes, "device_token")) return std::nullopt;
    return refuse("attributes", "attributes must have a device_token");
}

Found nothing_more(const Fields&) {
    return std::nullopt;
}

struct Action {
    std::string_view type;
    std::string_view action;
    Operation operation;
    Found (*read_subject)(const Fields&, Subject&);
    Found (*check)(const Fields&);
    bool is_event = false;
};

constexpr std::array kActions = {
    Action{"person", "identify", Operation::identify, read_identifiers, check_identity},
    Action{"person", "delete", Operation::delete_person, read_identifiers, nothing_more},
    Action{"person", "suppress", Operation::suppress, read_identifiers, nothing_more},
    Action{"person", "unsuppress", Operation::unsuppress, read_identifiers, nothing_more},
    Action{"person", "event", Operation::event, read_identifiers_of_event, nothing_more, true},
    Action{"person", "page", Operation::event, read_identifiers_of_event, nothing_more, true},
    Action{"person", "screen", Operation::event, read_identifiers_of_event, nothing_more, true},
    Action{"person",
           "add_relationships",
           Operation::add_relationships,
           read_identifiers,
           check_relationships},
    Action{"person",
           "delete_relationships",
           Operation::delete_relationships,
           read_identifiers,
           check_relationships},
    Action{"person", "add_device", Operation::add_device, read_identifiers, check_new_device},
    Action{"person", "delete_device", Operation::delete_device, read_identifiers, check_old_device},
    Action{"person", "merge", Operation::merge, read_two_people, nothing_more},
    Action{"object", "identify", Operation::object_identify, read_object, check_identity},
    Action{"object",
           "identify_anonymous",
           Operation::object_identify_anonymous,
           read_object,
           check_identity},
    Action{"object", "delete", Operation::object_delete, read_object, nothing_more},
    Action{"object",
           "add_relationships",
           Operation::object_add_relationships,
           read_object,
           check_relationships},
    Action{"object",
           "delete_relationships",
           Operation::object_delete_relationships,
           read_object,
           check_relationships},
    Action{"delivery", "event", Operation::delivery_event, read_report, check_report},
};

const Action* find_action(const Field& type, const Field& action) {
    if (!type.is_string() || !action.is_string()) return nullptr;
    for (const Action& row : kActions) {
        if (row.type == type.string() && row.action == action.string()) return &row;
    }
    return nullptr;
}

}  // namespace

std::optional<Refusal> check_operation(simdjson::dom::object body,
                                       std::string_view json,
                                       OperationBody& out,
                                       Subject& subject) {
    Fields fields;
    if (const Field* twice = find_fields(body, fields.all)) {
        return refuse(twice->name, stands_twice(*twice));
    }
    const Action* action = find_action(fields.type, fields.action);
    if (action == nullptr) return refuse("action", "unknown type or action");
    out.operation = action->operation;
    out.is_event = action->is_event;
    if (auto refusal = action->read_subject(fields, subject)) return refusal;
    if (!out.is_event) return action->check(fields);
    if (has_text(fields.identifiers, kAnonymousId)) out.operation = Operation::anonymous_event;
    return check_event(body, json, out.event, fields.attributes.name);
}

}  // namespace holdfast::customerio
