// Which entries a call of the admin API is about. Pure.
#pragma once

#include "wal/log.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::agent {

// Empty parts do not select.
class Selection {
public:
    // The part with this name, as text: "destination", "person", "operation", "name", "cause",
    // "group", "since", "until". Errors: bad_input.
    [[nodiscard]] Result<void> set(std::string_view part, const std::string& value);

    [[nodiscard]] bool has(const wal::Description& one) const;

    // So that the query finds only what is selected.
    void narrow(wal::Query& query) const;

private:
    [[nodiscard]] Result<void> set_time(std::string_view part, const std::string& value);
    [[nodiscard]] bool has_event(const Event& event) const;  // what the event alone tells
    [[nodiscard]] bool has_state(const wal::Description& one) const;

    std::string destination_;
    std::string person_;
    std::string operation_;
    std::string name_;
    std::string cause_;
    std::string group_;
    // When it failed, or, if it has not, was accepted.
    std::optional<WallTime> since_;
    std::optional<WallTime> until_;  // not any more
};

// Of dead letters that went wrong in the same way: twelve hexadecimal digits of a hash of
// destination, operation, name, cause, status and reason. Operators keep it: the function never
// changes.
[[nodiscard]] std::string group_of(const wal::Description& dead);

}  // namespace holdfast::agent
