#include "checker.hpp"

#include "transport/policy/jitter.hpp"

#include <algorithm>
#include <any>
#include <cstdio>

namespace holdfast::sim {
namespace {

using namespace std::chrono_literals;
using transport::Outcome;

}  // namespace

Checker::Checker(World& world, const Plan& plan, const SimLog& log)
    : world_(world),
      plan_(plan),
      log_(log),
      gates_{GateModel(plan.policy.gates[0]),
             GateModel(plan.policy.gates[1]),
             GateModel(plan.policy.gates[2])} {}

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

Endpoint Checker::endpoint_of(Seq seq) const {
    return info(log_.event(seq).operation).endpoint();
}

GateModel& Checker::gate(Endpoint endpoint) {
    return gates_[static_cast<std::size_t>(endpoint)];
}

void Checker::on_attempt(const transport::Attempt& attempt, const transport::Delivery& delivery) {
    const Seq seq = attempt.seq;
    ++seen["attempts"];
    digest_ =
        transport::mix(digest_ ^ seq.value ^ static_cast<std::uint64_t>(world_.elapsed().count()));
    tell(seq, "attempt " + std::to_string(attempt.number));
    if (!log_.events().contains(seq)) return expect(false, "sent what was not accepted", seq);
    const Accepted& event = log_.event(seq);
    const auto lane = log_.lanes().find(event.lane);
    expect(lane != log_.lanes().end() && *lane->second.begin() == seq,
           "sent although it is not the first of its lane",
           seq);
    EntryModel& entry = entries_[seq];
    expect(!entry.in_flight, "two attempts at once", seq);
    expect(world_.elapsed() >= entry.not_before, "tried again too early", seq);
    expect(attempt.number == entry.attempts + 1, "the attempts are miscounted", seq);
    const bool once = info(event.operation).safety == Safety::once_if_ambiguous;
    expect(attempt.must_be_intended == once, "an intent is wrongly asked for", seq);
    const Endpoint endpoint = endpoint_of(seq);
    expect(
        ++in_flight_to(endpoint) <= plan_.policy.concurrency_max, "too many attempts at once", seq);
    // The state after it was let in: half_open rather than open, whose time has passed.
    const auto state = delivery.gates(endpoint).breaker().state(world_.now());
    expect(gate(endpoint).on_attempt(seq, state, world_.elapsed()), seq);
    entry.in_flight = true;
    lanes_in_flight_.insert(event.lane);
}

void Checker::on_sent(Seq seq) {
    entries_[seq].sent = true;
}

void Checker::on_cancelled(Seq seq) {
    ++seen["cancelled attempts"];
    tell(seq, "the attempt could not be made");
    gate(endpoint_of(seq)).on_cancelled(seq);
    entries_[seq].in_flight = false;
    --in_flight_to(endpoint_of(seq));
    lanes_in_flight_.erase(log_.event(seq).lane);
}

void Checker::on_result(Seq seq,
                        const transport::AttemptResult& result,
                        const transport::Decision& decision,
                        const transport::Delivery& delivery) {
    EntryModel& entry = entries_[seq];
    entry.in_flight = false;
    --in_flight_to(endpoint_of(seq));
    lanes_in_flight_.erase(log_.event(seq).lane);
    ++entry.attempts;
    const Endpoint endpoint = endpoint_of(seq);
    const transport::Verdict verdict =
        transport::classify(info(log_.event(seq).operation).safety, result);
    const Outcome outcome = verdict.outcome;
    ++seen[transport::to_string(outcome)];
    tell(seq, "result: " + verdict.reason + ", Retry-After " + result.retry_after.value_or("none"));
    const auto state = delivery.gates(endpoint).breaker().state(world_.now());
    if (state == transport::Breaker::State::open) ++seen["results with an open breaker"];
    const bool alone = outcome == Outcome::auth && entry.refused_at &&
                       gate(endpoint).credential_passes() > *entry.refused_at;
    if (alone) ++seen["refused alone"];
    expect(gate(endpoint).on_result(seq, result, outcome, alone, state, world_.elapsed()), seq);
    entry.auth = outcome == Outcome::auth;
    if (entry.auth && !alone) entry.refused_at = gate(endpoint).credential_passes();
    if (!std::holds_alternative<transport::Again>(decision)) return;
    const transport::BackoffPolicy& backoff = plan_.policy.backoff;
    const Duration full =
        std::min(backoff.cap, backoff.base * (1 << std::min(entry.attempts - 1, 20U)));
    const bool waits = outcome == Outcome::transient || alone;
    const Duration longest = plan_.policy.gates[0].auth_probe_every + 1s;  // behind the probe
    entry.not_before = world_.elapsed() + (waits && !alone ? full / 2 : Duration::zero());
    entry.due_at = world_.elapsed() + (waits ? full : Duration::zero());
    if (entry.auth && !alone) entry.due_at = world_.elapsed() + longest;
}

void Checker::on_complete(Seq seq) {
    expect(entries_[seq].done > 0, "settled as complete what did not arrive", seq);
}

void Checker::on_dead(Seq seq, const transport::Dead& dead) {
    const Accepted& event = log_.event(seq);
    const EntryModel& entry = entries_[seq];
    tell(seq, "failed: " + dead.reason);
    if (dead.cause == FailureCause::ambiguous) {
        ++seen[dead.status == 0 && entry.attempts == 0 ? "dead: in doubt" : "dead: ambiguous"];
        expect(event.operation == Operation::send_email, "not ambiguous for this operation", seq);
    } else if (dead.cause == FailureCause::too_old) {
        ++seen["dead: gave up"];
        const auto& after = plan_.policy.give_up_after;
        expect(after && world_.wall_now() - event.accepted_at > *after, "gave up early", seq);
        expect(!entry.auth, "gave up for a refused credential", seq);
    } else {
        ++seen["dead: poison"];
        expect(event.poison && dead.status == 400, "dead without a cause: " + dead.reason, seq);
    }
}

void Checker::on_done(const Accepted& event) {
    tell(event.seq, "done by the far side");
    const auto found = log_.events().find(event.seq);
    expect(found != log_.events().end() && found->second.id == event.id,
           "the far side got what was not accepted",
           event.seq);
    if (++entries_[event.seq].done > 1) {
        ++seen["repeats"];
        expect(event.operation != Operation::send_email, "an e-mail was sent twice", event.seq);
        return;
    }
    // What was given up may still be done late, after those that came behind it.
    if (log_.failed().contains(event.seq)) return;
    Seq& last = last_first_done_[event.lane];
    expect(last < event.seq, "delivered out of order", event.seq);
    last = std::max(last, event.seq);
}

void Checker::on_credential_changed(Endpoint endpoint) {
    gate(endpoint).on_credential_changed();
}

std::any Checker::on_save() {
    saved_ = {gates_[0].kept(), gates_[1].kept()};
    return Kept{saved_, world_.elapsed(), world_.wall_now()};
}

void Checker::on_restart() {
    tell({}, "the process starts again");
    in_flight_to_ = {};
    lanes_in_flight_.clear();
    const auto* kept = std::any_cast<Kept>(&log_.gates_model());
    for (std::size_t i = 0; i < gates_.size(); ++i) {
        if (kept == nullptr) {
            gates_[i] = GateModel(plan_.policy.gates[i]);
            continue;
        }
        const Duration wall_passed = world_.wall_now() - kept->wall;
        gates_[i].restore(kept->gates[i], kept->elapsed, world_.elapsed(), wall_passed);
        if (gates_[i].kept().breaker_until > world_.elapsed())
            ++seen["restarts with an open breaker"];
        if (gates_[i].kept().retry_after_until > world_.elapsed())
            ++seen["restarts within Retry-After"];
        if (gates_[i].kept().auth_hold) ++seen["restarts in an auth hold"];
    }
    saved_ = {gates_[0].kept(), gates_[1].kept()};
    for (auto& [seq, entry] : entries_) {
        entry.in_flight = false;
        entry.attempts = 0;
        entry.refused_at.reset();
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

void Checker::on_idle(const transport::Delivery& delivery) {
    const Instant now = world_.now();
    const std::optional<Instant> wake_at = delivery.wake_at(now);
    expect(!wake_at || *wake_at > now, "a busy loop");
    for (const Endpoint endpoint : kEndpoints) {
        const transport::Breaker& breaker = delivery.gates(endpoint).breaker();
        expect(gate(endpoint).on_state(breaker.state(now), world_.elapsed()), Seq{});
        const bool is_shut = breaker.next_try_at(now).has_value();
        expect(gate(endpoint).on_idle(is_shut, world_.elapsed()), Seq{});
    }
    const bool saved = saved_[0] == gates_[0].kept() && saved_[1] == gates_[1].kept();
    expect(saved, "a gate moved and was not saved");
    check_that_nobody_waits_for_others(delivery);
    check_that_nobody_is_slept_through(delivery);
}

bool Checker::may_go(Seq seq, const transport::Delivery& delivery) {
    const EntryModel& entry = entries_[seq];
    const Instant now = world_.now();
    const auto lane = log_.lanes().find(log_.event(seq).lane);
    if (lane == log_.lanes().end()) return false;  // all settled, rightly or not
    return *lane->second.begin() == seq && !lanes_in_flight_.contains(lane->first) &&
           entry.due_at <= world_.elapsed() && !is_busy(endpoint_of(seq)) &&
           delivery.gates(endpoint_of(seq)).opens_at(now) <= now;
}

void Checker::on_park(Seq seq, const transport::Delivery& delivery) {
    ++seen["parked"];
    expect(!may_go(seq, delivery), "parked what may go", seq);
}

// Whoever is the first of its lane, is due and has an open endpoint is in flight.
void Checker::check_that_nobody_waits_for_others(const transport::Delivery& delivery) {
    const Instant now = world_.now();
    if (delivery.room() == 0 && log_.parked() >= plan_.policy.parked_max) return;
    if (delivery.in_flight().size() >= plan_.policy.window_max) return;  // nothing can be parked
    // With a full window the others wait for an endpoint that goes on soon.
    const auto opens_soon = [&](Endpoint endpoint) {
        const Instant at = delivery.gates(endpoint).opens_at(now);
        return (at > now || is_busy(endpoint)) && at <= now + plan_.policy.long_wait &&
               delivery.gates(endpoint).makes_progress(now);
    };
    if (delivery.room() == 0 && std::ranges::any_of(kEndpoints, opens_soon)) return;
    for (const auto& [lane, seqs] : log_.lanes()) {
        expect(!may_go(*seqs.begin(), delivery), "held up by others", *seqs.begin());
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
        if (lanes_in_flight_.contains(lane) || is_busy(endpoint_of(first))) continue;
        const Instant due = now + (entries_[first].due_at - world_.elapsed());
        const Instant goes_at = std::max(due, delivery.gates(endpoint_of(first)).opens_at(now));
        expect(wake_at && *wake_at <= goes_at + late, "slept through", first);
    }
}

void Checker::on_end(const transport::Delivery& delivery) {
    for (const auto& [seq, event] : log_.events()) {
        const bool dead = log_.failed().contains(seq);
        expect(dead || entries_[seq].done > 0, "accepted and never delivered", seq);
    }
    expect(log_.lanes().empty(),
           "never settled",
           log_.lanes().empty() ? Seq{} : *log_.lanes().begin()->second.begin());
    expect(delivery.room() == plan_.policy.window_max, "the window is not empty at the end");
    expect(delivery.in_flight().empty() && delivery.retrying() == 0,
           "something is held at the end");
    expect(!delivery.wake_at(world_.now()), "wants to be woken at the end");
}

}  // namespace holdfast::sim
