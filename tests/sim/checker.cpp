#include "checker.hpp"

#include "transport/policy/jitter.hpp"

#include <algorithm>
#include <any>
#include <bit>
#include <cstdio>

namespace holdfast::sim {
namespace {

using namespace std::chrono_literals;
using transport::Level;
using transport::Outcome;

}  // namespace

Checker::Checker(World& world, const Plan& plan, const SimLog& log)
    : world_(world), plan_(plan), log_(log) {
    for (const transport::GatesPolicy& gates : plan.policy.gates) gates_.emplace_back(gates);
    start_kinds();
}

void Checker::start_kinds() {
    for (const Kind which : kKinds) {
        const auto& policy = plan_.policy.kinds[static_cast<std::size_t>(which)];
        kind(which) = KindModel{};
        if (policy.rate) {
            kind(which).tokens.emplace(*policy.rate);
            kind(which).tokens->set_factor(1, world_.elapsed());
        }
    }
}

void Checker::tell(Seq seq, std::string_view what) const {
    if (!plan_.tells) return;
    const std::chrono::duration<double> at = world_.elapsed();
    std::printf("%11.3f s  entry %-3llu %.*s\n",
                at.count(),
                static_cast<unsigned long long>(seq.value),
                static_cast<int>(what.size()),
                what.data());
}

void Checker::expect(bool holds, std::string_view otherwise, Seq seq) {
    if (holds || violation_) return;
    const auto ms = std::chrono::floor<std::chrono::milliseconds>(world_.elapsed());
    violation_ = std::string(otherwise) + " (entry " + std::to_string(seq.value) + ", " +
                 std::to_string(ms.count()) + " ms after the beginning)";
}

void Checker::expect(const Wrong& wrong, Seq seq) {
    expect(!wrong, wrong.value_or(""), seq);
}

// --- a request begins ---

void Checker::on_attempt(const transport::Attempt& attempt, const transport::Delivery& delivery) {
    expect(!attempt.seqs.empty(), "an attempt of nothing");
    for (const Seq seq : attempt.seqs) {
        expect(log_.events().contains(seq), "sent what was not accepted", seq);
    }
    if (violation_) return;
    count(attempt.seqs);
    check_request(attempt);
    const Endpoint endpoint = log_.event(attempt.seq()).endpoint();
    check_turn(attempt.seqs, endpoint, delivery.gates(endpoint).is_probing(world_.now()));
    enter(attempt.seqs, delivery);
}

void Checker::count(Seqs seqs) {
    ++seen["attempts"];
    std::string with;
    for (const Seq seq : seqs) {
        const auto at = static_cast<std::uint64_t>(world_.elapsed().count());
        digest_ = transport::mix(digest_ ^ seq.value ^ at);
        with += " " + std::to_string(seq.value);
        const std::size_t others = log_.event(seq).also.size();
        if (others > 0) ++seen["barriers"];
        if (others > 1) ++seen["barriers of three lanes"];
        if (others > 0 && seqs.size() > 1) ++seen["barriers that share a request"];
    }
    if (seqs.size() > 1) ++seen["shared requests"];
    if (level_ == Level::essential_only) ++seen["attempts at essential_only"];
    tell(seqs.front(), "attempt, of" + with);
}

void Checker::check_request(const transport::Attempt& attempt) {
    const Seq first = attempt.seq();
    const Accepted& event = log_.event(first);
    expect(check_order(attempt.seqs, log_), first);
    expect(check_sharing(attempt.seqs, log_, plan_.policy.share), first);
    expect(check_level(attempt.seqs, log_, level_), first);
    for (const Seq seq : attempt.seqs) {
        const EntryModel& entry = entries_[seq];
        expect(!is_under_way(seq), "two attempts at once", seq);
        expect(world_.elapsed() >= entry.not_before, "tried again too early", seq);
        expect(attempt.seqs.size() <= entry.company_max.value_or(attempt.seqs.size()),
               "with as many as were refused together",
               seq);
    }
    expect(attempt.operation == event.operation, "the operation is another's", first);
    expect(attempt.number == entries_[first].attempts + 1, "the attempts are miscounted", first);
    expect(attempt.must_be_intended == event.is_once(), "an intent is wrongly asked for", first);
    expect(attempt.seqs.size() == 1 || !event.is_once(), "an e-mail shares a request", first);
}

// Of those that the delivery side knows of, and that could have gone for certain. Other things
// decide who probes an endpoint.
void Checker::check_turn(Seqs seqs, Endpoint endpoint, bool is_probe) {
    const Seq first = seqs.front();
    const bool is_urgent = log_.is_urgent(first);
    bool overtook = false;
    bool was_let_by = false;
    TurnModel& turns = turns_[static_cast<std::size_t>(endpoint)];
    if (is_probe) return expect(turns.on_request(false, false), first);
    for (const auto& [lane, in_lane] : log_.lanes()) {
        const Seq other = *in_lane.begin();
        const Accepted& event = log_.event(other);
        if (std::ranges::count(seqs, other) > 0 || event.endpoint() != endpoint) continue;
        if (!log_.is_taken(other)) continue;
        const bool other_is_urgent = log_.is_urgent(other);
        if (other_is_urgent == is_urgent || !is_ready(other)) continue;
        const KindModel& limits = kind(event.kind());
        const auto& policy = plan_.policy.kinds[static_cast<std::size_t>(event.kind())];
        if (limits.in_flight >= policy.concurrency_max) continue;
        if (limits.tokens && !limits.tokens->has_one(world_.elapsed())) continue;
        overtook |= is_urgent && other < first;
        was_let_by |= !is_urgent;
    }
    if (overtook) ++seen["essential ones first"];
    if (was_let_by) ++seen["turns of the oldest"];
    expect(turns.on_request(overtook, was_let_by), first);
}

void Checker::enter(Seqs seqs, const transport::Delivery& delivery) {
    const Seq first = seqs.front();
    const Accepted& event = log_.event(first);
    const transport::Gates& gates = delivery.gates(event.endpoint());
    expect(gate(event.endpoint()).on_attempt(first, gates, world_.now(), world_.elapsed()), first);
    if (gates.concurrency() > 1 && gates.in_flight() > 1) ++seen["attempts side by side"];
    KindModel& limits = kind(event.kind());
    const auto& policy = plan_.policy.kinds[static_cast<std::size_t>(event.kind())];
    expect(++limits.in_flight <= policy.concurrency_max, "too many of a kind at once", first);
    expect(!limits.tokens || limits.tokens->take(world_.elapsed()),
           "faster than the rate of the kind",
           first);
    for (const Seq seq : seqs) {
        for (const Lane lane : log_.event(seq).lanes()) lanes_under_way_.insert(lane);
    }
    requests_.emplace(first, std::vector<Seq>(seqs.begin(), seqs.end()));
}

void Checker::on_trim(const transport::Attempt& attempt, std::size_t count) {
    ++seen["trimmed requests"];
    std::vector<Seq>& seqs = requests_.at(attempt.seq());
    const Seq misfit = seqs.at(count);
    tell(attempt.seq(), "entry " + std::to_string(misfit.value) + " does not fit in");
    entries_[misfit].company_max = 1;
    set_free(seqs);
    seqs.resize(std::max<std::size_t>(count, 1));
    expect(seqs == attempt.seqs, "trimmed to others", attempt.seq());
    for (const Seq seq : seqs) {
        for (const Lane lane : log_.event(seq).lanes()) lanes_under_way_.insert(lane);
    }
}

// --- a request ends ---

std::vector<Seq> Checker::land(Seq attempt) {
    const auto request = requests_.extract(attempt);
    if (request.empty()) {
        expect(false, "ended without having begun", attempt);
        return {attempt};
    }
    set_free(request.mapped());
    --kind(log_.event(attempt).kind()).in_flight;
    return request.mapped();
}

void Checker::set_free(Seqs seqs) {
    for (const Seq seq : seqs) {
        for (const Lane lane : log_.event(seq).lanes()) lanes_under_way_.erase(lane);
    }
}

void Checker::on_cancelled(Seq attempt) {
    ++seen["cancelled attempts"];
    tell(attempt, "the attempt could not be made");
    static_cast<void>(land(attempt));
    gate(log_.event(attempt).endpoint()).on_cancelled(attempt);
}

bool Checker::is_refused_alone(Seqs seqs, Outcome outcome) {
    return outcome == Outcome::auth && std::ranges::any_of(seqs, [&](Seq seq) {
               const std::optional<std::uint64_t>& refused_at = entries_[seq].refused_at;
               const GateModel& passed = gate(log_.event(seq).endpoint());
               return refused_at && passed.credential_passes() > *refused_at;
           });
}

void Checker::on_result(Seq attempt,
                        const transport::AttemptResult& result,
                        std::span<const transport::Settled> settled,
                        const transport::Delivery& delivery) {
    const std::vector<Seq> seqs = land(attempt);
    const Accepted& event = log_.event(attempt);
    const transport::Verdict verdict = transport::classify(info(event.operation).safety, result);
    const Outcome outcome = verdict.outcome;
    ++seen[transport::to_string(outcome)];
    tell(attempt,
         "result: " + verdict.reason + ", Retry-After " + result.retry_after.value_or("none"));
    const transport::Gates& gates = delivery.gates(event.endpoint());
    if (gates.breaker().state(world_.now()) == transport::Breaker::State::open)
        ++seen["results with an open breaker"];
    if (gates.rate_factor() < transport::RateFactor::kWhole) ++seen["results at a lowered rate"];
    const bool alone = is_refused_alone(seqs, outcome);
    if (alone) ++seen["refused alone"];
    expect(gate(event.endpoint())
               .on_result(attempt, result, outcome, alone, gates, world_.now(), world_.elapsed()),
           attempt);
    auto next = settled.begin();
    for (std::size_t i = 0; i < seqs.size(); ++i) {
        const bool is_named = next != settled.end() && next->seq == seqs[i];
        const transport::Decision* decision = is_named ? &(next++)->decision : nullptr;
        const Said said = said_of(i, seqs.size(), outcome, result, alone);
        expect(check_decision(said, decision), seqs[i]);
        if (said.outcome != outcome) ++seen["refused within a request"];
        if (decision == nullptr) continue;
        const bool again = std::holds_alternative<transport::Again>(*decision);
        on_answer(seqs[i], said.outcome, alone, again);
    }
    expect(next == settled.end(), "settled what was not sent, or out of order", attempt);
    if (settled.empty()) make_smaller(seqs);
}

void Checker::on_answer(Seq seq, Outcome outcome, bool alone, bool again) {
    EntryModel& entry = entries_[seq];
    ++entry.attempts;
    entry.auth = outcome == Outcome::auth;
    entry.waits_for_credential = entry.auth && !alone;
    if (entry.waits_for_credential) {
        entry.refused_at = gate(log_.event(seq).endpoint()).credential_passes();
    }
    if (!again) return;
    const transport::BackoffPolicy& backoff = plan_.policy.backoff;
    const Duration full =
        std::min(backoff.cap, backoff.base * (1 << std::min(entry.attempts - 1, 20U)));
    const bool waits = outcome == Outcome::transient || alone;
    const Duration longest = plan_.policy.gates[0].auth_probe_every + 1s;  // behind the probe
    entry.not_before = world_.elapsed() + (waits && !alone ? full / 2 : Duration::zero());
    entry.due_at = world_.elapsed() + (waits ? full : Duration::zero());
    if (entry.waits_for_credential) entry.due_at = world_.elapsed() + longest;
}

// Refused together: by halves, until whoever is to blame stands alone.
void Checker::make_smaller(Seqs seqs) {
    ++seen["bisected requests"];
    for (const Seq seq : seqs) {
        std::optional<std::size_t>& most = entries_[seq].company_max;
        most = std::min(most.value_or(seqs.size()), std::bit_floor(seqs.size() - 1));
    }
}

// --- an entry ends ---

void Checker::on_complete(Seq seq) {
    expect(entries_[seq].done > 0, "settled as complete what did not arrive", seq);
}

void Checker::on_dead(Seq seq, const transport::Dead& dead) {
    const Accepted& event = log_.event(seq);
    EntryModel& entry = entries_[seq];
    entry.gave_up = true;
    tell(seq, "failed: " + dead.reason);
    switch (dead.cause) {
        case FailureCause::ambiguous:
            ++seen[dead.status == 0 && entry.attempts == 0 ? "dead: in doubt" : "dead: ambiguous"];
            return expect(event.is_once(), "not ambiguous for this operation", seq);
        case FailureCause::too_old: {
            ++seen["dead: gave up"];
            const auto& after = plan_.policy.give_up_after;
            expect(after && world_.wall_now() - event.accepted_at > *after, "gave up early", seq);
            return expect(!entry.auth, "gave up for a refused credential", seq);
        }
        case FailureCause::too_many: {
            ++seen["dead: gave up by count"];
            const auto& most = plan_.policy.give_up_attempts;
            expect(most && entry.attempts >= *most, "gave up after too few attempts", seq);
            return expect(!entry.auth, "gave up for a refused credential", seq);
        }
        case FailureCause::damaged:
            ++seen["dead: damaged"];
            return expect(event.damaged, "readable, and failed as damaged", seq);
        case FailureCause::shed:
            return check_shed(seq);
        case FailureCause::poison:
            break;
    }
    ++seen["dead: poison"];
    expect(event.poison && (dead.status == 400 || dead.status == 207),
           "dead without a cause: " + dead.reason,
           seq);
}

void Checker::check_shed(Seq seq) {
    ++seen["dead: shed"];
    expect(level_ != Level::full, "shed at level full", seq);
    expect(log_.event(seq).traits.is_sheddable, "shed what is to be held", seq);
    expect(!log_.is_urgent(seq), "shed what is essential, or in front of it", seq);
    expect(log_.is_first(seq), "shed before its turn", seq);
    expect(!is_under_way(seq), "shed while it is under way", seq);
}

void Checker::on_done(const Accepted& event) {
    tell(event.seq, "done by the far side");
    const auto found = log_.events().find(event.seq);
    expect(found != log_.events().end() && found->second.id == event.id,
           "the far side got what was not accepted",
           event.seq);
    EntryModel& entry = entries_[event.seq];
    if (++entry.done > 1) {
        ++seen["repeats"];
        expect(!event.is_once(), "an e-mail was sent twice", event.seq);
        return;
    }
    // What was given up may still be done late, after those that came behind it: also when a power
    // cut has brought it back.
    if (entry.gave_up) return;
    for (const Lane lane : event.lanes()) {
        Seq& last = last_first_done_[lane];
        expect(last < event.seq, "delivered out of order", event.seq);
        last = std::max(last, event.seq);
    }
}

// --- the process ---

void Checker::on_credential_changed(Endpoint endpoint) {
    gate(endpoint).on_credential_changed();
}

void Checker::on_level(Level level) {
    tell({}, "the level is " + std::string(transport::to_string(level)));
    level_ = level;
}

Checker::Gates Checker::kept() const {
    Gates kept;
    std::ranges::transform(gates_, kept.begin(), &GateModel::kept);
    return kept;
}

std::any Checker::on_save() {
    saved_ = kept();
    return Kept{saved_, world_.elapsed(), world_.wall_now()};
}

void Checker::on_restart() {
    tell({}, "the process starts again");
    requests_.clear();
    lanes_under_way_.clear();
    turns_ = {};
    start_kinds();
    level_ = log_.level();
    if (level_ != Level::full) ++seen["restarts at another level"];
    const auto* saved = std::any_cast<Kept>(&log_.gates_model());
    for (std::size_t i = 0; i < gates_.size(); ++i) {
        if (saved == nullptr) {
            gates_[i] = GateModel(plan_.policy.gates[i]);
            continue;
        }
        const Duration wall_passed = world_.wall_now() - saved->wall;
        gates_[i].restore(saved->gates[i], saved->elapsed, world_.elapsed(), wall_passed);
        const GateModel::Kept& gate = gates_[i].kept();
        if (gate.breaker_until > world_.elapsed()) ++seen["restarts with an open breaker"];
        if (gate.retry_after_until > world_.elapsed()) ++seen["restarts within Retry-After"];
        if (gate.auth_hold) ++seen["restarts in an auth hold"];
        if (gate.rate_factor < transport::RateFactor::kWhole)
            ++seen["restarts with a lowered rate"];
    }
    saved_ = kept();
    for (auto& [seq, entry] : entries_) {
        entry.attempts = 0;
        entry.waits_for_credential = false;
        entry.refused_at.reset();
        entry.company_max.reset();
        entry.not_before = entry.due_at = Duration::zero();
        const auto retry = log_.retries().find(seq);
        if (retry == log_.retries().end()) continue;
        entry.attempts = retry->second.attempts;
        const Duration left = std::clamp<Duration>(
            retry->second.next_attempt_at - world_.wall_now(), 0s, plan_.policy.backoff.cap);
        entry.not_before = world_.elapsed() + left - 2ms;
        entry.due_at = world_.elapsed() + left + 2ms;
        if (left > 0s) ++seen["restarts with a retry to come"];
    }
}

// --- there is nothing more to send ---

void Checker::on_idle(const transport::Delivery& delivery) {
    const Instant now = world_.now();
    const std::optional<Instant> wake_at = delivery.wake_at(now);
    expect(!wake_at || *wake_at > now, "a busy loop");
    for (const Endpoint endpoint : kEndpoints) {
        const transport::Gates& gates = delivery.gates(endpoint);
        expect(gate(endpoint).on_idle(gates, now, world_.elapsed()), Seq{});
    }
    expect(delivery.level() == level_, "the level is forgotten");
    expect(saved_ == kept(), "a gate moved and was not saved");
    check_that_nobody_waits_for_others(delivery);
    check_that_nobody_is_slept_through(delivery);
    check_that_what_is_to_be_shed_is();
}

bool Checker::is_under_way(Seq seq) const {
    return std::ranges::any_of(log_.event(seq).lanes(),
                               [this](Lane lane) { return lanes_under_way_.contains(lane); });
}

bool Checker::is_let_go(Seq seq) const {
    return level_ == Level::full || (level_ == Level::essential_only && log_.is_urgent(seq));
}

bool Checker::is_ready(Seq seq) {
    return log_.is_first(seq) && !is_under_way(seq) && due_at(seq) <= world_.elapsed() &&
           is_let_go(seq);
}

// For certain.
Duration Checker::due_at(Seq seq) {
    const EntryModel& entry = entries_[seq];
    const bool has_passed =
        entry.waits_for_credential && !gate(log_.event(seq).endpoint()).kept().auth_hold;
    return has_passed ? Duration::zero() : entry.due_at;
}

bool Checker::is_busy(Kind which, const transport::Delivery& delivery) {
    const Endpoint endpoint = holdfast::endpoint_of(which);
    const auto& policy = plan_.policy.kinds[static_cast<std::size_t>(which)];
    return kind(which).in_flight >= policy.concurrency_max ||
           gate(endpoint).in_flight() >= delivery.gates(endpoint).concurrency();
}

Instant Checker::opens_at(Kind kind, const transport::Delivery& delivery, Instant now) {
    return std::max(delivery.gates(holdfast::endpoint_of(kind)).opens_at(now),
                    delivery.limits(kind).opens_at(now));
}

bool Checker::may_go(Seq seq, const transport::Delivery& delivery) {
    if (!is_ready(seq)) return false;
    const Kind kind = log_.event(seq).kind();
    return !is_busy(kind, delivery) && opens_at(kind, delivery, world_.now()) <= world_.now();
}

void Checker::on_park(Seq seq, const transport::Delivery& delivery) {
    ++seen["parked"];
    expect(!may_go(seq, delivery), "parked what may go", seq);
}

// Whoever is the first of its lanes, is due and has an open endpoint is in flight.
void Checker::check_that_nobody_waits_for_others(const transport::Delivery& delivery) {
    const Instant now = world_.now();
    if (delivery.room() == 0 && log_.parked() >= plan_.policy.parked_max) return;
    if (delivery.in_flight().size() >= plan_.policy.window_max) return;  // nothing can be parked
    // With a full window the others wait for an endpoint that goes on soon.
    const auto opens_soon = [&](Kind kind) {
        const Instant at = opens_at(kind, delivery, now);
        return (at > now || is_busy(kind, delivery)) && at <= now + plan_.policy.long_wait &&
               delivery.gates(holdfast::endpoint_of(kind)).makes_progress(now);
    };
    if (delivery.room() == 0 && std::ranges::any_of(kKinds, opens_soon)) return;
    for (const auto& [lane, seqs] : log_.lanes()) {
        const Seq first = *seqs.begin();
        expect(!may_go(first, delivery), "held up by others", first);
        if (!is_let_go(first) && !is_under_way(first)) ++seen["held by the level"];
    }
}

// It wakes when the first of a lane is due and its endpoint is open.
void Checker::check_that_nobody_is_slept_through(const transport::Delivery& delivery) {
    const bool is_full = delivery.room() == 0;
    if (is_full && log_.parked() >= plan_.policy.parked_max) return;
    if (is_full && !delivery.in_flight().empty()) return;  // each result wakes
    const Instant now = world_.now();
    const std::optional<Instant> wake_at = delivery.wake_at(now);
    // With a full window it may be looked for a little later.
    const Duration late = is_full ? plan_.policy.long_wait : Duration::zero();
    for (const auto& [lane, seqs] : log_.lanes()) {
        const Seq first = *seqs.begin();
        const Kind kind = log_.event(first).kind();
        if (!log_.is_first(first) || is_under_way(first) || !is_let_go(first)) continue;
        if (is_busy(kind, delivery)) continue;
        const Instant due = now + (due_at(first) - world_.elapsed());
        const Instant goes_at = std::max(due, opens_at(kind, delivery, now));
        expect(wake_at && *wake_at <= goes_at + late, "slept through", first);
    }
}

void Checker::check_that_what_is_to_be_shed_is() {
    if (level_ == Level::full) return;
    for (const auto& [lane, seqs] : log_.lanes()) {
        const Seq first = *seqs.begin();
        const bool is_due = due_at(first) <= world_.elapsed() && log_.is_taken(first);
        if (!log_.event(first).traits.is_sheddable || log_.is_urgent(first)) continue;
        if (!is_due || is_under_way(first) || !log_.is_first(first)) continue;
        expect(false, "held although it is to be shed", first);
    }
}

// --- the end ---

// Whoever is refused for a reason of its own, or is too much for the far side, has held up nobody
// but its own lanes.
void Checker::on_pardon(const transport::Delivery& delivery) {
    tell({}, "everybody may pass from here on");
    // Those that wait for it may be all that there is room for.
    if (delivery.room() == 0 && log_.parked() >= plan_.policy.parked_max) return;
    std::set<Lane> shut;
    for (const Seq seq : log_.unsettled()) {
        const Accepted& event = log_.event(seq);
        const std::vector<Lane> lanes = event.lanes();
        const bool is_behind =
            std::ranges::any_of(lanes, [&](Lane lane) { return shut.contains(lane); });
        expect(event.forbidden || event.crashes || is_behind,
               "held up by one that will not pass",
               seq);
        shut.insert(lanes.begin(), lanes.end());
        ++seen["waiting for a pardon"];
    }
}

void Checker::on_end(const transport::Delivery& delivery) {
    for (const auto& [seq, event] : log_.events()) {
        const bool dead = log_.failed().contains(seq);
        expect(dead || entries_[seq].done > 0, "accepted and never delivered", seq);
    }
    expect(log_.unsettled().empty(),
           "never settled",
           log_.unsettled().empty() ? Seq{} : *log_.unsettled().begin());
    expect(delivery.room() == plan_.policy.window_max, "the window is not empty at the end");
    expect(delivery.in_flight().empty() && delivery.retrying() == 0 && delivery.held() == 0,
           "something is held at the end");
    expect(!delivery.wake_at(world_.now()), "wants to be woken at the end");
}

}  // namespace holdfast::sim
