#include "agent/ingest/directory.hpp"

#include "agent/base64.hpp"

#include <boost/beast/core/string.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace holdfast::agent {
namespace {

// Messages and broadcasts: of one host and key.
bool is_app(Endpoint endpoint) {
    return endpoint == Endpoint::app || endpoint == Endpoint::broadcasts;
}

customerio::Refusal unauthorized(std::string message) {
    return {401, "unauthorized", std::move(message)};
}

customerio::Refusal wrong_destination(std::string message) {
    return {400, "wrong_destination", std::move(message)};
}

}  // namespace

std::optional<std::string> basic_user(std::string_view authorization) {
    constexpr std::string_view kScheme = "basic ";
    if (authorization.size() < kScheme.size()) return std::nullopt;
    const std::string_view scheme = authorization.substr(0, kScheme.size());
    if (!boost::beast::iequals({scheme.data(), scheme.size()}, {kScheme.data(), kScheme.size()})) {
        return std::nullopt;
    }
    std::optional<std::string> pair = decode_base64(authorization.substr(kScheme.size()));
    if (!pair) return std::string();
    pair->resize(std::min(pair->find(':'), pair->size()));
    return pair;
}

Directory::Directory(std::vector<Destination> destinations)
    : destinations_(std::move(destinations)) {}

std::variant<const Directory::Destination*, customerio::Refusal> Directory::choose(
    std::string_view authorization, Endpoint endpoint) const {
    const std::optional<std::string> site_id = basic_user(authorization);
    const Destination* chosen = nullptr;
    for (const Destination& destination : destinations_) {
        if (destination.request || (site_id && destination.site_id != *site_id)) continue;
        if (is_app(endpoint) && !destination.takes_app_calls) continue;
        if (chosen != nullptr) {
            return unauthorized(
                "several destinations are configured: say which one by its site id");
        }
        chosen = &destination;
    }
    if (chosen != nullptr) return chosen;
    if (is_app(endpoint)) {
        return unauthorized("no App API key is configured in the agent (app_key_file)");
    }
    return unauthorized("the site id is not one that is configured in the agent (site_id)");
}

std::variant<const Directory::Destination*, customerio::Refusal> Directory::find(
    std::string_view name, Endpoint endpoint) const {
    const auto fits = [name](const Destination& destination) {
        return name.empty() ? !destination.request : destination.name == name;
    };
    if (std::count_if(destinations_.begin(), destinations_.end(), fits) > 1) {
        return customerio::Refusal{
            404, "no_destination", "several destinations are configured: name one"};
    }
    for (const Destination& destination : destinations_) {
        if (!fits(destination)) continue;
        if (destination.request) {
            return wrong_destination(
                "the destination is of type \"http\": send to /destinations/NAME/events");
        }
        if (is_app(endpoint) && !destination.takes_app_calls) {
            return unauthorized("no App API key is configured in the agent (app_key_file)");
        }
        return &destination;
    }
    return customerio::Refusal{
        404,
        "no_destination",
        name.empty() ? "no destination of type \"customerio\" is configured in the agent"
                     : "no destination of this name is configured in the agent"};
}

std::variant<const Directory::Destination*, customerio::Refusal> Directory::choose(
    const http::Request& request, std::string_view named) const {
    const auto found = http::destination_in(request.method, request.target);
    if (const auto* why = std::get_if<customerio::Refusal>(&found)) return *why;
    const std::string_view name = std::get<std::string_view>(found);
    if (!named.empty() && named != name) {
        return wrong_destination("the frame names another destination than its target");
    }
    std::string known;
    for (const Destination& destination : destinations_) {
        if (destination.name == name && destination.request) return &destination;
        if (destination.name == name) {
            return wrong_destination(
                "the destination is of type \"customerio\": send it calls of Customer.io's API");
        }
        if (destination.request) known.append(known.empty() ? "" : ", ").append(destination.name);
    }
    if (known.empty()) known = "none";
    return customerio::Refusal{404,
                               "no_destination",
                               "no destination of this name is configured in the agent; of type "
                               "\"http\" there is: " +
                                   known};
}

}  // namespace holdfast::agent
