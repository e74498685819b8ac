// What a check of the log found: values, with what each means and what to do about it in words.
//
// Pure.
#pragma once

#include "proto/seq.hpp"
#include "wal/lost.hpp"
#include "wal/seq_set.hpp"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::wal {

// Damage first. Each has a line in the table of finding.cpp; names are fixed for ever.
enum class Kind : std::uint8_t {
    rebuild_unfinished,
    current_missing,
    table_list_damaged,
    log_rot,
    log_cut_short,
    cannot_be_opened,
    table_damaged,
    schema_missing,
    entry_unreadable,
    entry_damaged,
    entry_missing,
    end_missing,
    database_gone,
    marks_unreadable,
    mark_damaged,
    cursor_damaged,
    cursor_missing,
    cursor_ahead,
    dead_letter_without_record,
    parked_without_record,
    mark_file_damaged,
    // Notices: nothing is wrong with the log.
    log_torn,
    mark_slot_torn,
    mark_file_missing,
    schema_file_missing,
    counts_off,
    lost_before,
    schema_old,
    quarantined,
    leftover,
    ballast_missing,
};

inline constexpr Kind kFirstNotice = Kind::log_torn;
inline constexpr Kind kLastKind = Kind::ballast_missing;

// What puts it right. The greater includes the lesser.
enum class Mend : std::uint8_t {
    nothing,  // there is nothing to do, or nothing that can be done
    opening,  // the agent's next start, with on_corruption = "quarantine" where something is lost
    rebuild,  // rebuilding the log: `holdfast repair`
};

struct KindInfo {
    std::string_view code;
    Mend mend;
    std::string_view meaning;
    std::string_view advice;
};

[[nodiscard]] const KindInfo& info(Kind kind);

struct Finding {
    Kind kind{};
    std::string subject;            // a file, a destination, a kind of mark; or nothing
    std::vector<SeqRange> seqs;     // of the entries it is about
    std::vector<std::string> what;  // what exactly, for people; of many the first few

    [[nodiscard]] bool is_damage() const { return kind < kFirstNotice; }

    bool operator==(const Finding&) const = default;
};

// How much was read.
struct CheckCounts {
    std::uint64_t tables = 0;
    std::uint64_t marks = 0;
    std::uint64_t entries = 0;
    std::uint64_t bytes = 0;  // of marks and entries
};

// One step of looking at a log that is open.
struct CheckStep {
    Seq tail;  // as they are now
    Seq head;
    CheckCounts counts;
    std::vector<Finding> findings;
    std::string next;  // go on from here; empty: that was all
};

[[nodiscard]] bool has_damage(const std::vector<Finding>& findings);

// The greatest of all.
[[nodiscard]] Mend mend_of(const std::vector<Finding>& findings);

// Joins what is found piece by piece: one finding for each kind and subject.
class Findings {
public:
    void add(Kind kind, const std::string& subject = {}, const std::string& what = {});
    void add(Kind kind, const std::string& subject, SeqRange seqs);

    void add(Kind kind, const std::string& subject, Seq seq) { add(kind, subject, {seq, seq}); }

    [[nodiscard]] std::vector<Finding> all() const;  // in the order of Kind

private:
    struct Joined {
        SeqSet seqs;
        std::vector<std::string> what;
    };

    std::map<std::pair<Kind, std::string>, Joined> joined_;
};

}  // namespace holdfast::wal
