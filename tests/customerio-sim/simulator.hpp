// The far side as a whole, without its sockets: what a session asks and tells, in order, about each
// request. Runs on one thread; borrows nothing.
#pragma once

#include "tests/customerio-sim/faults.hpp"
#include "tests/customerio-sim/options.hpp"
#include "tests/customerio-sim/request_log.hpp"
#include "tests/customerio-sim/routes.hpp"
#include "tests/customerio-sim/workspace.hpp"

#include <chrono>
#include <cstdint>
#include <deque>
#include <fstream>
#include <optional>

namespace holdfast::customerio_sim {

// A request on its way through.
struct Exchange {
    std::uint64_t number = 0;
    Request request;
    Decision decision;
    Fault fault;  // does nothing unless a rule fired
};

class Simulator {
public:
    using Instant = std::chrono::steady_clock::time_point;

    explicit Simulator(const Options& options);

    // Decides, logs, and picks the fault. Nothing is applied yet.
    [[nodiscard]] Exchange arrive(Request&& request, std::uint64_t connection);

    // Applies the accepted calls, now or `--apply-delay-ms` after `now`.
    void work(Exchange& exchange, Instant now);

    // Exactly once for each exchange: before the last byte of the answer leaves, or with no status
    // when there will be none.
    void leave(const Exchange& exchange, std::optional<unsigned> status);

    // Applies what is due; says when to come again.
    [[nodiscard]] std::optional<Instant> apply_due(Instant now);

    void reset();  // all but the fault rules

    // False when `--log` was given and cannot be written.
    [[nodiscard]] bool can_log() const { return !log_file_.fail(); }

    Faults faults;
    RequestLog log;
    Workspace workspace;

private:
    struct Postponed {
        Instant due;
        std::uint64_t number;
        std::vector<Call> calls;
    };

    void apply(std::uint64_t number, const std::vector<Call>& calls);
    void limit_triggers(Decision& decision, Instant now);

    Account account_;
    std::chrono::milliseconds apply_delay_;
    std::chrono::milliseconds trigger_interval_;
    std::optional<Instant> triggered_at_;
    std::deque<Postponed> postponed_;
    std::ofstream log_file_;
};

}  // namespace holdfast::customerio_sim
