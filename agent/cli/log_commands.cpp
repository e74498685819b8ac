#include "agent/cli/log_commands.hpp"

#include "agent/cli/log_report.hpp"
#include "agent/cli/owner.hpp"
#include "agent/cli/text.hpp"

#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>

#include <algorithm>
#include <filesystem>
#include <ostream>

namespace holdfast::cli {
namespace {

// A step may read a whole table file.
constexpr Duration kCheckTimeout = std::chrono::seconds(60);

// A directory does not say where the agent that uses it listens.
constexpr const char* kNameTheAgent = "; say with --socket or --config where that agent listens";

// One line on a terminal that is written over and over.
class ProgressLine {
public:
    explicit ProgressLine(const Surroundings& around) : around_(around) {}

    ~ProgressLine() {
        if (!last_.empty()) around_.err << "\r" << std::string(last_.size(), ' ') << "\r";
    }

    ProgressLine(const ProgressLine&) = delete;
    ProgressLine& operator=(const ProgressLine&) = delete;

    void show(const std::string& doing, std::uint64_t done, std::uint64_t of) {
        if (!around_.tty || of == 0) return;
        constexpr std::size_t kWidth = 30;
        const std::uint64_t part = std::min(done, of) * 100 / of;
        const std::size_t filled = kWidth * part / 100;
        std::string line = "reading " + doing + " [" + std::string(filled, '#') +
                           std::string(kWidth - filled, ' ') + "] " + std::to_string(part) + " %";
        line.resize(std::max(line.size(), last_.size()), ' ');
        if (line == last_) return;
        around_.err << "\r" << line << std::flush;
        last_ = std::move(line);
    }

private:
    const Surroundings& around_;
    std::string last_;
};

bool is_same(const std::string& one, const std::string& other) {
    std::error_code ec;
    return one == other || std::filesystem::equivalent(one, other, ec);
}

}  // namespace

int LogCommands::fail(const Error& error) const {
    around_.err << "holdfast: " << printable(error.detail) << "\n";
    if (error.code == Errc::unavailable) return kUnreachable;
    if (error.code == Errc::bad_input) return kUsage;
    return error.code == Errc::busy ? kBusy : kRefused;
}

void LogCommands::write(const Json& report, const std::string& text) const {
    around_.out << (json_ ? report.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"
                          : text)
                << std::flush;
}

// Not by the socket: systemd may listen there and would start the agent for us.
int LogCommands::check() const {
    if (place_.directory.empty()) return check_running();
    Result<wal::CheckReport> report;
    {
        const AsOwner owner(place_.directory);
        if (!owner.is_done()) return fail(owner.is_done().error());
        ProgressLine line(around_);
        report = wal::check({.directory = place_.directory,
                             .now = around_.now,
                             .progress = [&](const wal::CheckProgress& at) {
                                 line.show(at.doing, at.done, at.of);
                             }});
    }
    if (!report && report.error().code == Errc::busy) return check_running();
    if (!report) return fail(report.error());
    const Json document = check_report(place_.directory, *report);
    write(document, format_check(document));
    return is_damaged(document) ? kLookAtIt : kDone;
}

Result<LogCommands::Document> LogCommands::ask(const Client& client,
                                               const std::string& target) const {
    const Result<Answer> answer = client.get(target);
    if (!answer) return answer.error();
    Json document = Json::parse(answer->body, nullptr, false);
    if (!document.is_object()) {
        return Error{Errc::unavailable, "what answers on " + place_.socket + " is not holdfastd"};
    }
    if (answer->status == 200) return Document{std::move(document)};
    return Error{Errc::storage_failed, text_at(at(document, "error"), "message")};
}

int LogCommands::check_running() const {
    const Client client(place_.socket, std::max<Duration>(around_.timeout, kCheckTimeout));
    Result<Document> status = ask(client, "/v1/status");
    if (!status && !place_.directory.empty()) {
        Error why =
            std::move(status).error().during("an agent uses the log in " + place_.directory);
        why.detail += kNameTheAgent;
        return fail(why);
    }
    if (!status) return fail(status.error());
    const std::string runs_on = text_at(at(status->json, "log"), "directory");
    if (!place_.directory.empty() && !is_same(place_.directory, runs_on)) {
        return fail({Errc::busy,
                     "an agent uses the log in " + place_.directory + ", but the one at " +
                         place_.socket + " has its log in " + runs_on + kNameTheAgent});
    }
    const Result<Document> report = walk(client, status->json);
    if (!report) return fail(report.error());
    write(report->json, format_check(report->json));
    return is_damaged(report->json) ? kLookAtIt : kDone;
}

Result<LogCommands::Document> LogCommands::walk(const Client& client, const Json& status) const {
    Json report = begin_report(status);
    const std::uint64_t entries = number_at(report, "head") + 1 - number_at(report, "tail");
    ProgressLine line(around_);
    for (std::string from;;) {
        const Result<Document> step = ask(
            client, "/v1/check?from=" + boost::urls::encode(from, boost::urls::unreserved_chars));
        if (!step) return step.error();
        add_step(report, step->json);
        line.show("the log", number_at(report, "entries"), entries);
        const std::string next = text_at(step->json, "next");
        if (next.empty()) return Document{std::move(report)};
        if (next == from) {
            return Error{Errc::unavailable, "the agent's check does not go on behind " + from};
        }
        from = next;
    }
}

int LogCommands::repair(bool dry_run) const {
    if (place_.directory.empty()) {
        return fail({Errc::bad_input, "repair needs --directory or --config"});
    }
    Result<wal::RepairReport> report;
    {
        const AsOwner owner(place_.directory);
        if (!owner.is_done()) return fail(owner.is_done().error());
        ProgressLine line(around_);
        report = wal::repair(
            {.directory = place_.directory,
             .now = around_.now,
             .progress =
                 [&](const wal::CheckProgress& at) { line.show(at.doing, at.done, at.of); }},
            dry_run);
    }
    if (!report && report.error().code == Errc::busy) {
        return fail({Errc::busy,
                     "an agent uses the log in " + place_.directory +
                         ": stop it first (systemctl stop holdfastd.socket holdfastd-admin.socket "
                         "holdfastd)"});
    }
    if (!report) return fail(report.error());
    const Json document = repair_report(place_.directory, *report, dry_run);
    write(document, format_repair(document));
    const bool is_well =
        report->lost.empty() && report->unnamed == 0 && !is_damaged(at(document, "after"));
    return is_well ? kDone : kLookAtIt;
}

}  // namespace holdfast::cli
