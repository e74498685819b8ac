// Track API v1.
#include "proto/customerio/limits.hpp"
#include "tests/customerio-sim/checks.hpp"
#include "tests/customerio-sim/handlers.hpp"
#include "tests/customerio-sim/text.hpp"

#include <algorithm>

namespace holdfast::customerio_sim {
namespace {

constexpr int kEnvironmentId = 1;

void accept_event(const Visit& visit, Json&& body) {
    Call& call = visit.call();
    call.event_id = string_field(body, "id");
    call.timestamp = integer_field(body, "timestamp");
    if (const Refusal refusal = check_event(body, "data")) {
        visit.refuse(*refusal);
        return;
    }
    call.payload = std::move(body);
    call.accepted = true;
}

Refusal check_device(const Json& device) {
    if (!device.is_object()) return "device must be present";
    if (string_field(device, "id").empty()) return "device id must be present";
    if (string_field(device, "platform").empty()) return "device platform must be present";
    return std::nullopt;
}

Refusal check_segment(const std::string& segment, const std::string& id_type, const Json& ids) {
    const bool is_number =
        !segment.empty() && segment.find_first_not_of("0123456789") == std::string::npos;
    if (!is_number) return "segment id must be a number";
    if (id_type != "id" && id_type != "email" && id_type != "cio_id") {
        return "id_type must be id, email or cio_id";
    }
    if (!ids.is_array() || ids.empty() || ids.size() > customerio::kSegmentIdCountMax) {
        return "ids must have 1 to 1000 entries";
    }
    const auto is_text = [](const Json& id) { return id.is_string(); };
    if (!std::all_of(ids.begin(), ids.end(), is_text)) return "ids must be strings";
    return std::nullopt;
}

// Exactly one of id and email, and nothing but texts.
Refusal check_form(const Json& data) {
    if (!data.is_object()) return "data must be a hash";
    const auto is_text = [](const Json& value) { return value.is_string() || value.is_null(); };
    if (!std::all_of(data.begin(), data.end(), is_text)) return "form values must be strings";
    const bool has_id = !string_field(data, "id").empty();
    const bool has_email = !string_field(data, "email").empty();
    if (has_id == has_email) return "data must contain exactly one of id or email";
    return std::nullopt;
}

// A report about a delivery, under either of its two names.
void accept_report(const Visit& visit, const char* metric_key) {
    std::optional<Json> body = visit.body_object();
    if (!body) return;
    for (const char* key : {"delivery_id", metric_key}) {
        if (!string_field(*body, key).empty()) continue;
        visit.refuse(std::string(key) + " must be present");
        return;
    }
    visit.call().timestamp = integer_field(*body, "timestamp");
    visit.call().payload = std::move(*body);
    visit.call().accepted = true;
}

}  // namespace

void handle_region(const Visit& visit) {
    const bool eu = visit.around.account.region == "eu";
    const Json body = {{"url", eu ? "https://track-eu.customer.io" : "https://track.customer.io"},
                       {"region", eu ? "eu" : "us"},
                       {"environment_id", kEnvironmentId}};
    visit.decision.answer = json_answer(200, body);
}

void handle_auth(const Visit& visit) {
    const Json body = {{"meta", Json::object()}};
    visit.decision.answer = json_answer(200, body);
}

void handle_identify(const Visit& visit) {
    std::optional<Json> attributes = visit.body_object();
    if (!attributes) return;
    if (const Refusal refusal = check_attributes(*attributes)) {
        visit.refuse(*refusal);
        return;
    }
    Call& call = visit.call();
    call.timestamp = integer_field(*attributes, "_timestamp");
    call.payload = std::move(*attributes);
    call.accepted = true;
}

void handle_event(const Visit& visit) {
    std::optional<Json> body = visit.body_object();
    if (body) accept_event(visit, std::move(*body));
}

void handle_anonymous_event(const Visit& visit) {
    std::optional<Json> body = visit.body_object();
    if (!body) return;
    const std::string anonymous_id = string_field(*body, "anonymous_id");
    if (!anonymous_id.empty()) {
        visit.call().person = {Identity::Kind::anonymous_id, anonymous_id};
    }
    accept_event(visit, std::move(*body));
}

void handle_person(const Visit& visit) {
    visit.call().accepted = true;
}

void handle_add_device(const Visit& visit) {
    const std::optional<Json> body = visit.body_object();
    if (!body) return;
    Json device = body->value("device", Json());
    if (const Refusal refusal = check_device(device)) {
        visit.refuse(*refusal);
        return;
    }
    device["token"] = device["id"];  // as v2 has it
    device.erase("id");
    visit.call().payload = Json{{"device", std::move(device)}};
    visit.call().accepted = true;
}

void handle_delete_device(const Visit& visit) {
    visit.call().payload = Json{{"device", {{"token", visit.captures.at(1)}}}};
    visit.call().accepted = true;
}

void handle_merge(const Visit& visit) {
    std::optional<Json> body = visit.body_object();
    if (!body) return;
    const std::optional<Identity> primary = read_identity(body->value("primary", Json()));
    const std::optional<Identity> secondary = read_identity(body->value("secondary", Json()));
    if (!primary || !secondary) {
        visit.refuse("primary and secondary must each contain exactly one of id, email or cio_id");
        return;
    }
    visit.call().person = *primary;
    visit.call().other = *secondary;
    visit.call().payload = std::move(*body);
    visit.call().accepted = true;
}

void handle_segment(const Visit& visit) {
    std::optional<Json> body = visit.body_object();
    if (!body) return;
    const auto query = visit.request.query();
    const auto given = query.find("id_type");
    const std::string id_type = given == query.end() ? "id" : given->second;
    const std::string& segment = visit.captures.front();
    if (const Refusal refusal = check_segment(segment, id_type, body->value("ids", Json()))) {
        visit.refuse(*refusal);
        return;
    }
    (*body)["segment"] = segment;
    (*body)["id_type"] = id_type;
    visit.call().payload = std::move(*body);
    visit.call().accepted = true;
}

void handle_form(const Visit& visit) {
    const std::optional<Json> body = visit.body_object();
    if (!body) return;
    Json data = body->value("data", Json());
    if (const Refusal refusal = check_form(data)) {
        visit.refuse(*refusal);
        return;
    }
    const std::string id = string_field(data, "id");
    visit.call().person = id.empty()
                              ? Identity{Identity::Kind::email, lower(string_field(data, "email"))}
                              : Identity{Identity::Kind::id, id};
    visit.call().payload = std::move(data);
    visit.call().accepted = true;
    visit.decision.answer = {204, "", {}};
}

void handle_metric(const Visit& visit) {
    accept_report(visit, "metric");
}

void handle_push_event(const Visit& visit) {
    accept_report(visit, "event");
}

void handle_unsubscribe(const Visit& visit) {
    std::optional<Json> body = visit.body_object();
    if (!body) return;
    (*body)["delivery_id"] = visit.captures.front();
    visit.call().payload = std::move(*body);
    visit.call().accepted = true;
}

}  // namespace holdfast::customerio_sim
