#include "agent/ingest/directory.hpp"

#include <boost/beast/core/string.hpp>

#include <algorithm>
#include <optional>
#include <utility>

namespace holdfast::agent {
namespace {

std::optional<unsigned> base64_digit(char c) {
    if (c >= 'A' && c <= 'Z') return static_cast<unsigned>(c - 'A');
    if (c >= 'a' && c <= 'z') return static_cast<unsigned>(c - 'a' + 26);
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0' + 52);
    if (c == '+' || c == '-') return 62;
    if (c == '/' || c == '_') return 63;
    return std::nullopt;
}

std::optional<std::string> decode_base64(std::string_view text) {
    while (!text.empty() && text.back() == '=') text.remove_suffix(1);
    std::string out;
    unsigned value = 0;
    unsigned bits = 0;
    for (const char c : text) {
        const std::optional<unsigned> digit = base64_digit(c);
        if (!digit) return std::nullopt;
        value = (value << 6U | *digit) & 0xfffU;
        bits += 6;
        if (bits < 8) continue;
        bits -= 8;
        out.push_back(static_cast<char>(value >> bits & 0xffU));
    }
    return out;
}

customerio::Refusal unauthorized(std::string message) {
    return {401, "unauthorized", std::move(message)};
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
        if (site_id && destination.site_id != *site_id) continue;
        if (endpoint == Endpoint::app && !destination.takes_app_calls) continue;
        if (chosen != nullptr) {
            return unauthorized(
                "several destinations are configured: say which one by its site id");
        }
        chosen = &destination;
    }
    if (chosen != nullptr) return chosen;
    if (endpoint == Endpoint::app) {
        return unauthorized("no App API key is configured in the agent (app_key_file)");
    }
    return unauthorized("the site id is not one that is configured in the agent (site_id)");
}

std::variant<const Directory::Destination*, customerio::Refusal> Directory::find(
    std::string_view name, Endpoint endpoint) const {
    if (name.empty() && destinations_.size() > 1) {
        return customerio::Refusal{
            404, "no_destination", "several destinations are configured: name one"};
    }
    for (const Destination& destination : destinations_) {
        if (!name.empty() && destination.name != name) continue;
        if (endpoint == Endpoint::app && !destination.takes_app_calls) {
            return unauthorized("no App API key is configured in the agent (app_key_file)");
        }
        return &destination;
    }
    return customerio::Refusal{
        404, "no_destination", "no destination of this name is configured in the agent"};
}

}  // namespace holdfast::agent
