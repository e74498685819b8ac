// crash_forgetful FIRST COUNT [lie|dirty_stop|forget]: trials of the log on a disk that fails and
// forgets (tests/unit/wal/log_model.hpp), with the seeds from FIRST on, and with one of the defects
// that must be found. Prints what they came to as JSON, a violation with its seed.
#include "tests/unit/wal/log_model.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <optional>
#include <string_view>

namespace {

using holdfast::wal::TrialOptions;
using holdfast::wal::TrialResult;

std::optional<TrialOptions> options_of(std::string_view defect) {
    TrialOptions options;
    if (defect == "lie") {
        options.disk_lies_about_sync = true;
    } else if (defect == "dirty_stop") {
        options.stops_are_crashes = true;
    } else if (defect == "forget") {
        options.forgets_a_mark = true;
    } else if (!defect.empty()) {
        return std::nullopt;
    }
    return options;
}

nlohmann::json run(std::uint64_t first, std::uint64_t count, const TrialOptions& options) {
    TrialResult sum;
    nlohmann::json violations = nlohmann::json::array();
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        TrialResult one = holdfast::wal::run_trial(seed, options);
        sum.acknowledged += one.acknowledged;
        sum.openings += one.openings;
        sum.failures += one.failures;
        sum.reappeared += one.reappeared;
        sum.came_again += one.came_again;
        if (!one.violation.empty()) {
            violations.push_back({{"seed", seed}, {"what", std::move(one.violation)}});
        }
    }
    return {{"acknowledged", sum.acknowledged},
            {"openings", sum.openings},
            {"failures", sum.failures},
            {"reappeared", sum.reappeared},
            {"repeated", sum.came_again},
            {"violations", std::move(violations)}};
}

}  // namespace

int main(int argc, char** argv) {
    const auto options = options_of(argc > 3 ? argv[3] : "");
    if (argc < 3 || !options) {
        fmt::print(stderr, "usage: crash_forgetful FIRST COUNT [lie|dirty_stop|forget]\n");
        return 64;
    }
    const std::uint64_t first = std::strtoull(argv[1], nullptr, 10);
    const std::uint64_t count = std::strtoull(argv[2], nullptr, 10);
    fmt::print("{}\n", run(first, count, *options).dump());
    return 0;
}
