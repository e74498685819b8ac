#include "agent/cli/log_report.hpp"

#include "agent/cli/text.hpp"
#include "agent/finding_view.hpp"
#include "wal/lost.hpp"

namespace holdfast::cli {
namespace {

using agent::finding_view;

constexpr std::size_t kRangesShown = 20;

Json ranges_of(const std::vector<wal::SeqRange>& all) {
    Json ranges = Json::array();
    for (const wal::SeqRange& one : all) {
        if (ranges.size() == agent::kSeqRangesMax) break;
        ranges.push_back({{"first", one.first.value}, {"last", one.last.value}});
    }
    return ranges;
}

std::string counted(std::uint64_t count, const char* one, const char* many) {
    return std::to_string(count) + " " + (count == 1 ? one : many);
}

// "7, 901-1000"
std::string seqs_text(const Json& ranges) {
    std::string text;
    std::size_t shown = 0;
    for (const Json& range : ranges) {
        if (shown++ == kRangesShown) return text + ", …";
        const std::string first = text_at(range, "first");
        const std::string last = text_at(range, "last");
        text += (text.empty() ? "" : ", ") + first + (first == last ? "" : "-" + last);
    }
    return text;
}

std::string finding_text(const Json& finding) {
    std::string text = text_at(finding, "severity") == "damage" ? "DAMAGE  " : "notice  ";
    const std::string subject = text_at(finding, "subject");
    if (!subject.empty()) text += printable(subject) + ": ";
    text += text_at(finding, "meaning");
    const std::uint64_t count = number_at(finding, "count");
    if (count > 0)
        text += " (" + std::to_string(count) + ": " + seqs_text(at(finding, "seqs")) + ")";
    text += "\n";
    for (const Json& what : at(finding, "what")) {
        if (what.is_string()) text += "        " + printable(what.get<std::string>()) + "\n";
    }
    const std::string advice = text_at(finding, "advice");
    return text + "        to do: " + advice + "\n";
}

std::string findings_text(const Json& check) {
    std::string text;
    for (const Json& finding : at(check, "findings")) text += finding_text(finding);
    return text;
}

// Joins what two steps found of the same kind.
void add_finding(Json& findings, const Json& finding) {
    for (Json& known : findings) {
        if (at(known, "code") != at(finding, "code") ||
            at(known, "subject") != at(finding, "subject")) {
            continue;
        }
        known["count"] = number_at(known, "count") + number_at(finding, "count");
        for (const Json& range : at(finding, "seqs")) {
            Json& all = known["seqs"];
            const bool follows =
                !all.empty() && number_at(all.back(), "last") + 1 == number_at(range, "first");
            if (follows) {
                all.back()["last"] = at(range, "last");
            } else if (all.size() < agent::kSeqRangesMax) {
                all.push_back(range);
            }
        }
        return;
    }
    findings.push_back(finding);
}

const char* action_of(wal::Mend mended) {
    switch (mended) {
        case wal::Mend::nothing:
            return "nothing";
        case wal::Mend::opening:
            return "open";
        case wal::Mend::rebuild:
            return "rebuild";
    }
    return "nothing";
}

bool is_true(const Json& document, const char* key) {
    const Json& value = at(document, key);
    return value.is_boolean() && value.get<bool>();
}

}  // namespace

Json check_report(const std::string& directory, const wal::CheckReport& report) {
    Json findings = Json::array();
    for (const wal::Finding& one : report.findings) findings.push_back(finding_view(one));
    return {
        {"mode", "offline"},
        {"directory", directory},
        {"tail", report.tail.value},
        {"head", report.head.value},
        {"acknowledged", report.acknowledged ? Json(report.acknowledged->value) : Json(nullptr)},
        {"tables", report.counts.tables},
        {"marks", report.counts.marks},
        {"entries", report.counts.entries},
        {"bytes", report.counts.bytes},
        {"damaged", wal::has_damage(report.findings)},
        {"findings", std::move(findings)}};
}

Json begin_report(const Json& status) {
    const Json& log = at(status, "log");
    return {{"mode", "online"},
            {"directory", text_at(log, "directory")},
            {"tail", number_at(log, "tail")},
            {"head", number_at(log, "head")},
            {"acknowledged", number_at(log, "head")},
            {"tables", 0},
            {"marks", 0},
            {"entries", 0},
            {"bytes", 0},
            {"damaged", false},
            {"findings", Json::array()}};
}

void add_step(Json& report, const Json& step) {
    for (const char* const key : {"tables", "marks", "entries", "bytes"}) {
        report[key] = number_at(report, key) + number_at(step, key);
    }
    for (const Json& finding : at(step, "findings")) {
        add_finding(report["findings"], finding);
        if (text_at(finding, "severity") == "damage") report["damaged"] = true;
    }
}

Json repair_report(const std::string& directory, const wal::RepairReport& report, bool dry_run) {
    const bool is_kept = !report.kept_in.empty();
    // What is gone is known only once the log was built again of what can be read.
    const bool is_known = !dry_run || report.mended == wal::Mend::nothing;
    const std::string db = directory + "/db";
    const std::string undo =
        "mv " + db + " " + db + ".repaired && mv " + report.kept_in + "/db " + db;
    return {{"directory", directory},
            {"dry_run", dry_run},
            {"action", action_of(report.mended)},
            {"kept_in", is_kept ? Json(report.kept_in) : Json(nullptr)},
            {"undo", is_kept ? Json(undo) : Json(nullptr)},
            {"lost", is_known ? Json(wal::count_of(report.lost)) : Json(nullptr)},
            {"lost_ranges", ranges_of(report.lost)},
            {"lost_unnamed", is_known && report.unnamed ? Json(*report.unnamed) : Json(nullptr)},
            {"begins_again", report.begins_again},
            {"notes", report.notes},
            {"before", check_report(directory, report.before)},
            {"after", check_report(directory, report.after)}};
}

bool is_damaged(const Json& check) {
    return is_true(check, "damaged");
}

std::string format_check(const Json& check) {
    const std::uint64_t head = number_at(check, "head");
    const bool is_empty = head < number_at(check, "tail");
    std::string text = printable(text_at(check, "directory")) + ": ";
    text += is_empty ? "no entries"
                     : "entries " + text_at(check, "tail") + " to " + text_at(check, "head");
    text += text_at(check, "mode") == "online" ? ", while the agent runs\n" : ", no agent runs\n";
    text += "read " + counted(number_at(check, "entries"), "entry", "entries") + ", " +
            counted(number_at(check, "marks"), "mark", "marks") + " and " +
            counted(number_at(check, "tables"), "table", "tables") + ", " +
            bytes_text(number_at(check, "bytes")) + "\n";
    text += findings_text(check);
    return text + (is_damaged(check) ? "It is damaged.\n" : "No damage found.\n");
}

std::string format_repair(const Json& repair) {
    std::string text = format_check(at(repair, "before"));
    const std::string action = text_at(repair, "action");
    if (action == "nothing") return text + "Nothing was changed: there is nothing to be mended.\n";
    if (is_true(repair, "dry_run")) {
        return text +
               (action == "rebuild"
                    ? "A repair would set the damaged log aside and build it again of all "
                      "that can be read.\n"
                    : "A repair would open it once, as the agent's next start does.\n") +
               "Nothing was changed.\n";
    }
    const std::uint64_t lost = number_at(repair, "lost");
    const std::string kept_in = printable(text_at(repair, "kept_in"));
    text += "\nRepaired.\n";
    const std::string unnamed = unnamed_text(repair);
    if (lost > 0) {
        text += counted(lost, "acknowledged entry is", "acknowledged entries are") +
                " gone, with the seqs: " + seqs_text(at(repair, "lost_ranges")) + "\n";
    }
    if (!unnamed.empty()) text += "And " + unnamed + ".\n";
    if (lost == 0 && unnamed.empty()) text += "No acknowledged entry is missing.\n";
    if (is_true(repair, "begins_again")) {
        text += "But " + std::string(wal::kBeginsAgain) + ".\n";
    }
    if (!kept_in.empty()) {
        text += "The damaged log is kept in " + kept_in +
                "; remove that when nobody needs it any more.\n"
                "To undo this, before the agent has run again:\n  " +
                printable(text_at(repair, "undo")) + "\n";
    }
    const Json& after = at(repair, "after");
    if (is_damaged(after)) text += "\nWhat could not be mended:\n" + findings_text(after);
    return text;
}

}  // namespace holdfast::cli
