// What each command asks of the agent, and how it ends.
#pragma once

#include "agent/cli/conversation.hpp"
#include "agent/cli/filter.hpp"

#include <string>

namespace holdfast::cli {

// Each function writes what it found to `out`, or one line to `err`, and returns an ExitCode.
class Commands {
public:
    // With `json` the agent's answer is written as it came.
    Commands(const Client& client, const Surroundings& around, bool json)
        : agent_(client, around), json_(json) {}

    [[nodiscard]] int status(bool check) const;
    [[nodiscard]] int lost(bool seen) const;
    // Shows the levels; with one given sets it, for one destination or (empty) for all.
    [[nodiscard]] int level(const std::string& level, const std::string& destination) const;
    [[nodiscard]] int list(const Filter& filter) const;
    [[nodiscard]] int dead(Filter filter) const;
    [[nodiscard]] int show(const std::string& entry, bool body) const;

private:
    // All pages up to the limit, as one.
    [[nodiscard]] Result<Reply> collect(const Filter& filter) const;

    const Conversation agent_;
    bool json_;
};

}  // namespace holdfast::cli
