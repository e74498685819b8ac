#include "agent/cli/command_line.hpp"

#include "agent/cli/commands.hpp"
#include "agent/cli/dead_letters.hpp"
#include "agent/cli/log_commands.hpp"
#include "agent/cli/send.hpp"
#include "agent/cli/text.hpp"
#include "proto/ulid.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <ostream>

namespace holdfast::cli {
namespace {

constexpr const char* kExitCodes =
    "Exit codes:\n"
    "  0   done\n"
    "  1   the agent refused, or there is no such entry\n"
    "  2   the command line is wrong\n"
    "  3   `status --check` found something to look at, `check` damage, `repair` a loss\n"
    "  69  the agent cannot be reached; `send`: not all is stored for sure, send it again later\n"
    "  75  an agent uses the log\n"
    "  130 interrupted; what was done is said";

const std::vector<std::string> kStates = {
    "pending", "in_flight", "retrying", "complete", "failed", "replayed", "dropped", "all"};

struct Arguments {
    std::string socket;  // empty: where the command's is
    std::string directory;
    std::string config;
    bool dry_run = false;  // of a repair
    bool json = false;
    bool check = false;
    bool body = false;
    bool all = false;
    bool groups = false;
    std::string level;
    std::string level_of;
    bool seen = false;
    Filter filter;
    Filter export_filter;
    std::string entry;
    Order order;
    std::optional<std::string> new_body;
    SendOptions send;
};

// What names an entry. It also becomes a part of a path, so nothing else gets through.
std::string check_entry(const std::string& text) {
    std::uint64_t seq = 0;
    const char* end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data(), end, seq);
    if (error == std::errc() && rest == end) return "";
    if (Ulid::parse(text)) return "";
    return "\"" + text + "\" is neither a sequence number nor an id";
}

std::string check_socket(const std::string& path) {
    if (!path.empty() && path.size() <= kSocketPathBytesMax) return "";
    return "the path of a socket has 1 to " + std::to_string(kSocketPathBytesMax) + " bytes";
}

std::vector<CLI::Option*> add_selection(CLI::App& command, Filter& filter) {
    return {
        command.add_option("--destination", filter.destination, "Only of this destination"),
        command.add_option("--person", filter.person, "Only of this person, as in id:42"),
        command.add_option("--operation", filter.operation, "Only of this kind, as in send_email"),
        command.add_option("--name", filter.name, "Only events of this name, as in purchase"),
        command.add_option("--group", filter.group, "Only of this group of `dead --groups`"),
        command.add_option("--cause", filter.cause, "Only that failed for this cause")
            ->check(CLI::IsMember({"poison", "ambiguous", "too_old", "damaged"})),
        command.add_option("--since",
                           filter.since,
                           "Only that failed, or were accepted, since then: "
                           "2026-01-02T03:04:05Z, or how long ago, as in 2h"),
        command.add_option("--until", filter.until, "Likewise, before then")};
}

void add_filter(CLI::App& command, Filter& filter) {
    add_selection(command, filter);
    command.add_option("--after", filter.after, "Only behind this sequence number");
    command.add_option("--limit", filter.limit, "At most so many")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000}))
        ->capture_default_str();
}

// By name, by a selection or all: one of these.
void add_order(CLI::App& command, Arguments& arguments, const CLI::Validator& entry) {
    Order& order = arguments.order;
    CLI::Option* ids = command.add_option("ID", order.entries, "Their sequence numbers or ids");
    ids->check(entry);
    CLI::Option* all = command.add_flag("--all", arguments.all, "All there are");
    all->excludes(ids);
    for (CLI::Option* one : add_selection(command, order.filter)) {
        one->excludes(ids);
        one->excludes(all);
    }
    command.add_flag("--dry-run", order.dry_run, "Only say how many, and the first of them");
    command.add_option("--rate", order.rate, "At most so many a second")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{10'000}));
}

void add_dead_letters(CLI::App& app, Arguments& arguments) {
    CLI::App& dead = *app.add_subcommand("dead", "List the dead letters: entries that failed");
    add_filter(dead, arguments.filter);
    dead.add_flag("--groups", arguments.groups, "Count them by what went wrong");

    const CLI::Validator entry(check_entry, "");
    CLI::App& replay = *app.add_subcommand("replay", "Send dead letters again");
    add_order(replay, arguments, entry);
    replay.add_flag("--ambiguous",
                    arguments.order.ambiguous,
                    "Also those that may have arrived, and may be seen twice then");
    CLI::App& drop = *app.add_subcommand("drop", "Give dead letters up for good");
    add_order(drop, arguments, entry);
    drop.add_flag("--yes", arguments.order.yes, "Do not ask");

    CLI::App& edit = *app.add_subcommand("edit", "Send a dead letter again with another body");
    edit.add_option("ID", arguments.entry, "Its sequence number or id")->required()->check(entry);
    edit.add_option("--body", arguments.new_body, "A file, or -; else an editor is opened");

    CLI::App& write_out = *app.add_subcommand(
        "export", "Write dead letters, or other entries, with all that is in them");
    arguments.export_filter.state = "failed";
    write_out.add_option("--state", arguments.export_filter.state, "Those in this state")
        ->check(CLI::IsMember(kStates))
        ->capture_default_str();
    add_selection(write_out, arguments.export_filter);
    write_out.add_option("--after", arguments.export_filter.after, "Only behind this number");
}

void add_place(CLI::App& command, Arguments& arguments) {
    CLI::Option* directory =
        command.add_option("--directory", arguments.directory, "The log's directory");
    command
        .add_option("--config",
                    arguments.config,
                    std::string("The configuration that names it; else ") + kDefaultConfig)
        ->excludes(directory);
}

void add_send(CLI::App& app, SendOptions& options) {
    CLI::App& send = *app.add_subcommand("send", "Send events to the agent");
    CLI::Option* method = send.add_option("METHOD", options.method, "POST, PUT or DELETE");
    send.add_option("TARGET", options.target, "As in /api/v1/customers/5/events");
    send.add_option("BODY", options.body, "JSON; @FILE, or - for standard input");
    send.add_option("--destination", options.destination, "To which; else the only one");
    send.add_option("--idempotency-key",
                    options.key,
                    "Sent again with it, an event is stored once; with --from line N has KEY:N");
    CLI::Option* from = send.add_option(
        "--from",
        options.from,
        "Many instead: a file, or - for standard input, with an object on each line of "
        "method, target, body, destination and idempotency_key");
    from->excludes(method);
    send.add_option("--after", options.after, "Leave out so many lines")->needs(from);
    send.add_flag("--continue", options.go_on, "Go on after a line that is refused")->needs(from);
}

// Everything that --help shows. `arguments` outlives `app`.
void declare(CLI::App& app, Arguments& arguments) {
    app.set_version_flag("--version", "holdfast " HOLDFAST_VERSION);
    app.require_subcommand(1);
    app.fallthrough();  // the options below also work behind the command
    app.footer(kExitCodes);
    app.add_option("--socket",
                   arguments.socket,
                   "The agent's admin socket (else $HOLDFAST_SOCKET, else " +
                       std::string(kAdminSocket) +
                       "); for `send` its ingest socket (else $HOLDFAST_INGEST_SOCKET, else " +
                       client::kDefaultSocket + ")")
        ->check(CLI::Validator(check_socket, "PATH"));
    app.add_flag("--json", arguments.json, "Write the agent's answer as it comes");

    CLI::App& status =
        *app.add_subcommand("status", "How the agent, its log and its destinations are");
    status.add_flag("--check", arguments.check, "Exit with 3 when somebody should look at it");

    CLI::App& lost =
        *app.add_subcommand("lost", "Which acknowledged entries the disk did not give back");
    lost.add_flag("--seen", arguments.seen, "Take them off the status: somebody knows");

    CLI::App& level = *app.add_subcommand(
        "level", "What is sent: everything, only what is essential, or nothing; the rest is held");
    level.add_option("LEVEL", arguments.level, "The level from now on; without it they are shown")
        ->check(CLI::IsMember({"full", "essential_only", "disabled"}));
    level.add_option("--destination", arguments.level_of, "Only of this one");

    CLI::App& ls = *app.add_subcommand("ls", "List entries of the log");
    ls.add_option("--state", arguments.filter.state, "Only in this state")
        ->check(CLI::IsMember(kStates))
        ->capture_default_str();
    add_filter(ls, arguments.filter);

    const CLI::Validator entry(check_entry, "");
    CLI::App& show = *app.add_subcommand("show", "Show one entry");
    show.add_option("ID", arguments.entry, "Its sequence number or id")->required()->check(entry);
    show.add_flag("--body", arguments.body, "With its body, which may hold personal data");

    add_dead_letters(app, arguments);

    CLI::App& check = *app.add_subcommand(
        "check", "Read all of the log and say what is damaged; changes nothing");
    add_place(check, arguments);
    CLI::App& repair = *app.add_subcommand(
        "repair", "Mend a damaged log while no agent runs; what was damaged is kept");
    add_place(repair, arguments);
    repair.add_flag("--dry-run", arguments.dry_run, "Only say what would be done");
    add_send(app, arguments.send);
}

// Given, or from the environment; empty: neither.
std::string named_socket(const Arguments& arguments, bool is_send) {
    if (!arguments.socket.empty()) return arguments.socket;
    const char* named = std::getenv(is_send ? "HOLDFAST_INGEST_SOCKET" : "HOLDFAST_SOCKET");
    return named == nullptr ? "" : named;
}

// As packaged.
const char* default_socket(bool is_send) {
    return is_send ? client::kDefaultSocket : kAdminSocket;
}

int execute_on_log(const CLI::App& app, const Arguments& arguments, const Surroundings& around) {
    const LogArguments where{arguments.directory, arguments.config, arguments.socket};
    Result<LogPlace> place = find_log(where);
    if (!place) {
        around.err << "holdfast: " << place.error().detail << "\n";
        return kRefused;
    }
    const LogCommands commands(std::move(*place), around, arguments.json);
    return app.got_subcommand("check") ? commands.check() : commands.repair(arguments.dry_run);
}

int execute(const CLI::App& app, const Arguments& arguments, const Surroundings& around) {
    if (app.got_subcommand("send")) {
        Send send(arguments.send, around, arguments.json);
        return arguments.send.from.empty() ? send.one() : send.many();
    }
    const Client client(arguments.socket, around.timeout);
    const Commands commands(client, around, arguments.json);
    if (app.got_subcommand("status")) return commands.status(arguments.check);
    if (app.got_subcommand("level")) return commands.level(arguments.level, arguments.level_of);
    if (app.got_subcommand("lost")) return commands.lost(arguments.seen);
    if (app.got_subcommand("ls")) return commands.list(arguments.filter);
    const DeadLetters dead(client, around, arguments.json);
    if (app.got_subcommand("dead")) {
        return arguments.groups ? dead.groups(arguments.filter) : commands.dead(arguments.filter);
    }
    if (app.got_subcommand("show")) return commands.show(arguments.entry, arguments.body);
    if (app.got_subcommand("replay")) return dead.replay(arguments.order);
    if (app.got_subcommand("drop")) return dead.drop(arguments.order);
    if (app.got_subcommand("edit")) return dead.edit(arguments.entry, arguments.new_body);
    return dead.write_out(arguments.export_filter);
}

// As the agent reads them.
bool set_times(Filter& filter, WallTime now) {
    for (std::string* text : {&filter.since, &filter.until}) {
        if (text->empty()) continue;
        const std::optional<WallTime> time = parse_moment(*text, now);
        if (!time) return false;
        *text = time_text(*time);
    }
    return true;
}

bool selects_nothing(const Arguments& arguments) {
    const Order& order = arguments.order;
    return !arguments.all && order.entries.empty() && where_of(order.filter).empty();
}

int misused(const std::string& why, const Surroundings& around) {
    std::string line = why;
    std::replace(line.begin(), line.end(), '\n', ' ');
    around.err << "holdfast: " << line << "; see holdfast --help\n";
    return kUsage;
}

// What is wrong with a command line that the library does not take. It misses a command where there
// is one that it does not know.
std::string complaint(const CLI::App& app, const CLI::ParseError& error) {
    const std::vector<std::string> unknown = app.remaining();
    const bool is_named = !unknown.empty() && !unknown.front().starts_with('-');
    if (!app.get_subcommands().empty() || !is_named) return error.what();
    return "there is no command \"" + unknown.front() + "\"";
}

}  // namespace

int run(int argc, const char* const* argv, const Surroundings& around) {
    Arguments arguments;
    CLI::App app("Looks into holdfastd, the local delivery agent, and steers it.", "holdfast");
    declare(app, arguments);
    try {  // the library has no other way to say it
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        if (error.get_exit_code() != 0) return misused(complaint(app, error), around);
        return app.exit(error, around.out, around.err);  // --help, --version
    }
    for (Filter* filter : {&arguments.filter, &arguments.export_filter, &arguments.order.filter}) {
        if (!set_times(*filter, around.now)) {
            return misused("a time is 2026-01-02T03:04:05Z, or how long ago, as in 2h", around);
        }
    }
    for (const char* command : {"replay", "drop"}) {
        if (app.got_subcommand(command) && selects_nothing(arguments)) {
            return misused(std::string(command) + " needs an ID, a selection or --all", around);
        }
    }
    const bool is_send = app.got_subcommand("send");
    if (is_send && arguments.send.from.empty() && arguments.send.target.empty()) {
        return misused("send needs a METHOD and a TARGET, or --from", around);
    }
    arguments.socket = named_socket(arguments, is_send);
    const bool is_on_log = app.got_subcommand("check") || app.got_subcommand("repair");
    if (is_on_log && arguments.socket.empty()) return execute_on_log(app, arguments, around);
    if (arguments.socket.empty()) arguments.socket = default_socket(is_send);
    if (const std::string wrong = check_socket(arguments.socket); !wrong.empty()) {
        return misused(wrong, around);
    }
    if (is_on_log) return execute_on_log(app, arguments, around);
    arguments.send.socket = arguments.socket;
    return execute(app, arguments, around);
}

}  // namespace holdfast::cli
