#include "tests/customerio-sim/control.hpp"

#include "tests/customerio-sim/text.hpp"

#include <charconv>
#include <limits>

namespace holdfast::customerio_sim {
namespace {

constexpr std::string_view kPerson = "/people/";

std::optional<std::uint64_t> number_in(const std::map<std::string, std::string>& query,
                                       const char* name,
                                       std::uint64_t otherwise) {
    const auto it = query.find(name);
    if (it == query.end()) return otherwise;
    std::uint64_t number = 0;
    const char* end = it->second.data() + it->second.size();
    const auto [stop, ec] = std::from_chars(it->second.data(), end, number);
    if (ec != std::errc() || stop != end) return std::nullopt;
    return number;
}

Answer requests(const RequestLog& log, const Request& request) {
    const auto query = request.query();
    const auto after = number_in(query, "after", 0);
    const auto limit = number_in(query, "limit", std::numeric_limits<std::uint64_t>::max());
    if (!after || !limit) return error_answer(400, "`after` and `limit` must be numbers");
    const auto bodies = query.find("bodies");
    const bool whole = bodies != query.end() && bodies->second != "0";
    return json_answer(200, log.requests_json(*after, *limit, whole));
}

Answer person(const Workspace& workspace, std::string_view segment) {
    const std::optional<std::string> text = decode_percent(segment);
    const std::optional<Json> found = text ? workspace.person_json(*text) : std::nullopt;
    return found ? json_answer(200, *found) : error_answer(404, "no such person");
}

}  // namespace

Answer Control::handle(const Request& request) {
    const std::string_view path = request.path();
    if (request.method == "GET") return get(request);
    if (request.method == "PUT" && path == "/faults") return put_faults(request.body);
    if (request.method == "PUT" && path == "/down") return put_down(request.body);
    if (request.method == "DELETE" && path == "/faults") {
        simulator_.faults.clear();
        return {};
    }
    if (request.method == "POST" && path == "/reset") {
        simulator_.reset();
        return {};
    }
    return error_answer(404, "no such control: see --help");
}

Answer Control::get(const Request& request) const {
    const std::string_view path = request.path();
    if (path == "/requests") return requests(simulator_.log, request);
    if (path == "/people") return json_answer(200, simulator_.workspace.people_json());
    if (path == "/deliveries") return json_answer(200, simulator_.workspace.deliveries_json());
    if (path == "/stats") return json_answer(200, simulator_.log.stats_json());
    if (path == "/faults") return json_answer(200, simulator_.faults.to_json());
    if (path == "/down") {
        const Json body = {{"down", availability_.is_down()}};
        return json_answer(200, body);
    }
    if (path.starts_with(kPerson)) return person(simulator_.workspace, path.substr(kPerson.size()));
    return error_answer(404, "no such control: see --help");
}

Answer Control::put_faults(const std::string& body) {
    const std::optional<Json> rules = parse_json(body);
    if (!rules) return error_answer(400, "the rules are not valid JSON");
    if (const auto problem = simulator_.faults.replace(*rules)) return error_answer(400, *problem);
    return {};
}

Answer Control::put_down(const std::string& body) {
    const std::optional<Json> wanted = parse_json(body);
    if (!wanted || !wanted->is_object() || !wanted->value("down", Json()).is_boolean()) {
        return error_answer(400, "send {\"down\":true} or {\"down\":false}");
    }
    if (const auto problem = availability_.set_down(wanted->at("down").get<bool>())) {
        return error_answer(500, *problem);
    }
    return {};
}

}  // namespace holdfast::customerio_sim
