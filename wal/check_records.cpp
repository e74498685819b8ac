#include "wal/check_records.hpp"

#include "proto/record.hpp"
#include "wal/cursor.hpp"
#include "wal/known_keys.hpp"
#include "wal/rebuild.hpp"
#include "wal/state.hpp"

#include <algorithm>
#include <array>

namespace holdfast::wal {
namespace {

constexpr bool kFillCache = false;  // it is the delivery's

// In the order of their keys; entries are read apart from them.
constexpr std::array kMarks{Space::cursor,
                            Space::ended,
                            Space::failed,
                            Space::key,
                            Space::meta,
                            Space::parked,
                            Space::retry,
                            Space::saved,
                            Space::kept};

const char* name_of(Space space) {
    switch (space) {
        case Space::entry:
        case Space::kept:
            return "kept records";
        case Space::key:
            return "idempotency keys";
        case Space::failed:
            return "dead letters";
        case Space::ended:
            return "ends of dead letters";
        case Space::meta:
            return "the log's own";
        case Space::cursor:
            return "cursors";
        case Space::parked:
            return "parked entries";
        case Space::retry:
            return "retries";
        case Space::saved:
            return "the agent's own";
    }
    return "";
}

std::string begin_of(Space space) {
    return std::string(1, static_cast<char>(space));
}

// Whether the value has the layout that its key asks for.
bool fits(Space space, std::string_view key, std::string_view value) {
    switch (space) {
        case Space::entry:
        case Space::saved:
        case Space::cursor:  // looked at by itself
            return true;
        case Space::kept:
            return seq_of(space, key).has_value();  // likewise
        case Space::parked:
            return seq_of(space, key) && !value.empty();
        case Space::retry:
            return seq_of(space, key) && decode_retry(value);
        case Space::failed:
            return seq_of(space, key) && decode_failure(value);
        case Space::ended:
            return seq_of(space, key) && decode_ending(value);
        case Space::key:
            return parse_key_key(key) && decode_key_record(value);
        case Space::meta:
            if (key == name_key(space, kLostName)) return Lost::decode(value).has_value();
            if (key == name_key(space, kTailName) || key == name_key(space, kDoubtName)) {
                return seq_of(Space::entry, value).has_value();
            }
            return true;
    }
    return true;
}

// What could not be read when it was settled has no record to be kept.
bool may_lack_record(std::string_view failure) {
    const Result<Failure> decoded = decode_failure(failure);
    return !decoded || decoded->cause == FailureCause::damaged;
}

}  // namespace

bool RecordCheck::is_spent(const CheckBudget& budget) const {
    return counts_.marks + counts_.entries >= budget.records || counts_.bytes >= budget.bytes;
}

void RecordCheck::look_at_mark(Space space, std::string_view key, std::string_view value) {
    ++counts_.marks;
    counts_.bytes += key.size() + value.size();
    const std::optional<Seq> seq = seq_of(space, key);
    if (!fits(space, key, value)) {
        if (seq) {
            findings_.add(Kind::mark_damaged, name_of(space), *seq);
        } else {
            findings_.add(Kind::mark_damaged, name_of(space));
        }
    } else if (space == Space::cursor) {
        const Result<Cursor> cursor = Cursor::decode(value);
        const std::string destination(key.substr(1));
        if (!cursor) findings_.add(Kind::cursor_damaged, destination, cursor.error().detail);
    } else if (space == Space::kept) {
        if (!decode_record(value)) findings_.add(Kind::entry_damaged, "", *seq);
    }
    const bool is_dead = space == Space::failed && !may_lack_record(value);
    if (seq && (is_dead || space == Space::parked)) need_records_.push_back({space, *seq});
    if (on_mark) on_mark(space, key, value);
}

Result<std::optional<std::string>> RecordCheck::marks(const std::string& from,
                                                      const CheckBudget& budget) {
    std::optional<std::string> next;
    for (const Space space : kMarks) {
        if (next || end_of(space) <= from) continue;
        const auto visit = [&](std::string_view key, std::string_view value) {
            if (is_spent(budget)) {
                next = std::string(key);
                return false;
            }
            look_at_mark(space, key, value);
            return true;
        };
        const std::string begin = std::max(from, begin_of(space));
        Result<void> scanned = store_.scan(begin, end_of(space), visit, kFillCache);
        if (!scanned && scanned.error().code != Errc::corrupt) return scanned.error();
        if (!scanned) findings_.add(Kind::marks_unreadable, name_of(space), scanned.error().detail);
    }
    if (Result<void> looked = look_for_records(); !looked) return looked.error();
    return next;
}

// In place or kept aside. It may be settled or moved while we look.
Result<void> RecordCheck::look_for_records() {
    for (const auto& [space, seq] : std::exchange(need_records_, {})) {
        bool found = passes_over_(seq).has_value();
        // Moved from the one place to the other, it may be missed in both: hence the third look.
        for (const Space place : {Space::entry, Space::kept, Space::entry}) {
            if (found) break;
            const Result<std::optional<std::string>> record = store_.get(seq_key(place, seq));
            if (!record && record.error().code != Errc::corrupt) return record.error();
            found = !record || record->has_value();  // unreadable: found when entries are read
        }
        if (found) continue;
        const Result<std::optional<std::string>> mark = store_.get(seq_key(space, seq));
        if (!mark || !*mark) continue;
        const bool is_dead = space == Space::failed;
        findings_.add(
            is_dead ? Kind::dead_letter_without_record : Kind::parked_without_record, "", seq);
    }
    return {};
}

void RecordCheck::look_at_entry(Seq seq, std::string_view value) {
    ++counts_.entries;
    counts_.bytes += value.size();
    const Result<Event> event = decode_record(value);
    if (!event) {
        findings_.add(Kind::entry_damaged, "", seq);
    } else if (on_entry) {
        on_entry(seq, *event);
    }
}

// As many as follow each other without a gap. Returns the first that did not come.
Result<Seq> RecordCheck::scan_entries(Seq from, Seq to, const CheckBudget& budget) {
    const auto visit = [&](std::string_view key, std::string_view value) {
        if (is_spent(budget) || seq_of(Space::entry, key) != from) return false;
        look_at_entry(from, value);
        from = from.next();
        return true;
    };
    const std::string end = seq_key(Space::entry, to.next());
    Result<void> scanned = store_.scan(seq_key(Space::entry, from), end, visit, kFillCache);
    if (!scanned && scanned.error().code != Errc::corrupt) return scanned.error();
    return from;
}

// True when it is there after all.
Result<bool> RecordCheck::look_alone(Seq seq) {
    const Result<std::optional<std::string>> record = store_.get(seq_key(Space::entry, seq));
    if (!record && record.error().code != Errc::corrupt) return record.error();
    if (record && *record) {
        look_at_entry(seq, **record);
        return true;
    }
    if (passes_over_(seq)) return false;  // since just now
    ++counts_.entries;
    findings_.add(record ? Kind::entry_missing : Kind::entry_unreadable, "", seq);
    return false;
}

Result<std::optional<Seq>> RecordCheck::entries(Seq from, Seq to, const CheckBudget& budget) {
    while (from <= to && !is_spent(budget)) {
        const Result<Seq> scanned = scan_entries(from, to, budget);
        if (!scanned) return scanned.error();
        from = *scanned;
        for (bool is_there = false; !is_there && from <= to && !is_spent(budget);) {
            if (const auto range = passes_over_(from)) {
                from = range->last.next();
                is_there = true;  // what follows
                continue;
            }
            const Result<bool> looked = look_alone(from);
            if (!looked) return looked.error();
            is_there = *looked;
            from = from.next();
        }
    }
    if (from > to) return std::optional<Seq>();
    return std::optional(from);
}

}  // namespace holdfast::wal
