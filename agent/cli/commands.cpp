#include "agent/cli/commands.hpp"

#include <algorithm>
#include <optional>

namespace holdfast::cli {
namespace {

constexpr std::uint64_t kPageEntriesMax = 1000;  // the agent's own bound

std::string page_target(const Filter& filter,
                        std::optional<std::uint64_t> after,
                        std::uint64_t limit) {
    return "/v1/entries?state=" + filter.state + parameters_of(filter) +
           parameter("after", after ? std::to_string(*after) : "") +
           parameter("limit", std::to_string(limit));
}

}  // namespace

int Commands::status(bool check) const {
    const Result<Reply> reply = agent_.get("/v1/status");
    if (!reply) return agent_.fail(reply.error());
    agent_.write(json_ ? reply->text : format_status(reply->document, agent_.around().now));
    return check && !findings(reply->document).empty() ? kLookAtIt : kDone;
}

int Commands::lost(bool seen) const {
    const Result<Reply> reply =
        seen ? agent_.post("/v1/lost/seen", "{}") : agent_.get("/v1/status");
    if (!reply) return agent_.fail(reply.error());
    if (json_) {
        agent_.write(reply->text);
    } else if (seen) {
        agent_.write("taken off the status: " + text_at(reply->document, "seen"));
    } else {
        agent_.write(format_lost(reply->document));
    }
    return kDone;
}

int Commands::level(const std::string& level, const std::string& destination) const {
    Json wanted{{"level", level}};
    if (!destination.empty()) wanted["destination"] = destination;
    const Result<Reply> reply =
        level.empty() ? agent_.get("/v1/status") : agent_.post("/v1/level", wanted.dump());
    if (!reply) return agent_.fail(reply.error());
    if (json_) {
        agent_.write(reply->text);
    } else if (level.empty()) {
        agent_.write(format_levels(reply->document, destination));
    } else {
        for (const Json& name : at(reply->document, "destinations")) {
            agent_.write(name.get<std::string>() + ": level " + text_at(reply->document, "level"));
        }
    }
    return kDone;
}

// A page may hold few entries or none although more follow: the agent bounds how much it reads.
Result<Reply> Commands::collect(const Filter& filter) const {
    Json all = Json::array();
    std::optional<std::uint64_t> after = filter.after;
    for (;;) {
        const std::uint64_t limit = std::min(filter.limit - all.size(), kPageEntriesMax);
        const Result<Reply> page = agent_.get(page_target(filter, after, limit));
        if (!page) return page.error();
        const Json& entries = at(page->document, "entries");
        const Json& next = at(page->document, "next");
        if (!entries.is_array() || entries.size() > limit) return not_the_agent();
        append(all, entries);
        if (next.is_null() || all.size() == filter.limit) {
            Json document{{"entries", std::move(all)}, {"next", next}};
            return Reply{one_line(document), std::move(document)};
        }
        // Only forward, or this would not end.
        const std::uint64_t position = number_at(page->document, "next");
        if (position <= after.value_or(0)) return not_the_agent();
        after = position;
    }
}

int Commands::list(const Filter& filter) const {
    const Result<Reply> page = collect(filter);
    if (!page) return agent_.fail(page.error());
    agent_.write(json_ ? page->text : format_entries(page->document, agent_.around().now));
    return kDone;
}

int Commands::dead(Filter filter) const {
    filter.state = "failed";
    const Result<Reply> page = collect(filter);
    if (!page) return agent_.fail(page.error());
    agent_.write(json_ ? page->text : format_dead(page->document, agent_.around().now));
    return kDone;
}

int Commands::show(const std::string& entry, bool body) const {
    const Result<Reply> reply = agent_.get("/v1/entries/" + entry + (body ? "?body=1" : ""));
    if (!reply) return agent_.fail(reply.error());
    agent_.write(json_ ? reply->text : format_entry(reply->document, agent_.around().now));
    return kDone;
}

}  // namespace holdfast::cli
