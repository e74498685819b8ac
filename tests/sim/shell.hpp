// Drives the policy as agent/delivery/replay_loop.cpp does, with simulated sockets, disk and time.
// One shell is one process: to crash is to drop it.
#pragma once

#include "checker.hpp"
#include "far_side.hpp"
#include "plan.hpp"
#include "sim_log.hpp"
#include "world.hpp"

#include <memory>

namespace holdfast::sim {

class Shell : public std::enable_shared_from_this<Shell> {
public:
    Shell(World& world, const Plan& plan, SimLog& log, FarSide& far_side, Checker& checker);

    void start();
    // There may be something new to do.
    void wake();
    void on_credential_changed(Endpoint endpoint);
    void set_level(transport::Level level);

    [[nodiscard]] const transport::Delivery& delivery() const { return delivery_; }

private:
    using Retry = wal::Retry;

    void run();
    void restore();
    void read_log();
    void add(const wal::Pending& pending);
    bool shed();            // true: there were any
    bool start_attempts();  // true: there were any
    void make(transport::Attempt attempt);
    void trim(transport::Attempt& attempt, std::size_t count);
    void intend(const transport::Attempt& attempt);
    void send(const transport::Attempt& attempt);
    void cancel(Seq attempt);
    void on_unreadable(Seq attempt);
    void on_result(const transport::Attempt& attempt, const transport::AttemptResult& result);
    void settle(const transport::Settled& settled);
    void bury(Seq seq, const transport::Dead& dead, SimLog::Mark how);
    void save_gates();
    void later(Duration wait, std::function<void()> then);

    [[nodiscard]] bool has(Bug bug) const { return plan_.bug == bug; }

    World& world_;
    const Plan& plan_;
    SimLog& log_;
    FarSide& far_side_;
    Checker& checker_;
    transport::Delivery delivery_;
    std::uint64_t saved_version_ = 0;
    std::uint64_t timer_ = 0;  // only the last one set counts
    bool woken_ = false;
};

}  // namespace holdfast::sim
