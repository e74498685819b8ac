#include "agent/delivery/outgoing.hpp"

#include "agent/base64.hpp"
#include "agent/delivery/outgoing_http.hpp"

namespace holdfast::agent {
namespace {

std::string authorization(Endpoint endpoint, const DestinationConfig& destination) {
    const std::optional<Secret>& key = destination.endpoint(endpoint).key;
    // Without a key for an endpoint its calls are refused at ingest; one that was stored when there
    // was a key goes out without, is refused, and waits behind the auth hold.
    if (!key) return {};
    switch (endpoint) {
        case Endpoint::track:
            return "Basic " + encode_base64(destination.site_id + ":" + key->reveal());
        case Endpoint::app:
        case Endpoint::broadcasts:
            return "Bearer " + key->reveal();
        case Endpoint::http:
            break;
    }
    return {};
}

}  // namespace

transport::OutgoingRequest request_to(Endpoint endpoint, const DestinationConfig& destination) {
    transport::OutgoingRequest request;
    request.headers.push_back({"User-Agent", "Holdfast/" HOLDFAST_VERSION});
    if (std::string value = authorization(endpoint, destination); !value.empty()) {
        request.headers.push_back({"Authorization", std::move(value)});
    }
    return request;
}

transport::OutgoingRequest outgoing(const Event& event,
                                    const DestinationConfig& destination,
                                    std::uint32_t attempt,
                                    WallTime now) {
    const OperationInfo& operation = info(event.operation);
    if (operation.endpoint() == Endpoint::http) {
        return outgoing_http(event, destination, attempt, now);
    }
    transport::OutgoingRequest request = request_to(operation.endpoint(), destination);
    request.method = to_string(event.method);
    request.target = event.target;
    if (!event.body.empty()) request.headers.push_back({"Content-Type", "application/json"});
    request.body = event.body;
    // A POST without a body still says so: some servers refuse one without a length.
    request.has_body = event.method == Method::post || event.method == Method::put;
    request.repeatable = operation.safety != Safety::once_if_ambiguous;
    return request;
}

}  // namespace holdfast::agent
