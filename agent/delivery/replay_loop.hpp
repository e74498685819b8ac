// Delivers the entries of one destination: asks the log what is there and the policy what to do,
// sends, and tells both what came of it. It waits and carries; it decides nothing.
//
// Runs on: the delivery executor. Borrows the log, which outlives it.
#pragma once

#include "agent/config.hpp"
#include "transport/client.hpp"
#include "transport/policy/degradation.hpp"
#include "transport/policy/delivery.hpp"
#include "wal/log.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/steady_timer.hpp>

#include <array>
#include <atomic>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace holdfast::agent {

struct EndpointStatus {
    std::string name;
    std::string url;
    transport::Breaker::State breaker = transport::Breaker::State::closed;
    std::string breaker_reason;
    std::optional<WallTime> next_probe_at;

    struct Gate {
        std::string name;
        std::optional<WallTime> until;
        std::string reason;
    };

    std::vector<Gate> gates;
    std::size_t in_flight = 0;    // requests
    std::size_t concurrency = 0;  // so many at once are thought to be borne now
    double rate_share = 1;        // of the configured rate; less after 429s
    std::uint64_t attempts = 0;   // requests, since the start
    std::uint64_t delivered = 0;  // entries, since the start
    std::string last_error;
};

struct DestinationStatus {
    std::string name;
    std::string type;
    std::set<Seq> in_flight;
    std::size_t retrying = 0;
    std::vector<EndpointStatus> endpoints;
    transport::Degradation degradation;
};

class ReplayLoop {
public:
    // Errors: bad_config (a CA file), storage_failed.
    [[nodiscard]] static Result<std::unique_ptr<ReplayLoop>> create(
        boost::asio::any_io_executor executor, wal::Log& log, const DestinationConfig& config);
    ReplayLoop(const ReplayLoop&) = delete;
    ReplayLoop& operator=(const ReplayLoop&) = delete;

    // Ends after stop(), when the last attempt has ended.
    boost::asio::awaitable<void> run();

    // There may be something new to do.
    void wake();

    // What was intended is on the disk, or is not.
    void on_intended(Seq seq, bool stored);

    // The files that keys are in may have changed: those that hold another one are read again, and
    // what waits for a key is tried at once.
    void on_keys_changed();

    // The operator's level, from now on and after a restart.
    void set_level(transport::Level level);

    // No new attempts; those under way have until `deadline`, then they end with what they have.
    void stop(Instant deadline);

    [[nodiscard]] DestinationStatus status() const;

    [[nodiscard]] const std::string& name() const { return config_.name; }

    // True while a commit is of interest: there is room for more. Any thread.
    [[nodiscard]] bool wants_entries() const {
        return wants_entries_.load(std::memory_order_acquire);
    }

private:
    ReplayLoop(boost::asio::any_io_executor executor,
               wal::Log& log,
               const DestinationConfig& config);

    struct EndpointState {
        std::unique_ptr<transport::Client> client;
        std::uint64_t attempts = 0;
        std::uint64_t delivered = 0;
        std::string last_error;
    };

    void restore();
    void restore_gates();
    void restore_level();
    void save_gates();
    void degrade();
    void watch_horizon();
    void shed();
    bool read_log();  // true: there is more to read
    void add(const wal::Pending& pending);
    bool start_attempts();  // true if it started any
    boost::asio::awaitable<void> make(transport::Attempt attempt);
    [[nodiscard]] Result<std::vector<wal::Entry>> read(transport::Attempt& attempt);
    [[nodiscard]] transport::OutgoingRequest request_for(transport::Attempt& attempt,
                                                         std::vector<wal::Entry>& entries);
    boost::asio::awaitable<bool> intend(Seq seq);
    void take_back_intent(Seq seq, wal::Retry retry);
    boost::asio::awaitable<void> pause_for_log();
    void settle(const transport::Settled& settled, Operation operation, bool was_intended);
    void bury(Seq seq, const transport::Dead& dead, wal::Log::Mark how);
    EndpointState& endpoint(Operation operation);

    boost::asio::any_io_executor executor_;
    wal::Log& log_;
    DestinationConfig config_;  // its keys may be replaced
    transport::Delivery delivery_;
    std::array<EndpointState, kEndpointCount> endpoints_;
    boost::asio::steady_timer timer_;

    struct Intent {
        boost::asio::steady_timer done;
        bool stored = false;
    };

    std::map<Seq, Intent*> intents_;
    std::size_t attempts_under_way_ = 0;
    bool is_restored_ = false;
    std::uint64_t saved_version_ = 0;
    wal::Tagging tagging_;
    transport::Level level_ = transport::Level::full;  // the operator's
    transport::Degradation degradation_;
    Instant degrade_again_at_ = Instant::min();
    Instant horizon_at_ = Instant::min();     // when to look at it again
    Instant read_again_at_ = Instant::max();  // the log could not be read
    std::atomic<bool> wants_entries_ = false;
    bool woken_ = false;
    std::optional<Instant> stop_by_;
    bool cut_off_ = false;  // the deadline has passed: what is unanswered now was ended by us
};

}  // namespace holdfast::agent
