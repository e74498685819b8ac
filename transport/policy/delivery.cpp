#include "transport/policy/delivery.hpp"

#include "proto/assert.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::transport {
namespace {

Endpoint endpoint_of(const Item& item) {
    return info(item.operation).endpoint;
}

bool is_older_than(WallTime accepted_at, Duration age, WallTime wall_now) {
    return wall_now - accepted_at > age;
}

// So much later than the next probe of a refused credential is who was refused: the probe is
// another's.
constexpr std::chrono::seconds kBehindTheProbe{1};

constexpr std::array kEndpoints = {Endpoint::track, Endpoint::app};
static_assert(kEndpoints.size() == kEndpointCount);

}  // namespace

Delivery::Delivery(DeliveryPolicy policy) : policy_(policy) {
    for (const GatesPolicy& gates : policy_.gates) gates_.emplace_back(gates);
}

std::size_t Delivery::room() const {
    return window_.size() < policy_.window_max ? policy_.window_max - window_.size() : 0;
}

std::optional<Dead> Delivery::add(const Item& item) {
    if (item.in_doubt && info(item.operation).safety == Safety::once_if_ambiguous) {
        return Dead{FailureCause::ambiguous,
                    item.attempts,
                    0,
                    "ambiguous: the agent stopped while it was being sent; it may have arrived",
                    {}};
    }
    Line& line = lanes_[item.lane];
    HOLDFAST_ASSERT(line.empty() || line.back().seq < item.seq);
    line.push_back(item);
    if (item.parked) {
        ++parked_;
    } else {
        window_.insert(item.seq);
    }
    ++held_for_[static_cast<std::size_t>(endpoint_of(item))];
    if (item.attempts > 0) ++retrying_;
    // Scheduled as waiting even when it is due: next() finds what is due.
    if (line.size() == 1) waiting_.insert({item.not_before, item.seq, item.lane});
    return std::nullopt;
}

void Delivery::schedule(Lane lane, Instant now) {
    const Item& first = lanes_.at(lane).front();
    if (first.not_before > now) {
        waiting_.insert({first.not_before, first.seq, lane});
    } else {
        ready_[static_cast<std::size_t>(endpoint_of(first))].emplace(first.seq, lane);
    }
}

void Delivery::on_credential_changed(Endpoint endpoint) {
    gates(endpoint).on_credential_changed();
    release_refused(endpoint);
}

// Lanes that wait for nothing but the credential need not wait out their time.
void Delivery::release_refused(Endpoint endpoint) {
    std::vector<Waiting> refused;
    for (const Waiting& waiting : waiting_) {
        const Item& first = lanes_.at(waiting.lane).front();
        if (first.waits_for_credential && endpoint_of(first) == endpoint)
            refused.push_back(waiting);
    }
    for (Waiting waiting : refused) {
        waiting_.erase(waiting);
        lanes_.at(waiting.lane).front().not_before = Instant{};
        waiting.until = Instant{};
        waiting_.insert(waiting);
    }
}

void Delivery::wake_due(Instant now) {
    while (!waiting_.empty() && waiting_.begin()->until <= now) {
        const Lane lane = waiting_.begin()->lane;
        waiting_.erase(waiting_.begin());
        schedule(lane, now);
    }
}

std::optional<Attempt> Delivery::next(Instant now) {
    wake_due(now);
    std::optional<Endpoint> chosen;
    for (const Endpoint endpoint : kEndpoints) {
        const auto& ready = ready_[static_cast<std::size_t>(endpoint)];
        if (ready.empty() || is_busy(endpoint) || gates(endpoint).opens_at(now) > now) continue;
        const bool older = !chosen || ready.begin()->first <
                                          ready_[static_cast<std::size_t>(*chosen)].begin()->first;
        if (older) chosen = endpoint;
    }
    if (!chosen) return std::nullopt;
    const std::optional<Gates::Pass> pass = gates(*chosen).try_enter(now);
    if (!pass) return std::nullopt;
    auto& ready = ready_[static_cast<std::size_t>(*chosen)];
    const auto [seq, lane] = *ready.begin();
    ready.erase(ready.begin());
    in_flight_.emplace(seq, InFlight{lane, *chosen, *pass});
    ++in_flight_to_[static_cast<std::size_t>(*chosen)];
    const Item& item = lanes_.at(lane).front();
    const bool once = info(item.operation).safety == Safety::once_if_ambiguous;
    return Attempt{seq, item.operation, item.attempts + 1, once};
}

std::optional<Instant> Delivery::wake_at(Instant now) const {
    std::optional<Instant> at;
    const auto consider = [&](Instant candidate) {
        at = at ? std::min(*at, candidate) : candidate;
    };
    if (!waiting_.empty()) consider(waiting_.begin()->until);
    for (const Endpoint endpoint : kEndpoints) {
        // With all its places taken the next thing to happen there is a result.
        if (ready_[static_cast<std::size_t>(endpoint)].empty() || is_busy(endpoint)) continue;
        consider(gates(endpoint).opens_at(now));
    }
    return at;
}

// Its attempt is over.
Delivery::InFlight Delivery::land(Seq seq) {
    const auto node = in_flight_.extract(seq);
    HOLDFAST_ASSERT(!node.empty());
    --in_flight_to_[static_cast<std::size_t>(node.mapped().endpoint)];
    return node.mapped();
}

Decision Delivery::on_result(Seq seq, const AttemptResult& result, Instant now, WallTime wall_now) {
    const InFlight flight = land(seq);
    Item& item = lanes_.at(flight.lane).front();
    HOLDFAST_ASSERT(item.seq == seq);
    const Verdict verdict = classify(info(item.operation).safety, result);
    const std::uint64_t seed = backoff_seed(item.id, item.attempts + 1);
    Gates& passed = gates(flight.endpoint);
    const bool was_held = passed.is_held();
    // Others passed with the same credential since this one was refused: it waits alone.
    const bool refused_alone = verdict.outcome == Outcome::auth && item.refused_at &&
                               passed.credential_passes() > *item.refused_at;
    if (refused_alone) {
        passed.on_cancelled(flight.pass, now);
    } else {
        passed.on_result(flight.pass, verdict, result, seed, now, wall_now);
    }
    if (was_held && !passed.is_held()) release_refused(flight.endpoint);
    Decision decision = decide(item, verdict, result, refused_alone, now, wall_now);
    if (std::holds_alternative<Again>(decision)) {
        schedule(flight.lane, now);
    } else {
        finish(flight.lane, now);
        const bool drained = held_for_[static_cast<std::size_t>(flight.endpoint)] == 0;
        const bool alive =
            verdict.outcome == Outcome::delivered || verdict.outcome == Outcome::poison;
        if (drained && alive) passed.on_drained();
    }
    return decision;
}

Decision Delivery::decide(Item& item,
                          const Verdict& verdict,
                          const AttemptResult& result,
                          bool refused_alone,
                          Instant now,
                          WallTime wall_now) {
    if (item.attempts == 0) ++retrying_;  // finish() takes it back with those that end here
    ++item.attempts;
    if (!item.first_attempt_at) item.first_attempt_at = wall_now;
    const auto dead = [&](FailureCause cause, std::string reason) {
        return Dead{cause, item.attempts, result.status, std::move(reason), result.body};
    };
    const bool late =
        policy_.give_up_after && is_older_than(item.accepted_at, *policy_.give_up_after, wall_now);
    switch (verdict.outcome) {
        case Outcome::delivered:
            return Done{};
        case Outcome::poison:
            return dead(FailureCause::poison, verdict.reason);
        case Outcome::ambiguous:
            return dead(FailureCause::ambiguous, "ambiguous: " + verdict.reason);
        case Outcome::transient:
            if (late) return dead(FailureCause::too_old, "gave up, too old: " + verdict.reason);
            break;
        case Outcome::auth:
        case Outcome::throttled:
            break;
    }
    item.waits_for_credential = verdict.outcome == Outcome::auth && !refused_alone;
    if (item.waits_for_credential) {
        item.refused_at = gates(endpoint_of(item)).credential_passes();
    }
    const Duration wait = wait_of(item, verdict.outcome, refused_alone);
    item.not_before = now + wait;
    return Again{item.attempts,
                 *item.first_attempt_at,
                 wall_now + std::chrono::ceil<std::chrono::milliseconds>(wait),
                 result.status,
                 verdict.reason};
}

// How long the entry waits on its own account; its endpoint's gates may take longer.
Duration Delivery::wait_of(const Item& item, Outcome outcome, bool refused_alone) const {
    if (outcome == Outcome::throttled) return Duration::zero();  // its gate says when
    if (outcome == Outcome::auth && !refused_alone) {
        // Behind the others: the next probe of the credential is another lane's entry.
        return gates(endpoint_of(item)).auth_probe_every() + kBehindTheProbe;
    }
    return backoff(policy_.backoff, item.attempts, backoff_seed(item.id, item.attempts));
}

void Delivery::finish(Lane lane, Instant now) {
    Line& line = lanes_.at(lane);
    const Item& item = line.front();
    if (window_.erase(item.seq) == 0) --parked_;
    --held_for_[static_cast<std::size_t>(endpoint_of(item))];
    if (item.attempts > 0) --retrying_;
    line.pop_front();
    if (line.empty()) {
        lanes_.erase(lane);
    } else {
        schedule(lane, now);
    }
}

void Delivery::on_cancelled(Seq seq, Instant now) {
    const InFlight flight = land(seq);
    gates(flight.endpoint).on_cancelled(flight.pass, now);
    schedule(flight.lane, now);
}

Dead Delivery::on_unreadable(Seq seq, std::string why, Instant now) {
    const InFlight flight = land(seq);
    gates(flight.endpoint).on_cancelled(flight.pass, now);
    const std::uint32_t attempts = lanes_.at(flight.lane).front().attempts;
    finish(flight.lane, now);
    return {FailureCause::damaged, attempts, 0, "damaged: " + std::move(why), {}};
}

std::set<Seq> Delivery::in_flight() const {
    std::set<Seq> seqs;
    for (const auto& [seq, flight] : in_flight_) seqs.insert(seq);
    return seqs;
}

bool Delivery::is_busy(Endpoint endpoint) const {
    return in_flight_to_[static_cast<std::size_t>(endpoint)] >= policy_.concurrency_max;
}

bool Delivery::is_starved(Instant now) const {
    bool an_endpoint_is_idle = false;
    for (const Endpoint endpoint : kEndpoints) {
        if (!policy_.serves[static_cast<std::size_t>(endpoint)]) continue;
        const Instant opens_at = gates(endpoint).opens_at(now);
        if (ready_[static_cast<std::size_t>(endpoint)].empty()) {
            an_endpoint_is_idle |= opens_at <= now && !is_busy(endpoint);
        } else if (opens_at <= now + policy_.long_wait) {
            return false;  // it goes on soon, and makes room
        }
    }
    return an_endpoint_is_idle;
}

std::vector<Seq> Delivery::park(Instant now) {
    std::vector<Seq> parked;
    wake_due(now);  // what was just added and is due does not wait
    if (room() > 0 || !is_starved(now)) return parked;
    for (auto at = window_.begin(); at != window_.end() && parked_ < policy_.parked_max;) {
        if (in_flight_.contains(*at)) {
            ++at;
            continue;
        }
        parked.push_back(*at);
        ++parked_;
        at = window_.erase(at);
    }
    return parked;
}

}  // namespace holdfast::transport
