// Track API v2: one operation at /api/v2/entity, many at /api/v2/batch.
#include "tests/customerio-sim/checks.hpp"
#include "tests/customerio-sim/handlers.hpp"
#include "tests/customerio-sim/text.hpp"

#include <fmt/format.h>

#include <array>

namespace holdfast::customerio_sim {
namespace {

// "32kb" and "500kb": the documents do not say which kilobyte, so the smaller.
constexpr std::size_t kOperationBytesMax = 32'000;
constexpr std::size_t kBatchBytesMax = 500'000;

struct Problem {
    std::string field;
    std::string message;
};

using Check = std::optional<Problem> (*)(const Json&);

std::optional<Problem> no_more(const Json&) {
    return std::nullopt;
}

std::optional<Problem> attributes_fit(const Json& item) {
    const auto attributes = item.find("attributes");
    if (attributes == item.end() || attributes->is_null()) return std::nullopt;
    const Refusal refusal = check_attributes(*attributes);
    if (!refusal) return std::nullopt;
    return Problem{"attributes", *refusal};
}

std::optional<Problem> event_fits(const Json& item) {
    const Refusal refusal = check_event(item, "attributes");
    if (!refusal) return std::nullopt;
    return Problem{refusal->starts_with("event data") ? "attributes" : "name", *refusal};
}

std::optional<Problem> has_relationships(const Json& item) {
    const auto relationships = item.find("cio_relationships");
    if (relationships != item.end() && relationships->is_array()) return std::nullopt;
    return Problem{"cio_relationships", "must be an array"};
}

std::optional<Problem> has_device(const Json& item, bool needs_platform) {
    const Json device = item.value("device", Json());
    if (string_field(device, "token").empty()) return Problem{"device", "token must be present"};
    if (needs_platform && string_field(device, "platform").empty()) {
        return Problem{"device", "platform must be present"};
    }
    return std::nullopt;
}

std::optional<Problem> has_new_device(const Json& item) {
    return has_device(item, true);
}

std::optional<Problem> has_old_device(const Json& item) {
    return has_device(item, false);
}

std::optional<Problem> is_delivery_event(const Json& item) {
    if (string_field(item, "name").empty()) return Problem{"name", "must be present"};
    if (string_field(item.value("attributes", Json()), "device_token").empty()) {
        return Problem{"attributes", "device_token must be present"};
    }
    return std::nullopt;
}

struct Action {
    std::string_view type;
    std::string_view action;
    std::string_view operation;
    Check check;
};

constexpr std::array kActions = {
    Action{"person", "identify", "identify", attributes_fit},
    Action{"person", "delete", "delete", no_more},
    Action{"person", "suppress", "suppress", no_more},
    Action{"person", "unsuppress", "unsuppress", no_more},
    Action{"person", "event", "event", event_fits},
    Action{"person", "page", "event", event_fits},
    Action{"person", "screen", "event", event_fits},
    Action{"person", "add_relationships", "add_relationships", has_relationships},
    Action{"person", "delete_relationships", "delete_relationships", has_relationships},
    Action{"person", "add_device", "add_device", has_new_device},
    Action{"person", "delete_device", "delete_device", has_old_device},
    Action{"person", "merge", "merge", no_more},
    Action{"object", "identify", "object_identify", attributes_fit},
    Action{"object", "identify_anonymous", "object_identify_anonymous", attributes_fit},
    Action{"object", "delete", "object_delete", no_more},
    Action{"object", "add_relationships", "object_add_relationships", has_relationships},
    Action{"object", "delete_relationships", "object_delete_relationships", has_relationships},
    Action{"delivery", "event", "delivery_event", is_delivery_event},
};

const Action* find_action(const std::string& type, const std::string& action) {
    for (const Action& row : kActions) {
        if (row.type == type && row.action == action) return &row;
    }
    return nullptr;
}

// Exactly one identifier of a person, or the problem.
std::optional<Problem> read_person(const Json& item, const char* key, Identity& person) {
    using Kind = Identity::Kind;
    static constexpr std::array kKinds = {std::pair{"id", Kind::id},
                                          std::pair{"email", Kind::email},
                                          std::pair{"phone", Kind::phone},
                                          std::pair{"cio_id", Kind::cio_id},
                                          std::pair{"anonymous_id", Kind::anonymous_id}};
    const Json identifiers = item.value(key, Json());
    if (!identifiers.is_object() || identifiers.size() != 1) {
        return Problem{key, "must contain exactly one identifier"};
    }
    for (const auto& [name, kind] : kKinds) {
        const std::string value = string_field(identifiers, name);
        if (value.empty()) continue;
        if (const Refusal refusal = check_identifier(value)) return Problem{key, *refusal};
        person = {kind, kind == Kind::email ? lower(value) : value};
        return std::nullopt;
    }
    return Problem{key, "must contain exactly one identifier"};
}

std::optional<Problem> read_identifiers(const Json& item, const Action& action, Call& call) {
    if (action.type == "person") {
        if (action.action != "merge") return read_person(item, "identifiers", call.person);
        auto problem = read_person(item, "primary", call.person);
        return problem ? problem : read_person(item, "secondary", call.other);
    }
    const Json identifiers = item.value("identifiers", Json());
    if (action.type == "delivery") {
        if (!string_field(identifiers, "id").empty()) return std::nullopt;
        return Problem{"identifiers", "id must be present"};
    }
    const bool named = identifiers.is_object() && identifiers.contains("object_type_id") &&
                       identifiers.contains("object_id");
    if (named || !string_field(identifiers, "cio_object_id").empty()) return std::nullopt;
    return Problem{"identifiers", "must contain object_type_id and object_id, or cio_object_id"};
}

std::optional<Problem> read_item(Json item, Call& call) {
    if (!item.is_object()) return Problem{"", "must be an object"};
    const std::string action_name = string_field(item, "action");
    const Action* action = find_action(string_field(item, "type"), action_name);
    if (action == nullptr) return Problem{"action", "unknown type or action"};
    call.operation = action->operation;
    call.event_id = string_field(item, "id");
    call.timestamp = integer_field(item, "timestamp");
    if (auto problem = read_identifiers(item, *action, call)) return problem;
    if (dump(item).size() > kOperationBytesMax) return Problem{"", "larger than 32000 bytes"};
    if (auto problem = action->check(item)) return problem;
    if (action->operation == "identify") {
        Json attributes = item.value("attributes", Json::object());
        if (attributes.is_null()) attributes = Json::object();
        if (call.timestamp) attributes["_timestamp"] = *call.timestamp;
        call.payload = std::move(attributes);
    } else {
        if (action->operation == "event") item["type"] = action_name;  // as v1 has it
        call.payload = std::move(item);
    }
    call.accepted = true;
    return std::nullopt;
}

Json error_of(const Problem& problem) {
    return {{"reason", "invalid"}, {"field", problem.field}, {"message", problem.message}};
}

void refuse_whole(const Visit& visit, const Problem& problem) {
    const Json body = {{"errors", Json::array({error_of(problem)})}};
    visit.decision.answer = json_answer(400, body);
    visit.call().refusal = problem.message;
}

void add_error(Json& errors, std::size_t index, const Problem& problem) {
    Json error = error_of(problem);
    error["batch_index"] = index;
    errors.push_back(std::move(error));
}

void answer_with_errors(Decision& decision, Json errors) {
    const Json body = {{"errors", std::move(errors)}};
    decision.answer = json_answer(207, body);
}

}  // namespace

void handle_entity(const Visit& visit) {
    const std::optional<Json> body = parse_json(visit.request.body);
    if (!body) {
        refuse_whole(visit, Problem{"", "request body is not valid JSON"});
        return;
    }
    if (visit.request.body.size() > kOperationBytesMax) {
        refuse_whole(visit, Problem{"", "request is larger than 32000 bytes"});
        return;
    }
    if (const auto problem = read_item(*body, visit.call())) refuse_whole(visit, *problem);
    visit.decision.operation = visit.call().operation;
}

void handle_batch(const Visit& visit) {
    const std::optional<Json> body = parse_json(visit.request.body);
    const Json batch = body && body->is_object() ? body->value("batch", Json()) : Json();
    if (!batch.is_array() || batch.empty()) {
        refuse_whole(visit, Problem{"batch", "must be an array of operations"});
        return;
    }
    if (visit.request.body.size() > kBatchBytesMax) {
        refuse_whole(visit, Problem{"batch", "request is larger than 500000 bytes"});
        return;
    }
    visit.decision.calls.clear();
    Json errors = Json::array();
    for (const Json& item : batch) {
        Call& call = visit.decision.calls.emplace_back();
        const auto problem = read_item(item, call);
        if (!problem) continue;
        call.refusal = problem->message;
        add_error(errors, visit.decision.calls.size() - 1, *problem);
    }
    if (errors.size() == batch.size()) {
        // Nothing was taken. Which ones they are is not said then.
        for (Json& error : errors) error.erase("batch_index");
        const Json refusal = {{"errors", std::move(errors)}};
        visit.decision.answer = json_answer(400, refusal);
    } else if (!errors.empty()) {
        answer_with_errors(visit.decision, std::move(errors));
    }
}

void refuse_items(Decision& decision, const std::vector<std::size_t>& indices) {
    if (decision.operation != "batch" || decision.answer.status >= 300) return;
    for (const std::size_t index : indices) {
        if (index >= decision.calls.size()) continue;
        Call& call = decision.calls[index];
        if (!call.accepted) continue;
        call.accepted = false;
        call.refusal = "refused by a fault rule";
    }
    Json errors = Json::array();
    for (std::size_t i = 0; i < decision.calls.size(); ++i) {
        const Call& call = decision.calls[i];
        if (!call.accepted) add_error(errors, i, Problem{"", call.refusal});
    }
    if (!errors.empty()) answer_with_errors(decision, std::move(errors));
}

}  // namespace holdfast::customerio_sim
