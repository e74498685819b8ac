#include "tests/customerio-sim/routes.hpp"

#include "tests/customerio-sim/checks.hpp"
#include "tests/customerio-sim/handlers.hpp"
#include "tests/customerio-sim/text.hpp"

#include <array>

namespace holdfast::customerio_sim {
namespace {

enum class Auth : std::uint8_t { none, track, app };

struct Route {
    std::string_view method;
    std::string_view pattern;  // `{identifier}` names a person, any other `{…}` is just captured
    std::string_view operation;
    Auth auth;
    void (*handle)(const Visit&);
};

constexpr std::array kRoutes = {
    Route{"PUT", "/api/v1/customers/{identifier}", "identify", Auth::track, handle_identify},
    Route{"POST", "/api/v1/customers/{identifier}/events", "event", Auth::track, handle_event},
    Route{"POST", "/api/v1/events", "anonymous_event", Auth::track, handle_anonymous_event},
    Route{"DELETE", "/api/v1/customers/{identifier}", "delete", Auth::track, handle_person},
    Route{
        "POST", "/api/v1/customers/{identifier}/suppress", "suppress", Auth::track, handle_person},
    Route{"POST",
          "/api/v1/customers/{identifier}/unsuppress",
          "unsuppress",
          Auth::track,
          handle_person},
    Route{"GET", "/api/v1/accounts/region", "region", Auth::track, handle_region},
    Route{"GET", "/auth", "auth", Auth::track, handle_auth},
    Route{"POST", "/api/v2/entity", "entity", Auth::track, handle_entity},
    Route{"POST", "/api/v2/batch", "batch", Auth::track, handle_batch},
    Route{"PUT",
          "/api/v1/customers/{identifier}/devices",
          "add_device",
          Auth::track,
          handle_add_device},
    Route{"DELETE",
          "/api/v1/customers/{identifier}/devices/{device}",
          "delete_device",
          Auth::track,
          handle_delete_device},
    Route{"POST", "/api/v1/merge_customers", "merge", Auth::track, handle_merge},
    Route{"POST",
          "/api/v1/segments/{segment}/add_customers",
          "add_to_segment",
          Auth::track,
          handle_segment},
    Route{"POST",
          "/api/v1/segments/{segment}/remove_customers",
          "remove_from_segment",
          Auth::track,
          handle_segment},
    Route{"POST", "/api/v1/forms/{form}/submit", "submit_form", Auth::track, handle_form},
    Route{"POST", "/api/v1/metrics", "report_metric", Auth::none, handle_metric},
    Route{"POST", "/api/v1/push/events", "report_push_event", Auth::none, handle_push_event},
    Route{"POST", "/push/events", "report_push_event", Auth::none, handle_push_event},
    Route{"POST", "/unsubscribe/{delivery}", "unsubscribe", Auth::none, handle_unsubscribe},
    Route{"POST", "/v1/send/email", "send_email", Auth::app, handle_send_email},
    Route{"POST", "/v1/send/push", "send_push", Auth::app, handle_send},
    Route{"POST", "/v1/send/sms", "send_sms", Auth::app, handle_send},
    Route{"POST", "/v1/send/whatsapp", "send_whatsapp", Auth::app, handle_send},
    Route{"POST", "/v1/send/in_app", "send_in_app", Auth::app, handle_send},
    Route{"POST", "/v1/send/inbox_message", "send_inbox_message", Auth::app, handle_send},
    Route{"POST",
          "/v1/campaigns/{broadcast}/triggers",
          "trigger_broadcast",
          Auth::app,
          handle_trigger},
    Route{"POST",
          "/v1/api/campaigns/{broadcast}/triggers",
          "trigger_broadcast",
          Auth::app,
          handle_trigger},
};

// Splits on raw slashes first and decodes then, so that %2F stays inside its segment.
bool matches(std::string_view pattern,
             const std::vector<std::string_view>& path,
             std::vector<std::string_view>& captures) {
    captures.clear();
    std::size_t at = 0;
    for (const std::string_view part : path) {
        if (at > pattern.size()) return false;
        const std::size_t end = std::min(pattern.find('/', at), pattern.size());
        const std::string_view wanted = pattern.substr(at, end - at);
        at = end + 1;
        if (wanted.starts_with('{')) {
            captures.push_back(part);
        } else if (wanted != part) {
            return false;
        }
    }
    return at > pattern.size();
}

// Any authority in the target is dropped: `GET http://host/path` asks for `/path`.
std::string_view origin_form(std::string_view path) {
    const std::size_t scheme = path.find("://");
    if (path.starts_with('/') || scheme == std::string_view::npos) return path;
    const std::size_t slash = path.find('/', scheme + 3);
    return slash == std::string_view::npos ? "/" : path.substr(slash);
}

bool is_authorized(Auth auth, std::string_view header, const Account& account) {
    if (auth == Auth::none) return true;
    const std::size_t blank = header.find(' ');
    if (blank == std::string_view::npos) return false;
    const std::string scheme = lower(header.substr(0, blank));
    const std::string_view value = trim(header.substr(blank));
    if (auth == Auth::app) return scheme == "bearer" && value == account.app_key;
    return scheme == "basic" && decode_base64(value) == account.site_id + ":" + account.api_key;
}

void enter(const Route& route,
           const Request& request,
           const std::vector<std::string_view>& raw_captures,
           const Surroundings& around,
           Decision& decision) {
    decision.operation = route.operation;
    Call& call = decision.calls.emplace_back();
    call.operation = route.operation;
    std::vector<std::string> captures;
    for (const std::string_view raw : raw_captures) {
        std::optional<std::string> decoded = decode_percent(raw);
        if (!decoded) {
            decision.answer = error_answer(400, "the path has a bad percent escape");
            return;
        }
        captures.push_back(std::move(*decoded));
    }
    const bool has_person = route.pattern.find("{identifier}") != std::string_view::npos;
    if (has_person) call.person = Identity::from_path(captures.front());
    if (!is_authorized(route.auth, request.authorization, around.account)) {
        decision.answer = error_answer(401, "unauthorized");
        return;
    }
    const Visit visit{request, captures, around, decision};
    if (has_person) {
        if (const Refusal refusal = check_identifier(captures.front())) {
            visit.refuse(*refusal);
            return;
        }
    }
    route.handle(visit);
}

}  // namespace

std::string Identity::text() const {
    if (kind == Kind::cio_id) return "cio_" + value;
    if (kind == Kind::anonymous_id) return "anonymous:" + value;
    return value;
}

Identity Identity::from_path(std::string_view segment) {
    if (segment.starts_with("cio_")) return {Kind::cio_id, std::string(segment.substr(4))};
    if (segment.find('@') != std::string_view::npos) return {Kind::email, lower(segment)};
    return {Kind::id, std::string(segment)};
}

Decision decide(const Request& request, const Surroundings& around) {
    Decision decision;
    const std::vector<std::string_view> path = split(origin_form(request.path()), '/');
    std::vector<std::string_view> captures;
    std::string allowed;
    for (const Route& route : kRoutes) {
        if (!matches(route.pattern, path, captures)) continue;
        if (route.method == request.method) {
            enter(route, request, captures, around, decision);
            return decision;
        }
        allowed += (allowed.empty() ? "" : ", ") + std::string(route.method);
    }
    if (allowed.empty()) {
        decision.answer = error_answer(404, "not found");
    } else {
        decision.answer = error_answer(405, "method not allowed");
        decision.answer.headers.emplace_back("Allow", allowed);
    }
    return decision;
}

void Visit::refuse(std::string_view text) const {
    decision.answer = error_answer(400, text);
    call().refusal = text;
}

std::optional<Json> Visit::body_object() const {
    if (trim(request.body).empty()) return Json::object();  // PHP and Ruby send none
    std::optional<Json> body = parse_json(request.body);
    if (!body) {
        refuse("request body is not valid JSON");
        return std::nullopt;
    }
    if (body->is_null()) return Json::object();  // Go sends `null` for no attributes
    if (!body->is_object()) {
        refuse("request body must be a JSON object");
        return std::nullopt;
    }
    return body;
}

}  // namespace holdfast::customerio_sim
