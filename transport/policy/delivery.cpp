#include "transport/policy/delivery.hpp"

#include "proto/assert.hpp"

#include <algorithm>
#include <bit>
#include <limits>
#include <utility>

namespace holdfast::transport {
namespace {

// Rounded up: sizes together are never less than the bytes.
std::uint16_t size_of(std::size_t bytes) {
    const std::size_t units = (bytes + Held::kSizeUnit - 1) / Held::kSizeUnit;
    return static_cast<std::uint16_t>(
        std::min<std::size_t>(units, std::numeric_limits<std::uint16_t>::max()));
}

Held held_from(const Item& item) {
    Held entry;
    entry.seq = item.seq;
    entry.lane = item.lane;
    entry.chance = backoff_chance(item.id);
    entry.accepted_at = item.accepted_at;
    entry.first_attempt_at = item.first_attempt_at.value_or(item.accepted_at);
    entry.not_before = item.not_before;
    entry.attempts = std::min(item.attempts, Held::kAttemptsMax) & Held::kAttemptsMax;
    entry.operation = item.operation;
    entry.size = size_of(item.size);
    entry.share = item.size > 0 ? Held::kShareMax : 0U;
    entry.is_essential = item.is_essential;
    entry.is_sheddable = item.is_sheddable;
    return entry;
}

bool is_older_than(WallTime accepted_at, Duration age, WallTime wall_now) {
    return wall_now - accepted_at > age;
}

bool is_suspect(const Held& entry) {
    return entry.share != Held::kShareMax;
}

// Whether it was tried longer ago, or never; else it is the older one. In this order they probe an
// endpoint: one that fails for a reason of its own would keep it shut for all.
bool tried_before(const Held& a, const Held& b) {
    const auto rank = [](const Held& held) {
        return std::pair(held.attempts > 0 ? held.not_before : Instant{}, held.seq);
    };
    return rank(a) < rank(b);
}

// So much later than the next probe of a refused credential is who was refused: the probe is
// another's.
constexpr std::chrono::seconds kBehindTheProbe{1};

// Each so manieth request to an endpoint is for the oldest entry, essential or not.
constexpr std::uint64_t kTurnOfTheOldest = 4;

// So many of one lane go into a request before others have had their chance.
constexpr std::size_t kRunMax = 50;

// After so many failures in company one of them may be to blame for the others'.
constexpr std::uint32_t kTogetherMax = 3;

// So many that are ready are looked at for one request, for each place in it.
constexpr std::size_t kLooksPerPlace = 4;

constexpr unsigned kPartly = 207;  // Multi-Status: some of those that shared the request

// What a 207 says of the one at this place.
Verdict of_one(const Verdict& verdict, const AttemptResult& result, std::size_t index) {
    if (result.status != kPartly || !result.rejected) return verdict;
    const auto found = std::ranges::find(*result.rejected, index, &Rejected::index);
    if (found == result.rejected->end()) return verdict;
    return {Outcome::poison, verdict.reason + ": " + found->reason};
}

}  // namespace

Delivery::Delivery(DeliveryPolicy policy) : policy_(policy) {
    HOLDFAST_ASSERT(policy.share.count_max > 0);
    HOLDFAST_ASSERT(policy.share.count_max < std::size_t{1} << Held::kShareMax);
    for (const GatesPolicy& gates : policy_.gates) gates_.emplace_back(gates);
    for (const KindPolicy& kind : policy_.kinds) limits_.emplace_back(kind);
}

std::size_t Delivery::room() const {
    return window_.size() < policy_.window_max ? policy_.window_max - window_.size() : 0;
}

std::optional<Dead> Delivery::add(const Item& item) {
    if (item.in_doubt && safety_of(item.operation) == Safety::once_if_ambiguous) {
        return Dead{FailureCause::ambiguous,
                    item.attempts,
                    0,
                    "ambiguous: the agent stopped while it was being sent; it may have arrived",
                    {}};
    }
    Held& entry = lanes_->add(held_from(item), item.also);
    if (item.parked) {
        ++parked_;
    } else {
        window_.emplace(item.seq, &entry);
    }
    ++held_for_[static_cast<std::size_t>(entry.endpoint())];
    if (item.attempts > 0) ++retrying_;
    if (item.is_sheddable) ++sheddable_;
    // Scheduled as waiting even when it is due: next() finds what is due.
    if (lanes_->is_first(entry)) lanes_->wait(entry);
    return std::nullopt;
}

void Delivery::schedule(Held& first, Instant now) {
    // Its credential passed while others were in front of it.
    if (first.waits_for_credential && !gates(first.endpoint()).is_held()) first.not_before = now;
    if (first.not_before > now) {
        lanes_->wait(first);
    } else {
        lanes_->make_ready(first);
    }
}

// It is in flight no more.
void Delivery::put_back(Held& entry, Instant now) {
    entry.is_in_flight = false;
    if (lanes_->is_first(entry)) schedule(entry, now);
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

bool Delivery::is_busy(Kind kind) const {
    return limits(kind).is_busy() || gates(endpoint_of(kind)).is_busy();
}

Instant Delivery::opens_at(Kind kind, Instant now) const {
    return std::max(gates(endpoint_of(kind)).opens_at(now), limits(kind).opens_at(now));
}

Safety Delivery::safety_of(Operation operation) const {
    const Safety safety = info(operation).safety;
    const bool once = safety == Safety::once_if_ambiguous;
    return once && policy_.retries_ambiguous ? Safety::idempotent : safety;
}

// Whether the level does, for lanes that are urgent or not.
bool Delivery::lets_go(bool urgent) const {
    if (level_ == Level::disabled) return false;
    if (urgent) return true;
    if (level_ == Level::essential_only) return false;
    return !essential_first_ || !(may_read_on() || has_urgent());
}

// There may be an essential one that is not held yet.
bool Delivery::may_read_on() const {
    return has_more_ && (room() > 0 || parked_ < policy_.parked_max);
}

bool Delivery::has_urgent() const {
    return std::ranges::any_of(kKinds,
                               [this](Kind kind) { return !lanes_->ready(kind, true).empty(); });
}

Held* Delivery::oldest(Kind kind, bool urgent) const {
    Lanes::Ready& ready = lanes_->ready(kind, urgent);
    return !lets_go(urgent) || ready.empty() ? nullptr : &*ready.begin();
}

// Those that failed before are few beside the others, or all there are.
Held* Delivery::next_of(Kind kind, bool urgent, bool is_probe) const {
    Held* const oldest = this->oldest(kind, urgent);
    if (oldest == nullptr || !is_probe) return oldest;
    Lanes::Ready& ready = lanes_->ready(kind, urgent);
    const auto fresh = std::ranges::find(ready, 0U, [](const Held& held) { return held.attempts; });
    return fresh != ready.end() ? &*fresh : &*std::ranges::min_element(ready, tried_before);
}

bool Delivery::has_ready(Kind kind) const {
    return oldest(kind, true) != nullptr || oldest(kind, false) != nullptr;
}

// What goes next to this endpoint.
Held* Delivery::choose(Endpoint endpoint, Instant now) const {
    const bool is_probe = gates(endpoint).is_probing(now);
    Held* other = nullptr;
    Held* urgent = nullptr;
    const auto consider = [&](Held*& best, Held* candidate) {
        if (candidate == nullptr) return;
        if (best == nullptr ||
            (is_probe ? tried_before(*candidate, *best) : candidate->seq < best->seq))
            best = candidate;
    };
    for (const Kind kind : kKinds) {
        if (endpoint_of(kind) != endpoint || !has_ready(kind)) continue;
        if (is_busy(kind) || opens_at(kind, now) > now) continue;
        consider(urgent, next_of(kind, true, is_probe));
        consider(other, next_of(kind, false, is_probe));
    }
    if (other == nullptr || urgent == nullptr) return other == nullptr ? urgent : other;
    if (is_probe && urgent->attempts > 0) return tried_before(*other, *urgent) ? other : urgent;
    const std::uint64_t turn = requests_[static_cast<std::size_t>(endpoint)] % kTurnOfTheOldest;
    const bool is_turn_of_the_oldest = turn == kTurnOfTheOldest - 1;
    return is_turn_of_the_oldest && other->seq < urgent->seq ? other : urgent;
}

std::optional<Attempt> Delivery::next(Instant now) {
    wake_due(now);
    Held* first = nullptr;
    for (const Endpoint endpoint : kEndpoints) {
        Held* const candidate = choose(endpoint, now);
        if (candidate != nullptr && (first == nullptr || candidate->seq < first->seq))
            first = candidate;
    }
    if (first == nullptr) return std::nullopt;
    const std::optional<Gates::Pass> pass = gates(first->endpoint()).try_enter(now);
    if (!pass) return std::nullopt;
    const bool has_entered = limits(first->kind()).try_enter(now);
    HOLDFAST_ASSERT(has_entered);
    ++requests_[static_cast<std::size_t>(first->endpoint())];
    Flight flight{first->kind(), *pass, {}};
    gather(*first, flight, now);
    Attempt attempt{{}, first->operation, first->attempts + 1U, false};
    attempt.must_be_intended = safety_of(first->operation) == Safety::once_if_ambiguous;
    for (const Held* const entry : flight.entries) attempt.seqs.push_back(entry->seq);
    flights_.emplace(first->seq, std::move(flight));
    return attempt;
}

void Delivery::board(Held& entry, Flight& flight) {
    entry.is_in_flight = true;
    flight.entries.push_back(&entry);
}

// `first`, and what shares the request with it: its lane's next, then those of other lanes, then
// what else there is in all of these lanes.
void Delivery::gather(Held& first, Flight& flight, Instant now) {
    lanes_->take_ready(first);
    board(first, flight);
    if (first.size == 0 || first.share == 0) return;
    // Whoever tries a refused credential goes alone: others might be what is refused.
    if (gates(first.endpoint()).is_held()) return;
    const std::size_t count = is_suspect(first)
                                  ? std::min(policy_.share.count_max, std::size_t{1} << first.share)
                                  : policy_.share.count_max;
    const std::size_t bytes = first.size * Held::kSizeUnit;
    Room room{policy_.share.bytes_max - std::min(bytes, policy_.share.bytes_max),
              count - 1,
              is_suspect(first)};
    std::vector<Run> runs{begin_run(first)};
    take_run(runs.back(), kRunMax, room, flight, now);
    for (Held* const head : heads_beside(first, room.count)) {
        if (!take_in(*head, room, flight)) continue;
        lanes_->take_ready(*head);
        runs.push_back(begin_run(*head));
        take_run(runs.back(), kRunMax, room, flight, now);
    }
    for (Run& run : runs) take_run(run, room.count, room, flight, now);
}

Delivery::Run Delivery::begin_run(Held& first) const {
    return {&first, lanes_->essentials(first) - (first.is_essential ? 1U : 0U)};
}

// Those that are ready and go to the same endpoint: enough for `count` places, the urgent first.
std::vector<Held*> Delivery::heads_beside(const Held& first, std::size_t count) const {
    std::vector<Held*> heads;
    for (const bool urgent : {true, false}) {
        for (const Kind kind : kKinds) {
            if (endpoint_of(kind) != first.endpoint() || !lets_go(urgent)) continue;
            for (Held& head : lanes_->ready(kind, urgent)) {
                if (heads.size() >= count * kLooksPerPlace) return heads;
                heads.push_back(&head);
            }
        }
    }
    return heads;
}

// False: it does not go with the others.
bool Delivery::take_in(Held& entry, Room& room, Flight& flight) {
    const std::size_t bytes = entry.size * Held::kSizeUnit;
    if (entry.size == 0 || is_suspect(entry) != room.for_suspects) return false;
    if (room.count == 0 || bytes > room.bytes) return false;
    if (is_suspect(entry)) {
        // Whoever must be in small company makes the whole company small.
        const std::size_t most = std::size_t{1} << entry.share;
        if (flight.entries.size() >= most) return false;
        room.count = std::min(room.count, most - flight.entries.size());
    }
    room.bytes -= bytes;
    --room.count;
    board(entry, flight);
    return true;
}

// Up to `count` more of those right behind it.
void Delivery::take_run(Run& run, std::size_t count, Room& room, Flight& flight, Instant now) {
    for (; count > 0; --count) {
        // What stands behind the last essential one is held.
        if (level_ != Level::full && run.essentials_left == 0) return;
        Held* const next = lanes_->after(*run.last);
        if (next == nullptr || next->endpoint() != run.last->endpoint()) return;
        if (next->not_before > now || !take_in(*next, room, flight)) return;
        run.last = next;
        if (next->is_essential) --run.essentials_left;
    }
}

void Delivery::trim(Attempt& attempt, std::size_t count, Instant now) {
    HOLDFAST_ASSERT(count < attempt.seqs.size());
    Flight& flight = flights_.at(attempt.seq());
    flight.entries[count]->share = 0;
    const std::size_t kept = std::max<std::size_t>(count, 1);
    const std::vector<Held*> left(flight.entries.begin() + static_cast<std::ptrdiff_t>(kept),
                                  flight.entries.end());
    flight.entries.resize(kept);
    attempt.seqs.resize(kept);
    for (Held* const entry : left) put_back(*entry, now);
}

std::vector<Settled> Delivery::shed(Instant now) {
    std::vector<Settled> ended;
    const bool is_full = level_ == Level::full && !essential_first_;
    if (is_full || sheddable_ == 0) return ended;
    wake_due(now);
    // Each may bring the next of its lane.
    while (Held* const first = lanes_->first_to_shed()) {
        std::string reason = "shed: the degradation level was ";
        reason.append(to_string(level_ == Level::full ? Level::essential_only : level_));
        ended.push_back(
            {first->seq, Dead{FailureCause::shed, first->attempts, 0, std::move(reason), {}}});
        lanes_->take_ready(*first);
        finish(*first, now);
    }
    return ended;
}

std::optional<Instant> Delivery::wake_at(Instant now) const {
    std::optional<Instant> at;
    const auto consider = [&](Instant candidate) {
        at = at ? std::min(*at, candidate) : candidate;
    };
    if (const auto due = lanes_->next_due()) consider(*due);
    for (const Kind kind : kKinds) {
        // With all its places taken the next thing to happen there is a result.
        if (is_busy(kind)) continue;
        const Instant opens = opens_at(kind, now);
        if (has_ready(kind)) {
            consider(opens);
        } else if (room() == 0 && serves(kind) && opens > now + policy_.long_wait) {
            consider(opens - policy_.long_wait);  // park() makes room for what it can send then
        }
    }
    return at;
}

// Its attempt is over.
Delivery::Flight Delivery::land(Seq attempt) {
    auto node = flights_.extract(attempt);
    HOLDFAST_ASSERT(!node.empty());
    limits(node.mapped().kind).on_end();
    return std::move(node.mapped());
}

std::vector<Settled> Delivery::on_result(Seq attempt,
                                         const AttemptResult& result,
                                         Instant now,
                                         WallTime wall_now) {
    const Flight flight = land(attempt);
    const Held& first = *flight.entries.front();
    const Endpoint endpoint = first.endpoint();
    const Verdict verdict = classify(safety_of(first.operation), result);
    const std::uint64_t seed = backoff_seed(first.chance, first.attempts + 1U);
    Gates& passed = gates(endpoint);
    const bool was_held = passed.is_held();
    // Others passed with the same credential since one of these was refused: it waits alone.
    const bool refused_alone =
        verdict.outcome == Outcome::auth &&
        std::ranges::any_of(flight.entries, [&](const Held* entry) {
            return entry->was_refused && passed.credential_passes() != entry->refused_at;
        });
    if (refused_alone) {
        passed.on_cancelled(flight.pass, now);
    } else {
        passed.on_result(flight.pass, verdict, result, seed, now, wall_now);
    }
    if (was_held && !passed.is_held()) release_refused(endpoint);
    const bool is_shared = flight.entries.size() > 1;
    const bool is_opaque = verdict.outcome == Outcome::poison || refused_alone ||
                           (result.status == kPartly && !result.rejected);
    if (is_shared && is_opaque) {
        for (Held* const entry : flight.entries) halve(*entry, flight.entries.size());
        for (Held* const entry : flight.entries) put_back(*entry, now);
        return {};
    }
    std::vector<Settled> settled;
    for (std::size_t i = 0; i < flight.entries.size(); ++i) {
        Held& entry = *flight.entries[i];
        const Seq seq = entry.seq;
        entry.is_in_flight = false;
        settled.push_back(
            {seq, decide(entry, of_one(verdict, result, i), result, refused_alone, now, wall_now)});
        if (is_shared && verdict.outcome == Outcome::transient && entry.attempts >= kTogetherMax)
            halve(entry, flight.entries.size());
        if (!std::holds_alternative<Again>(settled.back().decision)) {
            finish(entry, now);
        } else if (lanes_->is_first(entry)) {
            schedule(entry, now);
        }
    }
    const bool drained = held_for_[static_cast<std::size_t>(endpoint)] == 0;
    const bool alive = verdict.outcome == Outcome::delivered || verdict.outcome == Outcome::poison;
    if (drained && alive) passed.on_drained();
    return settled;
}

// Somebody among so many is to blame: at most half as many may go together.
void Delivery::halve(Held& entry, std::size_t company) {
    const auto half = static_cast<std::uint32_t>(std::bit_width(company - 1)) - 1;
    entry.share = std::min<std::uint32_t>(entry.share, half) & Held::kShareMax;
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
    if (entry.attempts < Held::kAttemptsMax) ++entry.attempts;
    const auto dead = [&](FailureCause cause, std::string reason) {
        return Dead{cause, entry.attempts, result.status, std::move(reason), result.body};
    };
    // Not before those in front of it: by a clock that was set back they may be the younger ones.
    const bool late = policy_.give_up_after && lanes_->is_first(entry) &&
                      is_older_than(entry.accepted_at, *policy_.give_up_after, wall_now);
    switch (verdict.outcome) {
        case Outcome::delivered:
            return Done{};
        case Outcome::poison:
            return dead(FailureCause::poison, verdict.reason);
        case Outcome::ambiguous:
            return dead(FailureCause::ambiguous, "ambiguous: " + verdict.reason);
        case Outcome::transient:
            if (late) return dead(FailureCause::too_old, "gave up, too old: " + verdict.reason);
            if (is_enough(entry)) {
                return dead(FailureCause::too_many,
                            "gave up after " + std::to_string(entry.attempts) +
                                " attempts: " + verdict.reason);
            }
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

// It was tried so often that the operator wants it given up; nobody before those in front of it.
bool Delivery::is_enough(const Held& entry) const {
    return policy_.give_up_attempts && entry.attempts >= *policy_.give_up_attempts &&
           lanes_->is_first(entry);
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

void Delivery::finish(Held& first, Instant now) {
    if (window_.erase(first.seq) == 0) --parked_;
    --held_for_[static_cast<std::size_t>(first.endpoint())];
    if (first.attempts > 0) --retrying_;
    if (first.is_sheddable) --sheddable_;
    for (Held* const next : lanes_->pop(first)) {
        // One that shared the request has its own turn.
        if (!next->is_in_flight) schedule(*next, now);
    }
}

void Delivery::on_cancelled(Seq attempt, Instant now) {
    const Flight flight = land(attempt);
    gates(flight.entries.front()->endpoint()).on_cancelled(flight.pass, now);
    for (Held* const entry : flight.entries) put_back(*entry, now);
}

Dead Delivery::on_unreadable(Seq attempt, std::string why, Instant now) {
    const Flight flight = land(attempt);
    HOLDFAST_ASSERT(flight.entries.size() == 1);
    Held& entry = *flight.entries.front();
    gates(entry.endpoint()).on_cancelled(flight.pass, now);
    entry.is_in_flight = false;
    const std::uint32_t attempts = entry.attempts;
    finish(entry, now);
    return {FailureCause::damaged, attempts, 0, "damaged: " + std::move(why), {}};
}

std::size_t Delivery::events_before(WallTime when) const {
    return lanes_->count(
        [&](const Held& held) { return held.kind() == Kind::events && held.accepted_at < when; });
}

std::set<Seq> Delivery::in_flight() const {
    std::set<Seq> seqs;
    for (const auto& [first, flight] : flights_) {
        for (const Held* const entry : flight.entries) seqs.insert(entry->seq);
    }
    return seqs;
}

bool Delivery::serves(Kind kind) const {
    return policy_.serves[static_cast<std::size_t>(endpoint_of(kind))];
}

bool Delivery::is_starved(Instant now) const {
    if (level_ == Level::disabled) return false;
    bool a_kind_is_idle = false;
    for (const Kind kind : kKinds) {
        if (!serves(kind)) continue;
        const Instant opens = opens_at(kind, now);
        const bool is_open_soon = opens <= now + policy_.long_wait;
        if (!has_ready(kind)) {
            a_kind_is_idle |= is_open_soon && !is_busy(kind);
            continue;
        }
        const bool goes_now = opens <= now && !is_busy(kind);
        // It goes on soon, and makes room.
        if (goes_now || (is_open_soon && gates(endpoint_of(kind)).makes_progress(now)))
            return false;
    }
    return a_kind_is_idle;
}

std::vector<Seq> Delivery::park(Instant now) {
    std::vector<Seq> parked;
    wake_due(now);  // what was just added and is due does not wait
    if (room() > 0 || !is_starved(now)) return parked;
    for (auto at = window_.begin(); at != window_.end() && parked_ < policy_.parked_max;) {
        Held& entry = *at->second;
        if (entry.is_in_flight) {
            ++at;
            continue;
        }
        parked.push_back(entry.seq);
        ++parked_;
        at = window_.erase(at);
    }
    return parked;
}

}  // namespace holdfast::transport
