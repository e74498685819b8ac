#include "transport/policy/delivery.hpp"

#include "proto/assert.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::transport {
namespace {

Held held(const Item& item) {
    Held entry;
    entry.seq = item.seq;
    entry.lane = item.lane;
    entry.chance = backoff_chance(item.id);
    entry.accepted_at = item.accepted_at;
    entry.first_attempt_at = item.first_attempt_at.value_or(item.accepted_at);
    entry.not_before = item.not_before;
    entry.attempts = item.attempts;
    entry.operation = item.operation;
    return entry;
}

bool is_older_than(WallTime accepted_at, Duration age, WallTime wall_now) {
    return wall_now - accepted_at > age;
}

// So much later than the next probe of a refused credential is who was refused: the probe is
// another's.
constexpr std::chrono::seconds kBehindTheProbe{1};

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
    const Held entry = held(item);
    if (item.parked) {
        ++parked_;
    } else {
        window_.insert(item.seq);
    }
    ++held_for_[static_cast<std::size_t>(entry.endpoint())];
    if (item.attempts > 0) ++retrying_;
    // Scheduled as waiting even when it is due: next() finds what is due.
    if (lanes_->add(entry)) lanes_->wait(lanes_->first(item.lane));
    return std::nullopt;
}

void Delivery::schedule(Held& first, Instant now) {
    if (first.not_before > now) {
        lanes_->wait(first);
    } else {
        lanes_->make_ready(first);
    }
}

void Delivery::on_credential_changed(Endpoint endpoint) {
    gates(endpoint).on_credential_changed();
    release_refused(endpoint);
}

// Lanes that wait for nothing but the credential need not wait out their time.
void Delivery::release_refused(Endpoint endpoint) {
    lanes_->stop_waiting([&](const Held& first) {
        return first.waits_for_credential && first.endpoint() == endpoint;
    });
}

void Delivery::wake_due(Instant now) {
    while (Held* const due = lanes_->take_due(now)) lanes_->make_ready(*due);
}

std::optional<Attempt> Delivery::next(Instant now) {
    wake_due(now);
    Held* chosen = nullptr;
    for (const Endpoint endpoint : kEndpoints) {
        Held* const oldest = lanes_->oldest_ready(endpoint);
        if (oldest == nullptr || is_busy(endpoint)) continue;
        if (gates(endpoint).opens_at(now) > now) continue;
        if (chosen == nullptr || oldest->seq < chosen->seq) chosen = oldest;
    }
    if (chosen == nullptr) return std::nullopt;
    const Endpoint endpoint = chosen->endpoint();
    const std::optional<Gates::Pass> pass = gates(endpoint).try_enter(now);
    if (!pass) return std::nullopt;
    lanes_->take_ready(*chosen);
    in_flight_.emplace(chosen->seq, InFlight{chosen->lane, endpoint, *pass});
    ++in_flight_to_[static_cast<std::size_t>(endpoint)];
    const bool once = info(chosen->operation).safety == Safety::once_if_ambiguous;
    return Attempt{chosen->seq, chosen->operation, chosen->attempts + 1, once};
}

std::optional<Instant> Delivery::wake_at(Instant now) const {
    std::optional<Instant> at;
    const auto consider = [&](Instant candidate) {
        at = at ? std::min(*at, candidate) : candidate;
    };
    if (const auto due = lanes_->next_due()) consider(*due);
    for (const Endpoint endpoint : kEndpoints) {
        // With all its places taken the next thing to happen there is a result.
        if (is_busy(endpoint)) continue;
        const Instant opens_at = gates(endpoint).opens_at(now);
        if (lanes_->oldest_ready(endpoint) != nullptr) {
            consider(opens_at);
        } else if (room() == 0 && policy_.serves[static_cast<std::size_t>(endpoint)] &&
                   opens_at > now + policy_.long_wait) {
            consider(opens_at - policy_.long_wait);  // park() makes room for what it can send then
        }
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
    Held& entry = lanes_->first(flight.lane);
    HOLDFAST_ASSERT(entry.seq == seq);
    const Verdict verdict = classify(info(entry.operation).safety, result);
    const std::uint64_t seed = backoff_seed(entry.chance, entry.attempts + 1);
    Gates& passed = gates(flight.endpoint);
    const bool was_held = passed.is_held();
    // Others passed with the same credential since this one was refused: it waits alone.
    const bool refused_alone = verdict.outcome == Outcome::auth && entry.was_refused &&
                               passed.credential_passes() > entry.refused_at;
    if (refused_alone) {
        passed.on_cancelled(flight.pass, now);
    } else {
        passed.on_result(flight.pass, verdict, result, seed, now, wall_now);
    }
    if (was_held && !passed.is_held()) release_refused(flight.endpoint);
    Decision decision = decide(entry, verdict, result, refused_alone, now, wall_now);
    if (std::holds_alternative<Again>(decision)) {
        schedule(entry, now);
    } else {
        finish(flight.lane, now);
        const bool drained = held_for_[static_cast<std::size_t>(flight.endpoint)] == 0;
        const bool alive =
            verdict.outcome == Outcome::delivered || verdict.outcome == Outcome::poison;
        if (drained && alive) passed.on_drained();
    }
    return decision;
}

Decision Delivery::decide(Held& entry,
                          const Verdict& verdict,
                          const AttemptResult& result,
                          bool refused_alone,
                          Instant now,
                          WallTime wall_now) {
    if (entry.attempts == 0) {
        ++retrying_;  // finish() takes it back with those that end here
        entry.first_attempt_at = wall_now;
    }
    ++entry.attempts;
    const auto dead = [&](FailureCause cause, std::string reason) {
        return Dead{cause, entry.attempts, result.status, std::move(reason), result.body};
    };
    const bool late =
        policy_.give_up_after && is_older_than(entry.accepted_at, *policy_.give_up_after, wall_now);
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
    entry.waits_for_credential = verdict.outcome == Outcome::auth && !refused_alone;
    if (entry.waits_for_credential) {
        entry.was_refused = true;
        entry.refused_at = gates(entry.endpoint()).credential_passes();
    }
    const Duration wait = wait_of(entry, verdict.outcome, refused_alone);
    entry.not_before = now + wait;
    return Again{entry.attempts,
                 entry.first_attempt_at,
                 wall_now + std::chrono::ceil<std::chrono::milliseconds>(wait),
                 result.status,
                 verdict.reason};
}

// How long the entry waits on its own account; its endpoint's gates may take longer.
Duration Delivery::wait_of(const Held& entry, Outcome outcome, bool refused_alone) const {
    if (outcome == Outcome::throttled) return Duration::zero();  // its gate says when
    if (outcome == Outcome::auth && !refused_alone) {
        // Behind the others: the next probe of the credential is another lane's entry.
        return gates(entry.endpoint()).auth_probe_every() + kBehindTheProbe;
    }
    return backoff(policy_.backoff, entry.attempts, backoff_seed(entry.chance, entry.attempts));
}

void Delivery::finish(Lane lane, Instant now) {
    const Held& entry = lanes_->first(lane);
    if (window_.erase(entry.seq) == 0) --parked_;
    --held_for_[static_cast<std::size_t>(entry.endpoint())];
    if (entry.attempts > 0) --retrying_;
    if (Held* const next = lanes_->pop(lane)) schedule(*next, now);
}

void Delivery::on_cancelled(Seq seq, Instant now) {
    const InFlight flight = land(seq);
    gates(flight.endpoint).on_cancelled(flight.pass, now);
    schedule(lanes_->first(flight.lane), now);
}

Dead Delivery::on_unreadable(Seq seq, std::string why, Instant now) {
    const InFlight flight = land(seq);
    gates(flight.endpoint).on_cancelled(flight.pass, now);
    const std::uint32_t attempts = lanes_->first(flight.lane).attempts;
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
        const bool is_open_soon = opens_at <= now + policy_.long_wait;
        if (lanes_->oldest_ready(endpoint) == nullptr) {
            an_endpoint_is_idle |= is_open_soon && !is_busy(endpoint);
            continue;
        }
        const bool goes_now = opens_at <= now && !is_busy(endpoint);
        // It goes on soon, and makes room.
        if (goes_now || (is_open_soon && gates(endpoint).makes_progress(now))) return false;
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
