// A trial: random calls to a log on a disk that fails and forgets, compared with a model that is a
// few maps in memory. The model knows for each entry in which states a crash may leave it.
#pragma once

#include <cstdint>
#include <string>

namespace holdfast::wal {

struct TrialOptions {
    int steps = 60;
    // Controls: with one of these the trial must find something, or it proves nothing.
    bool disk_lies_about_sync = false;
    bool stops_are_crashes = false;  // the model takes them for clean stops
    bool forgets_a_mark = false;     // one that the model is told of
};

struct TrialResult {
    std::string violation;  // empty: none
    std::uint64_t acknowledged = 0;
    std::uint64_t openings = 0;
    std::uint64_t failures = 0;
    std::uint64_t reappeared = 0;
    std::uint64_t came_again = 0;  // handed out although they had been settled
};

// Everything but the moments at which threads meet follows from the seed.
[[nodiscard]] TrialResult run_trial(std::uint64_t seed, const TrialOptions& options = {});

}  // namespace holdfast::wal
