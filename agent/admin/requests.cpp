#include "agent/admin/requests.hpp"

#include "agent/admin/metrics.hpp"
#include "agent/clock.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <map>
#include <utility>
#include <vector>

namespace holdfast::agent {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kPageMax = 1000;
constexpr std::size_t kPageDefault = 50;
constexpr std::size_t kReplaysMax = 1000;  // of one call

using Parameters = std::map<std::string, std::string>;

AdminAnswer refuse(unsigned status, const Error& error) {
    return {status, error_view(error)};
}

AdminAnswer refuse(const Error& error) {
    switch (error.code) {
        case Errc::not_found:
            return refuse(404, error);
        case Errc::bad_input:
            return refuse(400, error);
        default:
            return refuse(503, error);
    }
}

// Up to what JSON's integers hold everywhere, so that the next one exists too.
std::optional<std::uint64_t> number(std::string_view text) {
    constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
    std::uint64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || end != text.data() + text.size() || value > kMax) return std::nullopt;
    return value;
}

Result<Seq> find_entry(const wal::Log& log, const std::string& name) {
    if (const auto seq = number(name)) return Seq{*seq};
    if (const auto id = Ulid::parse(name)) return log.find(*id);
    return Error{Errc::bad_input, "'" + name + "' is neither a position in the log nor an id"};
}

// What a list asks for. `in_flight` is no state of the log: it is filtered here.
struct ListQuery {
    wal::Query query;
    bool in_flight = false;
};

Result<ListQuery> list_query(const Parameters& parameters) {
    ListQuery list;
    list.query.count_max = kPageDefault;
    std::string destination;
    std::string person;
    std::string operation;
    for (const auto& [key, value] : parameters) {
        if (key == "state") {
            using wal::EntryState;
            static const std::map<std::string_view, std::optional<EntryState>> kStates = {
                {"all", std::nullopt},
                {"pending", EntryState::pending},
                {"in_flight", std::nullopt},
                {"retrying", EntryState::retrying},
                {"complete", EntryState::complete},
                {"failed", EntryState::failed}};
            const auto found = kStates.find(value);
            if (found == kStates.end()) {
                return Error{Errc::bad_input,
                             "state: one of all, pending, in_flight, retrying, "
                             "complete, failed"};
            }
            list.query.state = found->second;
            list.in_flight = value == "in_flight";
        } else if (key == "after" || key == "limit") {
            const auto parsed = number(value);
            if (!parsed) return Error{Errc::bad_input, key + ": a number is expected"};
            if (key == "after") list.query.after = Seq{*parsed};
            if (key == "limit") {
                if (*parsed < 1 || *parsed > kPageMax) {
                    return Error{Errc::bad_input, "limit: 1 to " + std::to_string(kPageMax)};
                }
                list.query.count_max = *parsed;
            }
        } else if (key == "destination") {
            destination = value;
        } else if (key == "person") {
            person = value;
        } else if (key == "operation") {
            if (find_operation(value) == nullptr) {
                return Error{Errc::bad_input, "operation: there is no '" + value + "'"};
            }
            operation = value;
        } else {
            return Error{Errc::bad_input, "there is no parameter '" + key + "'"};
        }
    }
    list.query.matches = [=](const Event& event) {
        const bool same_person =
            person.empty() || event.person == person ||
            // "42" finds "id:42": what stands before the colon is ours.
            (event.person.ends_with(person) &&
             event.person.substr(0, event.person.size() - person.size()).ends_with(":"));
        return same_person && (destination.empty() || event.destination == destination) &&
               (operation.empty() || info(event.operation).name == operation);
    };
    return list;
}

asio::awaitable<AdminAnswer> list_entries(AdminHost& host, const Parameters& parameters) {
    Result<ListQuery> list = list_query(parameters);
    if (!list) co_return refuse(list.error());
    const std::set<Seq> in_flight = co_await host.in_flight();
    Json entries = Json::array();
    Json next = nullptr;
    if (list->in_flight) {
        for (const Seq seq : in_flight) {
            const Result<wal::Description> one = host.log().describe(seq);
            if (seq <= list->query.after || !one) continue;
            if (!list->query.matches(one->entry.event())) continue;
            if (entries.size() == list->query.count_max) {
                next = seq.previous().value;
                break;
            }
            entries.push_back(entry_view(*one, in_flight));
        }
    } else {
        const Result<wal::Page> page = host.log().list(list->query);
        if (!page) co_return refuse(page.error());
        for (const wal::Description& one : page->entries) {
            entries.push_back(entry_view(one, in_flight));
        }
        if (page->next) next = page->next->value;
    }
    AdminAnswer answer;
    answer.body = {{"entries", std::move(entries)}, {"next", std::move(next)}};
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

struct ReplayRequest {
    bool all = false;
    Seq after;                 // with `all`: only what comes after it
    std::optional<Seq> up_to;  // and nothing after this
    std::vector<std::string> entries;
};

// With "all"; 0: it is not there.
Result<std::uint64_t> position(const Json& request, const char* key, bool all) {
    if (!request.contains(key)) return 0;
    const Json& value = request[key];
    if (all && value.is_number_unsigned()) return value.get<std::uint64_t>();
    return Error{Errc::bad_input, std::string(key) + ": a position in the log, with \"all\""};
}

Result<ReplayRequest> replay_request(const std::string& body) {
    const Json json = Json::parse(body, nullptr, false);
    ReplayRequest request;
    bool all_texts = true;
    if (json.is_object()) {
        request.all = json.contains("all") && json["all"] == true;
        const Result<std::uint64_t> after = position(json, "after", request.all);
        if (!after) return after.error();
        const Result<std::uint64_t> up_to = position(json, "up_to", request.all);
        if (!up_to) return up_to.error();
        request.after = Seq{*after};
        if (json.contains("up_to")) request.up_to = Seq{*up_to};
        if (json.contains("entries") && json["entries"].is_array()) {
            for (const Json& one : json["entries"]) {
                all_texts = all_texts && one.is_string();
                if (one.is_string()) request.entries.push_back(one.get<std::string>());
            }
        }
    }
    const bool one_of_both = request.all == request.entries.empty();
    if (one_of_both && all_texts && request.entries.size() <= kReplaysMax) return request;
    return Error{Errc::bad_input,
                 "send {\"entries\": [ids or positions as texts, at most " +
                     std::to_string(kReplaysMax) + "]} or {\"all\": true}"};
}

// An e-mail that may have arrived is sent again only by name: that is a person's decision.
// Why a replay of all leaves it alone; nullptr: it does not.
const char* reason_to_skip(const wal::Description& dead) {
    if (!dead.is_readable) return "it is damaged: nothing of it can be sent";
    if (dead.failure && dead.failure->cause == FailureCause::ambiguous) {
        return "it may have arrived: look there, then replay it by name";
    }
    return nullptr;
}

// The next dead letters: those that can be replayed go to `entries`, the others to `skipped`.
// Where to go on; none: that was all.
Result<std::optional<Seq>> add_failed(const wal::Log& log, ReplayRequest& request, Json& skipped) {
    wal::Query query;
    query.state = wal::EntryState::failed;
    query.after = request.after;
    query.count_max = kReplaysMax;
    while (request.entries.empty() && skipped.empty()) {
        const Result<wal::Page> page = log.list(query);
        if (!page) return page.error();
        for (const wal::Description& one : page->entries) {
            if (one.entry.seq() > *request.up_to) return std::optional<Seq>();
            const std::string name = std::to_string(one.entry.seq().value);
            if (const char* const reason = reason_to_skip(one)) {
                skipped.push_back({{"entry", name}, {"reason", reason}});
            } else {
                request.entries.push_back(name);
            }
        }
        if (!page->next) return page->next;
        query.after = *page->next;
    }
    return std::optional(query.after);
}

std::uint64_t count_failed(const wal::Log& log) {
    std::uint64_t failed = 0;
    for (const std::string& name : log.destinations()) failed += log.counts(name).failed;
    return failed;
}

asio::awaitable<AdminAnswer> replay(AdminHost& host, const std::string& body) {
    Result<ReplayRequest> request = replay_request(body);
    if (!request) co_return refuse(request.error());
    Json replayed = Json::array();
    Json skipped = Json::array();
    std::optional<Seq> next;
    if (!request->up_to) request->up_to = host.log().health().head;
    if (request->all) {
        const Result<std::optional<Seq>> went_on = add_failed(host.log(), *request, skipped);
        if (!went_on) co_return refuse(went_on.error());
        next = *went_on;
    }
    const auto skip = [&](std::string_view name, const Error& why) {
        skipped.push_back({{"entry", name}, {"reason", why.detail}});
    };
    std::vector<Seq> seqs;
    std::vector<std::pair<std::string, std::string>> names;  // as it was asked for, and the id
    for (const std::string& name : request->entries) {
        const Result<Seq> seq = find_entry(host.log(), name);
        if (!seq) {
            skip(name, seq.error());
            continue;
        }
        const Result<wal::Entry> old = host.log().get(*seq);
        if (!old) {
            skip(name, old.error());
            continue;
        }
        seqs.push_back(*seq);
        names.emplace_back(name, old->event().id.text());
    }
    const std::vector<Result<AdminHost::Replayed>> results = co_await host.replay(seqs);
    for (std::size_t i = 0; i < results.size(); ++i) {
        if (!results[i]) {
            skip(names[i].first, results[i].error());
            continue;
        }
        replayed.push_back({{"seq", seqs[i].value},
                            {"id", names[i].second},
                            {"new_seq", results[i]->seq.value},
                            {"new_id", results[i]->id.text()}});
    }
    AdminAnswer answer;
    answer.body = {{"replayed", std::move(replayed)},
                   {"skipped", std::move(skipped)},
                   {"remaining", count_failed(host.log())}};
    if (request->all) {
        answer.body["next"] = next ? Json(next->value) : Json(nullptr);
        answer.body["up_to"] = request->up_to->value;
    }
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

asio::awaitable<Result<wal::CheckStep>> check_aside(const wal::Log& log, std::string from) {
    Result<wal::CheckStep> step = log.check(from);
    co_return step;
}

// Elsewhere, so that apps and operators do not wait for a table file to be read.
asio::awaitable<AdminAnswer> check(AdminHost& host, const Parameters& parameters) {
    const auto from = parameters.find("from");
    asio::awaitable<Result<wal::CheckStep>> aside =
        check_aside(host.log(), from == parameters.end() ? "" : from->second);
    Result<wal::CheckStep> step =
        co_await asio::co_spawn(host.background(), std::move(aside), asio::use_awaitable);
    if (!step) co_return refuse(step.error());
    AdminAnswer answer;
    answer.body = check_view(*step);
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
        co_return co_await replay(host, request.body);
    }
    if (versioned && path.size() == 3 && path[1] == "lost" && path[2] == "seen" && is_post) {
        AdminAnswer answer;
        const wal::Health before = host.log().health();
        answer.body = {{"seen", wal::count_of(before.lost) + before.lost_unnamed.value_or(0)}};
        host.log().lost_is_seen();
        co_return answer;
    }
    co_return refuse(
        Error{Errc::not_found, "there is no " + request.method + " " + request.target});
}

}  // namespace holdfast::agent
