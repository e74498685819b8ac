#include "shell.hpp"

#include "agent/delivery/log_terms.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace holdfast::sim {
namespace {

using namespace std::chrono_literals;
using Mark = SimLog::Mark;

}  // namespace

Shell::Shell(World& world, const Plan& plan, SimLog& log, FarSide& far_side, Checker& checker)
    : world_(world),
      plan_(plan),
      log_(log),
      far_side_(far_side),
      checker_(checker),
      delivery_(plan.policy) {}

// What a dead process had begun does not come back to it.
void Shell::later(Duration wait, std::function<void()> then) {
    world_.after(wait, [self = weak_from_this(), then = std::move(then)] {
        if (const auto alive = self.lock()) then();
    });
}

void Shell::start() {
    restore();
    wake();
}

void Shell::restore() {
    if (!has(Bug::forgets_the_level)) delivery_.set_level(log_.level());
    if (!log_.gates() || has(Bug::forgets_the_gates)) return;
    for (const Endpoint endpoint : kEndpoints) {
        transport::Gates::Snapshot saved = (*log_.gates())[static_cast<std::size_t>(endpoint)];
        if (has(Bug::forgets_the_factor)) saved.rate_factor = transport::RateFactor::kWhole;
        delivery_.gates(endpoint).restore(saved, world_.now(), world_.wall_now());
    }
}

void Shell::wake() {
    if (std::exchange(woken_, true)) return;
    later(Duration::zero(), [this] { run(); });
}

void Shell::on_credential_changed(Endpoint endpoint) {
    delivery_.on_credential_changed(endpoint);
    checker_.on_credential_changed(endpoint);
    wake();
}

void Shell::set_level(transport::Level level) {
    delivery_.set_level(level);
    log_.save(level);
    checker_.on_level(level);
    wake();
}

void Shell::run() {
    woken_ = false;
    // Again after a start: with those gone from the head, what is left in a full window may be only
    // what waits. What is shed makes room too.
    do {
        read_log();
    } while (shed() || start_attempts());
    save_gates();
    if (woken_) return;
    checker_.on_idle(delivery_);
    const std::uint64_t timer = ++timer_;
    const std::optional<Instant> at = delivery_.wake_at(world_.now());
    if (!at) return;
    later(std::max(*at - world_.now(), Duration::zero()), [this, timer] {
        if (timer == timer_) wake();
    });
}

void Shell::read_log() {
    for (;;) {
        if (delivery_.room() == 0) {
            for (const Seq seq : delivery_.park(world_.now())) {
                checker_.on_park(seq, delivery_);
                log_.park(seq);
            }
        }
        const std::size_t room = delivery_.room();
        if (room == 0) return;
        const wal::Taken taken = log_.take(std::min<std::size_t>(room, 256));
        for (const wal::Pending& pending : taken.entries) add(pending);
        if (!taken.more) return;
    }
}

void Shell::add(const wal::Pending& pending) {
    wal::Pending taken = pending;
    if (has(Bug::forgets_the_retry)) taken.retry.reset();
    transport::Item item =
        agent::item_of(taken, plan_.policy.backoff.cap, world_.now(), world_.wall_now());
    if (pending.retry && has(Bug::forgets_the_fence)) item.lane = Lane{~pending.seq.value};
    if (log_.was_opened_before() && has(Bug::forgets_the_barriers)) item.also.clear();
    if (const auto dead = delivery_.add(item)) bury(item.seq, *dead, Mark::lazy);
}

bool Shell::shed() {
    const std::vector<transport::Settled> ended = delivery_.shed(world_.now());
    if (has(Bug::sheds_silently)) return !ended.empty();
    for (const transport::Settled& one : ended) settle(one);
    return !ended.empty();
}

bool Shell::start_attempts() {
    bool any = false;
    while (const auto attempt = delivery_.next(world_.now())) {
        checker_.on_attempt(*attempt, delivery_);
        if (checker_.violation()) return false;
        make(*attempt);
        any = true;
    }
    return any;
}

void Shell::make(transport::Attempt attempt) {
    if (log_.is_in_trouble && world_.random.chance(10)) {
        return later(1s, [this, first = attempt.seq()] { cancel(first); });
    }
    const auto damaged =
        std::ranges::find_if(attempt.seqs, [this](Seq seq) { return log_.event(seq).damaged; });
    if (damaged != attempt.seqs.end()) {
        const auto before = static_cast<std::size_t>(damaged - attempt.seqs.begin());
        if (attempt.seqs.size() > 1) trim(attempt, before);
        if (before == 0) return on_unreadable(attempt.seq());
    }
    if (attempt.seqs.size() > 1 && plan_.has(Fault::misfit) && world_.random.chance(10)) {
        trim(attempt, world_.random.between(0, attempt.seqs.size() - 1));
    }
    if (has(Bug::settles_before_the_answer)) {
        for (const Seq seq : attempt.seqs) log_.complete(seq, Mark::lazy);
    }
    if (attempt.must_be_intended && !has(Bug::skips_the_intent)) return intend(attempt);
    send(attempt);
}

void Shell::trim(transport::Attempt& attempt, std::size_t count) {
    delivery_.trim(attempt, count, world_.now());
    checker_.on_trim(attempt, count);
}

void Shell::cancel(Seq attempt) {
    if (has(Bug::keeps_the_lease)) return;
    checker_.on_cancelled(attempt);
    delivery_.on_cancelled(attempt, world_.now());
    wake();
}

void Shell::on_unreadable(Seq attempt) {
    checker_.on_cancelled(attempt);
    bury(attempt, delivery_.on_unreadable(attempt, "it cannot be read", world_.now()), Mark::lazy);
    wake();
}

void Shell::intend(const transport::Attempt& attempt) {
    const Seq seq = attempt.seq();
    Retry retry;
    retry.attempts = attempt.number - 1;
    retry.first_attempt_at = retry.next_attempt_at = world_.wall_now();
    retry.intended = true;
    log_.intend(seq, retry, [self = weak_from_this(), this, attempt, seq, retry](bool stored) {
        const auto alive = self.lock();
        if (!alive) return;
        if (stored) return send(attempt);
        Retry taken_back = retry;
        taken_back.intended = false;
        log_.retry(seq, taken_back, Mark::synced);
        cancel(seq);
    });
}

void Shell::send(const transport::Attempt& attempt) {
    FarSide::Request request;
    for (const Seq seq : attempt.seqs) request.push_back(log_.event(seq));
    if (has(Bug::reverses_the_request)) std::ranges::reverse(request);
    far_side_.send(
        request, [self = weak_from_this(), this, attempt](const transport::AttemptResult& result) {
            if (const auto alive = self.lock()) on_result(attempt, result);
        });
}

void Shell::on_result(const transport::Attempt& attempt, const transport::AttemptResult& result) {
    transport::AttemptResult told = result;
    if (has(Bug::takes_partly_for_done) && told.rejected) told.rejected->clear();
    std::vector<transport::Settled> settled =
        delivery_.on_result(attempt.seq(), told, world_.now(), world_.wall_now());
    checker_.on_result(attempt.seq(), result, settled, delivery_);
    save_gates();
    for (transport::Settled& one : settled) {
        if (has(Bug::settles_all_as_the_first)) one.decision = settled.front().decision;
        if (!has(Bug::settles_before_the_answer)) settle(one);
    }
    wake();
}

void Shell::settle(const transport::Settled& settled) {
    const auto& [seq, decision] = settled;
    const Operation operation = log_.event(seq).operation;
    const bool sync = log_.event(seq).is_once() || info(operation).erases;
    const Mark how = sync ? Mark::synced : Mark::lazy;
    if (std::holds_alternative<transport::Done>(decision)) {
        checker_.on_complete(seq);
        log_.complete(seq, how);
    } else if (const auto* again = std::get_if<transport::Again>(&decision)) {
        log_.retry(seq, agent::retry_of(*again), how);
    } else {
        bury(seq, std::get<transport::Dead>(decision), how);
    }
}

void Shell::bury(Seq seq, const transport::Dead& dead, Mark how) {
    checker_.on_dead(seq, dead);
    log_.fail(seq, agent::failure_of(dead, world_.wall_now()), how);
}

void Shell::save_gates() {
    std::uint64_t version = 0;
    for (const Endpoint endpoint : kEndpoints) version += delivery_.gates(endpoint).version();
    if (version == saved_version_) return;
    saved_version_ = version;
    GatesSnapshot snapshot;
    for (const Endpoint endpoint : kEndpoints) {
        snapshot[static_cast<std::size_t>(endpoint)] =
            delivery_.gates(endpoint).save(world_.now(), world_.wall_now());
    }
    log_.save(snapshot, checker_.on_save());
}

}  // namespace holdfast::sim
