#include "agent/cli/dead_letters.hpp"

#include "agent/cli/editor.hpp"
#include "agent/cli/text.hpp"

#include <algorithm>
#include <fstream>
#include <istream>
#include <iterator>
#include <map>
#include <ostream>

namespace holdfast::cli {
namespace {

constexpr std::size_t kStepMax = 1000;       // the agent's own bound
constexpr std::uint64_t kStepsASecond = 10;  // with a rate: so often it is asked
constexpr std::size_t kShown = 10;           // the first ones of a dry run
constexpr std::size_t kSkippedShown = 100;
constexpr std::uint64_t kExportedAtOnce = 200;

std::string rest_of(std::istream& in) {
    return {std::istreambuf_iterator<char>(in), {}};
}

// Dead letters that went wrong in the same way, from all steps.
class Groups {
public:
    void add(const Json& step) {
        for (const Json& group : at(step, "groups")) add_group(group);
    }

    [[nodiscard]] Json document() const {
        std::vector<const Json*> sorted;
        for (const auto& [name, group] : groups_) sorted.push_back(&group);
        std::stable_sort(sorted.begin(), sorted.end(), [](const Json* one, const Json* other) {
            return number_at(*one, "count") > number_at(*other, "count");
        });
        Json all = Json::array();
        for (const Json* group : sorted) all.push_back(*group);
        return {{"groups", std::move(all)}, {"other", other_}, {"total", total_}};
    }

private:
    void add_group(const Json& group) {
        const std::uint64_t count = number_at(group, "count");
        total_ += count;
        const std::string name = text_at(group, "group");
        const auto found = groups_.find(name);
        if (found == groups_.end()) {
            if (groups_.size() < kGroupsMax) {
                groups_.emplace(name, group);
            } else {
                other_ += count;
            }
            return;
        }
        Json& known = found->second;
        known["count"] = number_at(known, "count") + count;
        // Times of this form are in the order of their texts.
        known["oldest"] = std::min(text_at(known, "oldest"), text_at(group, "oldest"));
        known["newest"] = std::max(text_at(known, "newest"), text_at(group, "newest"));
    }

    std::map<std::string, Json> groups_;
    std::uint64_t other_ = 0;
    std::uint64_t total_ = 0;
};

// What of it a replay leaves out: damaged ones, and without a word those that may have arrived.
std::uint64_t left_out(const Json& counted, bool ambiguous) {
    std::uint64_t count = 0;
    for (const Json& group : at(counted, "groups")) {
        const std::string cause = text_at(group, "cause");
        const bool stays = cause == "damaged" || (cause == "ambiguous" && !ambiguous);
        if (stays) count += number_at(group, "count");
    }
    return count;
}

// {"method", "target", "body", "destination"} as an event is sent, and the rest in "entry".
Json line_of(const Json& entry) {
    Json line = Json::object();
    Json rest = entry;
    for (const char* key : {"method", "target", "body", "destination"}) {
        line[key] = at(entry, key);
        rest.erase(key);
    }
    line["entry"] = std::move(rest);
    return line;
}

Reply joined(Json document) {
    std::string text = one_line(document);
    return {std::move(text), std::move(document)};
}

Result<std::string> read_body(const std::string& from, std::istream* in) {
    if (from == "-" && in != nullptr) return rest_of(*in);
    std::ifstream file(from, std::ios::binary);
    std::string text = rest_of(file);
    if (!file || file.bad()) return Error{Errc::bad_input, "cannot read " + from};
    return text;
}

std::uint64_t step_size(const Order& order) {
    if (!order.rate) return kStepMax;
    return std::clamp<std::uint64_t>(*order.rate / kStepsASecond, 1, kStepMax);
}

}  // namespace

// What was done so far.
struct DeadLetters::Report {
    Json document;
    std::string text;  // of the last answer, as it came
    int answers = 0;
    std::uint64_t done = 0;
    bool each = false;  // with all that is known of each
    bool interrupted = false;
    std::optional<std::uint64_t> total;
};

bool DeadLetters::goes_on(Duration pause) const {
    const Surroundings& around = agent_.around();
    return !around.pause || around.pause(pause);
}

Result<Reply> DeadLetters::count(const Filter& filter) const {
    Groups groups;
    std::uint64_t after = 0;
    for (;;) {
        const Result<Reply> step =
            agent_.get("/v1/groups?after=" + std::to_string(after) + parameters_of(filter));
        if (!step) return step.error();
        groups.add(step->document);
        if (at(step->document, "next").is_null()) return joined(groups.document());
        const std::uint64_t next = number_at(step->document, "next");
        if (next <= after) return not_the_agent();  // or this would not end
        after = next;
    }
}

int DeadLetters::groups(const Filter& filter) const {
    const Result<Reply> counted = count(filter);
    if (!counted) return agent_.fail(counted.error());
    agent_.write(json_ ? counted->text : format_groups(counted->document, agent_.around().now));
    return kDone;
}

int DeadLetters::replay(const Order& order) const {
    return order.dry_run ? preview(kReplay, order) : end(kReplay, order);
}

int DeadLetters::drop(const Order& order) const {
    if (order.dry_run) return preview(kDrop, order);
    if (const std::optional<int> stopped = confirm(order)) return *stopped;
    return end(kDrop, order);
}

int DeadLetters::preview(const Verb& verb, const Order& order) const {
    if (!order.entries.empty()) return preview_named(verb, order);
    const Result<Reply> counted = count(order.filter);
    if (!counted) return agent_.fail(counted.error());
    const Result<Reply> first =
        agent_.get("/v1/entries?state=failed" + parameters_of(order.filter) +
                   parameter("limit", std::to_string(kShown)));
    if (!first) return agent_.fail(first.error());
    const bool is_replay = verb.target == kReplay.target;
    const std::uint64_t stay = is_replay ? left_out(counted->document, order.ambiguous) : 0;
    Json plan{{"dry_run", true},
              {"count", number_at(counted->document, "total") - stay},
              {"left_out", stay},
              {"groups", at(counted->document, "groups")},
              {"other", at(counted->document, "other")},
              {"first", at(first->document, "entries")}};
    agent_.write(json_ ? one_line(plan) : format_plan(plan, verb.would, agent_.around().now));
    return kDone;
}

// As they are now: one by one.
int DeadLetters::preview_named(const Verb& verb, const Order& order) const {
    Json first = Json::array();
    Json skipped = Json::array();
    for (const std::string& entry : order.entries) {
        const Result<Reply> one = agent_.get("/v1/entries/" + entry);
        if (!one && one.error().code == Errc::unavailable) return agent_.fail(one.error());
        if (!one) {
            skipped.push_back({{"entry", entry}, {"reason", one.error().detail}});
        } else if (const std::string state = text_at(one->document, "state"); state != "failed") {
            skipped.push_back(
                {{"entry", entry}, {"reason", "it is " + state + ", not among the dead letters"}});
        } else {
            first.push_back(one->document);
        }
    }
    const bool is_whole = skipped.empty();
    Json plan{{"dry_run", true},
              {"count", first.size()},
              {"left_out", skipped.size()},
              {"first", std::move(first)},
              {"skipped", std::move(skipped)}};
    agent_.write(json_ ? one_line(plan) : format_plan(plan, verb.would, agent_.around().now));
    return is_whole ? kDone : kRefused;
}

int DeadLetters::end(const Verb& verb, const Order& order) const {
    Report report;
    report.each = json_ || !order.entries.empty();
    report.document = {{verb.done, Json::array()}, {"skipped", Json::array()}, {"remaining", 0}};
    const Result<void> ended =
        order.entries.empty() ? end_selected(verb, order, report) : end_named(verb, order, report);
    const bool as_it_came = report.answers == 1 && !order.entries.empty();
    if (report.answers > 0 || report.interrupted) {
        agent_.write(json_ ? (as_it_came ? report.text : one_line(report.document))
                           : format_ended(report.document, verb.done, !order.entries.empty()));
    }
    if (!ended) return agent_.fail(ended.error());
    if (report.interrupted) {
        agent_.around().err << "holdfast: interrupted, " << report.done << " were " << verb.done
                            << "; the same command goes on\n";
        return kInterrupted;
    }
    return at(report.document, "skipped").empty() ? kDone : kRefused;
}

Result<void> DeadLetters::end_named(const Verb& verb, const Order& order, Report& report) const {
    const std::uint64_t size = step_size(order);
    for (std::size_t begin = 0; begin < order.entries.size(); begin += size) {
        const std::size_t end = std::min<std::size_t>(begin + size, order.entries.size());
        const std::vector<std::string> some(
            order.entries.begin() + static_cast<std::ptrdiff_t>(begin),
            order.entries.begin() + static_cast<std::ptrdiff_t>(end));
        const Result<Reply> done = step(verb, order, Json{{"entries", some}}, report);
        if (!done) return done.error();
        if (report.interrupted) return {};
    }
    return {};
}

// Up to the last entry that there was at the first call: what fails again meanwhile remains for
// the next time.
Result<void> DeadLetters::end_selected(const Verb& verb, const Order& order, Report& report) const {
    const Json where = where_of(order.filter);
    Json request = where.empty() ? Json{{"all", true}} : Json{{"where", where}};
    if (order.ambiguous) request["ambiguous"] = true;
    if (order.rate) request["limit"] = step_size(order);
    for (;;) {
        const Result<Reply> done = step(verb, order, request, report);
        if (!done) return done.error();
        if (report.interrupted || at(done->document, "next").is_null()) return {};
        request["after"] = at(done->document, "next");
        request["up_to"] = at(done->document, "up_to");
    }
}

// One call, and the pause that the rate asks for before the next.
Result<Reply> DeadLetters::step(const Verb& verb,
                                const Order& order,
                                const Json& request,
                                Report& report) const {
    if (!goes_on(Duration::zero())) {
        report.interrupted = true;
        return Reply();
    }
    Result<Reply> reply = agent_.post(verb.target, request.dump());
    if (!reply) return reply.error();
    report.text = reply->text;
    ++report.answers;
    const Json& done = reply->document;
    const std::uint64_t count = at(done, verb.done).size();
    report.done += count;
    report.document["remaining"] = number_at(done, "remaining");
    // Of very many their number is enough.
    for (const Json& one : at(done, verb.done)) {
        report.document[verb.done].push_back(report.each ? one : Json());
    }
    Json& skipped = report.document["skipped"];
    for (const Json& one : at(done, "skipped")) {
        skipped.push_back(report.each || skipped.size() < kSkippedShown ? one : Json());
    }
    const bool is_all = order.entries.empty() && where_of(order.filter).empty();
    if (!report.total) report.total = count + number_at(done, "remaining");
    if (agent_.around().tty && order.entries.empty()) {
        agent_.around().err << verb.done << " " << report.done + skipped.size()
                            << (is_all ? " of " + std::to_string(*report.total) : "") << "\n";
    }
    const bool is_last = order.entries.empty()
                             ? at(done, "next").is_null()
                             : report.done + skipped.size() >= order.entries.size();
    if (order.rate && !is_last) {
        const Duration pause = Duration(std::chrono::seconds(count)) / *order.rate;
        report.interrupted = count > 0 && !goes_on(pause);
    }
    return reply;
}

// Nothing: go on.
std::optional<int> DeadLetters::confirm(const Order& order) const {
    const Surroundings& around = agent_.around();
    if (order.yes || order.entries.size() == 1) return std::nullopt;
    if (!around.in_tty || around.in == nullptr) {
        around.err << "holdfast: drop of more than one needs --yes; see holdfast --help\n";
        return kUsage;
    }
    std::uint64_t count = order.entries.size();
    if (order.entries.empty()) {
        const Result<Reply> counted = this->count(order.filter);
        if (!counted) return agent_.fail(counted.error());
        count = number_at(counted->document, "total");
    }
    around.err << "Drop " << count << " dead letters for good? [y/N] " << std::flush;
    std::string answer;
    std::getline(*around.in, answer);
    if (answer == "y" || answer == "yes") return std::nullopt;
    around.err << "holdfast: nothing is dropped\n";
    return kRefused;
}

int DeadLetters::edit(const std::string& entry, const std::optional<std::string>& body) const {
    if (!body) return edit_by_hand(entry);
    const Result<std::string> text = read_body(*body, agent_.around().in);
    if (!text) return agent_.fail(text.error());
    return send_edited(entry, *text);
}

int DeadLetters::send_edited(const std::string& entry, const std::string& body) const {
    const Result<Reply> reply = agent_.post("/v1/entries/" + entry + "/edit", body);
    if (!reply) return agent_.fail(reply.error());
    const Json report{{"replayed", Json::array({reply->document})}};
    agent_.write(json_ ? reply->text : format_ended(report, "replayed", true));
    return kDone;
}

// What was typed is not lost: its file stays until the agent has taken it.
int DeadLetters::edit_by_hand(const std::string& entry) const {
    const Surroundings& around = agent_.around();
    if (!around.in_tty) {
        around.err << "holdfast: edit needs --body, or a terminal; see holdfast --help\n";
        return kUsage;
    }
    const Result<Reply> old = agent_.get("/v1/entries/" + entry + "?body=1");
    if (!old) return agent_.fail(old.error());
    const std::string before = text_at(old->document, "body");
    Result<EditedFile> file = EditedFile::make(before);
    if (!file) return agent_.fail(file.error());
    const Result<std::string> after = file->edit();
    if (!after) return agent_.fail(after.error());
    if (*after == before) {
        file->remove();
        return agent_.fail({Errc::bad_input, "nothing was changed: it stays as it is"});
    }
    const int code = send_edited(entry, *after);
    if (code == kDone) {
        file->remove();
    } else {
        around.err << "holdfast: the edited body is kept in " << file->path() << "\n";
    }
    return code;
}

int DeadLetters::write_out(const Filter& filter) const {
    std::uint64_t after = filter.after.value_or(0);
    std::uint64_t damaged = 0;
    for (;;) {
        if (!goes_on(Duration::zero())) return kInterrupted;
        const Result<Reply> page =
            agent_.get("/v1/entries?state=" + filter.state + "&body=1" + parameters_of(filter) +
                       "&after=" + std::to_string(after) +
                       parameter("limit", std::to_string(kExportedAtOnce)));
        if (!page) return agent_.fail(page.error());
        for (const Json& entry : at(page->document, "entries")) {
            damaged += at(entry, "method").is_null();
            if (!at(entry, "method").is_null()) agent_.write(one_line(line_of(entry)));
        }
        if (!agent_.around().out) return agent_.fail({Errc::bad_input, "cannot write"});
        if (at(page->document, "next").is_null()) break;
        const std::uint64_t next = number_at(page->document, "next");
        if (next <= after) return agent_.fail(not_the_agent());
        after = next;
    }
    if (damaged == 0) return kDone;
    return agent_.fail(
        {Errc::bad_input, std::to_string(damaged) + " entries are damaged and left out"});
}

}  // namespace holdfast::cli
