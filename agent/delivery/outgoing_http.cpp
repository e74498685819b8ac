#include "agent/delivery/outgoing_http.hpp"

#include "agent/delivery/webhook_signature.hpp"

#include <utility>

namespace holdfast::agent {
namespace {

constexpr std::string_view kKeyPrefix = "key:";

std::string_view key_of(const Event& event) {
    std::string_view key = event.person;
    if (key.starts_with(kKeyPrefix)) key.remove_prefix(kKeyPrefix.size());
    return key;
}

void add_configured(const HttpConfig& http,
                    const HeaderValues& values,
                    std::vector<transport::Header>& headers) {
    for (const HttpConfig::Header& header : http.headers) {
        std::string value = header.value.render(values);
        // Many servers refuse an empty one: it says as little as none.
        if (!value.empty()) headers.push_back({header.name, std::move(value)});
    }
}

void add_signature(const Secret& key,
                   const std::string& id,
                   const std::string& timestamp,
                   std::string_view body,
                   std::vector<transport::Header>& headers) {
    headers.push_back({"webhook-id", id});
    headers.push_back({"webhook-timestamp", timestamp});
    headers.push_back({"webhook-signature", webhook_signature(key.reveal(), id, timestamp, body)});
}

}  // namespace

Ulid delivery_id(const Event& event) {
    return event.parent.value_or(event.id);
}

transport::OutgoingRequest outgoing_http(const Event& event,
                                         const DestinationConfig& destination,
                                         std::uint32_t attempt,
                                         WallTime now) {
    const HttpConfig& http = destination.http;
    const std::string id = delivery_id(event).text();
    const WallTime accepted_at = event.parent ? event.parent->time() : event.accepted_at;
    const std::string accepted = std::to_string(unix_seconds(accepted_at));
    const std::string number = std::to_string(attempt);
    transport::OutgoingRequest request;
    request.method = to_string(http.method);
    request.target = http.target;
    request.body = event.body;
    request.has_body = true;
    request.repeatable = info(event.operation).safety != Safety::once_if_ambiguous;

    std::vector<transport::Header>& headers = request.headers;
    headers.push_back({"User-Agent", "Holdfast/" HOLDFAST_VERSION});
    headers.push_back({"Idempotency-Key", id});
    if (const auto& key = destination.endpoint(Endpoint::http).key) {
        headers.push_back({http.auth_header, key->reveal()});
    }
    if (!event.body.empty()) headers.push_back({"Content-Type", http.content_type});
    add_configured(http,
                   {.id = id,
                    .name = event.name,
                    .key = key_of(event),
                    .timestamp = accepted,
                    .destination = event.destination,
                    .attempt = number},
                   headers);
    if (http.signing_key) {
        add_signature(
            *http.signing_key, id, std::to_string(unix_seconds(now)), event.body, headers);
    }
    return request;
}

}  // namespace holdfast::agent
