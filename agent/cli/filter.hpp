// Which entries a command is about, and how the agent is told so. Pure.
#pragma once

#include "agent/cli/format.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace holdfast::cli {

// Empty texts do not filter.
struct Filter {
    std::string state = "all";
    std::string destination;
    std::string person;
    std::string operation;
    std::string name;
    std::string cause;
    std::string group;
    std::string since;  // as the agent reads it
    std::string until;
    std::optional<std::uint64_t> after;
    std::uint64_t limit = 50;
};

// "&name=value", or nothing for an empty value.
[[nodiscard]] std::string parameter(const char* name, const std::string& value);

// What selects, as "&destination=a&name=b".
[[nodiscard]] std::string parameters_of(const Filter& filter);

// The same as an object; empty: it selects everything.
[[nodiscard]] Json where_of(const Filter& filter);

}  // namespace holdfast::cli
