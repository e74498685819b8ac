#include "wal/check.hpp"

#include "proto/record.hpp"
#include "wal/check_files.hpp"
#include "wal/cursor.hpp"
#include "wal/rebuild.hpp"
#include "wal/schema_file.hpp"
#include "wal/store.hpp"

#include <algorithm>
#include <map>
#include <set>

namespace holdfast::wal {
namespace {

constexpr std::uint64_t kProgressEvery = 4096;  // entries

// What there is of each destination, beside its cursor.
class Destinations {
public:
    void look_at_mark(Space space, std::string_view key, std::string_view value) {
        if (space == Space::cursor) {
            Tally& tally = tallies_[std::string(key.substr(1))];
            tally.has_cursor = true;
            Result<Cursor> cursor = Cursor::decode(value);
            if (cursor) {
                tally.cursor = std::move(*cursor);
            } else if (cursor.error().code == Errc::too_new) {
                too_new_ = cursor.error();
            }
        } else if (space == Space::parked) {
            ++tallies_[std::string(value)].parked;
        } else if (const auto dead = seq_of(Space::failed, key)) {
            failed_.insert(*dead);
        } else if (const auto kept = seq_of(Space::kept, key)) {
            // Behind the dead letters in the order of keys.
            const Result<Event> event = decode_record(value);
            if (event && failed_.erase(*kept) > 0) ++tally_of(*event).failed;
        }
    }

    void look_at_entry(Seq seq, const Event& event) {
        Tally& tally = tally_of(event);
        ++tally.entries;
        if (failed_.erase(seq) > 0) ++tally.failed;
        if (!tally.cursor) return;
        tally.ahead += seq >= tally.cursor->position();
        tally.uncounted += seq > tally.cursor->counted_to;
    }

    // A newer version has written here.
    [[nodiscard]] const std::optional<Error>& too_new() const { return too_new_; }

    void judge(Seq head, bool counts_matter, Findings& findings) const {
        for (const auto& [name, tally] : tallies_) {
            if (!tally.has_cursor && tally.entries > 0) findings.add(Kind::cursor_missing, name);
            if (!tally.cursor) continue;
            if (tally.cursor->position() > head.next()) {
                findings.add(Kind::cursor_ahead,
                             name,
                             "it is at " + std::to_string(tally.cursor->position().value) +
                                 ", the log ends at " + std::to_string(head.value));
            }
            if (counts_matter) judge_counts(name, tally, findings);
        }
    }

private:
    struct Tally {
        bool has_cursor = false;
        std::optional<Cursor> cursor;
        std::uint64_t entries = 0;
        std::uint64_t ahead = 0;      // of the cursor
        std::uint64_t uncounted = 0;  // behind what its counts cover
        std::uint64_t parked = 0;
        std::uint64_t failed = 0;
    };

    Tally& tally_of(const Event& event) { return tallies_[std::string(event.destination)]; }

    void judge_counts(const std::string& name, const Tally& tally, Findings& findings) const {
        const Counts& counts = tally.cursor->counts;
        const auto judge = [&](const char* what, std::uint64_t counted, std::uint64_t there) {
            if (counted == there) return;
            findings.add(Kind::counts_off,
                         name,
                         std::to_string(counted) + " are counted as " + what + ", " +
                             std::to_string(there) + " are there");
        };
        judge("pending",
              counts.pending + tally.uncounted,
              tally.ahead + tally.cursor->outstanding().size() + tally.parked);
        // Of a dead letter without a record nobody can say whose it is.
        if (failed_.empty()) judge("failed", counts.failed, tally.failed);
    }

    std::map<std::string, Tally> tallies_;
    std::set<Seq> failed_;  // whose record was not met yet
    std::optional<Error> too_new_;
};

class Check {
public:
    explicit Check(const CheckOptions& options)
        : options_(options),
          database_(options.directory + "/db"),
          files_(options.env),
          store_(database_, options.env, [](const std::string&) {}),
          records_(store_, findings_, [this](Seq seq) { return passes_over(seq); }) {}

    Result<CheckReport> run() {
        // A newer layout may look like damage.
        const Result<void> known = SchemaFile(options_.directory, options_.env).check();
        if (!known && known.error().code == Errc::too_new) return known.error();
        const Result<bool> goes_on =
            check_surroundings(files_, options_.directory, options_.now, findings_);
        if (!goes_on) return goes_on.error();
        Result<SeenMark> mark = check_mark_file(options_.directory, options_.env, findings_);
        if (!mark) return mark.error();
        if (mark->is_there) report_.acknowledged = mark->mark.acknowledged;
        mark_ = mark->mark;
        Result<void> looked;
        if (*goes_on) looked = look_at_database();
        if (!looked) return looked.error();
        report_.head = std::max({report_.head, mark_.acknowledged, known_lost_.last()});
        report_.counts.marks += records_.counts().marks;
        report_.counts.entries += records_.counts().entries;
        report_.counts.bytes += records_.counts().bytes;
        report_.findings = findings_.all();
        // What was cut off had been acknowledged.
        if (has(Kind::end_missing)) {
            std::erase_if(report_.findings,
                          [](const Finding& one) { return one.kind == Kind::log_torn; });
        }
        return std::move(report_);
    }

private:
    [[nodiscard]] bool has(Kind kind) const {
        return std::any_of(report_.findings.begin(), report_.findings.end(), [&](const auto& one) {
            return one.kind == kind;
        });
    }

    Result<void> look_at_database() {
        Result<SeenLogs> logs = check_logs(files_, options_.directory, mark_, findings_);
        if (!logs) return logs.error();
        logs_ = std::move(*logs);
        report_.is_list_torn = logs_.is_list_torn;
        if (!logs_.may_be_opened) return look_without_opening();
        const Result<void> opened = store_.open_read_only();
        if (!opened && opened.error().code == Errc::storage_failed) return opened.error();
        if (!opened) {
            findings_.add(Kind::cannot_be_opened, "", opened.error().detail);
            return look_without_opening();
        }
        Result<void> looked = look_at_tables(store_.tables());
        if (looked) looked = look_at_meta();
        if (looked) looked = look_at_records();
        store_.close();
        return looked;
    }

    Result<void> look_at_tables(const std::vector<std::string>& names) {
        for (const std::string& name : names) {
            progress("tables", report_.counts.tables, names.size());
            const Result<void> whole = store_.check_table(name);
            if (!whole && whole.error().code == Errc::storage_failed) return whole;
            if (!whole) findings_.add(Kind::table_damaged, name, whole.error().detail);
            ++report_.counts.tables;
        }
        return {};
    }

    // What is damaged of these is found among the marks too.
    Result<void> look_at_meta() {
        const Result<std::optional<std::string>> schema = meta(kSchemaName);
        if (!schema) return schema.error();
        const Result<std::optional<int>> in_file =
            SchemaFile(options_.directory, options_.env).read();
        const bool has_file = in_file && *in_file;
        if (!has_file && *schema == kSchema) findings_.add(Kind::schema_file_missing);
        if (*schema && is_old_schema(**schema)) {
            findings_.add(Kind::schema_old);
        } else if (*schema && *schema != kSchema) {
            return newer_schema(**schema);
        }
        has_schema_ = schema->has_value();
        const Result<std::optional<std::string>> tail = meta(kTailName);
        if (!tail) return tail.error();
        if (*tail) report_.tail = seq_of(Space::entry, **tail).value_or(Seq{1});
        const Result<std::optional<std::string>> saved = meta(kLostName);
        if (!saved) return saved.error();
        const Result<Lost> lost = *saved ? Lost::decode(**saved) : Lost();
        if (!lost) return {};
        for (const SeqRange& range : lost->all()) known_lost_.add(range);
        for (const SeqRange& range : lost->unseen()) findings_.add(Kind::lost_before, "", range);
        return {};
    }

    Result<std::optional<std::string>> meta(std::string_view name) const {
        Result<std::optional<std::string>> value = store_.get(name_key(Space::meta, name));
        if (!value && value.error().code == Errc::corrupt) return std::optional<std::string>();
        return value;
    }

    Result<void> look_at_records() {
        Destinations destinations;
        records_.on_mark = [&](Space space, std::string_view key, std::string_view value) {
            destinations.look_at_mark(space, key, value);
        };
        records_.on_entry = [&](Seq seq, const Event& event) {
            destinations.look_at_entry(seq, event);
            if (seq.value % kProgressEvery == 0) {
                progress("entries",
                         seq.value - report_.tail.value,
                         report_.head.value - report_.tail.value);
            }
        };
        Result<std::optional<std::string>> marks = records_.marks("", {});
        if (!marks) return marks.error();
        if (destinations.too_new()) return *destinations.too_new();
        const Result<Seq> last = last_entry();
        if (!last) return last.error();
        report_.head = std::max(*last, logs_.entries.last());
        if (!has_schema_ && (records_.counts().marks > 0 || *last >= report_.tail)) {
            findings_.add(Kind::schema_missing);
        }
        if (!mark_is_needless()) findings_.add(Kind::mark_file_missing);
        Result<std::optional<Seq>> entries = records_.entries(report_.tail, report_.head, {});
        if (!entries) return entries.error();
        find_missing_end();
        const Seq head = std::max({report_.head, mark_.acknowledged, known_lost_.last()});
        destinations.judge(head, !has_damage(findings_.all()), findings_);
        return {};
    }

    [[nodiscard]] bool mark_is_needless() const {
        return report_.acknowledged || report_.head < report_.tail ||
               files_.exists(options_.directory + "/acknowledged");
    }

    // The last one in place; when that cannot be read, the last one there may be.
    Result<Seq> last_entry() const {
        const Result<std::optional<KeyValue>> last =
            store_.last(seq_key(Space::entry, report_.tail), end_of(Space::entry));
        if (!last && last.error().code != Errc::corrupt) return last.error();
        const bool can_be_read = last && has_no_damaged_tables();
        Seq found = report_.tail.previous();
        if (last && *last) found = seq_of(Space::entry, (*last)->key).value_or(found);
        return can_be_read ? found : std::max(found, mark_.acknowledged);
    }

    [[nodiscard]] bool has_no_damaged_tables() const {
        const std::vector<Finding> all = findings_.all();
        return std::none_of(all.begin(), all.end(), [](const Finding& one) {
            return one.kind == Kind::table_damaged;
        });
    }

    void find_missing_end() {
        const Seq from = std::max(report_.head.next(), std::max(report_.tail, mark_.tail));
        for (const SeqRange& range : known_lost_.gaps(from, mark_.acknowledged)) {
            findings_.add(Kind::end_missing, "", range);
        }
    }

    // By what each file holds.
    Result<void> look_without_opening() {
        const Result<std::vector<std::string>> names = files_.list(database_);
        if (!names) return names.error();
        std::vector<std::string> tables = *names;
        std::erase_if(tables, [](const std::string& name) { return !name.ends_with(".sst"); });
        if (Result<void> looked = look_at_tables(tables); !looked) return looked;
        std::uint64_t read = 0;
        Result<SeenTables> seen = read_tables(
            files_,
            database_,
            options_.env,
            [&] { progress("entries", ++read, tables.size()); },
            report_.counts);
        if (!seen) return seen.error();
        known_lost_ = std::move(seen->lost);
        report_.tail = std::max(seen->tail, mark_.tail);
        SeqSet there = std::move(seen->entries);
        for (const SeqRange& range : logs_.entries.ranges()) there.add(range);
        report_.head = std::max(there.last(), report_.tail.previous());
        for (const SeqRange& range : known_lost_.ranges()) there.add(range);
        const bool is_empty = tables.empty() && logs_.entries.empty();
        const bool is_gone = is_empty && !files_.exists(database_ + "/CURRENT");
        const std::vector<SeqRange> gaps =
            there.gaps(report_.tail, std::max(report_.head, mark_.acknowledged));
        // Of what had been reclaimed nothing is missed in its place.
        if (is_empty && gaps.empty() && mark_.acknowledged > Seq()) {
            findings_.add(is_gone ? Kind::database_gone : Kind::end_missing, "", "");
        }
        for (const SeqRange& gap : gaps) {
            const bool is_end = is_empty || gap.first > report_.head;
            const Kind at_end = is_gone ? Kind::database_gone : Kind::end_missing;
            findings_.add(is_end ? at_end : Kind::entry_missing, "", gap);
        }
        return {};
    }

    // What was noted as lost, and what lies in the logs behind damage.
    std::optional<SeqRange> passes_over(Seq seq) const {
        if (const auto lost = known_lost_.find(seq)) return lost;
        if (!logs_.is_damaged) return std::nullopt;
        return logs_.entries.find(seq);
    }

    void progress(const char* doing, std::uint64_t done, std::uint64_t of) const {
        if (options_.progress) options_.progress({doing, done, of});
    }

    const CheckOptions& options_;
    const std::string database_;
    const Files files_;
    Store store_;
    Findings findings_;
    RecordCheck records_;
    CheckReport report_;
    WaterMark mark_;
    SeenLogs logs_;
    SeqSet known_lost_;
    bool has_schema_ = false;
};

}  // namespace

Result<CheckReport> check_locked(const CheckOptions& options) {
    return Check(options).run();
}

Result<CheckReport> check(const CheckOptions& options) {
    const Files files(options.env);
    const bool is_log = files.exists(options.directory + "/db") ||
                        files.exists(options.directory + "/acknowledged") ||
                        files.exists(options.directory + "/quarantine");
    if (!is_log) return Error{Errc::not_found, "there is no log in " + options.directory};
    DirectoryLock lock(options.env);
    if (Result<void> taken = lock.take(options.directory); !taken) return taken.error();
    return check_locked(options);
}

}  // namespace holdfast::wal
