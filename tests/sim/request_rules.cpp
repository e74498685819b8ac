#include "request_rules.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <set>

namespace holdfast::sim {

using transport::Outcome;

namespace {

// The entry at this place of those in the lane that are not settled.
std::optional<Seq> at_place(const SimLog& log, Lane lane, std::ptrdiff_t place) {
    const auto found = log.lanes().find(lane);
    if (found == log.lanes().end()) return std::nullopt;
    if (place >= std::ssize(found->second)) return std::nullopt;
    return *std::next(found->second.begin(), place);
}

}  // namespace

Wrong check_order(std::span<const Seq> seqs, const SimLog& log) {
    std::map<Lane, std::ptrdiff_t> in_it;
    std::set<Lane> shut;  // by a barrier in it
    for (const Seq seq : seqs) {
        const Accepted& event = log.event(seq);
        for (const Lane lane : event.lanes()) {
            if (shut.contains(lane)) return "sent together with a barrier in front of it";
            const std::ptrdiff_t place = in_it[lane]++;
            if (event.is_barrier()) {
                if (place > 0) return "a barrier was sent together with what is in front of it";
                if (at_place(log, lane, 0) != seq)
                    return "a barrier was sent although it is not the first of all its lanes";
                shut.insert(lane);
            } else if (at_place(log, lane, place) != seq) {
                return "sent although it is not the first of its lane";
            }
        }
    }
    return std::nullopt;
}

Wrong check_sharing(std::span<const Seq> seqs,
                    const SimLog& log,
                    const transport::SharePolicy& policy) {
    if (seqs.size() == 1) return std::nullopt;
    if (std::set<Seq>(seqs.begin(), seqs.end()).size() != seqs.size()) return "twice in a request";
    if (seqs.size() > policy.count_max) return "too many in a request";
    std::size_t bytes = 0;
    for (const Seq seq : seqs) {
        const Accepted& event = log.event(seq);
        if (event.traits.size == 0) return "shares a request and may not";
        if (event.endpoint() != log.event(seqs.front()).endpoint())
            return "shares a request to another endpoint";
        bytes += event.traits.size;
    }
    return bytes > policy.bytes_max ? Wrong("too large a request") : std::nullopt;
}

Wrong check_level(std::span<const Seq> seqs, const SimLog& log, transport::Level level) {
    if (level == transport::Level::full) return std::nullopt;
    if (level == transport::Level::disabled) return "sent although the level is disabled";
    const bool are_urgent = std::ranges::all_of(seqs, [&](Seq seq) { return log.is_urgent(seq); });
    return are_urgent ? std::nullopt : Wrong("sent although the level holds it");
}

Said said_of(std::size_t index,
             std::size_t count,
             Outcome outcome,
             const transport::AttemptResult& result,
             bool alone) {
    const bool is_partly = result.phase == transport::Phase::answered && result.status == 207;
    if (count > 1 && (outcome == Outcome::poison || alone || (is_partly && !result.rejected)))
        return {outcome, true};
    const bool is_rejected =
        is_partly && result.rejected &&
        std::ranges::any_of(*result.rejected, [&](const auto& one) { return one.index == index; });
    return {is_rejected ? Outcome::poison : outcome, false};
}

Wrong check_decision(const Said& said, const transport::Decision* decision) {
    if (said.of_all) {
        return decision == nullptr ? std::nullopt : Wrong("settled by what was said of all");
    }
    if (decision == nullptr) return "nothing was decided";
    const auto* dead = std::get_if<transport::Dead>(decision);
    const bool is_done = std::holds_alternative<transport::Done>(*decision);
    switch (said.outcome) {
        case Outcome::delivered:
            return is_done ? std::nullopt : Wrong("accepted, and not done");
        case Outcome::poison:
            return dead != nullptr && dead->cause == FailureCause::poison
                       ? std::nullopt
                       : Wrong("refused for good, and not failed");
        case Outcome::ambiguous:
            return dead != nullptr && dead->cause == FailureCause::ambiguous
                       ? std::nullopt
                       : Wrong("in doubt, and not failed");
        case Outcome::transient:
            if (dead != nullptr &&
                (dead->cause == FailureCause::too_old || dead->cause == FailureCause::too_many)) {
                return std::nullopt;
            }
            break;
        case Outcome::throttled:
        case Outcome::auth:
            break;
    }
    const bool is_again = std::holds_alternative<transport::Again>(*decision);
    return is_again ? std::nullopt : Wrong("may pass later, and is not tried again");
}

}  // namespace holdfast::sim
