// Delivers the entries of one destination: asks the log what is there and the policy what to do,
// sends, and tells both what came of it. It waits and carries; it decides nothing.
//
// Runs on: the delivery executor. Borrows the log and the configuration, which outlive it.
#pragma once

#include "agent/config.hpp"
#include "transport/client.hpp"
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
    std::uint64_t attempts = 0;   // since the start
    std::uint64_t delivered = 0;  // since the start
    std::string last_error;
};

struct DestinationStatus {
    std::string name;
    std::string type;
    std::set<Seq> in_flight;
    std::size_t retrying = 0;
    std::vector<EndpointStatus> endpoints;
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

    // No new attempts; those under way have until `deadline`, then they end with what they have.
    void stop(Instant deadline);

    [[nodiscard]] DestinationStatus status() const;

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

    void restore_gates();
    void save_gates();
    bool read_log();  // true: there is more to read
    void add(const wal::Pending& pending);
    bool start_attempts();  // true if it started any
    boost::asio::awaitable<void> make(transport::Attempt attempt);
    boost::asio::awaitable<bool> intend(Seq seq);
    void take_back_intent(Seq seq, wal::Retry retry);
    boost::asio::awaitable<void> pause_for_log();
    void settle(const transport::Attempt& attempt, const transport::Decision& decision);
    void bury(Seq seq, const transport::Dead& dead, wal::Log::Mark how);
    EndpointState& endpoint(Operation operation);

    boost::asio::any_io_executor executor_;
    wal::Log& log_;
    const DestinationConfig& config_;
    transport::Delivery delivery_;
    std::array<EndpointState, kEndpointCount> endpoints_;
    boost::asio::steady_timer timer_;

    struct Intent {
        boost::asio::steady_timer done;
        bool stored = false;
    };

    std::map<Seq, Intent*> intents_;
    std::size_t attempts_under_way_ = 0;
    bool gates_restored_ = false;
    std::uint64_t saved_version_ = 0;
    Instant read_again_at_ = Instant::max();  // the log could not be read
    std::atomic<bool> wants_entries_ = false;
    bool woken_ = false;
    std::optional<Instant> stop_by_;
    bool cut_off_ = false;  // the deadline has passed: what is unanswered now was ended by us
};

}  // namespace holdfast::agent
