// Who has the connections, of which there are only so many, and which of them makes room for one
// more: that which has rested the longest, of the process that has the most. So a process that
// leaves thousands of them open, or opens more and more, takes its own places and not those of
// others.
//
// Pure. The order is brought up to date when it is asked for: a connection that is used costs
// nothing here. Limit: of those of a process on which something is under way kBusyLooksMax are
// looked at, other ones the next time.
#pragma once

#include "proto/time.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace holdfast::agent {

class Places {
public:
    using Id = std::uint32_t;
    using Process = std::uint32_t;  // its id, or whatever tells it from others

    static constexpr std::size_t kBusyLooksMax = 256;

    // For so long a connection must have rested to make room for one of its own process, and for
    // one of another process that has no fewer. For one of a process that has fewer it need not.
    struct Rest {
        Duration for_own{};
        Duration for_others{};
    };

    struct Holder {
        Process who = 0;
        std::size_t connections = 0;
    };

    // Since when nothing is under way on a connection; nullopt: something is.
    using Look = std::function<std::optional<Instant>(Id)>;

    explicit Places(Rest rest) : rest_(rest) {}

    void add(Id id, Process who, Instant now);
    void remove(Id id);  // nothing happens when it has none

    // The one to be closed for a connection of `who` that has no place yet.
    [[nodiscard]] std::optional<Id> find_room(Process who, Instant now, const Look& look);

    [[nodiscard]] bool has(Id id) const { return taken_.contains(id); }

    [[nodiscard]] std::size_t size() const { return taken_.size(); }

    [[nodiscard]] Holder most() const;

private:
    // By the time at which each one rested when it was last looked at: it may be later now.
    using Order = std::set<std::pair<Instant, Id>>;

    struct Place {
        Process who;
        Instant known;
    };

    struct Rested {
        Id id;
        Instant since;
    };

    [[nodiscard]] std::optional<Rested> rested_longest(Order& order, Instant now, const Look& look);
    [[nodiscard]] Duration rest_for(Process who, Process other) const;
    [[nodiscard]] std::size_t count(Process who) const;

    const Rest rest_;
    std::map<Id, Place> taken_;
    std::map<Process, Order> processes_;
};

}  // namespace holdfast::agent
