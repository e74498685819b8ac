// Where a command runs, and how it ends.
#pragma once

#include "proto/time.hpp"

#include <functional>
#include <iosfwd>

namespace holdfast::cli {

// Never renumbered: scripts ask for them. Listed in README.md and in --help.
enum ExitCode : int {
    kDone = 0,
    kRefused = 1,  // by the agent; also: there is no such entry
    kUsage = 2,
    kLookAtIt = 3,       // `status --check` found something, `check` damage, `repair` a loss
    kUnreachable = 69,   // EX_UNAVAILABLE of sysexits.h; `send`: the same may pass later
    kBusy = 75,          // EX_TEMPFAIL: an agent has the log
    kInterrupted = 130,  // by Ctrl-C: what was done is said
};

struct Surroundings {
    std::ostream& out;
    std::ostream& err;
    WallTime now;
    bool tty = false;  // `err` is one: progress may be shown
    Duration timeout = std::chrono::seconds(10);
    std::istream* in = nullptr;
    bool in_tty = false;  // `in` is one: questions may be asked

    // Waits so long. False: the user wants to stop, and it returns at once. Empty: neither.
    std::function<bool(Duration)> pause = {};
};

}  // namespace holdfast::cli
