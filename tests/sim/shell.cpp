#include "shell.hpp"

#include "agent/delivery/log_terms.hpp"

#include <algorithm>
#include <utility>

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
    if (log_.gates() && !has(Bug::forgets_the_gates)) {
        for (const Endpoint endpoint : kEndpoints) {
            delivery_.gates(endpoint).restore((*log_.gates())[static_cast<std::size_t>(endpoint)],
                                              world_.now(),
                                              world_.wall_now());
        }
    }
    wake();
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

void Shell::run() {
    woken_ = false;
    // Again after a start: with those gone from the head, what is left in a full window may be only
    // what waits.
    do {
        read_log();
    } while (start_attempts());
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
    if (const auto dead = delivery_.add(item)) bury(item.seq, *dead, Mark::lazy);
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

void Shell::make(const transport::Attempt& attempt) {
    const bool unreadable = log_.is_in_trouble && world_.random.chance(10);
    if (unreadable) {
        return later(1s, [this, attempt] { cancel(attempt.seq); });
    }
    if (has(Bug::settles_before_the_answer)) {
        log_.complete(attempt.seq, Mark::lazy);
    }
    if (attempt.must_be_intended && !has(Bug::skips_the_intent)) return intend(attempt);
    send(attempt);
}

void Shell::cancel(Seq seq) {
    if (has(Bug::keeps_the_lease)) return;
    checker_.on_cancelled(seq);
    delivery_.on_cancelled(seq, world_.now());
    wake();
}

void Shell::intend(const transport::Attempt& attempt) {
    Retry retry;
    retry.attempts = attempt.number - 1;
    retry.first_attempt_at = retry.next_attempt_at = world_.wall_now();
    retry.intended = true;
    log_.intend(attempt.seq, retry, [self = weak_from_this(), this, attempt, retry](bool stored) {
        const auto alive = self.lock();
        if (!alive) return;
        if (stored) return send(attempt);
        Retry taken_back = retry;
        taken_back.intended = false;
        log_.retry(attempt.seq, taken_back, Mark::synced);
        cancel(attempt.seq);
    });
}

void Shell::send(const transport::Attempt& attempt) {
    far_side_.send(
        log_.event(attempt.seq),
        [self = weak_from_this(), this, attempt](const transport::AttemptResult& result) {
            if (const auto alive = self.lock()) on_result(attempt, result);
        });
}

void Shell::on_result(const transport::Attempt& attempt, const transport::AttemptResult& result) {
    const transport::Decision decision =
        delivery_.on_result(attempt.seq, result, world_.now(), world_.wall_now());
    checker_.on_result(attempt.seq, result, decision, delivery_);
    save_gates();
    settle(attempt, decision);
    wake();
}

void Shell::settle(const transport::Attempt& attempt, const transport::Decision& decision) {
    if (has(Bug::settles_before_the_answer)) return;
    const Mark how = attempt.must_be_intended ? Mark::synced : Mark::lazy;
    if (std::holds_alternative<transport::Done>(decision)) {
        checker_.on_complete(attempt.seq);
        log_.complete(attempt.seq, how);
    } else if (const auto* again = std::get_if<transport::Again>(&decision)) {
        log_.retry(attempt.seq, agent::retry_of(*again), how);
    } else {
        bury(attempt.seq, std::get<transport::Dead>(decision), how);
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
