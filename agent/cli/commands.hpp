// What each command asks of the agent, and how it ends.
#pragma once

#include "agent/cli/client.hpp"
#include "agent/cli/format.hpp"

#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::cli {

// Never renumbered: scripts ask for them. Listed in README.md and in --help.
enum ExitCode : int {
    kDone = 0,
    kRefused = 1,  // by the agent; also: there is no such entry
    kUsage = 2,
    kLookAtIt = 3,      // `status --check` found something, `check` damage, `repair` a loss
    kUnreachable = 69,  // EX_UNAVAILABLE of sysexits.h; `send`: the same may pass later
    kBusy = 75,         // EX_TEMPFAIL: an agent has the log
};

struct Surroundings {
    std::ostream& out;
    std::ostream& err;
    WallTime now;
    bool tty = false;  // `err` is one: progress may be shown
    Duration timeout = std::chrono::seconds(10);
    std::istream* in = nullptr;  // only `send` reads it
};

// Empty texts do not filter.
struct Filter {
    std::string state = "all";
    std::string destination;
    std::string person;
    std::string operation;
    std::optional<std::uint64_t> after;
    std::uint64_t limit = 50;
};

// Each function writes what it found to `out`, or one line to `err`, and returns an ExitCode.
class Commands {
public:
    // With `json` the agent's answer is written as it came.
    Commands(const Client& client, const Surroundings& around, bool json)
        : client_(client), around_(around), json_(json) {}

    [[nodiscard]] int status(bool check) const;
    [[nodiscard]] int lost(bool seen) const;
    [[nodiscard]] int list(const Filter& filter) const;
    [[nodiscard]] int dead(Filter filter) const;
    [[nodiscard]] int show(const std::string& entry, bool body) const;
    [[nodiscard]] int replay(const std::vector<std::string>& entries) const;
    [[nodiscard]] int replay_all() const;

private:
    struct Reply {
        std::string text;  // as it came
        Json document;
    };

    [[nodiscard]] Result<Reply> checked(Result<Answer> answer) const;
    // All pages up to the limit, as one.
    [[nodiscard]] Result<Reply> collect(const Filter& filter) const;
    int fail(const Error& error) const;
    void write(const std::string& text) const;

    const Client& client_;
    const Surroundings& around_;
    bool json_;
};

}  // namespace holdfast::cli
