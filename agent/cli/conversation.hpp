// What every command has in common: it asks the agent, and says what came of it.
#pragma once

#include "agent/cli/client.hpp"
#include "agent/cli/format.hpp"
#include "agent/cli/surroundings.hpp"

#include <string>

namespace holdfast::cli {

struct Reply {
    std::string text;  // as it came
    Json document;
};

[[nodiscard]] Error not_the_agent();

class Conversation {
public:
    Conversation(const Client& client, const Surroundings& around)
        : client_(client), around_(around) {}

    // Errors: unavailable; not_found and bad_input as the agent says.
    [[nodiscard]] Result<Reply> get(const std::string& target) const;
    [[nodiscard]] Result<Reply> post(const std::string& target, std::string body) const;

    // One line on `err`; the exit code that goes with it.
    int fail(const Error& error) const;
    void write(const std::string& text) const;

    [[nodiscard]] const Surroundings& around() const { return around_; }

private:
    [[nodiscard]] static Result<Reply> checked(Result<Answer> answer);

    const Client& client_;
    const Surroundings& around_;
};

// Moves the elements of the array `from` to the end of `to`.
void append(Json& to, const Json& from);

}  // namespace holdfast::cli
