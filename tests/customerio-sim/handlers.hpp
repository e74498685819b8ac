// The endpoints' handlers. Each gets a decision with a 200 answer and one call that already has its
// operation and the person of the path, and either accepts the call or replaces the answer.
#pragma once

#include "tests/customerio-sim/routes.hpp"

#include <optional>
#include <string>
#include <vector>

namespace holdfast::customerio_sim {

struct Visit {
    const Request& request;
    const std::vector<std::string>& captures;  // decoded `{…}` segments of the path, in order
    const Surroundings& around;
    Decision& decision;

    [[nodiscard]] Call& call() const { return decision.calls.front(); }

    void refuse(std::string_view text) const;  // 400, Track v1 shape
    [[nodiscard]] std::optional<Json> body_object()
        const;  // refuses and gives nothing if it is none
};

// Of an object with exactly one of id, email and cio_id; numbers pass as ids.
[[nodiscard]] std::optional<Identity> read_identity(const Json& identifiers);

// Track v1
void handle_region(const Visit& visit);
void handle_auth(const Visit& visit);
void handle_identify(const Visit& visit);
void handle_event(const Visit& visit);
void handle_anonymous_event(const Visit& visit);
void handle_person(const Visit& visit);  // delete, suppress, unsuppress: the path says it all
void handle_add_device(const Visit& visit);
void handle_delete_device(const Visit& visit);
void handle_merge(const Visit& visit);
void handle_segment(const Visit& visit);
void handle_form(const Visit& visit);
void handle_metric(const Visit& visit);
void handle_push_event(const Visit& visit);
void handle_unsubscribe(const Visit& visit);

// Track v2
void handle_entity(const Visit& visit);
void handle_batch(const Visit& visit);

// App
void handle_send_email(const Visit& visit);
void handle_send(const Visit& visit);  // what is no e-mail
void handle_trigger(const Visit& visit);

}  // namespace holdfast::customerio_sim
