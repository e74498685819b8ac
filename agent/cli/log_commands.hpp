// `check` and `repair`: the log itself, whether or not an agent has it open.
#pragma once

#include "agent/cli/client.hpp"
#include "agent/cli/format.hpp"
#include "agent/cli/log_place.hpp"
#include "agent/cli/surroundings.hpp"

namespace holdfast::cli {

// Each function writes what it found to `out`, or one line to `err`, and returns an ExitCode.
// Threads: from the only one there is, since root acts as the owner of the log meanwhile.
class LogCommands {
public:
    LogCommands(LogPlace place, const Surroundings& around, bool json)
        : place_(std::move(place)), around_(around), json_(json) {}

    // By the log's files when nobody has it open, else by its agent.
    [[nodiscard]] int check() const;

    [[nodiscard]] int repair(bool dry_run) const;

private:
    [[nodiscard]] int check_running() const;

    struct Document {
        Json json;
    };

    [[nodiscard]] Result<Document> ask(const Client& client, const std::string& target) const;
    [[nodiscard]] Result<Document> walk(const Client& client, const Json& status) const;
    int fail(const Error& error) const;
    void write(const Json& report, const std::string& text) const;

    const LogPlace place_;
    const Surroundings& around_;
    const bool json_;
};

}  // namespace holdfast::cli
