#include "agent/cli/format.hpp"

#include "agent/cli/table.hpp"
#include "agent/cli/text.hpp"
#include "wal/lost.hpp"

namespace holdfast::cli {
namespace {

using enum Table::Align;

// "3 min ago"; the text itself when it is not a time.
std::string when(const Json& document, const char* key, WallTime now) {
    const std::string text = text_at(document, key);
    const std::optional<WallTime> time = parse_rfc3339(text);
    return time ? relative(*time, now) : text;
}

// "2026-01-02T03:04:05.678Z (3 min ago)"
std::string exactly_when(const Json& document, const char* key, WallTime now) {
    const std::string text = text_at(document, key);
    const std::optional<WallTime> time = parse_rfc3339(text);
    return time ? text + " (" + relative(*time, now) + ")" : text;
}

bool is_unknown(const Json& document, const char* key) {
    return document.contains(key) && at(document, key).is_null();
}

// Nothing is known of what stands in a damaged entry: its id, too, is null.
Json with_dashes(Json entry) {
    if (!is_unknown(entry, "id")) return entry;
    for (const char* key : {"id",
                            "accepted_at",
                            "destination",
                            "operation",
                            "person",
                            "name",
                            "bytes",
                            "method",
                            "safety",
                            "endpoint",
                            "body"}) {
        entry[key] = "-";
    }
    return entry;
}

// A log that could not be opened since the start has null for what only it knows.
std::string known_at(const Json& document, const char* key) {
    return is_unknown(document, key) ? "-" : text_at(document, key);
}

std::string entries_text(const Json& log) {
    if (is_unknown(log, "head")) return "what is in it is unknown until it is open";
    return "head " + text_at(log, "head") + ", tail " + text_at(log, "tail");
}

std::string counted(std::uint64_t count, const std::string& noun, const std::string& nouns) {
    return std::to_string(count) + " " + (count == 1 ? noun : nouns);
}

// ", 3 damaged", or nothing when there is none.
std::string if_any(const Json& document, const char* key) {
    const std::uint64_t count = number_at(document, key);
    return count == 0 ? "" : ", " + std::to_string(count) + " " + key;
}

std::string with_reason(const std::string& what, const Json& document) {
    const std::string reason = text_at(document, "reason");
    return reason.empty() ? what : what + ": " + reason;
}

std::string endpoint_name(const Json& destination, const Json& endpoint) {
    return text_at(destination, "name") + "/" + text_at(endpoint, "name");
}

// "34 MB used of 10 GB, 65 GB free"
std::string space_text(const Json& space) {
    const std::uint64_t max_bytes = number_at(space, "max_bytes");
    return bytes_text(number_at(space, "used")) + " used" +
           (max_bytes == 0 ? "" : " of " + bytes_text(max_bytes)) + ", " +
           bytes_text(number_at(space, "free")) + " free";
}

// What is not taken any more, or nothing when there is enough room.
std::string space_finding(const Json& space) {
    const std::string level = text_at(space, "level");
    if (level.empty() || level == "ok") return "";
    const std::string what = level == "tight" ? "events are refused"
                             : level == "critical"
                                 ? "only deletes, merges, suppressions and messages are taken"
                                 : "nothing is taken";
    return "log: space is " + level + ", " + what + ": " + space_text(space);
}

std::string format_header(const Json& status, WallTime now) {
    const Json& log = at(status, "log");
    const Json& ingest = at(status, "ingest");
    Table table({{}, {}});
    table.add({"agent",
               text_at(status, "version") + ", pid " + text_at(status, "pid") + ", started " +
                   when(status, "started_at", now)});
    table.add({"log",
               with_reason(text_at(log, "state"), log) + ", " + text_at(log, "directory") +
                   (text_at(log, "durability") == "buffered" ? ", buffered" : "") + ", " +
                   entries_text(log) + if_any(log, "failures") + if_any(log, "damaged") +
                   if_any(log, "lost")});
    const Json& space = at(log, "space");
    const std::string level = text_at(space, "level");
    if (!level.empty()) {
        table.add({"space", space_text(space) + (level == "ok" ? "" : ", " + level)});
    }
    table.add({"ingest",
               counted(number_at(ingest, "connections"), "connection", "connections") + ", " +
                   text_at(ingest, "acknowledged") + " acknowledged" + if_any(ingest, "repeated") +
                   ", " + text_at(ingest, "refused") + " refused" + if_any(ingest, "failed")});
    return table.text();
}

std::string format_destinations(const Json& status, WallTime now) {
    Table table({{"DESTINATION"},
                 {"TYPE"},
                 {"PENDING", right},
                 {"IN FLIGHT", right},
                 {"RETRYING", right},
                 {"FAILED", right},
                 {"COMPLETE", right},
                 {"OLDEST PENDING"}});
    for (const Json& destination : at(status, "destinations")) {
        table.add({text_at(destination, "name"),
                   text_at(destination, "type"),
                   known_at(destination, "pending"),
                   text_at(destination, "in_flight"),
                   known_at(destination, "retrying"),
                   known_at(destination, "failed"),
                   known_at(destination, "complete"),
                   when(destination, "oldest_pending_at", now)});
    }
    return table.text();
}

std::string format_endpoints(const Json& status, WallTime now) {
    Table table({{"ENDPOINT"},
                 {"URL"},
                 {"BREAKER"},
                 {"DELIVERED", right},
                 {"ATTEMPTS", right},
                 {"LAST ERROR"}});
    for (const Json& destination : at(status, "destinations")) {
        for (const Json& endpoint : at(destination, "endpoints")) {
            const Json& breaker = at(endpoint, "breaker");
            const std::string probe = when(breaker, "next_probe_at", now);
            table.add({endpoint_name(destination, endpoint),
                       text_at(endpoint, "url"),
                       text_at(breaker, "state") + (probe.empty() ? "" : ", probe " + probe),
                       text_at(endpoint, "delivered"),
                       text_at(endpoint, "attempts"),
                       text_at(endpoint, "last_error")});
        }
    }
    return table.text();
}

std::string format_gates(const Json& status, WallTime now) {
    Table table({{"HELD"}, {"GATE"}, {"OPENS"}, {"REASON"}});
    bool any = false;
    for (const Json& destination : at(status, "destinations")) {
        for (const Json& endpoint : at(destination, "endpoints")) {
            for (const Json& gate : at(endpoint, "gates")) {
                any = true;
                table.add({endpoint_name(destination, endpoint),
                           text_at(gate, "gate"),
                           when(gate, "until", now),
                           text_at(gate, "reason")});
            }
        }
    }
    return any ? "\n" + table.text() : "";
}

// The last line of a list that the limit cut short.
std::string format_rest(const Json& page) {
    const std::string next = text_at(page, "next");
    return next.empty() ? "" : "There are more: --after " + printable(next) + "\n";
}

std::string format_page(const Json& page, const Table& table, const std::string& none) {
    const bool empty = at(page, "entries").empty();
    return (empty ? none + "\n" : table.text()) + format_rest(page);
}

// Those of which no more is kept than that they are there are counted.
std::string format_skipped(const Json& skipped) {
    if (skipped.empty()) return "";
    Table table({{"SKIPPED"}, {"REASON"}});
    std::uint64_t more = 0;
    for (const Json& entry : skipped) {
        more += entry.is_null();
        if (!entry.is_null()) table.add({text_at(entry, "entry"), text_at(entry, "reason")});
    }
    return table.text() + (more > 0 ? std::to_string(more) + " more skipped.\n" : "");
}

std::string format_child(const Json& child) {
    if (child.is_null()) return "";
    return text_at(child, "seq") + " " + text_at(child, "id");
}

std::string format_peer(const Json& peer) {
    if (peer.is_null()) return "";
    return "uid " + text_at(peer, "uid") + ", gid " + text_at(peer, "gid") + ", pid " +
           text_at(peer, "pid");
}

}  // namespace

const Json& at(const Json& document, const char* key) {
    static const Json kNone;
    const auto found = document.find(key);
    return found == document.end() ? kNone : *found;
}

std::string text_at(const Json& document, const char* key) {
    const Json& value = at(document, key);
    if (value.is_string()) return value.get<std::string>();
    return value.is_number() ? value.dump() : "";
}

std::uint64_t number_at(const Json& document, const char* key) {
    const Json& value = at(document, key);
    return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

std::string unnamed_text(const Json& lost_from) {
    if (!lost_from.contains("lost_unnamed")) return "";
    const bool is_known = !at(lost_from, "lost_unnamed").is_null();
    return wal::text_of_unnamed(is_known ? std::optional(number_at(lost_from, "lost_unnamed"))
                                         : std::nullopt);
}

std::string format_levels(const Json& status, std::string_view destination) {
    Table table({{"DESTINATION"}, {"LEVEL"}, {"FIRST"}, {"REASON"}});
    for (const Json& one : at(status, "destinations")) {
        const std::string name = text_at(one, "name");
        const Json& degradation = at(one, "degradation");
        if (!degradation.is_object() || (!destination.empty() && name != destination)) continue;
        const bool essential_first = at(degradation, "essential_first") == true;
        table.add({name,
                   text_at(degradation, "level"),
                   essential_first ? "essential" : "oldest",
                   text_at(degradation, "reason")});
    }
    return table.text();
}

std::string format_lost(const Json& status) {
    const Json& log = at(status, "log");
    if (is_unknown(log, "lost")) return "unknown until the log is open\n";
    const std::uint64_t lost = number_at(log, "lost");
    const std::string unnamed = unnamed_text(log);
    if (lost == 0 && unnamed.empty()) return "nothing is lost\n";
    const std::string seen = "`holdfast lost --seen` takes them off the status.\n";
    if (lost == 0) return unnamed + ".\n" + seen;
    Table table({{"FIRST", Table::Align::right}, {"LAST", Table::Align::right}});
    for (const Json& range : at(log, "lost_ranges")) {
        table.add({text_at(range, "first"), text_at(range, "last")});
    }
    return counted(lost, "acknowledged entry is", "acknowledged entries are") + " gone:\n" +
           table.text() + (unnamed.empty() ? "" : unnamed + ".\n") + seen;
}

std::vector<std::string> findings(const Json& status) {
    std::vector<std::string> found;
    const Json& log = at(status, "log");
    if (text_at(log, "state") != "ok") {
        found.push_back("log: " + with_reason(text_at(log, "state"), log));
    }
    const std::string space = space_finding(at(log, "space"));
    if (!space.empty()) found.push_back(space);
    const std::uint64_t damaged = number_at(log, "damaged");
    if (damaged > 0)
        found.push_back("log: " + counted(damaged, "damaged entry", "damaged entries"));
    const std::uint64_t lost = number_at(log, "lost");
    if (lost > 0) {
        found.push_back(
            "log: " + counted(lost, "acknowledged entry is", "acknowledged entries are") +
            " gone, see `holdfast lost`");
    }
    if (const std::string unnamed = unnamed_text(log); !unnamed.empty()) {
        found.push_back("log: " + unnamed + ", see `holdfast lost`");
    }
    for (const Json& destination : at(status, "destinations")) {
        const std::uint64_t failed = number_at(destination, "failed");
        if (failed > 0) {
            found.push_back(text_at(destination, "name") + ": " +
                            counted(failed, "dead letter", "dead letters") +
                            ", see `holdfast dead`");
        }
        const Json& degradation = at(destination, "degradation");
        if (degradation.is_object() && text_at(degradation, "level") != "full") {
            found.push_back(text_at(destination, "name") + ": " +
                            with_reason("level " + text_at(degradation, "level"), degradation) +
                            ", see `holdfast level`");
        }
        for (const Json& endpoint : at(destination, "endpoints")) {
            const std::string name = endpoint_name(destination, endpoint);
            const Json& breaker = at(endpoint, "breaker");
            const std::string state = text_at(breaker, "state");
            if (state != "closed") {
                found.push_back(name + ": " + with_reason("breaker " + state, breaker));
            }
            for (const Json& gate : at(endpoint, "gates")) {
                const std::string kind = text_at(gate, "gate");
                if (kind != "auth_hold" && kind != "paused") continue;
                found.push_back(name + ": " + with_reason(kind, gate));
            }
        }
    }
    return found;
}

std::string format_status(const Json& status, WallTime now) {
    std::string text = format_header(status, now) + "\n" + format_destinations(status, now) + "\n" +
                       format_endpoints(status, now) + format_gates(status, now);
    const std::vector<std::string> found = findings(status);
    if (!found.empty()) text += "\nPlease look at\n";
    for (const std::string& finding : found) text += "  " + printable(finding) + "\n";
    return text;
}

std::string format_entries(const Json& page, WallTime now) {
    Table table({{"SEQ", right},
                 {"ID"},
                 {"STATE"},
                 {"ACCEPTED"},
                 {"DESTINATION"},
                 {"OPERATION"},
                 {"PERSON"},
                 {"NAME"},
                 {"ATTEMPTS", right},
                 {"NEXT ATTEMPT"}});
    for (const Json& known : at(page, "entries")) {
        const Json entry = with_dashes(known);
        table.add({text_at(entry, "seq"),
                   text_at(entry, "id"),
                   text_at(entry, "state"),
                   when(entry, "accepted_at", now),
                   text_at(entry, "destination"),
                   text_at(entry, "operation"),
                   text_at(entry, "person"),
                   text_at(entry, "name"),
                   text_at(entry, "attempts"),
                   when(entry, "next_attempt_at", now)});
    }
    return format_page(page, table, "No entries.");
}

std::string format_dead(const Json& page, WallTime now) {
    Table table({{"SEQ", right},
                 {"ID"},
                 {"FAILED"},
                 {"DESTINATION"},
                 {"OPERATION"},
                 {"PERSON"},
                 {"NAME"},
                 {"ATTEMPTS", right},
                 {"STATUS", right},
                 {"REASON"}});
    for (const Json& known : at(page, "entries")) {
        const Json entry = with_dashes(known);
        table.add({text_at(entry, "seq"),
                   text_at(entry, "id"),
                   when(entry, "failed_at", now),
                   text_at(entry, "destination"),
                   text_at(entry, "operation"),
                   text_at(entry, "person"),
                   text_at(entry, "name"),
                   text_at(entry, "attempts"),
                   text_at(entry, "status"),
                   text_at(entry, "reason")});
    }
    return format_page(page, table, "No dead letters.");
}

std::string format_entry(const Json& known, WallTime now) {
    const Json entry = with_dashes(known);
    Table table({{}, {}});
    const auto add = [&](const char* label, std::string value) {
        if (!value.empty()) table.add({label, std::move(value)});
    };
    add("seq", text_at(entry, "seq"));
    add("id", text_at(entry, "id"));
    add("state", text_at(entry, "state"));
    add("destination", text_at(entry, "destination"));
    add("endpoint", text_at(entry, "endpoint"));
    add("operation", text_at(entry, "operation"));
    add("safety", text_at(entry, "safety"));
    add("person", text_at(entry, "person"));
    add("name", text_at(entry, "name"));
    const std::string method = text_at(entry, "method");
    const std::string target = text_at(entry, "target");
    add("request", method.empty() || target.empty() ? method : method + " " + target);
    add("bytes", text_at(entry, "bytes"));
    add("accepted", exactly_when(entry, "accepted_at", now));
    add("attempts", text_at(entry, "attempts"));
    add("next attempt", exactly_when(entry, "next_attempt_at", now));
    add("failed", exactly_when(entry, "failed_at", now));
    add("status", text_at(entry, "status"));
    add("reason", text_at(entry, "reason"));
    add("answer", text_at(entry, "answer"));
    add("peer", format_peer(at(entry, "peer")));
    add("parent", text_at(entry, "parent"));
    add("child", format_child(at(entry, "child")));
    add("ended", exactly_when(entry, "ended_at", now));
    add("body", at(entry, "body").is_null() ? "hidden, --body shows it" : text_at(entry, "body"));
    return table.text();
}

std::string format_ended(const Json& report, const std::string& done, bool each) {
    const Json& ended = at(report, done.c_str());
    std::string text = counted(ended.size(), "entry", "entries") + " " + done + ".\n";
    if (each && !ended.empty()) {
        const bool has_child = !at(ended.front(), "new_seq").is_null();
        Table table(
            has_child
                ? std::vector<Table::Column>{{"SEQ", right}, {"ID"}, {"NEW SEQ", right}, {"NEW ID"}}
                : std::vector<Table::Column>{{"SEQ", right}, {"ID"}});
        for (const Json& entry : ended) {
            std::vector<std::string> cells{text_at(entry, "seq"), text_at(entry, "id")};
            if (has_child) cells.push_back(text_at(entry, "new_seq"));
            if (has_child) cells.push_back(text_at(entry, "new_id"));
            table.add(std::move(cells));
        }
        text += table.text();
    }
    text += format_skipped(at(report, "skipped"));
    const std::uint64_t remaining = number_at(report, "remaining");
    if (remaining > 0) text += counted(remaining, "dead letter", "dead letters") + " left.\n";
    return text;
}

std::string format_groups(const Json& counted_groups, WallTime now) {
    const Json& groups = at(counted_groups, "groups");
    if (groups.empty()) return "No dead letters.\n";
    Table table({{"GROUP"},
                 {"COUNT", right},
                 {"OLDEST"},
                 {"NEWEST"},
                 {"DESTINATION"},
                 {"OPERATION"},
                 {"NAME"},
                 {"CAUSE"},
                 {"STATUS", right},
                 {"REASON"},
                 {"EXAMPLE", right}});
    for (const Json& group : groups) {
        table.add({text_at(group, "group"),
                   text_at(group, "count"),
                   when(group, "oldest", now),
                   when(group, "newest", now),
                   text_at(group, "destination"),
                   text_at(group, "operation"),
                   text_at(group, "name"),
                   text_at(group, "cause"),
                   text_at(group, "status"),
                   text_at(group, "reason"),
                   text_at(at(group, "example"), "seq")});
    }
    const std::uint64_t other = number_at(counted_groups, "other");
    return table.text() + (other > 0 ? std::to_string(other) + " more in other groups.\n" : "");
}

std::string format_plan(const Json& plan, const std::string& would, WallTime now) {
    std::string text = counted(number_at(plan, "count"), "entry", "entries") + " " + would + ".\n";
    const std::uint64_t left_out = number_at(plan, "left_out");
    if (left_out > 0 && at(plan, "skipped").empty()) {
        text += std::to_string(left_out) +
                " more are left out: damaged, or they may have arrived (--ambiguous).\n";
    }
    if (!at(plan, "groups").empty()) text += format_groups(plan, now);
    if (!at(plan, "first").empty()) {
        text += "The first:\n" + format_dead({{"entries", at(plan, "first")}}, now);
    }
    return text + format_skipped(at(plan, "skipped"));
}

std::string one_line(const Json& document) {
    return document.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace holdfast::cli
