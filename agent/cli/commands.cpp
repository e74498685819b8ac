#include "agent/cli/commands.hpp"

#include "agent/cli/text.hpp"

#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include <algorithm>
#include <ostream>

namespace holdfast::cli {
namespace {

constexpr std::uint64_t kPageEntriesMax = 1000;  // the agent's own bound

std::string parameter(const char* name, const std::string& value) {
    if (value.empty()) return "";
    return "&" + std::string(name) + "=" +
           boost::urls::encode(value, boost::urls::unreserved_chars);
}

std::string page_target(const Filter& filter,
                        std::optional<std::uint64_t> after,
                        std::uint64_t limit) {
    return "/v1/entries?state=" + filter.state + parameter("destination", filter.destination) +
           parameter("person", filter.person) + parameter("operation", filter.operation) +
           parameter("after", after ? std::to_string(*after) : "") +
           parameter("limit", std::to_string(limit));
}

Error not_the_agent() {
    return {Errc::unavailable,
            "what answers on the socket is not holdfastd, or of another version"};
}

// Moves the elements of the array `from` to the end of `to`.
void append(Json& to, const Json& from) {
    for (const Json& element : from) to.push_back(element);
}

}  // namespace

Result<Commands::Reply> Commands::checked(Result<Answer> answer) const {
    if (!answer) return answer.error();
    Json document = Json::parse(answer->body, nullptr, false);
    if (!document.is_object()) return not_the_agent();
    if (answer->status == 200) return Reply{std::move(answer->body), std::move(document)};
    const std::string message = text_at(at(document, "error"), "message");
    const Errc code = answer->status == 404 ? Errc::not_found : Errc::bad_input;
    return Error{code, message.empty() ? "status " + std::to_string(answer->status) : message};
}

int Commands::fail(const Error& error) const {
    around_.err << "holdfast: " << printable(error.detail) << "\n";
    return error.code == Errc::unavailable ? kUnreachable : kRefused;
}

void Commands::write(const std::string& text) const {
    around_.out << text << (text.ends_with('\n') ? "" : "\n") << std::flush;
}

int Commands::status(bool check) const {
    const Result<Reply> reply = checked(client_.get("/v1/status"));
    if (!reply) return fail(reply.error());
    write(json_ ? reply->text : format_status(reply->document, around_.now));
    return check && !findings(reply->document).empty() ? kLookAtIt : kDone;
}

int Commands::lost(bool seen) const {
    const Result<Reply> reply =
        checked(seen ? client_.post("/v1/lost/seen", "{}") : client_.get("/v1/status"));
    if (!reply) return fail(reply.error());
    if (json_) {
        write(reply->text);
    } else if (seen) {
        write("taken off the status: " + text_at(reply->document, "seen"));
    } else {
        write(format_lost(reply->document));
    }
    return kDone;
}

// A page may hold few entries or none although more follow: the agent bounds how much it reads.
Result<Commands::Reply> Commands::collect(const Filter& filter) const {
    Json all = Json::array();
    std::optional<std::uint64_t> after = filter.after;
    for (;;) {
        const std::uint64_t limit = std::min(filter.limit - all.size(), kPageEntriesMax);
        const Result<Reply> page = checked(client_.get(page_target(filter, after, limit)));
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
    if (!page) return fail(page.error());
    write(json_ ? page->text : format_entries(page->document, around_.now));
    return kDone;
}

int Commands::dead(Filter filter) const {
    filter.state = "failed";
    const Result<Reply> page = collect(filter);
    if (!page) return fail(page.error());
    write(json_ ? page->text : format_dead(page->document, around_.now));
    return kDone;
}

int Commands::show(const std::string& entry, bool body) const {
    const Result<Reply> reply =
        checked(client_.get("/v1/entries/" + entry + (body ? "?body=1" : "")));
    if (!reply) return fail(reply.error());
    write(json_ ? reply->text : format_entry(reply->document, around_.now));
    return kDone;
}

int Commands::replay(const std::vector<std::string>& entries) const {
    const Result<Reply> reply =
        checked(client_.post("/v1/replay", Json{{"entries", entries}}.dump()));
    if (!reply) return fail(reply.error());
    write(json_ ? reply->text : format_replay(reply->document, true));
    return at(reply->document, "skipped").empty() ? kDone : kRefused;
}

// Each call takes the next of them, as many as the agent likes to do at once, up to the last entry
// that there was at the first: what fails again meanwhile remains for the next time.
int Commands::replay_all() const {
    Json report{{"replayed", Json::array()}, {"skipped", Json::array()}, {"remaining", 0}};
    std::optional<std::uint64_t> total;
    Json request{{"all", true}};
    for (;;) {
        const Result<Reply> reply = checked(client_.post("/v1/replay", request.dump()));
        if (!reply) {
            if (total) write(json_ ? one_line(report) : format_replay(report, false));
            return fail(reply.error());
        }
        const Json& step = reply->document;
        append(report["replayed"], at(step, "replayed"));
        append(report["skipped"], at(step, "skipped"));
        report["remaining"] = number_at(step, "remaining");
        if (!total) total = at(step, "replayed").size() + number_at(step, "remaining");
        const std::uint64_t done = report["replayed"].size() + report["skipped"].size();
        if (around_.tty) around_.err << "replayed " << done << " of " << *total << "\n";
        if (at(step, "next").is_null()) break;
        request["after"] = at(step, "next");
        request["up_to"] = at(step, "up_to");
    }
    write(json_ ? one_line(report) : format_replay(report, false));
    return report["skipped"].empty() ? kDone : kRefused;
}

}  // namespace holdfast::cli
