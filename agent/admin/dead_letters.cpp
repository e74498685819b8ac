#include "agent/admin/dead_letters.hpp"

#include "agent/admin/selection.hpp"

#include <algorithm>
#include <map>
#include <vector>

namespace holdfast::agent {
namespace {

namespace asio = boost::asio;

constexpr std::size_t kEndedMax = 1000;  // dead letters that one call replays or drops
constexpr std::size_t kPage = 1000;      // dead letters looked at by one reading …
constexpr int kPagesMax = 10;            // … and readings of one call

wal::Query dead_after(Seq after, const Selection& selection) {
    wal::Query query;
    query.state = wal::EntryState::failed;
    query.after = after;
    query.count_max = kPage;
    query.scan_max = kPage;
    selection.narrow(query);
    return query;
}

std::uint64_t count_failed(const wal::Log& log) {
    std::uint64_t failed = 0;
    for (const std::string& name : log.destinations()) failed += log.counts(name).failed;
    return failed;
}

Json seq_view(const std::optional<Seq>& seq) {
    return seq ? Json(seq->value) : Json(nullptr);
}

// --- groups ---

struct Group {
    wal::Description first;  // of it
    std::uint64_t count = 0;
    WallTime oldest;
    WallTime newest;
};

struct GroupStep {
    std::map<std::string, Group> groups;
    std::optional<Seq> next;
};

void count(GroupStep& step, wal::Description dead) {
    const WallTime at = dead.failure->failed_at;
    const std::string name = group_of(dead);
    const auto found = step.groups.try_emplace(name, Group{std::move(dead), 0, at, at}).first;
    Group& group = found->second;
    ++group.count;
    group.oldest = std::min(group.oldest, at);
    group.newest = std::max(group.newest, at);
}

Result<GroupStep> count_groups(const wal::Log& log, Seq after, const Selection& selection) {
    GroupStep step;
    wal::Query query = dead_after(after, selection);
    for (int pages = 0; pages < kPagesMax; ++pages) {
        Result<wal::Page> page = log.list(query);
        if (!page) return page.error();
        for (wal::Description& one : page->entries) count(step, std::move(one));
        step.next = page->next;
        if (!page->next) break;
        query.after = *page->next;
    }
    return step;
}

Json groups_view(const GroupStep& step) {
    Json groups = Json::array();
    for (const auto& [name, group] : step.groups) {
        groups.push_back(group_view(name, group.first, group.count, group.oldest, group.newest));
    }
    return groups;
}

// --- replaying and dropping ---

enum class End { replay, drop };

// What a call asks for.
struct Order {
    bool all = false;  // that are selected
    Selection selection;
    Seq after;                  // with `all`: only what comes after it …
    std::optional<Seq> up_to;   // … and nothing after this …
    std::size_t limit = kPage;  // … and at most so many
    bool ambiguous = false;     // also what may have arrived
    std::vector<std::string> entries;
};

// Of a call that selects.
Result<std::optional<std::uint64_t>> position(const Json& request, const char* key, bool all) {
    if (!request.contains(key)) return std::optional<std::uint64_t>();
    const Json& value = request[key];
    if (all && value.is_number_unsigned()) return std::optional(value.get<std::uint64_t>());
    return Error{Errc::bad_input, std::string(key) + ": a number, with \"all\" or \"where\""};
}

// An empty text would select everything, and nobody means that.
Result<Selection> selection_of(const Json& where) {
    Selection selection;
    if (!where.is_object() || where.empty()) {
        return Error{Errc::bad_input, "where: an object of texts that says which; or \"all\""};
    }
    for (const auto& [part, value] : where.items()) {
        if (!value.is_string() || value.get<std::string>().empty()) {
            return Error{Errc::bad_input, part + ": a text is expected"};
        }
        Result<void> is_set = selection.set(part, value.get<std::string>());
        if (!is_set) return is_set.error();
    }
    return selection;
}

Result<void> read_bounds(const Json& json, Order& order) {
    const auto after = position(json, "after", order.all);
    if (!after) return after.error();
    const auto up_to = position(json, "up_to", order.all);
    if (!up_to) return up_to.error();
    const auto limit = position(json, "limit", order.all);
    if (!limit) return limit.error();
    order.after = Seq{after->value_or(0)};
    if (*up_to) order.up_to = Seq{**up_to};
    order.limit = limit->value_or(kEndedMax);
    if (order.limit >= 1 && order.limit <= kEndedMax) return {};
    return Error{Errc::bad_input, "limit: 1 to " + std::to_string(kEndedMax)};
}

// All texts; else none at all.
std::vector<std::string> names_in(const Json& entries) {
    std::vector<std::string> names;
    for (const Json& one : entries) {
        if (!one.is_string()) return {};
        names.push_back(one.get<std::string>());
    }
    return names;
}

Result<Order> read_order(const std::string& body) {
    const Json json = Json::parse(body, nullptr, false);
    const Error unclear{Errc::bad_input,
                        "send {\"entries\": [ids or positions as texts, at most " +
                            std::to_string(kEndedMax) +
                            "]}, {\"where\": {\"name\": TEXT, …}} or {\"all\": true}"};
    if (!json.is_object()) return unclear;
    Order order;
    const bool has_all = json.contains("all") && json["all"] == true;
    const bool has_where = json.contains("where");
    const bool has_entries = json.contains("entries");
    if (int{has_all} + int{has_where} + int{has_entries} != 1) return unclear;
    order.all = !has_entries;
    order.ambiguous = json.contains("ambiguous") && json["ambiguous"] == true;
    if (has_where) {
        Result<Selection> selection = selection_of(json["where"]);
        if (!selection) return selection.error();
        order.selection = std::move(*selection);
    }
    if (Result<void> bounds = read_bounds(json, order); !bounds) return bounds.error();
    if (!has_entries) return order;
    if (json["entries"].is_array()) order.entries = names_in(json["entries"]);
    if (order.entries.empty() || order.entries.size() > kEndedMax) return unclear;
    return order;
}

// What of it is to be done, and what is not.
struct Choice {
    struct One {
        Seq seq;
        std::string name;  // as it was asked for
        Json id;
    };

    std::vector<One> chosen;
    Json skipped = Json::array();
    std::optional<Seq> next;

    void skip(std::string_view name, std::string_view why) {
        skipped.push_back({{"entry", name}, {"reason", why}});
    }

    [[nodiscard]] bool is_empty() const { return chosen.empty() && skipped.empty(); }
};

Json id_of(const wal::Description& one) {
    return one.is_readable ? Json(one.entry.event().id.text()) : Json(nullptr);
}

// An e-mail that may have arrived is sent again only where a person says so: by its name, or of a
// whole selection. nullptr: nothing speaks against it.
const char* reason_to_skip(End end, const Order& order, const wal::Description& dead) {
    if (end == End::drop) return nullptr;
    if (!dead.is_readable) return "it is damaged: nothing of it can be sent";
    const bool is_ambiguous = dead.failure && dead.failure->cause == FailureCause::ambiguous;
    if (!is_ambiguous || order.ambiguous || !order.all) return nullptr;
    return "it may have arrived: look there, then replay it by name, or all of them with "
           "\"ambiguous\"";
}

void choose(End end, const Order& order, const wal::Description& dead, Choice& choice) {
    const Seq seq = dead.entry.seq();
    const std::string name = std::to_string(seq.value);
    if (const char* const reason = reason_to_skip(end, order, dead)) {
        choice.skip(name, reason);
    } else {
        choice.chosen.push_back({seq, name, id_of(dead)});
    }
}

// The next ones; maybe none yet, since a call looks at so many only.
Result<Choice> choose_selected(const wal::Log& log, End end, const Order& order) {
    Choice choice;
    wal::Query query = dead_after(order.after, order.selection);
    query.count_max = order.limit;
    for (int pages = 0; pages < kPagesMax && choice.is_empty(); ++pages) {
        const Result<wal::Page> page = log.list(query);
        if (!page) return page.error();
        for (const wal::Description& one : page->entries) {
            if (one.entry.seq() <= *order.up_to) choose(end, order, one, choice);
        }
        choice.next = page->next;
        if (!page->next || *page->next >= *order.up_to) {
            choice.next.reset();
            break;
        }
        query.after = *page->next;
    }
    return choice;
}

Result<Choice> choose_named(const wal::Log& log, End end, const Order& order) {
    Choice choice;
    for (const std::string& name : order.entries) {
        const Result<Seq> seq = find_entry(log, name);
        if (!seq) {
            choice.skip(name, seq.error().detail);
            continue;
        }
        const Result<wal::Description> one = log.describe(*seq);
        if (!one) {
            choice.skip(name, one.error().detail);
        } else if (one->state != wal::EntryState::failed) {
            choice.skip(name,
                        "entry " + std::to_string(seq->value) + " is " +
                            std::string(to_string(one->state)) + ", not among the dead letters");
        } else if (const char* const reason = reason_to_skip(end, order, *one)) {
            choice.skip(name, reason);
        } else {
            choice.chosen.push_back({*seq, name, id_of(*one)});
        }
    }
    return choice;
}

// Without those that the order is not for. `order.up_to` is set then.
asio::awaitable<Result<Choice>> choose(AdminHost& host, End end, Order& order) {
    if (!order.up_to) order.up_to = host.log().health().head;
    const auto read = [&log = host.log(), end, order] {
        return order.all ? choose_selected(log, end, order) : choose_named(log, end, order);
    };
    Result<Choice> choice = co_await aside(host, read);
    co_return choice;
}

std::vector<Seq> seqs_of(const Choice& choice) {
    std::vector<Seq> seqs;
    for (const Choice::One& one : choice.chosen) seqs.push_back(one.seq);
    return seqs;
}

AdminAnswer report(
    const wal::Log& log, const Order& order, const char* verb, Json ended, Choice choice) {
    AdminAnswer answer;
    answer.body = {{verb, std::move(ended)},
                   {"skipped", std::move(choice.skipped)},
                   {"remaining", count_failed(log)}};
    if (order.all) {
        answer.body["next"] = seq_view(choice.next);
        answer.body["up_to"] = order.up_to->value;
    }
    return answer;
}

}  // namespace

asio::awaitable<AdminAnswer> list_groups(AdminHost& host, const Parameters& parameters) {
    Selection selection;
    Seq after;
    for (const auto& [key, value] : parameters) {
        if (key != "after") {
            if (Result<void> is_set = selection.set(key, value); !is_set) {
                co_return refuse(is_set.error());
            }
            continue;
        }
        const auto parsed = number(value);
        if (!parsed) co_return refuse({Errc::bad_input, "after: a number is expected"});
        after = Seq{*parsed};
    }
    const auto read = [&log = host.log(), after, selection] {
        return count_groups(log, after, selection);
    };
    const Result<GroupStep> step = co_await aside(host, read);
    if (!step) co_return refuse(step.error());
    AdminAnswer answer;
    answer.body = {{"groups", groups_view(*step)}, {"next", seq_view(step->next)}};
    co_return answer;
}

asio::awaitable<AdminAnswer> replay(AdminHost& host, const AdminRequest& request) {
    Result<Order> order = read_order(request.body);
    if (!order) co_return refuse(order.error());
    Result<Choice> choice = co_await choose(host, End::replay, *order);
    if (!choice) co_return refuse(choice.error());
    const std::vector<Result<AdminHost::Replayed>> results = co_await host.replay(seqs_of(*choice));
    Json replayed = Json::array();
    for (std::size_t i = 0; i < results.size(); ++i) {
        const Choice::One& one = choice->chosen[i];
        if (!results[i]) {
            choice->skip(one.name, results[i].error().detail);
            continue;
        }
        replayed.push_back({{"seq", one.seq.value},
                            {"id", one.id},
                            {"new_seq", results[i]->seq.value},
                            {"new_id", results[i]->id.text()}});
    }
    co_return report(host.log(), *order, "replayed", std::move(replayed), std::move(*choice));
}

asio::awaitable<AdminAnswer> drop(AdminHost& host, const AdminRequest& request) {
    Result<Order> order = read_order(request.body);
    if (!order) co_return refuse(order.error());
    Result<Choice> choice = co_await choose(host, End::drop, *order);
    if (!choice) co_return refuse(choice.error());
    const std::vector<Result<void>> results = co_await host.drop(seqs_of(*choice), request.peer);
    Json dropped = Json::array();
    for (std::size_t i = 0; i < results.size(); ++i) {
        const Choice::One& one = choice->chosen[i];
        if (results[i]) {
            dropped.push_back({{"seq", one.seq.value}, {"id", one.id}});
        } else {
            choice->skip(one.name, results[i].error().detail);
        }
    }
    co_return report(host.log(), *order, "dropped", std::move(dropped), std::move(*choice));
}

asio::awaitable<AdminAnswer> edit(AdminHost& host, std::string name, const AdminRequest& request) {
    const auto read = [&log = host.log(), name]() -> Result<wal::Description> {
        const Result<Seq> seq = find_entry(log, name);
        if (!seq) return seq.error();
        return log.describe(*seq);
    };
    const Result<wal::Description> old = co_await aside(host, read);
    if (!old) co_return refuse(old.error());
    const Seq seq = old->entry.seq();
    const std::string what = "entry " + std::to_string(seq.value);
    if (old->state != wal::EntryState::failed) {
        const std::string state(to_string(old->state));
        co_return refuse(
            {Errc::bad_input, what + " is " + state + ": only dead letters are edited"});
    }
    if (!old->is_readable) {
        co_return refuse({Errc::bad_input, what + " is damaged: nothing of it can be sent"});
    }
    const Result<AdminHost::Replayed> edited = co_await host.edit(seq, request.body, request.peer);
    if (!edited) co_return refuse(edited.error());
    AdminAnswer answer;
    answer.body = {{"seq", seq.value},
                   {"id", id_of(*old)},
                   {"new_seq", edited->seq.value},
                   {"new_id", edited->id.text()}};
    co_return answer;
}

}  // namespace holdfast::agent
