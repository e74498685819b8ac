#include "agent/admin/requests.hpp"

#include "agent/admin/answers.hpp"
#include "agent/admin/dead_letters.hpp"
#include "agent/admin/metrics.hpp"
#include "agent/admin/selection.hpp"
#include "agent/clock.hpp"

#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <map>
#include <utility>
#include <vector>

namespace holdfast::agent {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kPageMax = 1000;
constexpr std::size_t kPageDefault = 50;

// What a list asks for. `in_flight` is no state of the log: it is filtered here.
struct ListQuery {
    wal::Query query;
    Selection selection;
    bool in_flight = false;
    bool body = false;
};

Result<void> set_state(ListQuery& list, const std::string& state) {
    using wal::EntryState;
    static const std::map<std::string_view, std::optional<EntryState>> kStates = {
        {"all", std::nullopt},
        {"pending", EntryState::pending},
        {"in_flight", std::nullopt},
        {"retrying", EntryState::retrying},
        {"complete", EntryState::complete},
        {"failed", EntryState::failed},
        {"replayed", EntryState::replayed},
        {"dropped", EntryState::dropped}};
    const auto found = kStates.find(state);
    if (found == kStates.end()) {
        return Error{Errc::bad_input,
                     "state: one of all, pending, in_flight, retrying, complete, failed, replayed, "
                     "dropped"};
    }
    list.query.state = found->second;
    list.in_flight = state == "in_flight";
    return {};
}

Result<void> set_limit(wal::Query& query, std::uint64_t limit) {
    if (limit < 1 || limit > kPageMax) {
        return Error{Errc::bad_input, "limit: 1 to " + std::to_string(kPageMax)};
    }
    query.count_max = limit;
    return {};
}

Result<void> set(ListQuery& list, const std::string& key, const std::string& value) {
    if (key == "state") return set_state(list, value);
    if (key == "body") {
        list.body = value == "1";
        return {};
    }
    if (key == "after" || key == "limit") {
        const auto parsed = number(value);
        if (!parsed) return Error{Errc::bad_input, key + ": a number is expected"};
        if (key == "limit") return set_limit(list.query, *parsed);
        list.query.after = Seq{*parsed};
        return {};
    }
    return list.selection.set(key, value);
}

Result<ListQuery> list_query(const Parameters& parameters) {
    ListQuery list;
    list.query.count_max = kPageDefault;
    for (const auto& [key, value] : parameters) {
        if (Result<void> is_set = set(list, key, value); !is_set) return is_set.error();
    }
    list.selection.narrow(list.query);
    return list;
}

// Those in flight are few: no need to walk over everything else.
wal::Page page_in_flight(const wal::Log& log, const ListQuery& list, const std::set<Seq>& seqs) {
    wal::Page page;
    for (const Seq seq : seqs) {
        Result<wal::Description> one = log.describe(seq);
        if (seq <= list.query.after || !one || !list.selection.has(*one)) continue;
        if (page.entries.size() == list.query.count_max) {
            page.next = seq.previous();
            break;
        }
        page.entries.push_back(std::move(*one));
    }
    return page;
}

asio::awaitable<AdminAnswer> list_entries(AdminHost& host, const Parameters& parameters) {
    const Result<ListQuery> list = list_query(parameters);
    if (!list) co_return refuse(list.error());
    const std::set<Seq> in_flight = co_await host.in_flight();
    const auto read = [&log = host.log(), list = *list, in_flight]() -> Result<wal::Page> {
        if (list.in_flight) return page_in_flight(log, list, in_flight);
        return log.list(list.query);
    };
    const Result<wal::Page> page = co_await aside(host, read);
    if (!page) co_return refuse(page.error());
    Json entries = Json::array();
    for (const wal::Description& one : page->entries) {
        entries.push_back(list->body ? entry_detail_view(one, in_flight, true)
                                     : entry_view(one, in_flight));
    }
    AdminAnswer answer;
    answer.body = {{"entries", std::move(entries)},
                   {"next", page->next ? Json(page->next->value) : Json(nullptr)}};
    co_return answer;
}

asio::awaitable<AdminAnswer> show_entry(AdminHost& host,
                                        const std::string& name,
                                        const Parameters& parameters) {
    const Result<Seq> seq = find_entry(host.log(), name);
    if (!seq) co_return refuse(seq.error());
    const Result<wal::Description> description = host.log().describe(*seq);
    if (!description) co_return refuse(description.error());
    const std::set<Seq> in_flight = co_await host.in_flight();
    const auto body = parameters.find("body");
    const bool with_body = body != parameters.end() && body->second == "1";
    AdminAnswer answer;
    answer.body = entry_detail_view(*description, in_flight, with_body);
    co_return answer;
}

asio::awaitable<AdminAnswer> show_status(AdminHost& host) {
    const AgentStatus status = co_await host.status();
    AdminAnswer answer;
    answer.body = status_view(status);
    co_return answer;
}

asio::awaitable<AdminAnswer> show_metrics(AdminHost& host) {
    const AgentStatus status = co_await host.status();
    AdminAnswer answer;
    answer.text = metrics_text(status, wall_now());
    co_return answer;
}

asio::awaitable<AdminAnswer> check(AdminHost& host, const Parameters& parameters) {
    const auto given = parameters.find("from");
    const std::string from = given == parameters.end() ? "" : given->second;
    const auto read = [&log = host.log(), from] { return log.check(from); };
    const Result<wal::CheckStep> step = co_await aside(host, read);
    if (!step) co_return refuse(step.error());
    AdminAnswer answer;
    answer.body = check_view(*step);
    co_return answer;
}

// {"level": LEVEL, "destination": NAME or nothing: all of them}
asio::awaitable<AdminAnswer> set_level(AdminHost& host, const AdminRequest& request) {
    const nlohmann::json body = nlohmann::json::parse(request.body, nullptr, false);
    const auto text = [&](const char* key) {
        const bool there = body.is_object() && body.contains(key) && body[key].is_string();
        return there ? body[key].get<std::string>() : std::string();
    };
    const std::optional<transport::Level> level = transport::parse_level(text("level"));
    const bool names_one = body.is_object() && body.contains("destination");
    if (!level || (names_one && text("destination").empty())) {
        co_return refuse(Error{Errc::bad_input,
                               "wanted: {\"level\": one of full, essential_only, disabled, "
                               "\"destination\": a name, or left out for all}"});
    }
    const Result<std::vector<std::string>> names =
        co_await host.set_level(text("destination"), *level, request.peer);
    if (!names) co_return refuse(names.error());
    AdminAnswer answer;
    answer.body = {{"level", transport::to_string(*level)}, {"destinations", *names}};
    co_return answer;
}

asio::awaitable<AdminAnswer> lost_is_seen(AdminHost& host) {
    AdminAnswer answer;
    const wal::Health before = host.log().health();
    answer.body = {{"seen", wal::count_of(before.lost) + before.lost_unnamed.value_or(0)}};
    host.log().lost_is_seen();
    co_return answer;
}

}  // namespace

asio::awaitable<AdminAnswer> answer_admin(AdminHost& host, const AdminRequest& request) {
    const auto url = boost::urls::parse_origin_form(request.target);
    if (!url) co_return refuse(Error{Errc::bad_input, "the request's target is malformed"});
    const std::vector<std::string> path(url->segments().begin(), url->segments().end());
    Parameters parameters;
    for (const auto& parameter : url->params()) {
        parameters[std::string(parameter.key)] = std::string(parameter.value);
    }
    const bool versioned = path.size() >= 2 && path[0] == "v1";
    const bool is_get = request.method == "GET";
    const bool is_post = request.method == "POST";
    if (versioned && path.size() == 2 && path[1] == "status" && is_get) {
        co_return co_await show_status(host);
    }
    if (path.size() == 1 && path[0] == "metrics" && is_get) co_return co_await show_metrics(host);
    if (versioned && path.size() == 2 && path[1] == "entries" && is_get) {
        co_return co_await list_entries(host, parameters);
    }
    if (versioned && path.size() == 3 && path[1] == "entries" && is_get) {
        co_return co_await show_entry(host, path[2], parameters);
    }
    if (versioned && path.size() == 2 && path[1] == "check" && is_get) {
        co_return co_await check(host, parameters);
    }
    if (versioned && path.size() == 2 && path[1] == "replay" && is_post) {
        co_return co_await replay(host, request);
    }
    if (versioned && path.size() == 2 && path[1] == "drop" && is_post) {
        co_return co_await drop(host, request);
    }
    if (versioned && path.size() == 4 && path[1] == "entries" && path[3] == "edit" && is_post) {
        co_return co_await edit(host, path[2], request);
    }
    if (versioned && path.size() == 2 && path[1] == "groups" && is_get) {
        co_return co_await list_groups(host, parameters);
    }
    if (versioned && path.size() == 2 && path[1] == "level" && is_post) {
        co_return co_await set_level(host, request);
    }
    if (versioned && path.size() == 3 && path[1] == "lost" && path[2] == "seen" && is_post) {
        co_return co_await lost_is_seen(host);
    }
    co_return refuse(
        Error{Errc::not_found, "there is no " + request.method + " " + request.target});
}

}  // namespace holdfast::agent
