#include "agent/places.hpp"

#include "proto/assert.hpp"

#include <algorithm>

namespace holdfast::agent {

void Places::add(Id id, Process who, Instant now) {
    const bool is_new = taken_.emplace(id, Place{who, now}).second;
    HOLDFAST_ASSERT(is_new);
    processes_[who].emplace(now, id);
}

void Places::remove(Id id) {
    const auto found = taken_.find(id);
    if (found == taken_.end()) return;
    const auto process = processes_.find(found->second.who);
    process->second.erase({found->second.known, id});
    if (process->second.empty()) processes_.erase(process);
    taken_.erase(found);
}

std::optional<Places::Id> Places::find_room(Process who, Instant now, const Look& look) {
    std::optional<Rested> best;
    std::size_t most = 0;
    for (auto& [other, order] : processes_) {
        if (order.size() < most) continue;
        const std::optional<Rested> one = rested_longest(order, now, look);
        if (!one || one->since > now - rest_for(who, other)) continue;
        if (order.size() == most && best->since <= one->since) continue;
        most = order.size();
        best = one;
    }
    return best ? std::optional(best->id) : std::nullopt;
}

// Each look at one that was used meanwhile is paid for by its use: it moves behind those that were
// not. One that is busy may be so for long, and moves behind all.
std::optional<Places::Rested> Places::rested_longest(Order& order, Instant now, const Look& look) {
    std::size_t looks_at_busy = std::min(order.size(), kBusyLooksMax);
    while (looks_at_busy > 0) {
        const auto [known, id] = *order.begin();
        const std::optional<Instant> since = look(id);
        if (since && *since <= known) return Rested{id, *since};
        if (!since) --looks_at_busy;
        order.erase(order.begin());
        taken_.at(id).known = since.value_or(now);
        order.emplace(taken_.at(id).known, id);
    }
    return std::nullopt;
}

Duration Places::rest_for(Process who, Process other) const {
    if (who == other) return rest_.for_own;
    return count(other) > count(who) ? Duration{} : rest_.for_others;
}

std::size_t Places::count(Process who) const {
    const auto found = processes_.find(who);
    return found == processes_.end() ? 0 : found->second.size();
}

Places::Holder Places::most() const {
    Holder most;
    for (const auto& [who, order] : processes_) {
        if (order.size() > most.connections) most = {who, order.size()};
    }
    return most;
}

}  // namespace holdfast::agent
