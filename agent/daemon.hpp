// The running agent: builds the parts, joins their threads, drains and stops.
//
// Threads: the caller's runs ingest and admin; one runs the delivery; the log has its committer;
// one reads the log when an operator has it checked.
// Parts that live on one thread are told of the others' news by messages, never called across.
#pragma once

#include "agent/admin/server.hpp"
#include "agent/config.hpp"
#include "agent/delivery/replay_loop.hpp"
#include "agent/file_watch.hpp"
#include "agent/ingest/server.hpp"
#include "wal/log.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/thread_pool.hpp>

#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

namespace holdfast::agent {

class Daemon final : public AdminHost {
public:
    explicit Daemon(Config config);
    ~Daemon() override;
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    // Opens the log and listens; with a full disk also while the log is not open yet. Errors:
    // bad_config, busy, storage_failed, corrupt, too_new.
    [[nodiscard]] Result<void> start();

    // Returns after SIGTERM or SIGINT, drained: what was accepted is answered, what is being
    // delivered has had its time, and the rest is in the log.
    void run();

private:
    [[nodiscard]] wal::Log& log() override { return *log_; }

    boost::asio::awaitable<AgentStatus> status() override;
    boost::asio::awaitable<std::set<Seq>> in_flight() override;
    [[nodiscard]] boost::asio::any_io_executor background() override;
    boost::asio::awaitable<std::vector<Result<Replayed>>> replay(std::vector<Seq> failed) override;
    boost::asio::awaitable<std::vector<Result<void>>> drop(std::vector<Seq> failed,
                                                           Peer peer) override;
    boost::asio::awaitable<Result<std::vector<std::string>>> set_level(std::string destination,
                                                                       transport::Level level,
                                                                       Peer peer) override;
    boost::asio::awaitable<Result<Replayed>> edit(Seq failed, std::string body, Peer peer) override;
    [[nodiscard]] Result<wal::Entry> get_to_replay(Seq failed);
    [[nodiscard]] Result<Replayed> start_replay(Seq failed);
    // Once it is in the log, or is not; one without a number was not started.
    boost::asio::awaitable<void> end_replay(Seq failed,
                                            std::uint32_t number,
                                            Result<Replayed>& result);

    [[nodiscard]] Result<void> open_log();
    [[nodiscard]] Result<void> start_delivery();
    void watch_keys();
    [[nodiscard]] Result<void> listen();
    [[nodiscard]] UlidFactory make_ulids() const;

    void on_commit(wal::Commit commit);         // the committer's thread
    void on_stored(const wal::Commit& commit);  // the ingest thread
    void wake_loops();                          // the delivery thread
    boost::asio::awaitable<std::vector<DestinationStatus>> delivery_status();  // the ingest thread
    boost::asio::awaitable<void> drain();
    boost::asio::awaitable<void> feed_watchdog();

    const Config config_;
    const WallTime started_at_;
    boost::asio::io_context ingest_io_{1};
    boost::asio::io_context delivery_io_{1};
    FileWatch key_files_;
    std::unique_ptr<wal::Log> log_;
    Directory directory_;
    std::vector<std::unique_ptr<ReplayLoop>> loops_;
    std::size_t loops_running_ = 0;  // the ingest thread's
    std::unique_ptr<IngestServer> ingest_;
    std::unique_ptr<AdminServer> admin_;
    boost::asio::signal_set signals_;
    boost::asio::steady_timer watchdog_;  // the delivery thread's
    std::atomic<bool> ingest_turned_ = false;

    // A dead letter that is being replayed or dropped.
    struct Ending {
        explicit Ending(boost::asio::io_context& io) : done(io, Instant::max()) {}

        boost::asio::steady_timer done;
        bool is_over = false;
        Result<void> stored;
    };

    [[nodiscard]] wal::Ticket next_ending();  // of ending_ under last_ending_
    boost::asio::awaitable<Result<void>> wait_for_end(std::uint32_t number);

    std::map<std::uint32_t, Ending> ending_;
    std::uint32_t last_ending_ = 0;
    customerio::Acceptor acceptor_;  // of what operators edit

    Seq seen_head_;  // the committer's
    std::atomic<bool> log_was_open_ = false;
    std::atomic<bool> wake_posted_ = false;
    std::thread delivery_thread_;
    std::optional<boost::asio::thread_pool> background_;  // one thread, from the first need on
};

}  // namespace holdfast::agent
