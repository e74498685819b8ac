#include "wal/repair.hpp"

#include "wal/log.hpp"
#include "wal/rebuild.hpp"

#include <algorithm>
#include <initializer_list>
#include <limits>
#include <mutex>

namespace holdfast::wal {
namespace {

constexpr Duration kForEver = std::chrono::hours(24 * 365 * 50);

class Notes {
public:
    Note taker() {
        return [this](std::string line) {
            const std::scoped_lock lock(mutex_);
            lines_.push_back(std::move(line));
        };
    }

    std::vector<std::string> take() {
        const std::scoped_lock lock(mutex_);
        return std::move(lines_);
    }

private:
    std::mutex mutex_;
    std::vector<std::string> lines_;
};

bool has_any(const std::vector<Finding>& findings, std::initializer_list<Kind> kinds) {
    return std::any_of(findings.begin(), findings.end(), [&](const Finding& one) {
        return std::find(kinds.begin(), kinds.end(), one.kind) != kinds.end();
    });
}

// Whether each table is to be read as a whole, without RocksDB's list of them. Old marks may come
// back by that, so it is not done for what the logs explain.
bool doubts_tables(const std::vector<Finding>& found) {
    if (has_any(found,
                {Kind::table_list_damaged,
                 Kind::table_damaged,
                 Kind::entry_unreadable,
                 Kind::marks_unreadable})) {
        return true;
    }
    return has_any(found, {Kind::entry_missing, Kind::cursor_missing}) &&
           !has_any(found, {Kind::log_rot, Kind::log_cut_short});
}

Result<Rebuilt> rebuild(const CheckOptions& options, const CheckReport& found, const Note& note) {
    WaterMarkFile file(options.directory, options.env);
    const Result<std::optional<WaterMark>> mark = file.read();
    const WaterMark known = mark ? mark->value_or(WaterMark{}) : WaterMark{};
    Rebuild rebuild(options.directory, options.env, note);
    // Clears away what is left of an earlier one.
    if (Result<bool> under_way = rebuild.is_under_way(); !under_way) return under_way.error();
    const Known what{
        .mark = known,
        .doubt_tables = doubts_tables(found.findings),
        .is_list_torn = found.is_list_torn || has_any(found.findings, {Kind::end_missing})};
    Result<Rebuilt> rebuilt = rebuild.run(what, options.now, /*keep_tables=*/true);
    if (!rebuilt && rebuilt.error().code == Errc::disk_full) {
        rebuilt.error().detail +=
            ". Make room and call it again, or start the agent: both go on where this ended";
    }
    return rebuilt;
}

// Notes what is missing at the end and begins damaged cursors again. Nothing is forgotten for its
// age: the agent knows how long that is to be kept.
Result<Health> open_once(const CheckOptions& options, const Note& note) {
    LogOptions log_options;
    log_options.directory = options.directory;
    log_options.env = options.env;
    log_options.note = note;
    log_options.on_commit = [](const Commit&) {};
    log_options.wall_now = [now = options.now] { return now; };
    log_options.history = kForEver;
    log_options.history_bytes = std::numeric_limits<std::uint64_t>::max();
    log_options.idempotency_window = kForEver;
    log_options.min_free = 0;
    log_options.ballast = false;  // the agent knows how large
    log_options.on_corruption = OnCorruption::quarantine;
    Result<std::unique_ptr<Log>> log = Log::open(std::move(log_options));
    if (!log) return log.error();
    Health health = (*log)->health();
    if (!health.ok) return Error{Errc::storage_failed, health.reason};
    (*log)->close();
    return health;
}

// What is noted as lost now and was not before.
std::vector<SeqRange> newly_lost(const std::vector<SeqRange>& unseen, const CheckReport& before) {
    SeqSet known;
    for (const Finding& one : before.findings) {
        if (one.kind != Kind::lost_before) continue;
        for (const SeqRange& range : one.seqs) known.add(range);
    }
    SeqSet lost;
    for (const SeqRange& range : unseen) {
        for (const SeqRange& gap : known.gaps(range.first, range.last)) lost.add(gap);
    }
    return lost.ranges();
}

Result<void> mend(const CheckOptions& options, DirectoryLock& lock, RepairReport& report) {
    Notes notes;
    if (report.mended == Mend::rebuild) {
        Result<Rebuilt> rebuilt = rebuild(options, report.before, notes.taker());
        if (!rebuilt) return rebuilt.error();
        report.kept_in = std::move(rebuilt->kept_in);
        report.unnamed = rebuilt->unnamed;
        report.begins_again = rebuilt->begins_again;
    }
    lock.release();  // it takes its own
    const Result<Health> opened = open_once(options, notes.taker());
    if (!opened) return opened.error();
    if (Result<void> taken = lock.take(options.directory); !taken) return taken;
    report.lost = newly_lost(opened->lost, report.before);
    if (!opened->lost_unnamed) report.unnamed.reset();
    report.notes = notes.take();
    return {};
}

}  // namespace

Result<RepairReport> repair(const CheckOptions& options, bool dry_run) {
    Result<CheckReport> before = check(options);
    if (!before) return before.error();
    RepairReport report;
    report.mended = mend_of(before->findings);
    report.before = std::move(*before);
    report.after = report.before;
    if (dry_run || report.mended == Mend::nothing) return report;
    DirectoryLock lock(options.env);
    Result<void> done = lock.take(options.directory);
    if (done) done = mend(options, lock, report);
    if (!done) return done.error();
    Result<CheckReport> after = check_locked(options);
    if (!after) return after.error();
    report.after = std::move(*after);
    return report;
}

}  // namespace holdfast::wal
