// Mends a log that nobody has open, as the agent does at its start with on_corruption =
// "quarantine", and also where the agent meets the damage only when it reads. What was damaged is
// kept in DIRECTORY/quarantine, whole, so that it can be put back.
#pragma once

#include "wal/check.hpp"

#include <string>
#include <vector>

namespace holdfast::wal {

struct RepairReport {
    CheckReport before;
    Mend mended = Mend::nothing;  // with Mend::nothing nothing was changed
    std::string kept_in;          // what was damaged; empty when it was only opened
    std::vector<SeqRange> lost;   // acknowledged entries that are gone, and were not known to be
    std::optional<std::uint64_t> unnamed = 0;  // others that are gone: see Rebuilt
    bool begins_again = false;                 // likewise
    std::vector<std::string> notes;
    CheckReport after;  // as `before` when nothing was changed
};

// `dry_run`: changes nothing; `mended` says what would be done. Errors: as of check() and of
// Log::open().
[[nodiscard]] Result<RepairReport> repair(const CheckOptions& options, bool dry_run);

}  // namespace holdfast::wal
