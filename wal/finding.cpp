#include "wal/finding.hpp"

#include <algorithm>
#include <array>

namespace holdfast::wal {
namespace {

constexpr std::size_t kWhatMax = 10;

constexpr std::string_view kRepair =
    "stop the agent and run `holdfast repair`: it keeps the damaged log aside";
constexpr std::string_view kGoesOn = "nothing: the agent goes on with the others and reports these";
constexpr std::string_view kNothing = "nothing";

constexpr std::array<KindInfo, static_cast<std::size_t>(kLastKind) + 1> kInfos = {{
    {"rebuild_unfinished",
     Mend::rebuild,
     "a rebuilding was begun and did not come to its end; the log is in quarantine until then",
     "start the agent or run `holdfast repair`: either goes on with it"},
    {"current_missing",
     Mend::rebuild,
     "the file that names the list of tables is missing",
     kRepair},
    {"table_list_damaged", Mend::rebuild, "RocksDB's list of its tables is damaged", kRepair},
    {"log_rot",
     Mend::rebuild,
     "bytes that had been written went bad: RocksDB would drop all that follows",
     kRepair},
    {"log_cut_short",
     Mend::rebuild,
     "the log was closed in order, and the end of it cannot be read any more",
     kRepair},
    {"cannot_be_opened", Mend::rebuild, "RocksDB cannot open it", kRepair},
    {"table_damaged",
     Mend::rebuild,
     "a table file does not match its checksums; RocksDB may skip what is in it without a word",
     kRepair},
    {"schema_missing",
     Mend::opening,
     "it does not say which version wrote it",
     "nothing: the next start takes it for its own version's"},
    {"entry_unreadable", Mend::rebuild, "entries lie in damaged blocks", kRepair},
    {"entry_damaged", Mend::nothing, "records do not match their checksums", kGoesOn},
    {"entry_missing", Mend::rebuild, "acknowledged entries are not there", kRepair},
    {"end_missing", Mend::rebuild, "acknowledged entries at the end are not there", kRepair},
    {"database_gone",
     Mend::opening,
     "the folder `db` is missing or empty, and what it had with it",
     "put it back; or the next start (with on_corruption = \"quarantine\") or `holdfast repair` "
     "notes all of it as lost and goes on behind it"},
    {"marks_unreadable", Mend::rebuild, "marks of this kind lie in damaged blocks", kRepair},
    {"mark_damaged",
     Mend::nothing,
     "marks have an impossible layout",
     "nothing: their entries are treated as if they had none"},
    {"cursor_damaged",
     Mend::opening,
     "how far the destination is cannot be read",
     "the next start or `holdfast repair` delivers its entries again from the oldest on"},
    {"cursor_missing",
     Mend::rebuild,
     "entries of a destination that has no cursor: they would not be delivered",
     kRepair},
    {"cursor_ahead",
     Mend::nothing,
     "the destination is further than the log: new entries would be passed over",
     "keep a copy of the directory and ask for help"},
    {"dead_letter_without_record",
     Mend::nothing,
     "dead letters whose event is gone: they cannot be replayed",
     kNothing},
    {"parked_without_record",
     Mend::nothing,
     "entries that wait for a retry and whose event is gone",
     kGoesOn},
    {"mark_file_damaged",
     Mend::opening,
     "the file `acknowledged` cannot be read: nobody can tell whether entries at the end are "
     "missing",
     "the next start (with on_corruption = \"quarantine\") or `holdfast repair` writes it anew"},
    {"log_torn",
     Mend::nothing,
     "the last write before a crash was cut off: nothing is missing that had been acknowledged "
     "more "
     "than a second before",
     kNothing},
    {"mark_slot_torn",
     Mend::nothing,
     "one of the two copies in the file `acknowledged` cannot be read",
     "nothing: it is written anew"},
    {"mark_file_missing",
     Mend::nothing,
     "without the file `acknowledged` nobody can tell whether entries at the end are missing",
     "nothing: the next start writes it"},
    {"schema_file_missing",
     Mend::nothing,
     "without the file `schema`, or with a damaged one, an older version may take this log for "
     "damaged",
     "nothing: the next start writes it"},
    {"counts_off",
     Mend::nothing,
     "the destination's counts are not what is there",
     "nothing: they are set right once it has read everything"},
    {"lost_before",
     Mend::nothing,
     "entries that were noted as lost earlier",
     "`holdfast lost --seen` takes them off the status"},
    {"schema_old",
     Mend::nothing,
     "an older version wrote it",
     "nothing: the next start brings it up to date"},
    {"quarantined",
     Mend::nothing,
     "a damaged log that was set aside",
     "remove the folder when nobody needs it any more"},
    {"leftover", Mend::nothing, "left by a rebuilding that was cut off", "nothing"},
    {"ballast_missing",
     Mend::nothing,
     "there is no file to give up when the disk is full",
     "nothing: the agent makes it while there is room"},
}};

}  // namespace

const KindInfo& info(Kind kind) {
    return kInfos.at(static_cast<std::size_t>(kind));
}

bool has_damage(const std::vector<Finding>& findings) {
    return std::any_of(
        findings.begin(), findings.end(), [](const Finding& one) { return one.is_damage(); });
}

Mend mend_of(const std::vector<Finding>& findings) {
    Mend greatest = Mend::nothing;
    for (const Finding& one : findings) greatest = std::max(greatest, info(one.kind).mend);
    return greatest;
}

void Findings::add(Kind kind, const std::string& subject, const std::string& what) {
    Joined& joined = joined_[{kind, subject}];
    if (!what.empty() && joined.what.size() < kWhatMax) joined.what.push_back(what);
}

void Findings::add(Kind kind, const std::string& subject, SeqRange seqs) {
    joined_[{kind, subject}].seqs.add(seqs);
}

std::vector<Finding> Findings::all() const {
    std::vector<Finding> all;
    for (const auto& [key, joined] : joined_) {
        all.push_back({key.first, key.second, joined.seqs.ranges(), joined.what});
    }
    return all;
}

}  // namespace holdfast::wal
