#include "agent/ingest/turns.hpp"

#include "proto/assert.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::agent {

bool Turns::take(Process who, std::size_t bytes, std::function<bool()> granted) {
    HOLDFAST_ASSERT(bytes <= share_max_);
    Share& share = shares_[who];
    if (!share.waiting.empty() || has_its_share(share, bytes) || bytes > free_ ||
        is_any_in_line()) {
        if (share.waiting.empty()) line_.push_back(who);
        share.waiting.push_back({bytes, std::move(granted)});
        return false;
    }
    share.taken += bytes;
    free_ -= bytes;
    return true;
}

void Turns::give_back(Process who, std::size_t bytes) {
    put_back(who, bytes);
    while (grant_one()) continue;
}

bool Turns::is_waited_for(Process who) const {
    const auto own = shares_.find(who);
    return (own != shares_.end() && !own->second.waiting.empty()) || is_any_in_line();
}

std::size_t Turns::waiting() const {
    std::size_t all = 0;
    for (const auto& [who, share] : shares_) all += share.waiting.size();
    return all;
}

void Turns::put_back(Process who, std::size_t bytes) {
    const auto share = shares_.find(who);
    HOLDFAST_ASSERT(share != shares_.end() && share->second.taken >= bytes);
    share->second.taken -= bytes;
    free_ += bytes;
    if (share->second.taken == 0 && share->second.waiting.empty()) shares_.erase(share);
}

// Waits for room, and not for its own process.
bool Turns::is_any_in_line() const {
    return std::any_of(line_.begin(), line_.end(), [this](Process who) {
        const Share& share = shares_.at(who);
        return !has_its_share(share, share.waiting.front().bytes);
    });
}

// Who is next, and needs more than there is, is waited for: small ones do not overtake it for ever.
bool Turns::grant_one() {
    const auto next = std::find_if(line_.begin(), line_.end(), [this](Process who) {
        const Share& share = shares_.at(who);
        return !has_its_share(share, share.waiting.front().bytes);
    });
    if (next == line_.end()) return false;
    const Process who = *next;
    Share& share = shares_.at(who);
    if (share.waiting.front().bytes > free_) return false;
    line_.erase(next);
    const Waiting one = std::move(share.waiting.front());
    share.waiting.pop_front();
    if (!share.waiting.empty()) line_.push_back(who);
    share.taken += one.bytes;
    free_ -= one.bytes;
    if (!one.granted()) put_back(who, one.bytes);
    return true;
}

}  // namespace holdfast::agent
