// Which destination a request is for. An app needs no credential of its own: the socket's
// permissions let it in, and the agent's credentials go to the vendor. But a site id that it gives
// must be one of ours: events of one workspace never end up in another by mistake.
//
// Pure; any thread once it is made.
#pragma once

#include "proto/customerio/request.hpp"
#include "proto/http/request.hpp"
#include "proto/operation.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace holdfast::agent {

class Directory {
public:
    struct Destination {
        std::string name;
        std::string site_id;
        bool takes_app_calls = false;  // there is a key for the App API
        // What an event for it is, of type "http". Nothing: it takes the vendor's calls.
        std::optional<Operation> request = {};
    };

    explicit Directory(std::vector<Destination> destinations);

    // `authorization`: the header's value, may be empty. Basic names the destination by its site
    // id. An App API call (Bearer) goes to the only destination that takes them; with several it is
    // refused.
    [[nodiscard]] std::variant<const Destination*, customerio::Refusal> choose(
        std::string_view authorization, Endpoint endpoint) const;

    // As a native frame says it. Empty: the only one there is for the vendor's calls.
    [[nodiscard]] std::variant<const Destination*, customerio::Refusal> find(
        std::string_view name, Endpoint endpoint) const;

    // The one of type "http" that is in the request's path. `named`: by the frame; empty: it does
    // not say, else it must say the same.
    [[nodiscard]] std::variant<const Destination*, customerio::Refusal> choose(
        const http::Request& request, std::string_view named) const;

private:
    std::vector<Destination> destinations_;
};

// The user name of "Basic …", in either base64 alphabet (the Go client uses the URL-safe one),
// padded or not. nullopt when it is something else; empty, which is nobody's, when it is malformed.
[[nodiscard]] std::optional<std::string> basic_user(std::string_view authorization);

}  // namespace holdfast::agent
