// How fast an agent delivers a backlog, by its own status.
#pragma once

#include "tests/bench/recorder.hpp"

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::bench {

// Which part of a drain counts: all but its first tenth, or so much of that as fits in `longest`.
class DrainWindow {
public:
    DrainWindow(std::uint64_t events, Clock::duration longest)
        : events_(events), longest_(longest) {}

    enum class Step { warming_up, begun, counting, over };

    // `delivered` never gets less from call to call, and `now` neither. Begins once, in one call.
    [[nodiscard]] Step observe(std::uint64_t delivered, Clock::time_point now);

    // Of the window, when it is over.
    [[nodiscard]] std::uint64_t delivered() const { return last_ - first_; }

    [[nodiscard]] double seconds() const {
        return std::chrono::duration<double>(end_ - begin_).count();
    }

private:
    std::uint64_t events_;
    Clock::duration longest_;
    bool counting_ = false;
    std::uint64_t first_ = 0;
    std::uint64_t last_ = 0;
    Clock::time_point begin_;
    Clock::time_point end_;
};

// Of all endpoints of all destinations, in the text of GET /v1/status.
[[nodiscard]] std::uint64_t delivered_in(std::string_view status);

struct Drain {
    std::string socket;        // the agent's admin socket
    std::uint64_t events = 0;  // that wait for it
    std::chrono::duration<double> longest{};
    pid_t agent = 0;
    std::vector<pid_t> far_side;  // whose CPU time is shown
};

// Watches an agent that has just been started, and returns one line of JSON. 30 s without a
// delivery end the program.
[[nodiscard]] std::string drain(const Drain& given);

}  // namespace holdfast::bench
