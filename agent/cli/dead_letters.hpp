// The commands that decide about dead letters, and count and export them.
//
// A selection is worked off in calls of a bounded size, each of which is whole: broken off between
// two of them, by Ctrl-C or by an agent that is gone, the same command goes on where it was.
#pragma once

#include "agent/cli/conversation.hpp"
#include "agent/cli/filter.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::cli {

inline constexpr std::size_t kGroupsMax = 1000;  // told apart; those of the others are counted

// Which dead letters are to be replayed or dropped: by name, else all that are selected.
struct Order {
    std::vector<std::string> entries;
    Filter filter;
    bool ambiguous = false;  // also what may have arrived
    bool dry_run = false;
    bool yes = false;                   // do not ask
    std::optional<std::uint64_t> rate;  // at most so many a second
};

// Each function returns an ExitCode.
class DeadLetters {
public:
    DeadLetters(const Client& client, const Surroundings& around, bool json)
        : agent_(client, around), json_(json) {}

    [[nodiscard]] int groups(const Filter& filter) const;
    [[nodiscard]] int replay(const Order& order) const;
    [[nodiscard]] int drop(const Order& order) const;

    // `body`: a file, or "-" for standard input; none: the user's editor.
    [[nodiscard]] int edit(const std::string& entry, const std::optional<std::string>& body) const;

    // A line for each, as `holdfast send --from` takes them.
    [[nodiscard]] int write_out(const Filter& filter) const;

private:
    struct Verb {
        const char* target;
        const char* done;  // "replayed"
        const char* would;
    };

    static constexpr Verb kReplay{"/v1/replay", "replayed", "would be replayed"};
    static constexpr Verb kDrop{"/v1/drop", "dropped", "would be dropped"};

    struct Report;

    [[nodiscard]] bool goes_on(Duration pause) const;  // false: the user wants to stop
    [[nodiscard]] Result<Reply> count(const Filter& filter) const;
    [[nodiscard]] int preview(const Verb& verb, const Order& order) const;
    [[nodiscard]] int preview_named(const Verb& verb, const Order& order) const;
    [[nodiscard]] int end(const Verb& verb, const Order& order) const;
    [[nodiscard]] Result<void> end_named(const Verb& verb,
                                         const Order& order,
                                         Report& report) const;
    [[nodiscard]] Result<void> end_selected(const Verb& verb,
                                            const Order& order,
                                            Report& report) const;
    [[nodiscard]] Result<Reply> step(const Verb& verb,
                                     const Order& order,
                                     const Json& request,
                                     Report& report) const;
    [[nodiscard]] std::optional<int> confirm(const Order& order) const;
    [[nodiscard]] int send_edited(const std::string& entry, const std::string& body) const;
    [[nodiscard]] int edit_by_hand(const std::string& entry) const;

    const Conversation agent_;
    bool json_;
};

}  // namespace holdfast::cli
