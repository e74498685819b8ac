#include "proto/assert.hpp"
#include "proto/customerio/identifier.hpp"
#include "proto/customerio/limits.hpp"
#include "proto/customerio/request.hpp"
#include "proto/customerio/route_table.hpp"
#include "proto/customerio/v2_operation.hpp"
#include "proto/record.hpp"

#include <boost/url/decode_view.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/pct_string_view.hpp>
#include <boost/url/rfc/pchars.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

namespace holdfast::customerio {
namespace {

namespace urls = boost::urls;

constexpr std::string_view kIdentifier = "{identifier}";
constexpr std::string_view kSegment = "{segment}";
constexpr std::string_view kTrackPrefix = "/api/v1";
constexpr std::string_view kIdTypeQuery = "?id_type=";

// Each byte of what stands in a place may take three, and a record must hold the target.
static_assert(100 + 3 * (kIdentifierBytesMax + kItemBytesMax) <= kTargetBytesMax);

// The first row of an operation is the one that it is sent by; any other is an alias.
constexpr std::array kRows = {
    RouteRow{Method::put, "/api/v1/customers/{identifier}", Operation::identify},
    RouteRow{Method::del, "/api/v1/customers/{identifier}", Operation::delete_person},
    RouteRow{Method::post, "/api/v1/customers/{identifier}/events", Operation::event},
    RouteRow{Method::post, "/api/v1/events", Operation::anonymous_event},
    RouteRow{Method::post, "/api/v1/customers/{identifier}/suppress", Operation::suppress},
    RouteRow{Method::post, "/api/v1/customers/{identifier}/unsuppress", Operation::unsuppress},
    RouteRow{Method::post, "/v1/send/email", Operation::send_email},
    RouteRow{Method::put, "/api/v1/customers/{identifier}/devices", Operation::add_device},
    RouteRow{
        Method::del, "/api/v1/customers/{identifier}/devices/{device}", Operation::delete_device},
    RouteRow{Method::post, "/api/v1/merge_customers", Operation::merge},
    RouteRow{Method::post, "/api/v1/segments/{segment}/add_customers", Operation::add_to_segment},
    RouteRow{Method::post,
             "/api/v1/segments/{segment}/remove_customers",
             Operation::remove_from_segment},
    RouteRow{Method::post, "/api/v1/forms/{form}/submit", Operation::submit_form},
    RouteRow{Method::post, "/api/v1/metrics", Operation::report_metric},
    RouteRow{Method::post, "/api/v1/push/events", Operation::report_push_event},
    RouteRow{Method::post, "/push/events", Operation::report_push_event},
    RouteRow{Method::post, "/unsubscribe/{delivery}", Operation::unsubscribe},
    RouteRow{Method::post, "/v1/send/push", Operation::send_push},
    RouteRow{Method::post, "/v1/send/sms", Operation::send_sms},
    RouteRow{Method::post, "/v1/send/whatsapp", Operation::send_whatsapp},
    RouteRow{Method::post, "/v1/send/in_app", Operation::send_in_app},
    RouteRow{Method::post, "/v1/send/inbox_message", Operation::send_inbox_message},
    RouteRow{Method::post, "/v1/campaigns/{broadcast}/triggers", Operation::trigger_broadcast},
    RouteRow{Method::post, "/v1/api/campaigns/{broadcast}/triggers", Operation::trigger_broadcast},
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

// What stands in the places of a pattern, still encoded; empty for a pattern without them.
struct Places {
    std::string_view identifier;
    std::string_view item;
};

std::optional<Places> match(std::string_view pattern, std::string_view path) {
    Places places;
    while (!pattern.empty() && !path.empty()) {
        const std::string_view want = take_segment(pattern);
        const std::string_view got = take_segment(path);
        if (want == kIdentifier) {
            places.identifier = got;
        } else if (want.starts_with('{')) {
            places.item = got;
        } else if (!decodes_to(got, want)) {
            return std::nullopt;
        }
    }
    if (!pattern.empty() || !path.empty()) return std::nullopt;
    return places;
}

Refusal invalid_path(std::string_view message) {
    return {400, "invalid_path", std::string(message)};
}

std::string decoded(std::string_view encoded) {
    std::string text;
    urls::pct_string_view(encoded).decode({}, urls::string_token::assign_to(text));
    return text;
}

// Every way to write them means a step in the path: what stands behind would act on another path.
bool is_dot_segment(std::string_view segment) {
    return segment == "." || segment == "..";
}

std::string_view fault_of_person(std::string_view identifier) {
    if (const auto fault = identifier_fault(identifier); !fault.empty()) return fault;
    return is_dot_segment(identifier) ? "identifier cannot be a dot segment" : "";
}

// A number of 32 bits, as the vendor has it; in one spelling, so that it is one lane.
bool is_segment_id(std::string_view item) {
    std::int32_t number = 0;
    const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), number);
    const bool is_all = error == std::errc() && end == item.data() + item.size();
    return is_all && number > 0 && item.front() != '0';
}

std::string_view fault_of_item(std::string_view item, std::string_view pattern) {
    if (const auto fault = item_fault(item); !fault.empty()) return fault;
    if (is_dot_segment(item)) return "the path cannot have a dot segment";
    const bool is_segment = pattern.find(kSegment) != std::string_view::npos;
    return is_segment && !is_segment_id(item) ? "the id of a segment must be a number" : "";
}

Refusal invalid_query(std::string_view message) {
    return {400, "invalid_query", std::string(message)};
}

// The parameter of a segment call; all others are dropped.
std::optional<Refusal> read_id_type(std::string_view query, std::string_view& id_type) {
    static constexpr std::array<std::string_view, 3> kTypes = {"id", "email", "cio_id"};
    while (!query.empty()) {
        query.remove_prefix(1);
        const std::string_view pair = query.substr(0, query.find('&'));
        query.remove_prefix(pair.size());
        const std::size_t name_size = std::min(pair.find('='), pair.size());
        if (!decodes_to(pair.substr(0, name_size), "id_type")) continue;
        const std::string value = decoded(pair.substr(std::min(name_size + 1, pair.size())));
        const auto* type = std::find(kTypes.begin(), kTypes.end(), value);
        if (type == kTypes.end()) return invalid_query("id_type must be one of id, email, cio_id");
        if (!id_type.empty()) return invalid_query("id_type stands twice in the query");
        id_type = *type;
    }
    return std::nullopt;
}

std::variant<Route, Refusal> make_route(const RouteRow& row,
                                        const Places& places,
                                        std::string_view query) {
    Route route{.operation = row.operation, .shape = row.shape};
    const std::size_t person = row.pattern.find(kIdentifier);
    if (person != std::string_view::npos) {
        route.identifier = decoded(places.identifier);
        if (const auto fault = fault_of_person(route.identifier); !fault.empty()) {
            return invalid_path(fault);
        }
    }
    const std::size_t behind = person == std::string_view::npos ? 0 : person + kIdentifier.size();
    if (row.pattern.find('{', behind) == std::string_view::npos) return route;
    route.item = decoded(places.item);
    if (const auto fault = fault_of_item(route.item, row.pattern); !fault.empty()) {
        return invalid_path(fault);
    }
    if (row.pattern.find(kSegment) != std::string_view::npos) {
        if (auto refusal = read_id_type(query, route.id_type)) return std::move(*refusal);
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
        const auto places = match(row.pattern, path);
        if (!places) continue;
        if (to_string(row.method) == method) {
            return make_route(row, *places, target.substr(path.size()));
        }
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

void append_target(std::string_view pattern, const Route& route, std::string& out) {
    while (!pattern.empty()) {
        const std::size_t begin = pattern.find('{');
        out.append(pattern.substr(0, begin));
        if (begin == std::string_view::npos) break;
        const std::size_t end = pattern.find('}') + 1;
        const bool is_person = pattern.substr(begin, end - begin) == kIdentifier;
        const std::string& text = is_person ? route.identifier : route.item;
        urls::encode(text, urls::unreserved_chars, {}, urls::string_token::append_to(out));
        pattern.remove_prefix(end);
    }
    if (!route.id_type.empty()) out.append(kIdTypeQuery).append(route.id_type);
}

}  // namespace holdfast::customerio
