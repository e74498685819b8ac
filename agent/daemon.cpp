#include "agent/daemon.hpp"

#include "agent/admin/answers.hpp"
#include "agent/admin/edit.hpp"
#include "agent/clock.hpp"
#include "agent/journal.hpp"
#include "agent/service_manager.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>
#include <pthread.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <random>
#include <utility>

namespace holdfast::agent {
namespace {

namespace asio = boost::asio;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

// How often a drain looks whether it is done.
constexpr std::chrono::milliseconds kDrainStep{5};

bool is_overloaded(const Result<AdminHost::Replayed>& result) {
    return !result && result.error().code == Errc::overloaded;
}

std::string text_of(const Peer& peer) {
    return peer.uid == Peer::kUnknown ? std::string("somebody") : "uid " + std::to_string(peer.uid);
}

// The first of them by name.
std::string text_of_dropped(const std::vector<Seq>& dropped, const Peer& peer) {
    constexpr std::size_t kNamed = 20;
    std::string line = fmt::format("{} dropped {} dead letters:", text_of(peer), dropped.size());
    for (std::size_t i = 0; i < std::min(kNamed, dropped.size()); ++i) {
        line += fmt::format("{} {}", i == 0 ? "" : ",", dropped[i].value);
    }
    return line + (dropped.size() > kNamed ? ", …" : "");
}

Directory make_directory(const Config& config) {
    std::vector<Directory::Destination> destinations;
    for (const DestinationConfig& one : config.destinations) {
        destinations.push_back({.name = one.name,
                                .site_id = one.site_id,
                                .takes_app_calls = one.serves(Endpoint::app)});
        if (one.serves(Endpoint::http)) destinations.back().request = one.http.operation;
    }
    return Directory(std::move(destinations));
}

// The log, the other sockets and what the libraries keep open.
constexpr std::uint64_t kOtherDescriptors = wal::kOpenFilesMax + 64;

// Running out of descriptors fails the log: so they are counted before the start.
Result<void> ensure_descriptors(const Config& config) {
    std::uint64_t wanted = config.ingest.connections_max + kOtherDescriptors;
    for (const DestinationConfig& one : config.destinations) {
        for (const Endpoint endpoint : kEndpoints) {
            if (!one.has(endpoint)) continue;
            wanted += std::uint64_t{2} * one.concurrency;  // in use, and being opened
        }
    }
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return {};
    if (limit.rlim_cur < wanted) {
        limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, wanted);
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (limit.rlim_cur >= wanted) return {};
    return Error{Errc::bad_config,
                 fmt::format("ingest.connections_max = {} needs {} open files in all, and this "
                             "process may have {} (ulimit -n, LimitNOFILE)",
                             config.ingest.connections_max,
                             wanted,
                             limit.rlim_max)};
}

void rethrow(std::exception_ptr unforeseen) {
    if (unforeseen) std::rethrow_exception(unforeseen);
}

}  // namespace

Daemon::Daemon(Config config)
    : config_(std::move(config)),
      started_at_(wall_now()),
      key_files_(delivery_io_.get_executor(),
                 [this] {
                     for (const auto& loop : loops_) loop->on_keys_changed();
                 }),
      directory_(make_directory(config_)),
      signals_(ingest_io_),
      watchdog_(delivery_io_) {}

Daemon::~Daemon() {
    delivery_io_.stop();
    if (delivery_thread_.joinable()) delivery_thread_.join();
    if (log_) log_->close();
}

Result<void> Daemon::start() {
    for (const std::string& warning : config_.warnings) journal::warning(warning);
    if (Result<void> enough = ensure_descriptors(config_); !enough) return enough;
    boost::system::error_code ec;
    signals_.add(SIGTERM, ec);
    signals_.add(SIGINT, ec);
    if (Result<void> opened = open_log(); !opened) return opened;
    if (Result<void> started = start_delivery(); !started) return started;
    return listen();
}

Result<void> Daemon::open_log() {
    wal::LogOptions options;
    options.directory = config_.wal.directory;
    options.history = config_.wal.history;
    options.history_bytes = config_.wal.history_bytes;
    options.durability = config_.wal.durability;
    options.on_corruption = config_.wal.on_corruption;
    options.idempotency_window = config_.ingest.idempotency_window;
    options.max_bytes = config_.wal.max_bytes.value_or(0);
    options.min_free = config_.wal.min_free;
    options.on_commit = [this](wal::Commit commit) { on_commit(std::move(commit)); };
    options.note = [](const std::string& line) { journal::warning(line); };
    options.wall_now = wall_now;
    auto log = wal::Log::open(std::move(options));
    if (!log) return log.error();
    log_ = std::move(*log);
    if (log_->health().ok) log_was_open_ = true;
    return {};
}

Result<void> Daemon::start_delivery() {
    for (const DestinationConfig& destination : config_.destinations) {
        auto loop = ReplayLoop::create(delivery_io_.get_executor(), *log_, destination);
        if (!loop) return loop.error();
        loops_.push_back(std::move(*loop));
    }
    watch_keys();
    for (const auto& loop : loops_) {
        ++loops_running_;
        asio::awaitable<void> task = loop->run();
        asio::co_spawn(delivery_io_, std::move(task), [this](std::exception_ptr unforeseen) {
            rethrow(unforeseen);
            asio::post(ingest_io_, [this] { --loops_running_; });
        });
    }
    return {};
}

// Without a watch a new key counts from the next start.
void Daemon::watch_keys() {
    for (const DestinationConfig& destination : config_.destinations) {
        for (const EndpointConfig& endpoint : destination.endpoints) {
            if (!endpoint.key || endpoint.key_place.path.empty()) continue;
            const Result<void> watched = key_files_.add(endpoint.key_place.path);
            if (!watched) journal::warning(watched.error().detail);
        }
    }
}

UlidFactory Daemon::make_ulids() const {
    std::random_device entropy;
    UlidFactory ulids(std::uint64_t{entropy()} << 32U | entropy());
    if (const auto newest = log_->newest_id()) ulids.continue_after(*newest);
    return ulids;
}

Result<void> Daemon::listen() {
    const asio::any_io_executor executor = ingest_io_.get_executor();
    ingest_ = std::make_unique<IngestServer>(
        executor, *log_, directory_, make_ulids(), IngestLimits{config_.ingest.connections_max});
    admin_ = std::make_unique<AdminServer>(executor, *this);
    const std::map<std::string, int> sockets = service_manager::take_sockets();
    const auto passed = [&](const char* name) {
        const auto found = sockets.find(name);
        return found == sockets.end() ? std::optional<int>() : found->second;
    };
    if (const auto socket = passed("ingest")) {
        if (Result<void> taken = ingest_->adopt_unix(*socket); !taken) return taken;
    } else if (Result<void> listening =
                   ingest_->listen_unix(config_.ingest.socket, config_.ingest.socket_mode);
               !listening) {
        return listening;
    }
    if (config_.ingest.http) {
        if (Result<void> listening = ingest_->listen_tcp(*config_.ingest.http); !listening) {
            return listening;
        }
    }
    if (const auto socket = passed("admin")) return admin_->adopt_unix(*socket);
    return admin_->listen_unix(config_.admin.socket);
}

void Daemon::run() {
    auto work = asio::make_work_guard(delivery_io_);
    delivery_thread_ = std::thread([this] {
        ::pthread_setname_np(::pthread_self(), "delivery");
        delivery_io_.run();
    });
    asio::awaitable<void> draining = drain();
    asio::co_spawn(ingest_io_, std::move(draining), rethrow);
    asio::awaitable<void> watching = feed_watchdog();
    asio::co_spawn(delivery_io_, std::move(watching), rethrow);
    const std::string where = log_was_open_ ? fmt::format("at entry {}", log_->health().head.value)
                                            : std::string("is not open yet");
    journal::info(fmt::format("ready: apps on {}, operators on {}, log in {} {}",
                              config_.ingest.socket,
                              config_.admin.socket,
                              config_.wal.directory,
                              where));
    service_manager::notify("READY=1");
    ingest_io_.run();
    work.reset();
    delivery_io_.stop();
    delivery_thread_.join();
    if (background_) background_->join();
    log_->close();
    journal::info("stopped");
}

// Decides nothing: each part knows what a commit means to it.
void Daemon::on_commit(wal::Commit commit) {
    const bool has_news = commit.reopened || commit.head > seen_head_;
    seen_head_ = commit.head;
    if (!commit.intended.empty()) {
        asio::post(delivery_io_, [this, intended = commit.intended, stored = !commit.error] {
            for (const wal::Stored& one : intended) {
                for (const auto& loop : loops_) loop->on_intended(one.seq, stored);
            }
        });
    }
    const bool wanted = std::any_of(
        loops_.begin(), loops_.end(), [](const auto& loop) { return loop->wants_entries(); });
    if (has_news && wanted && !wake_posted_.exchange(true)) {
        asio::post(delivery_io_, [this] { wake_loops(); });
    }
    if (commit.reopened) {
        log_was_open_ = true;
        // It may be open for the first time.
        asio::post(ingest_io_, [this] {
            if (const auto newest = log_->newest_id()) ingest_->continue_ids_after(*newest);
        });
    }
    if (!commit.appended.empty() || !commit.dropped.empty()) {
        asio::post(ingest_io_, [this, commit = std::move(commit)] { on_stored(commit); });
    }
}

void Daemon::wake_loops() {
    wake_posted_.store(false);
    for (const auto& loop : loops_) loop->wake();
}

void Daemon::on_stored(const wal::Commit& commit) {
    ingest_->on_commit(commit);
    for (const auto* all : {&commit.appended, &commit.dropped}) {
        for (const wal::Stored& one : *all) {
            if (one.ticket >> 32U != IngestServer::kNoSession) continue;
            const auto found = ending_.find(static_cast<std::uint32_t>(one.ticket));
            if (found == ending_.end()) continue;
            if (commit.error) found->second.stored = *commit.error;
            found->second.is_over = true;
            found->second.done.cancel();
        }
    }
}

Result<wal::Entry> Daemon::get_to_replay(Seq failed) {
    Result<wal::Entry> old = log_->get(failed);
    if (!old) return old.error();
    const bool configured = std::any_of(
        config_.destinations.begin(), config_.destinations.end(), [&](const auto& destination) {
            return destination.name == old->event().destination;
        });
    if (configured) return old;
    return Error{
        Errc::bad_input,
        "its destination " + std::string(old->event().destination) + " is not configured any more"};
}

wal::Ticket Daemon::next_ending() {
    ending_.try_emplace(++last_ending_, ingest_io_);
    return wal::Ticket{IngestServer::kNoSession} << 32U | last_ending_;
}

asio::awaitable<Result<void>> Daemon::wait_for_end(std::uint32_t number) {
    Ending& ending = ending_.at(number);
    if (!ending.is_over) co_await ending.done.async_wait(kAwait);
    Result<void> stored = std::move(ending.stored);
    ending_.erase(number);
    co_return stored;
}

Result<AdminHost::Replayed> Daemon::start_replay(Seq failed) {
    const Result<wal::Entry> old = get_to_replay(failed);
    if (!old) return old.error();
    const WallTime at = wall_now();
    const Ulid id = ingest_->make_id(at);
    const Result<Seq> seq = log_->replay(failed, id, at, next_ending());
    if (seq) return Replayed{*seq, id};
    ending_.erase(last_ending_);
    return seq.error();
}

asio::awaitable<std::vector<Result<AdminHost::Replayed>>> Daemon::replay(std::vector<Seq> failed) {
    std::vector<Result<Replayed>> results;
    std::vector<std::uint32_t> numbers;  // of those that were started, by result; 0: it was not
    std::size_t ended = 0;               // so many of them
    for (const Seq seq : failed) {
        results.push_back(start_replay(seq));
        // What the log has still to write of these is what is in the way.
        while (is_overloaded(results.back()) && ended < numbers.size()) {
            co_await end_replay(failed[ended], numbers[ended], results[ended]);
            ++ended;
            results.back() = start_replay(seq);
        }
        numbers.push_back(results.back() ? last_ending_ : 0);
    }
    for (; ended < numbers.size(); ++ended) {
        co_await end_replay(failed[ended], numbers[ended], results[ended]);
    }
    co_return results;
}

asio::awaitable<void> Daemon::end_replay(Seq failed,
                                         std::uint32_t number,
                                         Result<Replayed>& result) {
    if (number == 0) co_return;
    const Result<void> stored = co_await wait_for_end(number);
    if (stored) {
        journal::info(fmt::format("entry {} is replayed as {}", failed.value, result->seq.value));
    } else {
        result = stored.error();
    }
}

// The log reads to drop: that is done aside.
asio::awaitable<std::vector<Result<void>>> Daemon::drop(std::vector<Seq> failed, Peer peer) {
    std::vector<wal::Ticket> tickets;
    for (std::size_t i = 0; i < failed.size(); ++i) tickets.push_back(next_ending());
    const auto start = [this, failed, tickets] {
        std::vector<Result<void>> started;
        for (std::size_t i = 0; i < failed.size(); ++i) {
            started.push_back(log_->drop(failed[i], wall_now(), tickets[i]));
        }
        return started;
    };
    std::vector<Result<void>> results = co_await aside(*this, start);
    std::vector<Seq> dropped;
    for (std::size_t i = 0; i < failed.size(); ++i) {
        const auto number = static_cast<std::uint32_t>(tickets[i]);
        if (results[i]) {
            results[i] = co_await wait_for_end(number);
        } else {
            ending_.erase(number);
        }
        if (results[i]) dropped.push_back(failed[i]);
    }
    if (!dropped.empty()) journal::info(text_of_dropped(dropped, peer));
    co_return results;
}

asio::awaitable<Result<AdminHost::Replayed>> Daemon::edit(Seq failed, std::string body, Peer peer) {
    const Result<wal::Entry> old = get_to_replay(failed);
    if (!old) co_return old.error();
    const WallTime at = wall_now();
    const Ulid id = ingest_->make_id(at);
    const Result<Event> edited = with_body(acceptor_, old->event(), body, id, at);
    if (!edited) co_return edited.error();
    const Result<Seq> seq = log_->replace(failed, *edited, next_ending());
    const std::uint32_t number = last_ending_;
    if (!seq) {
        ending_.erase(number);
        co_return seq.error();
    }
    const Result<void> stored = co_await wait_for_end(number);
    if (!stored) co_return stored.error();
    journal::info(fmt::format(
        "entry {} is edited by {} and replayed as {}", failed.value, text_of(peer), seq->value));
    co_return Replayed{*seq, id};
}

asio::awaitable<std::vector<DestinationStatus>> Daemon::delivery_status() {
    auto ask = [this]() -> asio::awaitable<std::vector<DestinationStatus>> {
        std::vector<DestinationStatus> all;
        for (const auto& loop : loops_) all.push_back(loop->status());
        co_return all;
    };
    asio::awaitable<std::vector<DestinationStatus>> asked = ask();
    std::vector<DestinationStatus> all =
        co_await asio::co_spawn(delivery_io_, std::move(asked), asio::use_awaitable);
    co_return all;
}

asio::awaitable<AgentStatus> Daemon::status() {
    AgentStatus status;
    status.pid = ::getpid();
    status.started_at = started_at_;
    const bool was_open = log_was_open_;  // before it is looked at: it may open in between
    status.log = log_->health();
    status.is_log_known = was_open || status.log.ok;
    status.space = log_->space();
    status.directory = config_.wal.directory;
    status.durability = config_.wal.durability;
    const IngestContext& ingest = ingest_->context();
    status.ingest = {ingest_->connections(),
                     ingest.acknowledged,
                     ingest.repeated,
                     ingest.refused,
                     ingest.failed};
    std::vector<DestinationStatus> delivery = co_await delivery_status();
    for (const std::string& name : log_->destinations()) {
        AgentStatus::Destination destination;
        destination.name = name;
        destination.counts = log_->counts(name);
        destination.oldest_pending_at = log_->oldest_pending_at(name);
        const auto found = std::find_if(
            delivery.begin(), delivery.end(), [&](const auto& one) { return one.name == name; });
        if (found != delivery.end()) destination.delivery = std::move(*found);
        status.destinations.push_back(std::move(destination));
    }
    co_return status;
}

asio::awaitable<std::set<Seq>> Daemon::in_flight() {
    std::vector<DestinationStatus> delivery = co_await delivery_status();
    std::set<Seq> all;
    for (DestinationStatus& one : delivery) all.merge(one.in_flight);
    co_return all;
}

asio::awaitable<Result<std::vector<std::string>>> Daemon::set_level(std::string destination,
                                                                    transport::Level level,
                                                                    Peer peer) {
    using Names = Result<std::vector<std::string>>;
    auto set = [this, &destination, level]() -> asio::awaitable<std::vector<std::string>> {
        std::vector<std::string> names;
        for (const auto& loop : loops_) {
            if (!destination.empty() && loop->name() != destination) continue;
            loop->set_level(level);
            names.push_back(loop->name());
        }
        co_return names;
    };
    asio::awaitable<std::vector<std::string>> setting = set();
    std::vector<std::string> names =
        co_await asio::co_spawn(delivery_io_, std::move(setting), asio::use_awaitable);
    if (names.empty()) {
        co_return Names(
            Error{Errc::not_found, "no destination \"" + destination + "\" is configured"});
    }
    journal::info(fmt::format("{} chose level {} for {}",
                              text_of(peer),
                              transport::to_string(level),
                              destination.empty() ? "all destinations" : destination));
    co_return Names(std::move(names));
}

asio::any_io_executor Daemon::background() {
    if (!background_) background_.emplace(1);
    return background_->get_executor();
}

asio::awaitable<void> Daemon::drain() {
    const auto [ec, signal] = co_await signals_.async_wait(kAwait);
    if (ec) co_return;
    journal::info(signal == SIGTERM ? "SIGTERM: draining" : "SIGINT: draining");
    service_manager::notify("STOPPING=1");
    const Instant deadline = now() + config_.agent.drain_timeout;
    asio::steady_timer step(ingest_io_);
    ingest_->stop();
    asio::post(delivery_io_, [this, deadline] {
        for (const auto& loop : loops_) loop->stop(deadline);
    });
    // Attempts that are cut off at the deadline end at once; the loops then end by themselves.
    while (loops_running_ > 0 || (ingest_->has_answers_outstanding() && now() < deadline)) {
        step.expires_after(kDrainStep);
        co_await step.async_wait(kAwait);
    }
    asio::post(delivery_io_, [this] {
        watchdog_.cancel();
        key_files_.stop();
    });
    admin_->close();
    ingest_->close();
    ingest_io_.stop();
}

// On the delivery thread. Says that the agent lives only when both threads turn. A disk that takes
// its time is no reason to be killed: neither is the committer asked, nor the ingest thread while
// it does the committer's work.
asio::awaitable<void> Daemon::feed_watchdog() {
    const auto interval = service_manager::watchdog_interval();
    if (!interval) co_return;
    bool is_asked = false;
    for (;;) {
        watchdog_.expires_after(*interval / 3);
        const auto [cancelled] = co_await watchdog_.async_wait(kAwait);
        if (cancelled) co_return;
        if (!is_asked || ingest_turned_.exchange(false)) {
            is_asked = true;
            asio::post(ingest_io_, [this] { ingest_turned_ = true; });
        } else if (!log_->is_writing_here()) {
            continue;
        }
        service_manager::notify("WATCHDOG=1");
    }
}

}  // namespace holdfast::agent
