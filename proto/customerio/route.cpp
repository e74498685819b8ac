#include "proto/assert.hpp"
#include "proto/customerio/identifier.hpp"
#include "proto/customerio/request.hpp"
#include "proto/customerio/route_table.hpp"
#include "proto/customerio/v2_operation.hpp"

#include <boost/url/decode_view.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/pct_string_view.hpp>
#include <boost/url/rfc/pchars.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include <algorithm>
#include <array>
#include <optional>

namespace holdfast::customerio {
namespace {

namespace urls = boost::urls;

constexpr std::string_view kIdentifier = "{identifier}";
constexpr std::string_view kTrackPrefix = "/api/v1";

// The first row of an operation is the one that it is sent by; any other is an alias.
constexpr std::array kRows = {
    RouteRow{Method::put, "/api/v1/customers/{identifier}", Operation::identify},
    RouteRow{Method::del, "/api/v1/customers/{identifier}", Operation::delete_person},
    RouteRow{Method::post, "/api/v1/customers/{identifier}/events", Operation::event},
    RouteRow{Method::post, "/api/v1/events", Operation::anonymous_event},
    RouteRow{Method::post, "/api/v1/customers/{identifier}/suppress", Operation::suppress},
    RouteRow{Method::post, "/api/v1/customers/{identifier}/unsuppress", Operation::unsuppress},
    RouteRow{Method::post, "/v1/send/email", Operation::send_email},
    RouteRow{Method::post, kEntityTarget, Operation::event, Route::Shape::entity},
    RouteRow{Method::post, kBatchTarget, Operation::event, Route::Shape::batch},
};

// Still encoded; nullopt: not the origin form (RFC 9112, 3.2.1). By its characters (RFC 3986, 3.3
// and 3.4): Boost's parse_origin_form() took a twentieth of the agent's CPU time.
std::optional<std::string_view> path_of(std::string_view target) {
    static constexpr auto kTargetChars = urls::pchars + '/' + '?' + '%';
    if (!target.starts_with('/') || !std::all_of(target.begin(), target.end(), kTargetChars) ||
        !urls::make_pct_string_view(target)) {
        return std::nullopt;
    }
    return target.substr(0, target.find('?'));
}

// Takes "/segment" off the front of a path that is not empty.
std::string_view take_segment(std::string_view& path) {
    path.remove_prefix(1);
    const std::string_view segment = path.substr(0, path.find('/'));
    path.remove_prefix(segment.size());
    return segment;
}

// `segment` is valid percent-encoding.
bool decodes_to(std::string_view segment, std::string_view literal) {
    return segment == literal ||
           (segment.size() > literal.size() && *urls::pct_string_view(segment) == literal);
}

// The identifier in the path, still encoded; empty for a pattern without one.
std::optional<std::string_view> match(std::string_view pattern, std::string_view path) {
    std::string_view identifier;
    while (!pattern.empty() && !path.empty()) {
        const std::string_view want = take_segment(pattern);
        const std::string_view got = take_segment(path);
        if (want == kIdentifier) {
            identifier = got;
        } else if (!decodes_to(got, want)) {
            return std::nullopt;
        }
    }
    if (!pattern.empty() || !path.empty()) return std::nullopt;
    return identifier;
}

Refusal invalid_path(std::string_view message) {
    return {400, "invalid_path", std::string(message)};
}

std::variant<Route, Refusal> make_route(const RouteRow& row, std::string_view encoded) {
    Route route{.operation = row.operation, .identifier = {}, .shape = row.shape};
    if (row.pattern.find(kIdentifier) == std::string_view::npos) return route;
    urls::pct_string_view(encoded).decode({}, urls::string_token::assign_to(route.identifier));
    if (const auto fault = identifier_fault(route.identifier); !fault.empty()) {
        return invalid_path(fault);
    }
    // Every way to write them means a step in the path: what stands behind would act on another
    // path.
    if (route.identifier == "." || route.identifier == "..") {
        return invalid_path("identifier cannot be a dot segment");
    }
    return route;
}

Refusal not_found(std::string_view path) {
    for (const RouteRow& row : kRows) {
        if (row.pattern.starts_with(kTrackPrefix) &&
            match(row.pattern.substr(kTrackPrefix.size()), path)) {
            return {404, "not_found", "no such path; the client's url lacks /api/v1 at its end"};
        }
    }
    return {404, "not_found", "no such path in the calls of Customer.io that are taken here"};
}

}  // namespace

std::variant<Route, Refusal> route(std::string_view method, std::string_view target) {
    const auto found = path_of(target);
    if (!found) return invalid_path("target is not a path in valid percent-encoding");
    const std::string_view path = *found;
    std::string allowed;
    for (const RouteRow& row : kRows) {
        const auto identifier = match(row.pattern, path);
        if (!identifier) continue;
        if (to_string(row.method) == method) return make_route(row, *identifier);
        allowed.append(allowed.empty() ? "" : ", ").append(to_string(row.method));
    }
    if (allowed.empty()) return not_found(path);
    return Refusal{405, "method_not_allowed", "method not allowed on this path, only " + allowed};
}

const RouteRow& row_of(const Route& route) {
    for (const RouteRow& row : kRows) {
        if (row.operation == route.operation && row.shape == route.shape) return row;
    }
    HOLDFAST_ASSERT(false && "an operation without a route");
}

void append_target(std::string_view pattern, std::string_view identifier, std::string& out) {
    const std::size_t at = pattern.find(kIdentifier);
    out.append(pattern.substr(0, at));
    if (at == std::string_view::npos) return;
    urls::encode(identifier, urls::unreserved_chars, {}, urls::string_token::append_to(out));
    out.append(pattern.substr(at + kIdentifier.size()));
}

}  // namespace holdfast::customerio
