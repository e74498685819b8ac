// What became of the lines of `holdfast send --from`: told as it goes, summed up at the end.
#pragma once

#include "agent/cli/format.hpp"
#include "agent/cli/surroundings.hpp"
#include "agent/client/holdfast/client.hpp"

#include <cstdint>
#include <optional>
#include <string>

namespace holdfast::cli {

using Outcome = client::Result<client::Receipt>;

// Of a receipt, or {"error": {…}}.
[[nodiscard]] Json describe(const Outcome& outcome);

// What the operator can do about it.
[[nodiscard]] int exit_code(const client::Error& error);

class SendReport {
public:
    // With `json` each outcome is a line of its own on `out`.
    SendReport(const Surroundings& around, bool json) : around_(around), json_(json) {}

    // In the order of the lines.
    void add(std::uint64_t line, bool has_key, const Outcome& outcome);

    // An outcome after which the lines behind it should wait.
    [[nodiscard]] bool is_troubled() const { return again_ > 0; }

    [[nodiscard]] bool has_refused() const { return refused_ > 0; }

    // The sums, and where to go on when not all `read` lines of the input were done with.
    // Returns an ExitCode.
    int end(std::uint64_t read, bool at_end);

private:
    // Lines in a row with the same error share a line on `err`.
    struct Run {
        std::uint64_t first;
        std::uint64_t last;
        std::string what;
    };

    void count(std::uint64_t line, bool has_key, const Outcome& outcome);
    void tell(std::uint64_t line, const std::string& what);
    void end_run();
    void show_progress();
    void end_progress();
    void say_where_to_go_on(std::uint64_t read, bool at_end);

    const Surroundings& around_;
    const bool json_;
    std::uint64_t done_ = 0;
    std::uint64_t stored_ = 0;
    std::uint64_t repeats_ = 0;
    std::uint64_t buffered_ = 0;
    std::uint64_t refused_ = 0;
    std::uint64_t not_stored_ = 0;
    std::uint64_t in_doubt_ = 0;
    std::uint64_t again_ = 0;  // the first line that may pass later, or 0
    bool may_repeat_ = false;  // of the lines from there on one that has no key may be stored
    bool progress_ = false;    // is shown in the last line of `err`
    std::optional<Run> run_;
};

}  // namespace holdfast::cli
