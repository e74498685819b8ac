// One measurement: a warm-up that is forgotten, then the window that counts.
#pragma once

#include "tests/bench/histogram.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace holdfast::bench {

using Clock = std::chrono::steady_clock;

struct Plan {
    std::chrono::duration<double> warm_up;
    std::chrono::duration<double> window;
    pid_t server = 0;  // whose CPU time is shown; 0 for none
};

// Used by one thread.
class Recorder {
public:
    // The warm-up begins now.
    explicit Recorder(const Plan& plan);

    void ack(Clock::time_point asked, Clock::time_point now) {
        latency_.record(static_cast<std::uint64_t>((now - asked).count()));
    }

    void error() { ++errors_; }  // counts in the warm-up too

    // Call it between answers; true once the window is over.
    [[nodiscard]] bool over(Clock::time_point now) {
        if (now >= begin_ && !counting_) start_counting(now);
        return now >= end_;
    }

    [[nodiscard]] std::uint64_t errors() const { return errors_; }

    // One line of JSON about the window, which ended at `now`; `load` names what was measured
    // and its size as JSON members.
    [[nodiscard]] std::string report(const std::string& load, Clock::time_point now) const;

    // How many answers took how long, a line for each step.
    [[nodiscard]] std::string histogram() const;

private:
    void start_counting(Clock::time_point now);

    Clock::time_point begin_;
    Clock::time_point end_;
    pid_t server_;
    bool counting_ = false;
    double own_cpu_ = 0;     // seconds, when the window began
    double server_cpu_ = 0;  // likewise
    Histogram latency_;
    std::uint64_t errors_ = 0;
};

}  // namespace holdfast::bench
