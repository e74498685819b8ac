#include "agent/delivery/replay_loop.hpp"

#include "agent/clock.hpp"
#include "agent/delivery/horizon.hpp"
#include "agent/delivery/log_terms.hpp"
#include "agent/delivery/outgoing.hpp"
#include "agent/delivery/saved_gates.hpp"
#include "agent/delivery/shared_request.hpp"
#include "agent/delivery/traits.hpp"
#include "agent/journal.hpp"
#include "agent/text.hpp"
#include "proto/assert.hpp"
#include "proto/customerio/v2_batch.hpp"

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

// How often the level is looked at while entries go.
constexpr auto kDegradeEvery = 1s;

// Entries held: enough for each request under way and for the next one.
constexpr std::size_t kWindowMin = 4096;
constexpr std::size_t kRequestsPerPlace = 2;

transport::Deadlines deadlines_of(const DestinationConfig& config) {
    return {.connect = config.connect_timeout,
            .first_byte = config.answer_timeout,
            .total = config.attempt_max()};
}

transport::DeliveryPolicy policy_of(const DestinationConfig& config) {
    transport::DeliveryPolicy policy;
    policy.backoff = {config.backoff_base, config.backoff_cap};
    policy.kinds = config.policy.kinds;
    policy.share = config.policy.share;
    policy.give_up_after = config.give_up_after;
    policy.give_up_attempts = config.policy.give_up_attempts;
    policy.retries_ambiguous = config.policy.retries_ambiguous;
    if (config.policy.shares_requests) {
        policy.window_max = std::max(
            kWindowMin, kRequestsPerPlace * config.concurrency * config.policy.share.count_max);
    }
    for (const Endpoint endpoint : kEndpoints) {
        policy.serves[static_cast<std::size_t>(endpoint)] = config.serves(endpoint);
        transport::GatesPolicy& gates = policy.gates[static_cast<std::size_t>(endpoint)];
        gates.throttle = policy.backoff;
        const unsigned rate = std::max(config.endpoint(endpoint).rate, 1U);
        gates.rate = {.count = rate, .per = 1s, .burst = rate};
        gates.concurrency = {.max = config.concurrency, .is_adaptive = config.policy.is_adaptive};
        gates.retry_after_max = config.policy.retry_after_cap;
        gates.auth_probe_every = config.policy.auth_probe_every;
        gates.breaker = config.policy.breaker;
        gates.breaker.open_for = config.breaker_open;
        gates.breaker.open_for_max = config.breaker_open_cap;
        // A probe is lost only when it took longer than any attempt can.
        gates.breaker.lease_for = deadlines_of(config).total + 5s;
    }
    return policy;
}

std::string gates_name(const DestinationConfig& config) {
    return "gates/" + config.name;
}

std::string level_name(const DestinationConfig& config) {
    return "level/" + config.name;
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
      timer_(executor),
      tagging_([this](const Event& event) { return to_tag(traits_of(event, config_.policy)); }) {}

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
    loop->restore();
    return loop;
}

// Not while the log is closed; nothing is delivered then either.
void ReplayLoop::restore() {
    is_restored_ = true;
    restore_gates();
    restore_level();
}

void ReplayLoop::restore_gates() {
    const Result<std::optional<std::string>> saved = log_.load(gates_name(config_));
    if (!saved && saved.error().code == Errc::storage_failed) is_restored_ = false;
    if (!saved || !*saved) return;
    const Result<GatesSnapshot> snapshot = decode_gates(**saved);
    if (!snapshot) return journal::warning(snapshot.error().detail);
    for (const Endpoint endpoint : kEndpoints) {
        delivery_.gates(endpoint).restore(
            (*snapshot)[static_cast<std::size_t>(endpoint)], now(), wall_now());
    }
}

void ReplayLoop::restore_level() {
    const Result<std::optional<std::string>> saved = log_.load(level_name(config_));
    if (!saved && saved.error().code == Errc::storage_failed) is_restored_ = false;
    if (!saved || !*saved) return;
    const std::optional<transport::Level> level = transport::parse_level(**saved);
    if (!level) return journal::warning(config_.name + ": the saved level is unreadable");
    level_ = *level;
}

void ReplayLoop::on_keys_changed() {
    for (const Endpoint which : kEndpoints) {
        EndpointConfig& endpoint = config_.endpoint(which);
        if (!endpoint.key) continue;
        Result<SecretFile> file = read_secret(endpoint.key_place.path, endpoint.key_place.form);
        // Perhaps it is just being written: then there is another change to come.
        if (!file || file->secret == *endpoint.key) continue;
        endpoint.key = std::move(file->secret);
        delivery_.on_credential_changed(which);
        journal::info(fmt::format("{}: {} has another key from {}",
                                  config_.name,
                                  to_string(which),
                                  endpoint.key_place.path));
    }
    wake();
}

void ReplayLoop::set_level(transport::Level level) {
    level_ = level;
    log_.save(level_name(config_), std::string(transport::to_string(level)));
    degrade_again_at_ = Instant::min();
    wake();
}

void ReplayLoop::degrade() {
    if (now() < degrade_again_at_) return;
    degrade_again_at_ = now() + kDegradeEvery;
    const std::optional<WallTime> oldest_at = log_.oldest_pending_at(config_.name);
    std::optional<Duration> oldest;
    if (oldest_at) oldest = std::max<Duration>(wall_now() - *oldest_at, 0s);
    const bool is_tight = log_.space_level() != wal::SpaceLevel::ok;
    const transport::Degradation before = std::exchange(
        degradation_,
        transport::degrade(config_.policy.degradation, level_, is_tight, oldest, degradation_));
    delivery_.set_level(degradation_.level);
    delivery_.set_essential_first(degradation_.essential_first);
    if (before.reason == degradation_.reason) return;
    journal::info(fmt::format(
        "{}: {}",
        config_.name,
        degradation_.reason.empty() ? "everything is sent as it came" : degradation_.reason));
}

// Only what the vendor's campaigns are started by has a horizon.
void ReplayLoop::watch_horizon() {
    if (!config_.has(Endpoint::track) || now() < horizon_at_) return;
    const HorizonCheck check = check_horizon(log_.oldest_pending_at(config_.name), wall_now());
    horizon_at_ = check.next_in ? now() + *check.next_in : now() + kHorizonEvery;
    if (!check.is_close) return;
    const WallTime before = wall_now() - std::chrono::duration_cast<WallTime::duration>(
                                             kCampaignHorizon - kHorizonNotice);
    const std::size_t events = delivery_.events_before(before);
    if (events == 0) return;
    journal::warning(
        fmt::format("{}: {} events have waited for more than 60 h; from {} on they cross the "
                    "72-hour horizon one after the other: they will still be delivered, but start "
                    "no campaigns any more",
                    config_.name,
                    events,
                    rfc3339(check.deadline)));
}

void ReplayLoop::shed() {
    for (const transport::Settled& one : delivery_.shed(now())) {
        log_.fail(config_.name,
                  one.seq,
                  failure_of(std::get<transport::Dead>(one.decision), wall_now()),
                  wal::Log::Mark::lazy);
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
    log_.save(gates_name(config_), encode_gates(snapshot));
}

asio::awaitable<void> ReplayLoop::run() {
    while (!stop_by_) {
        woken_ = false;
        bool has_more = false;
        degrade();
        // What was started may make room, or leave only what waits: then there is more to read.
        do {
            has_more = read_log();
            shed();
        } while (start_attempts());
        save_gates();
        watch_horizon();
        if (has_more) co_await asio::post(executor_, asio::use_awaitable);
        if (has_more || woken_ || stop_by_) continue;
        timer_.expires_at(std::min({delivery_.wake_at(now()).value_or(Instant::max()),
                                    read_again_at_,
                                    delivery_.held() > 0 ? horizon_at_ : Instant::max()}));
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
    if (!is_restored_) restore();
    if (!is_restored_) {
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
            delivery_.on_read(true);
            return false;
        }
        const Result<wal::Taken> taken =
            log_.take(config_.name, std::min(room, kTakenAtOnce), tagging_);
        if (!taken) {
            // A reopening wakes us; a read that failed alone does not.
            read_again_at_ = now() + kLogRetry;
            return false;
        }
        for (const wal::Pending& pending : taken->entries) add(pending);
        delivery_.on_read(taken->more);
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

// All of the attempt's entries. One that cannot be read takes itself and those behind it out of it.
// Errors: storage_failed (the log is not open); any other is of an attempt of one entry.
Result<std::vector<wal::Entry>> ReplayLoop::read(transport::Attempt& attempt) {
    std::vector<wal::Entry> entries;
    for (std::size_t i = 0; i < attempt.seqs.size(); ++i) {
        Result<wal::Entry> entry = log_.get(attempt.seqs[i]);
        if (entry) {
            entries.push_back(std::move(*entry));
            continue;
        }
        const bool is_alone = attempt.seqs.size() == 1;
        if (is_alone || entry.error().code == Errc::storage_failed) return entry.error();
        delivery_.trim(attempt, i, now());
        if (i == 0) return entry.error();
    }
    return entries;
}

// One that has no form for a shared request takes itself and those behind it out of the attempt.
transport::OutgoingRequest ReplayLoop::request_for(transport::Attempt& attempt,
                                                   std::vector<wal::Entry>& entries) {
    customerio::Packer packer;
    for (std::size_t i = 0; attempt.seqs.size() > 1 && i < entries.size(); ++i) {
        const std::optional<std::string> operation =
            operation_text(entries[i].event(), config_.policy.identifiers);
        if (!operation || !packer.add(*operation)) delivery_.trim(attempt, i, now());
    }
    entries.erase(entries.begin() + static_cast<std::ptrdiff_t>(attempt.seqs.size()),
                  entries.end());
    if (entries.size() == 1)
        return outgoing(entries.front().event(), config_, attempt.number, wall_now());
    return shared_request(std::string(packer.body()), config_);
}

asio::awaitable<void> ReplayLoop::make(transport::Attempt attempt) {
    Result<std::vector<wal::Entry>> entries = read(attempt);
    if (!entries && entries.error().code != Errc::storage_failed) {
        const transport::Dead dead =
            delivery_.on_unreadable(attempt.seq(), entries.error().detail, now());
        bury(attempt.seq(), dead, wal::Log::Mark::lazy);
        co_return;
    }
    bool may_send = entries.has_value();
    if (may_send && attempt.must_be_intended) may_send = co_await intend(attempt.seq());
    if (!may_send) {
        // The log is not open: the entry stays in its place.
        co_await pause_for_log();
        delivery_.on_cancelled(attempt.seq(), now());
        co_return;
    }
    EndpointState& to = endpoint(attempt.operation);
    ++to.attempts;
    const transport::OutgoingRequest request = request_for(attempt, *entries);
    transport::AttemptResult result;
    // Without one the destination was of another type when it took the entry.
    result.error = "the destination is not of the type that this entry is for";
    if (to.client) result = co_await to.client->send(request);
    const bool may_have_arrived =
        attempt.must_be_intended && result.phase != transport::Phase::not_sent;
    if (cut_off_ && result.phase != transport::Phase::answered && !may_have_arrived) {
        // Our own stop is no failure of the far side, nor an attempt: the entry stays as it was.
        if (attempt.must_be_intended) {
            // With the log failed the intent stays: in doubt is the safe side.
            const Result<wal::Description> now_stored = log_.describe(attempt.seq());
            if (now_stored && now_stored->retry) {
                take_back_intent(attempt.seq(), *now_stored->retry);
            }
        }
        delivery_.on_cancelled(attempt.seq(), now());
        co_return;
    }
    if (attempt.seqs.size() > 1) read_rejections(result, attempt.seqs.size());
    const std::vector<transport::Settled> settled =
        delivery_.on_result(attempt.seq(), result, now(), wall_now());
    // Before the entries are settled: a crash between the two must not leave a gate shut behind an
    // entry that is gone.
    save_gates();
    for (std::size_t i = 0; i < settled.size(); ++i) {
        settle(settled[i], (*entries)[i].event().operation, attempt.must_be_intended);
    }
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

void ReplayLoop::settle(const transport::Settled& settled, Operation operation, bool was_intended) {
    // Where an intent was synced its outcome is too, so that the time in which a crash leaves doubt
    // is short; and a repeat that would undo what came after it should not come.
    const bool sync = was_intended || info(operation).erases;
    const auto how = sync ? wal::Log::Mark::synced : wal::Log::Mark::lazy;
    EndpointState& to = endpoint(operation);
    if (std::holds_alternative<transport::Done>(settled.decision)) {
        ++to.delivered;
        log_.complete(config_.name, settled.seq, how);
    } else if (const auto* again = std::get_if<transport::Again>(&settled.decision)) {
        to.last_error = again->reason;
        log_.retry(config_.name, settled.seq, retry_of(*again), how);
    } else {
        const auto& dead = std::get<transport::Dead>(settled.decision);
        to.last_error = dead.reason;
        bury(settled.seq, dead, how);
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
    status.degradation = degradation_;
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
        endpoint.in_flight = gates.in_flight();
        endpoint.concurrency = gates.concurrency();
        endpoint.rate_share =
            static_cast<double>(gates.rate_factor()) / transport::RateFactor::kWhole;
        endpoint.attempts = state.attempts;
        endpoint.delivered = state.delivered;
        endpoint.last_error = state.last_error;
        status.endpoints.push_back(std::move(endpoint));
    }
    return status;
}

}  // namespace holdfast::agent
