// Track API v1.
#include "tests/customerio-sim/checks.hpp"
#include "tests/customerio-sim/handlers.hpp"
#include "tests/customerio-sim/text.hpp"

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

}  // namespace holdfast::customerio_sim
