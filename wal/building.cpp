#include "wal/building.hpp"

#include "proto/assert.hpp"
#include "proto/bytes.hpp"
#include "proto/record.hpp"
#include "wal/census.hpp"
#include "wal/database.hpp"
#include "wal/inspection.hpp"
#include "wal/keys.hpp"
#include "wal/rocks_types.hpp"
#include "wal/salvaged_tables.hpp"
#include "wal/seq_set.hpp"
#include "wal/state.hpp"
#include "wal/table_reader.hpp"

#include <rocksdb/db.h>
#include <rocksdb/utilities/debug.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <map>
#include <memory>
#include <utility>

namespace holdfast::wal {
namespace {

// What a logged batch holds and no table yet, with each key in the family where it belongs now.
class Unflushed : public rocksdb::WriteBatch::Handler {
public:
    Unflushed(const Database& database, const FlushedTo& flushed, rocksdb::SequenceNumber first)
        : database_(database), flushed_(flushed), next_(first) {}

    [[nodiscard]] rocksdb::WriteBatch& batch() { return batch_; }

    rocksdb::Status PutCF(std::uint32_t family,
                          const rocksdb::Slice& key,
                          const rocksdb::Slice& value) override {
        if (!is_missing(family)) return {};
        return batch_.Put(family_of(key), key, value);
    }

    rocksdb::Status DeleteCF(std::uint32_t family, const rocksdb::Slice& key) override {
        if (!is_missing(family)) return {};
        return batch_.Delete(family_of(key), key);
    }

    rocksdb::Status DeleteRangeCF(std::uint32_t family,
                                  const rocksdb::Slice& begin,
                                  const rocksdb::Slice& end) override {
        if (!is_missing(family)) return {};
        return batch_.DeleteRange(database_.families()[family], begin, end);  // no key's own
    }

private:
    // Each of a batch has the next number.
    bool is_missing(std::uint32_t family) {
        const rocksdb::SequenceNumber number = next_++;
        return family < flushed_.size() && number > flushed_[family];
    }

    rocksdb::ColumnFamilyHandle* family_of(const rocksdb::Slice& key) const {
        return database_.family_of({key.data(), key.size()});
    }

    const Database& database_;
    const FlushedTo& flushed_;
    rocksdb::SequenceNumber next_;
    rocksdb::WriteBatch batch_;
};

class PutsAndDeletes : public PutsOfBatch {
public:
    using VisitKey = std::function<void(std::string_view key)>;

    PutsAndDeletes(Visit put, VisitKey deleted)
        : PutsOfBatch(std::move(put)), deleted_(std::move(deleted)) {}

    rocksdb::Status DeleteCF(std::uint32_t, const rocksdb::Slice& key) override {
        deleted_({key.data(), key.size()});
        return {};
    }

private:
    VisitKey deleted_;
};

// What is taken from a table whose pairs may have been deleted since.
enum class Taking : std::uint8_t {
    all,
    records,  // not what waits or is a dead letter: it may have ended since
    waiting,  // that alone, where its record is there: a repeat is better than a loss
};

bool contains(const std::vector<std::string>& names, const std::string& name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

class Building {
public:
    explicit Building(const BuildOrder& order)
        : order_(order),
          files_(order.env),
          options_(rocks_options(order.env, order.note)),
          known_tail_(order.known.mark.tail) {}

    Result<Built> run() {
        Result<void> done = begin();
        if (done) done = replay_logs();
        if (done) done = add_from_bad_tables();
        if (done) done = add_from_unlisted_tables();
        if (done) done = account();
        if (done) done = end();
        if (!done) return done.error();
        if (tables_.repaired) tables_.listed.clear();
        return Built{std::move(lost_), unnamed_, marks_missing_, std::move(tables_.listed)};
    }

private:
    Result<void> begin() {
        Result<SalvagedTables> tables = salvage_tables(order_, options_);
        if (!tables) return tables.error();
        tables_ = std::move(*tables);
        db_ = std::move(tables_.database);
        incomplete_ = tables_.repaired;  // nothing says that the marks are the last ones
        return {};
    }

    Result<void> write(rocksdb::WriteBatch& batch) {
        const rocksdb::Status written = (*db_)->Write(unlogged_write(), &batch);
        if (!written.ok()) return error_of(written, "rebuild");
        return {};
    }

    bool get(std::string_view key, std::string& value) {
        return (*db_)->Get(rocksdb::ReadOptions(), db_->family_of(key), slice(key), &value).ok();
    }

    bool has(std::string_view key) {
        std::string value;
        return get(key, value);
    }

    std::optional<std::string> meta(std::string_view name) {
        std::string value;
        const std::string key = name_key(Space::meta, name);
        if (!get(key, value)) return std::nullopt;
        return value;
    }

    Result<void> scan(Space space,
                      const std::function<void(const std::string&, const std::string&)>& visit) {
        const std::string begin = name_key(space, "");
        const std::unique_ptr<rocksdb::Iterator> at(
            (*db_)->NewIterator(rocksdb::ReadOptions(), db_->family_of(begin)));
        for (at->Seek(begin); at->Valid() && at->key().starts_with(begin); at->Next()) {
            visit(at->key().ToString(), at->value().ToString());
        }
        if (!at->status().ok()) return error_of(at->status(), "rebuild");
        return {};
    }

    std::unique_ptr<rocksdb::Iterator> entries() {
        return std::unique_ptr<rocksdb::Iterator>(
            (*db_)->NewIterator(rocksdb::ReadOptions(), db_->family_of(seq_key(Space::entry, {}))));
    }

    Result<Seq> last_entry() {
        const std::string end = end_of(Space::entry);
        const auto at = entries();
        at->SeekForPrev(end);
        if (!at->status().ok()) return error_of(at->status(), "rebuild");
        if (!at->Valid()) return Seq{};
        return seq_of(Space::entry, at->key().ToStringView()).value_or(Seq{});
    }

    Result<void> replay_logs() {
        std::optional<Error> wrong;
        PutsOfBatch look(
            [&](std::string_view key, std::string_view value) { look_at(key, value); });
        const auto visit = [&](const LoggedBatch& logged) {
            if (wrong) return;
            if (logged.after_damage && !std::exchange(after_damage_, true)) {
                const Result<Seq> last = last_entry();
                if (last) {
                    gaps_from_ = last->next();
                } else {
                    wrong = last.error();
                    return;
                }
            }
            if (const auto before = logged.foregoing()) {
                highest_ = std::max(highest_, before->head);
            }
            const rocksdb::WriteBatch batch{std::string(logged.bytes)};
            Unflushed unflushed(
                *db_, tables_.flushed, ByteReader(logged.bytes).le<std::uint64_t>());
            if (!batch.Iterate(&look).ok() || !batch.Iterate(&unflushed).ok()) {
                incomplete_ = true;  // its checksum is right, so it was written like this
                return;
            }
            has_logged_ = has_logged_ || unflushed.batch().Count() > 0;
            if (logged.after_damage) {
                Result<void> written = rescue(unflushed.batch());
                if (!written) wrong = written.error();
            } else if (Result<void> written = write(unflushed.batch()); !written) {
                wrong = written.error();
            }
        };
        Result<Inspection> list = inspect_list_of_tables(files_, order_.source);
        if (!list) return list.error();
        const std::uint64_t listed_to = tables_.repaired ? 0 : list->listed_to;
        Result<Inspection> read =
            read_logs(files_,
                      order_.source,
                      {tables_.first_log, order_.known.mark.acknowledged, listed_to},
                      visit);
        if (!read) return read.error();
        if (wrong) return *wrong;
        const WaterMark& mark = order_.known.mark;
        const bool is_short = read->dropped || read->lacks_records(mark.last_record);
        incomplete_ =
            incomplete_ || read->rot || (mark.clean && is_short) || order_.known.may_lack_end;
        return {};
    }

    void look_at(std::string_view key, std::string_view value) {
        if (const auto seq = seq_of(Space::entry, key)) highest_ = std::max(highest_, *seq);
        if (key == name_key(Space::meta, kTailName)) {
            known_tail_ = std::max(known_tail_, seq_of(Space::entry, value).value_or(Seq{}));
        }
        // Whatever was about to be sent behind the damage may have been.
        incomplete_ = incomplete_ || (after_damage_ && is_intent(key, value));
    }

    // Of a batch behind damage: its entries, and what was of their own write. A dead letter went
    // with its replay, and an idempotency key came with its entry. Also what was dropped.
    Result<void> rescue(const rocksdb::WriteBatch& batch) {
        rocksdb::WriteBatch rescued;
        std::vector<Seq> ended;
        std::vector<Seq> replayed;  // where there is an entry
        bool has_entry = false;
        PutsAndDeletes look(
            [&](std::string_view key, std::string_view value) {
                has_entry = has_entry || seq_of(Space::entry, key);
                const bool is_key = !key.empty() && Space{key[0]} == Space::key;
                if (const auto seq = ended_here(key)) ended.push_back(*seq);
                const bool is_wanted = is_key ? !has(key) : is_entry_not_there(key);
                if (is_wanted || ended_here(key)) db_->put(rescued, key, value);
            },
            [&](std::string_view key) {
                if (const auto seq = seq_of(Space::failed, key)) replayed.push_back(*seq);
            });
        const rocksdb::Status read = batch.Iterate(&look);
        HOLDFAST_ASSERT(read.ok());  // it was made of one that could be read
        if (has_entry) ended.insert(ended.end(), replayed.begin(), replayed.end());
        if (rescued.Count() == 0 && ended.empty()) return {};
        has_ended_ = has_ended_ || !ended.empty();
        for (const Seq seq : ended) {
            for (const Space space : {Space::failed, Space::kept}) {
                const rocksdb::Status done = rescued.Delete(seq_key(space, seq));
                HOLDFAST_ASSERT(done.ok());  // memory only
            }
        }
        return write(rescued);
    }

    // The end of a dead letter that is here: else it waits again, and has no end.
    std::optional<Seq> ended_here(std::string_view key) {
        const auto seq = seq_of(Space::ended, key);
        return seq && has(seq_key(Space::failed, *seq)) ? seq : std::nullopt;
    }

    // Or its copy that was kept aside.
    bool is_entry_not_there(std::string_view key) {
        const auto kept = seq_of(Space::kept, key);
        if ((!kept && !seq_of(Space::entry, key)) || has(key)) return false;
        if (kept) rescued_.push_back(*kept);
        return true;
    }

    // Those that RepairDB has taken out as a whole, and those that were replaced. A deleted pair
    // may come back from them: a repeated delivery, while one that is left out may be a loss.
    Result<void> add_from_bad_tables() {
        const std::string folder = bad_tables_of(order_.target);
        Result<std::vector<std::string>> names = files_.list(folder);
        if (!names) return names.error();
        for (const std::string& name : *names) {
            if (!name.ends_with(".sst")) continue;
            const bool is_replaced = tables_.replaced.contains(name);
            Result<Added> added =
                add_from_table(folder, name, is_replaced ? Taking::records : Taking::all);
            if (!added) return added.error();
            incomplete_ = true;
            marks_missing_ = marks_missing_ || added->read >= TableRead::without_some_marks;
            order_.note(name + (added->read == TableRead::whole
                                    ? " was read again"
                                    : " is damaged: not all of it is there"));
        }
        return files_.remove_directory(folder);
    }

    // What a power cut left of a table that was being made, or all that there is: where the end of
    // the list went bad, which named it. In the first case all of it is elsewhere too. The records
    // first: what waits, or is a dead letter, has one.
    Result<void> add_from_unlisted_tables() {
        if (!order_.known.is_list_torn || tables_.repaired) return {};
        Result<std::vector<std::string>> names = files_.list(order_.source);
        if (!names) return names.error();
        std::erase_if(*names, [&](const std::string& name) {
            return !name.ends_with(".sst") || contains(tables_.listed, name);
        });
        std::map<std::string, Added> unlisted;
        for (const Taking what : {Taking::records, Taking::waiting}) {
            for (const std::string& name : *names) {
                Result<Added> added = add_from_table(order_.source, name, what);
                if (!added) return added.error();
                unlisted[name].add(*added);
            }
        }
        for (const auto& [name, added] : unlisted) judge_unlisted(name, added);
        // What one that was not finished was made of is still there; but where others have what is
        // nowhere else, the list has lost its end, and maybe this one.
        if (has_unfinished_ && is_list_short_) marks_missing_ = true;
        return {};
    }

    struct Added {
        TableRead read = TableRead::whole;
        std::uint64_t count = 0;
        bool is_newer = false;  // it has marks that are newer than those here

        void add(const Added& more) {
            read = std::max(read, more.read);
            count += more.count;
            is_newer = is_newer || more.is_newer;
        }
    };

    // Of one that was not synced any part may be missing, also where its end is there.
    void judge_unlisted(const std::string& name, const Added& added) {
        const bool is_whole = added.read == TableRead::whole;
        if (added.count == 0 && !added.is_newer) {
            if (is_whole) return;
            order_.note(name + " is in no list and not whole, like one that was not finished");
            if (added.read == TableRead::without_some_marks) add_unfinished();
            return;
        }
        is_list_short_ = true;
        incomplete_ = true;
        marks_missing_ = marks_missing_ || added.read == TableRead::without_some_marks;
        order_.note(name + " was in no list: " + std::to_string(added.count) +
                    " pairs of it were nowhere else" +
                    (added.is_newer ? ", and its marks are newer" : "") +
                    (is_whole ? "" : ", and it is damaged: not all of it is there"));
    }

    // Without a log that holds what it was made of it was finished once, and has lost marks.
    void add_unfinished() {
        has_unfinished_ = true;
        if (!has_logged_) incomplete_ = marks_missing_ = true;
    }

    Result<Added> add_from_table(const std::string& folder, const std::string& name, Taking what) {
        std::optional<Error> wrong;
        Added added;
        const auto add = [&](std::string_view key, std::string_view value) {
            if (wrong) return;
            added.is_newer = added.is_newer || is_news(key, value);
            if (!is_worth_adding(key, what)) return;
            rocksdb::WriteBatch one;
            db_->put(one, key, value);
            added.count += Space{key[0]} != Space::key;  // which may have expired since
            if (Result<void> written = write(one); !written) wrong = written.error();
        };
        const Result<TableRead> read = read_table(options_.of_marks(), join(folder, name), add);
        if (!read) return read.error();
        if (wrong) return *wrong;
        added.read = *read;
        return added;
    }

    // Whether this mark is newer than what is here. Until the list names a table the logs hold its
    // marks too: so one that is newer says that logs are gone.
    bool is_news(std::string_view key, std::string_view value) {
        if (const auto seq = seq_of(Space::retry, key)) return is_newer_intent(*seq, value);
        if (!name_of(Space::cursor, key)) return false;
        const std::optional<Cursor> here = cursor_at(key);
        const Result<Cursor> there = Cursor::decode(value);
        if (!here || !there) return false;  // it is taken
        const bool has_ended_more = there->position() == here->position() &&
                                    there->outstanding().size() < here->outstanding().size();
        // What was parked ends without moving the cursor.
        const bool has_completed_more = there->counts.complete > here->counts.complete;
        return there->position() > here->position() || has_ended_more || has_completed_more;
    }

    // Of what still waits here; a table that a compaction has replaced has older ones.
    bool is_newer_intent(Seq seq, std::string_view value) {
        const Result<Retry> there = decode_retry(value);
        if (!there || !there->intended || !still_waits(seq)) return false;
        const std::string key = seq_key(Space::retry, seq);
        std::string bytes;
        if (!get(key, bytes)) return !was_deleted(key);
        const Result<Retry> here = decode_retry(bytes);
        return here && !here->intended && there->attempts >= here->attempts;
    }

    bool still_waits(Seq seq) {
        if (has(seq_key(Space::parked, seq))) return true;
        std::string record;
        if (!get(seq_key(Space::entry, seq), record)) return false;
        const Result<Event> event = decode_record(record);
        if (!event) return false;
        const std::optional<Cursor> cursor = cursor_at(name_key(Space::cursor, event->destination));
        return !cursor || seq >= cursor->position() || cursor->is_outstanding(seq);
    }

    std::optional<Cursor> cursor_at(std::string_view key) {
        std::string bytes;
        if (!get(key, bytes)) return std::nullopt;
        Result<Cursor> cursor = Cursor::decode(bytes);
        if (!cursor) return std::nullopt;
        return std::move(*cursor);
    }

    bool is_worth_adding(std::string_view key, Taking what) {
        if (key.empty() || key == name_key(Space::meta, kDoubtName)) return false;
        const auto space = Space{key[0]};
        if (space == Space::retry || space == Space::saved) return false;
        const bool is_waiting = space == Space::parked || space == Space::failed;
        if (what == Taking::records && is_waiting) return false;
        if (what == Taking::waiting && !(is_waiting && has_record(space, key))) return false;
        if (const auto seq = seq_of(Space::entry, key); seq && *seq < known_tail()) return false;
        // Of entries whole ranges are deleted, of keys too.
        const bool is_deleted_in_ranges = space == Space::entry || space == Space::key;
        return !has(key) && (is_deleted_in_ranges || !was_deleted(key));
    }

    // Of one that is not there. For good: what has ended is not put again. The table of a
    // compaction that a power cut took off the list holds such pairs.
    bool was_deleted(std::string_view key) {
        std::vector<rocksdb::KeyVersion> versions;
        const rocksdb::Status read = rocksdb::GetAllKeyVersions(
            db_->operator->(), db_->family_of(key), slice(key), slice(key), 1, &versions);
        return read.ok() && !versions.empty();
    }

    bool has_record(Space space, std::string_view key) {
        const auto seq = seq_of(space, key);
        if (!seq) return false;
        const bool is_in_place = *seq >= known_tail() && has(seq_key(Space::entry, *seq));
        return is_in_place || has(seq_key(Space::kept, *seq));
    }

    Seq saved_tail() {
        const auto saved = meta(kTailName);
        const auto seq = saved ? seq_of(Space::entry, *saved) : std::nullopt;
        return seq.value_or(Seq{1});
    }

    Seq known_tail() { return std::max(saved_tail(), known_tail_); }

    // Where the tail was lost and is known all the same, the space before it may be given back: but
    // what is there still waits as it did, and may be all there is of an entry whose copy is lost.
    Result<Seq> tail() {
        if (tables_.repaired) return known_tail();
        const auto at = entries();
        at->Seek(seq_key(Space::entry, saved_tail()));
        if (!at->status().ok()) return error_of(at->status(), "rebuild");
        if (!at->Valid()) return known_tail();
        const auto first = seq_of(Space::entry, at->key().ToStringView());
        return first ? std::min(*first, known_tail()) : known_tail();
    }

    // Of the marks: the cursors, and what is kept aside.
    Result<void> read_marks() {
        Result<void> done = scan(Space::cursor, [&](const auto& key, const auto& value) {
            Result<Cursor> cursor = Cursor::decode(value);
            if (cursor) census_.add_cursor(*name_of(Space::cursor, key), std::move(*cursor));
        });
        if (!done) return done;
        done = scan(Space::parked, [&](const auto& key, const auto& destination) {
            if (const auto seq = seq_of(Space::parked, key)) census_.add_parked(destination, *seq);
        });
        if (!done) return done;
        return scan(Space::failed, [&](const auto& key, const auto&) {
            if (const auto seq = seq_of(Space::failed, key)) census_.add_dead(*seq);
        });
    }

    // What an operator has dropped, and came back out of a table that was damaged or in no list.
    Result<void> drop_again() {
        rocksdb::WriteBatch batch;
        Result<void> scanned = scan(Space::ended, [&](const auto& key, const auto& value) {
            const auto seq = seq_of(Space::ended, key);
            const Result<Ending> ending = decode_ending(value);
            if (!seq || !ending || ending->kind != Ending::Kind::dropped) return;
            for (const Space space : {Space::failed, Space::kept}) {
                if (!has(seq_key(space, *seq))) continue;
                const rocksdb::Status done = batch.Delete(seq_key(space, *seq));
                HOLDFAST_ASSERT(done.ok());  // memory only
            }
        });
        if (!scanned || batch.Count() == 0) return scanned;
        has_ended_ = true;
        return write(batch);
    }

    // What is kept aside, and neither parked nor a dead letter, has lost the mark that said so: it
    // waits again. Those that end take their record along in the same write.
    Result<void> park_again(Seq tail) {
        std::uint64_t again = 0;
        std::optional<Error> wrong;
        Result<void> scanned = scan(Space::kept, [&](const auto& key, const auto& value) {
            const auto seq = seq_of(Space::kept, key);
            const Result<Event> event = decode_record(value);
            if (wrong || !seq || *seq >= tail || !event || census_.is_aside(*seq)) return;
            rocksdb::WriteBatch mark;
            db_->put(mark, seq_key(Space::parked, *seq), event->destination);
            if (Result<void> written = write(mark); !written) wrong = written.error();
            census_.add_parked(event->destination, *seq);
            ++parked_again_[std::string(event->destination)];
            ++again;
        });
        if (wrong) return *wrong;
        if (again == 0) return scanned;
        incomplete_ = true;
        order_.note(std::to_string(again) +
                    " entries had lost the mark that they wait, and wait again");
        return scanned;
    }

    // At most so many are gone without a gap; nullopt: nothing says how many.
    [[nodiscard]] std::optional<std::uint64_t> count_unnamed(Seq tail) {
        const bool has_no_marks =
            census_.cursors().empty() && order_.known.mark.tail > saved_tail();
        if (has_no_marks) return std::nullopt;
        if (!tables_.repaired && !marks_missing_) return census_.waiting_before(tail);
        if (!marks_missing_ || tail == Seq{1}) return 0;  // all in place, and handed out again
        if (!census_.is_complete()) return std::nullopt;
        // A cursor that was left, of a list that is cut, may be older than what was given back.
        const std::uint64_t before = tables_.repaired ? 0 : census_.waiting_before(tail);
        return std::max(census_.missing(lost_), before);
    }

    // By destination, and under no name those whose record cannot be read.
    void count_dead() {
        dead_of_.emplace();
        census_.dead().visit([&](Seq seq) {
            std::string record;
            const bool is_there =
                get(seq_key(Space::kept, seq), record) || get(seq_key(Space::entry, seq), record);
            const Result<Event> event = decode_record(record);
            ++(*dead_of_)[is_there && event ? std::string(event->destination) : ""];
        });
    }

    // Of those that nobody can own it keeps what it had counted.
    std::uint64_t dead_of(const std::string& name, std::uint64_t counted) {
        if (!dead_of_) count_dead();
        const std::uint64_t known = (*dead_of_)[name];
        std::uint64_t& unknown = (*dead_of_)[""];
        const std::uint64_t kept = std::min(unknown, counted - std::min(counted, known));
        unknown -= kept;
        return known + kept;
    }

    // Which entries should be there and are not.
    Result<std::vector<SeqRange>> gaps(Seq from, Seq head) {
        std::vector<SeqRange> found;
        Seq expected = from;
        const auto at = entries();
        for (at->Seek(seq_key(Space::entry, from)); at->Valid(); at->Next()) {
            const auto seq = seq_of(Space::entry, at->key().ToStringView());
            if (!seq) break;
            if (*seq > expected) found.push_back({expected, seq->previous()});
            expected = seq->next();
            if (!tables_.repaired && !after_damage_ && !order_.known.is_list_torn) continue;
            const Result<Event> event = decode_record(at->value().ToStringView());
            if (event) census_.add_entry(event->destination, *seq);
        }
        if (!at->status().ok()) return error_of(at->status(), "rebuild");
        if (expected <= head) found.push_back({expected, head});
        return found;
    }

    Result<void> account() {
        const Result<Seq> begin = tail();
        if (!begin) return begin.error();
        const Seq tail = *begin;
        Result<void> read = drop_again();
        if (read) read = read_marks();
        const bool may_lack_marks = tables_.repaired || is_list_short_ || !rescued_.empty();
        if (read && may_lack_marks) read = park_again(tail);
        if (!read) return read;
        const Result<Seq> last_there = last_entry();
        if (!last_there) return last_there.error();
        const Seq last = std::max(*last_there, tail.previous());
        const Seq head = std::max({last, highest_, order_.known.mark.acknowledged});
        Seq from = last.next();
        if (tables_.repaired || order_.known.is_list_torn) {
            from = tail;
        } else if (gaps_from_) {
            from = std::max(*gaps_from_, tail);
        }
        Lost lost;
        if (const auto saved = meta(kLostName)) {
            if (Result<Lost> known = Lost::decode(*saved)) lost = std::move(*known);
        }
        SeqSet known;
        for (const SeqRange& range : lost.all()) known.add(range);
        const Result<std::vector<SeqRange>> missing = gaps(from, head);
        if (!missing) return missing.error();
        for (const SeqRange& gap : *missing) {
            for (const SeqRange& news : known.gaps(gap.first, gap.last)) lost_.push_back(news);
            lost.add(gap);
        }
        incomplete_ = incomplete_ || !lost_.empty();
        // Also when no table is seen to be bad: one may be gone.
        if (tables_.repaired && census_.missing(lost_) > 0) marks_missing_ = true;
        if (marks_missing_) order_.note(std::string(kBeginsAgain));
        unnamed_ = count_unnamed(tail);
        incomplete_ = incomplete_ || unnamed_ != 0;  // nor are the marks those of that tail
        lost.add_unnamed(unnamed_);
        rocksdb::WriteBatch batch;
        const auto put = [&](const std::string& key, const std::string& value) {
            const rocksdb::Status done = batch.Put(key, value);
            HOLDFAST_ASSERT(done.ok());  // memory only
        };
        put(name_key(Space::meta, kLostName), lost.encode());
        put(name_key(Space::meta, kTailName), seq_key(Space::entry, tail));
        if (incomplete_) put(name_key(Space::meta, kDoubtName), seq_key(Space::entry, head));
        // A cursor that has passed an entry, without the mark that says why, would lose it.
        for (const std::string& name : census_.destinations()) {
            const std::string key = name_key(Space::cursor, name);
            if (has(key) && !marks_missing_) continue;
            Cursor again(tail);
            again.counted_to = tail.previous();
            again.counts.pending = census_.parked_of(name);
            const auto cursor = census_.cursors().find(name);
            const bool was_counted = cursor != census_.cursors().end();
            again.counts.failed = dead_of(name, was_counted ? cursor->second.counts.failed : 0);
            put(key, again.encode());
        }
        for (const auto& [name, cursor] : census_.cursors()) {
            const bool counts = may_miss_dead_letters() || parked_again_.contains(name);
            const bool begins_again = marks_missing_ && census_.destinations().contains(name);
            if (begins_again || (cursor.low_water() >= tail && !counts)) continue;
            put(name_key(Space::cursor, name), caught_up(name, cursor, tail).encode());
        }
        // What is still in its place needs no copy.
        for (const Seq seq : rescued_) {
            if (seq < tail) continue;
            const rocksdb::Status done = batch.Delete(seq_key(Space::kept, seq));
            HOLDFAST_ASSERT(done.ok());  // memory only
        }
        return write(batch);
    }

    // Those that a cursor had counted. With a table went their marks too, it may be.
    [[nodiscard]] bool may_miss_dead_letters() const {
        return has_ended_ || tables_.repaired || marks_missing_;
    }

    // What was before the tail has gone since, and nothing waits of it that is not parked.
    Cursor caught_up(const std::string& name, Cursor cursor, Seq tail) {
        if (may_miss_dead_letters()) {
            cursor.counts.failed = dead_of(name, cursor.counts.failed);
        }
        if (cursor.low_water() >= tail) {
            const auto again = parked_again_.find(name);
            if (again != parked_again_.end()) cursor.counts.pending += again->second;
            return cursor;
        }
        cursor.begin_at(tail);
        // From there on all is counted when the log is opened.
        cursor.counted_to = cursor.position().previous();
        cursor.counts.pending = census_.parked_of(name) + cursor.outstanding().size();
        return cursor;
    }

    Result<void> end() {
        const auto& families = db_->families();
        rocksdb::Status status =
            (*db_)->Flush(rocksdb::FlushOptions(), {families.begin(), families.end()});
        if (const rocksdb::Status closed = db_->close(); status.ok()) status = closed;
        db_.reset();
        if (!status.ok()) return error_of(status, "rebuild");
        return files_.sync_directory(order_.target);
    }

    const BuildOrder order_;
    const Files files_;
    const RocksOptions options_;
    SalvagedTables tables_;
    std::unique_ptr<Database> db_;
    bool is_list_short_ = false;   // of tables: something was in none of them
    bool has_unfinished_ = false;  // a table that is not whole and told nothing
    bool has_logged_ = false;      // something that is in no table that is listed
    bool after_damage_ = false;
    std::vector<Seq> rescued_;  // kept aside, from behind damage
    bool has_ended_ = false;    // a dead letter, with a mark that its count knows nothing of
    Seq known_tail_;            // from the mark, or from behind damage
    std::map<std::string, std::uint64_t, std::less<>> parked_again_;  // by destination
    bool marks_missing_ = false;
    bool incomplete_ = false;       // marks may be missing
    Seq highest_;                   // entry that any batch of the logs has or speaks of
    std::optional<Seq> gaps_from_;  // the first entry after the first damage
    Census census_;
    std::optional<std::map<std::string, std::uint64_t>> dead_of_;  // once they were counted
    std::vector<SeqRange> lost_;
    std::optional<std::uint64_t> unnamed_ = 0;
};

}  // namespace

Result<Built> build_again(const BuildOrder& order) {
    return Building(order).run();
}

}  // namespace holdfast::wal
