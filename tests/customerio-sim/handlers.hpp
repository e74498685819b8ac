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

// Track v1
void handle_region(const Visit& visit);
void handle_auth(const Visit& visit);
void handle_identify(const Visit& visit);
void handle_event(const Visit& visit);
void handle_anonymous_event(const Visit& visit);
void handle_person(const Visit& visit);  // delete, suppress, unsuppress: the path says it all

// Track v2
void handle_entity(const Visit& visit);
void handle_batch(const Visit& visit);

// App
void handle_send_email(const Visit& visit);

}  // namespace holdfast::customerio_sim
