#include "agent/delivery/replay_loop.hpp"

#include "agent/clock.hpp"
#include "agent/delivery/log_terms.hpp"
#include "agent/delivery/outgoing.hpp"
#include "agent/delivery/saved_gates.hpp"
#include "agent/journal.hpp"
#include "proto/assert.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace holdfast::agent {
namespace {

namespace asio = boost::asio;
using namespace std::chrono_literals;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

// When the log is not open it wakes us once it is; this is for the case that it cannot.
constexpr auto kLogRetry = 1s;

// So that a long backlog of what is parked does not keep others from the thread.
constexpr int kTakesAtOnce = 16;
constexpr std::size_t kTakenAtOnce = 256;

transport::Deadlines deadlines_of(const DestinationConfig& config) {
    return {.connect = config.connect_timeout,
            .first_byte = config.answer_timeout,
            .total = config.connect_timeout + 2 * config.answer_timeout};
}

transport::DeliveryPolicy policy_of(const DestinationConfig& config) {
    transport::DeliveryPolicy policy;
    policy.backoff = {config.backoff_base, config.backoff_cap};
    policy.concurrency_max = config.concurrency;
    policy.give_up_after = config.give_up_after;
    for (const Endpoint endpoint : kEndpoints) {
        policy.serves[static_cast<std::size_t>(endpoint)] =
            config.endpoint(endpoint).key.has_value();
        transport::GatesPolicy& gates = policy.gates[static_cast<std::size_t>(endpoint)];
        gates.throttle = policy.backoff;
        const unsigned rate = std::max(config.endpoint(endpoint).rate, 1U);
        gates.rate = {.per_second = rate, .burst = rate};
        gates.breaker.open_for = config.breaker_open;
        gates.breaker.open_for_max = config.breaker_open_cap;
        // A probe is lost only when it took longer than any attempt can.
        gates.breaker.lease_for = deadlines_of(config).total + 5s;
    }
    return policy;
}

std::string saved_name(const DestinationConfig& config) {
    return "gates/" + config.name;
}

WallTime wall_at(Instant at) {
    return wall_now() + std::chrono::ceil<std::chrono::milliseconds>(at - now());
}

}  // namespace

ReplayLoop::ReplayLoop(asio::any_io_executor executor,
                       wal::Log& log,
                       const DestinationConfig& config)
    : executor_(executor),
      log_(log),
      config_(config),
      delivery_(policy_of(config)),
      timer_(executor) {}

Result<std::unique_ptr<ReplayLoop>> ReplayLoop::create(asio::any_io_executor executor,
                                                       wal::Log& log,
                                                       const DestinationConfig& config) {
    std::unique_ptr<ReplayLoop> loop(new ReplayLoop(executor, log, config));
    for (const Endpoint endpoint : kEndpoints) {
        if (!config.has(endpoint)) continue;
        transport::ClientOptions options;
        options.origin = config.endpoint(endpoint).origin;
        options.ca_file = config.ca_file;
        options.deadlines = deadlines_of(config);
        options.idle_connections_max = config.concurrency;
        auto client = transport::Client::create(executor, std::move(options));
        if (!client) return std::move(client).error().during("destination " + config.name);
        loop->endpoints_[static_cast<std::size_t>(endpoint)].client = std::move(*client);
    }
    log.add_destination(config.name);
    loop->restore_gates();
    return loop;
}

// Not while the log is closed; nothing is delivered then either.
void ReplayLoop::restore_gates() {
    const Result<std::optional<std::string>> saved = log_.load(saved_name(config_));
    gates_restored_ = saved || saved.error().code != Errc::storage_failed;
    if (!saved || !*saved) return;
    const Result<GatesSnapshot> snapshot = decode_gates(**saved);
    if (!snapshot) return journal::warning(snapshot.error().detail);
    for (const Endpoint endpoint : kEndpoints) {
        delivery_.gates(endpoint).restore(
            (*snapshot)[static_cast<std::size_t>(endpoint)], now(), wall_now());
    }
}

void ReplayLoop::save_gates() {
    std::uint64_t version = 0;
    for (const Endpoint endpoint : kEndpoints) version += delivery_.gates(endpoint).version();
    if (version == saved_version_) return;
    saved_version_ = version;
    GatesSnapshot snapshot;
    for (const Endpoint endpoint : kEndpoints) {
        snapshot[static_cast<std::size_t>(endpoint)] =
            delivery_.gates(endpoint).save(now(), wall_now());
    }
    log_.save(saved_name(config_), encode_gates(snapshot));
}

asio::awaitable<void> ReplayLoop::run() {
    while (!stop_by_) {
        woken_ = false;
        bool has_more = false;
        // What was started may make room, or leave only what waits: then there is more to read.
        do {
            has_more = read_log();
        } while (start_attempts());
        save_gates();
        if (has_more) co_await asio::post(executor_, asio::use_awaitable);
        if (has_more || woken_ || stop_by_) continue;
        timer_.expires_at(
            std::min(delivery_.wake_at(now()).value_or(Instant::max()), read_again_at_));
        co_await timer_.async_wait(kAwait);
    }
    while (attempts_under_way_ > 0) {
        timer_.expires_at(*stop_by_);
        co_await timer_.async_wait(kAwait);
        if (now() < *stop_by_) continue;
        cut_off_ = true;
        for (EndpointState& endpoint : endpoints_) {
            if (endpoint.client) endpoint.client->stop();
        }
        stop_by_ = Instant::max();  // they end at once now, each waking us
    }
    save_gates();
}

void ReplayLoop::wake() {
    woken_ = true;
    timer_.cancel();
}

void ReplayLoop::stop(Instant deadline) {
    stop_by_ = deadline;
    for (auto& [seq, intent] : intents_) intent->done.cancel();
    timer_.cancel();
}

bool ReplayLoop::read_log() {
    wants_entries_.store(true, std::memory_order_release);
    read_again_at_ = Instant::max();
    if (!gates_restored_) restore_gates();
    if (!gates_restored_) {
        read_again_at_ = now() + kLogRetry;
        return false;
    }
    for (int takes = 0; takes < kTakesAtOnce; ++takes) {
        if (delivery_.room() == 0) {
            for (const Seq seq : delivery_.park(now())) log_.park(config_.name, seq);
        }
        const std::size_t room = delivery_.room();
        if (room == 0) {
            wants_entries_.store(false, std::memory_order_release);
            return false;
        }
        const Result<wal::Taken> taken = log_.take(config_.name, std::min(room, kTakenAtOnce));
        if (!taken) {
            // A reopening wakes us; a read that failed alone does not.
            read_again_at_ = now() + kLogRetry;
            return false;
        }
        for (const wal::Pending& pending : taken->entries) add(pending);
        if (!taken->more) return false;
    }
    return true;
}

void ReplayLoop::add(const wal::Pending& pending) {
    const transport::Item item = item_of(pending, config_.backoff_cap, now(), wall_now());
    if (const auto dead = delivery_.add(item)) bury(item.seq, *dead, wal::Log::Mark::lazy);
}

bool ReplayLoop::start_attempts() {
    bool started = false;
    while (const std::optional<transport::Attempt> attempt = delivery_.next(now())) {
        started = true;
        ++attempts_under_way_;
        asio::awaitable<void> task = make(*attempt);
        asio::co_spawn(executor_, std::move(task), [this](std::exception_ptr unforeseen) {
            if (unforeseen) std::rethrow_exception(unforeseen);
            --attempts_under_way_;
            wake();
        });
    }
    return started;
}

ReplayLoop::EndpointState& ReplayLoop::endpoint(Operation operation) {
    return endpoints_[static_cast<std::size_t>(info(operation).endpoint())];
}

asio::awaitable<void> ReplayLoop::make(transport::Attempt attempt) {
    const Result<wal::Entry> entry = log_.get(attempt.seq);
    if (!entry && entry.error().code != Errc::storage_failed) {
        const transport::Dead dead =
            delivery_.on_unreadable(attempt.seq, entry.error().detail, now());
        bury(attempt.seq, dead, wal::Log::Mark::lazy);
        co_return;
    }
    bool may_send = entry.has_value();
    if (may_send && attempt.must_be_intended) may_send = co_await intend(attempt.seq);
    if (!may_send) {
        // The log is not open: the entry stays in its place.
        co_await pause_for_log();
        delivery_.on_cancelled(attempt.seq, now());
        co_return;
    }
    EndpointState& to = endpoint(attempt.operation);
    ++to.attempts;
    const transport::OutgoingRequest request = outgoing(entry->event(), config_);
    const transport::AttemptResult result = co_await to.client->send(request);
    const bool may_have_arrived =
        attempt.must_be_intended && result.phase != transport::Phase::not_sent;
    if (cut_off_ && result.phase != transport::Phase::answered && !may_have_arrived) {
        // Our own stop is no failure of the far side, nor an attempt: the entry stays as it was.
        if (attempt.must_be_intended) {
            // With the log failed the intent stays: in doubt is the safe side.
            const Result<wal::Description> now_stored = log_.describe(attempt.seq);
            if (now_stored && now_stored->retry) {
                take_back_intent(attempt.seq, *now_stored->retry);
            }
        }
        delivery_.on_cancelled(attempt.seq, now());
        co_return;
    }
    const transport::Decision decision =
        delivery_.on_result(attempt.seq, result, now(), wall_now());
    // Before the entry is settled: a crash between the two must not leave a gate shut behind an
    // entry that is gone.
    save_gates();
    settle(attempt, decision);
}

asio::awaitable<void> ReplayLoop::pause_for_log() {
    if (stop_by_) co_return;
    asio::steady_timer pause(executor_, kLogRetry);
    co_await pause.async_wait(kAwait);
}

// The record that an attempt is about to be made must be on the disk before a byte is sent: whoever
// finds it after a crash knows that the event may have arrived.
asio::awaitable<bool> ReplayLoop::intend(Seq seq) {
    if (stop_by_) co_return false;
    const Result<wal::Description> before = log_.describe(seq);
    if (!before) co_return false;
    wal::Retry retry = before->retry.value_or(wal::Retry{});
    retry.intended = true;
    Intent intent{asio::steady_timer(executor_, Instant::max())};
    intents_.emplace(seq, &intent);
    log_.intend(config_.name, seq, retry, seq.value);
    co_await intent.done.async_wait(kAwait);
    intents_.erase(seq);
    if (intent.stored && !stop_by_) co_return true;
    take_back_intent(seq, std::move(retry));
    co_return false;
}

// Nothing was sent: nobody may find the intent later and take it for an attempt.
void ReplayLoop::take_back_intent(Seq seq, wal::Retry retry) {
    retry.intended = false;
    log_.retry(config_.name, seq, retry, wal::Log::Mark::synced);
}

void ReplayLoop::on_intended(Seq seq, bool stored) {
    const auto found = intents_.find(seq);
    if (found == intents_.end()) return;
    found->second->stored = stored;
    found->second->done.cancel();
}

void ReplayLoop::settle(const transport::Attempt& attempt, const transport::Decision& decision) {
    // Where an intent was synced its outcome is too, so that the time in which a crash leaves doubt
    // is short; and a repeat that would undo what came after it should not come.
    const bool sync = attempt.must_be_intended || info(attempt.operation).erases;
    const auto how = sync ? wal::Log::Mark::synced : wal::Log::Mark::lazy;
    EndpointState& to = endpoint(attempt.operation);
    if (std::holds_alternative<transport::Done>(decision)) {
        ++to.delivered;
        log_.complete(config_.name, attempt.seq, how);
    } else if (const auto* again = std::get_if<transport::Again>(&decision)) {
        to.last_error = again->reason;
        log_.retry(config_.name, attempt.seq, retry_of(*again), how);
    } else {
        const auto& dead = std::get<transport::Dead>(decision);
        to.last_error = dead.reason;
        bury(attempt.seq, dead, how);
    }
}

void ReplayLoop::bury(Seq seq, const transport::Dead& dead, wal::Log::Mark how) {
    log_.fail(config_.name, seq, failure_of(dead, wall_now()), how);
    journal::warning(fmt::format("{}: entry {} failed after {} attempts: {}",
                                 config_.name,
                                 seq.value,
                                 dead.attempts,
                                 dead.reason));
}

DestinationStatus ReplayLoop::status() const {
    DestinationStatus status;
    status.name = config_.name;
    status.type = config_.type;
    status.in_flight = delivery_.in_flight();
    status.retrying = delivery_.retrying();
    const Instant at = now();
    for (const Endpoint which : kEndpoints) {
        if (!config_.has(which)) continue;
        const EndpointState& state = endpoints_[static_cast<std::size_t>(which)];
        const transport::Gates& gates = delivery_.gates(which);
        EndpointStatus endpoint;
        endpoint.name = to_string(which);
        endpoint.url = config_.endpoint(which).url;
        endpoint.breaker = gates.breaker().state(at);
        endpoint.breaker_reason = gates.breaker().reason();
        if (const auto next = gates.breaker().next_try_at(at))
            endpoint.next_probe_at = wall_at(*next);
        for (const transport::ClosedGate& gate : gates.closed(at)) {
            endpoint.gates.push_back(
                {std::string(to_string(gate.kind)), wall_at(gate.until), gate.reason});
        }
        endpoint.attempts = state.attempts;
        endpoint.delivered = state.delivered;
        endpoint.last_error = state.last_error;
        status.endpoints.push_back(std::move(endpoint));
    }
    return status;
}

}  // namespace holdfast::agent
