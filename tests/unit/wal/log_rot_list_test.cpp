// Damage to RocksDB's list of tables, or to what goes on where the list ends, while nobody has the
// log open.
#include "tests/unit/wal/rocks_log.hpp"
#include "tests/unit/wal/stopped_log.hpp"
#include "wal/cursor.hpp"
#include "wal/keys.hpp"
#include "wal/log_sectors.hpp"
#include "wal/repair.hpp"
#include "wal/state.hpp"
#include "wal/water_mark.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <memory>

namespace holdfast::wal {
namespace {

namespace fs = std::filesystem;
using Disk = LogUnderTest::Disk;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

constexpr Seq kDead{14};
constexpr Seq kParked{15};

// As a crash stops it: nothing says that it was stopped cleanly.
class LogRotList : public StoppedLog {
protected:
    LogRotList() {
        log_.open();
        log_.close();  // all is in tables
        fs::remove(directory() / "acknowledged");
        record_ = *log_.get_raw(seq_key(Space::entry, Seq{kEntries}));
    }

    void cut_list(std::uintmax_t size) { fs::resize_file(only("MANIFEST-"), size); }

    void tear() {
        RocksLog record;
        record.record(1, "added: a table");
        record.bytes.back() = 'x';
        std::ofstream(only("MANIFEST-"), std::ios::binary | std::ios::app) << record.bytes;
    }

    // Of pairs that the log has too.
    [[nodiscard]] std::string make_table() {
        const Path path = directory() / "table";
        rocksdb::Options options;
        options.compression = rocksdb::kNoCompression;
        rocksdb::SstFileWriter writer({}, options);
        EXPECT_TRUE(writer.Open(path).ok());
        for (Seq seq{1}; seq <= Seq{kEntries}; seq = seq.next()) {
            const std::string key = seq_key(Space::entry, seq);
            EXPECT_TRUE(writer.Put(key, *log_.get_raw(key)).ok());
        }
        EXPECT_TRUE(writer.Finish().ok());
        std::string bytes = read(path);
        fs::remove(path);
        return bytes;
    }

    // The database in the hands of somebody who can do without a log of its own.
    struct Raw {
        std::unique_ptr<Database> database;
        rocksdb::ColumnFamilyHandle* marks = database->families()[0];
        rocksdb::ColumnFamilyHandle* entries = database->families()[1];

        void put(const std::string& key, const std::string& value) {
            const bool is_entry = seq_of(Space::entry, key).has_value();
            ASSERT_TRUE((*database)->Put({}, is_entry ? entries : marks, key, value).ok());
        }

        void remove(const std::string& mark) {
            ASSERT_TRUE((*database)->Delete({}, marks, mark).ok());
        }

        void flush(rocksdb::ColumnFamilyHandle* family) {
            ASSERT_TRUE((*database)->Flush({}, family).ok());
        }

        // The tables of entries before the tail.
        void give_back(Seq tail) {
            ASSERT_TRUE((*database)->CompactRange({}, entries, nullptr, nullptr).ok());
            const std::string begin = seq_key(Space::entry, {});
            const std::string end = seq_key(Space::entry, tail);
            const rocksdb::Slice first(begin);
            const rocksdb::Slice last(end);
            ASSERT_TRUE(
                rocksdb::DeleteFilesInRange(database->operator->(), entries, &first, &last, false)
                    .ok());
        }
    };

    Raw raw() { return {log_.open_raw()}; }

    // That 14 is a dead letter and 15 waits parked.
    void put_ends(Raw& to) {
        to.put(seq_key(Space::failed, kDead), encode(kFailure));
        to.put(seq_key(Space::parked, kParked), "crm");
    }

    // Which has passed both.
    void put_cursor(Raw& to) {
        Cursor cursor = *Cursor::decode(*saved_cursor_);
        cursor.settle(kDead);
        cursor.settle(kParked);
        --cursor.counts.pending;
        ++cursor.counts.failed;
        to.put(name_key(Space::cursor, "crm"), cursor.encode());
    }

    [[nodiscard]] std::uintmax_t list_size() const { return fs::file_size(only("MANIFEST-")); }

    // Which is in no table yet.
    void log_something() {
        Raw to = raw();
        to.put(name_key(Space::saved, "gate"), "x");
    }

    // A table of marks that a list that is cut there does not name; all that the logs hold is in
    // tables.
    std::uintmax_t make_unlisted_marks() {
        Raw to = raw();
        put_cursor(to);
        to.flush(to.marks);
        const std::uintmax_t size = list_size();
        put_ends(to);
        to.flush(to.marks);
        to.database.reset();
        for (const Path& log : files(".log")) fs::remove(log);
        return size;
    }

    // The same of entry 81, with 82 in the log that follows.
    std::uintmax_t make_unlisted_entry() {
        Raw to = raw();
        const std::uintmax_t size = list_size();
        to.put(seq_key(Space::entry, Seq{kEntries + 1}), record_);
        to.flush(to.entries);
        to.put(seq_key(Space::entry, Seq{kEntries + 2}), record_);
        to.database.reset();
        EXPECT_EQ(files(".log").size(), 1U);
        return size;
    }

    // The same of marks that are newer than those before.
    std::uintmax_t make_unlisted(const std::function<void(Raw&)>& put_older,
                                 const std::function<void(Raw&)>& put_newer) {
        Raw to = raw();
        put_older(to);
        to.flush(to.marks);
        const std::uintmax_t size = list_size();
        put_newer(to);
        to.flush(to.marks);
        to.database.reset();
        for (const Path& log : files(".log")) fs::remove(log);
        return size;
    }

    void put_cursor(Raw& to,
                    Seq position,
                    const std::vector<Seq>& outstanding = {},
                    std::uint64_t completed = 0) {
        Cursor cursor = *Cursor::decode(*saved_cursor_);
        cursor.begin_at(Seq{12});
        while (cursor.position() < position) cursor.take(cursor.position());
        for (Seq seq{12}; seq < position; seq = seq.next()) {
            if (!std::count(outstanding.begin(), outstanding.end(), seq)) cursor.settle(seq);
        }
        cursor.counts.complete += completed;
        to.put(name_key(Space::cursor, "crm"), cursor.encode());
    }

    static void put_retry(Raw& to, Seq seq, std::uint32_t attempts, bool intended) {
        Retry retry = retry_once();
        retry.attempts = attempts;
        retry.intended = intended;
        to.put(seq_key(Space::retry, seq), encode(retry));
    }

    // Each that is handed out may have been sent.
    void check_all_are_in_doubt() {
        check();
        const std::vector<Pending> all = log_.take_all();
        EXPECT_GT(all.size(), 30U);
        for (const Pending& one : all) {
            EXPECT_TRUE(one.retry && one.retry->intended) << one.seq.value;
        }
    }

    // The same of 81 to 100, which were given back: but 86 was a dead letter and all others were
    // parked, and that is what is not named.
    std::uintmax_t make_unlisted_reclaiming() {
        constexpr Seq kTail{101};
        Raw to = raw();
        Cursor cursor = *Cursor::decode(*saved_cursor_);
        const auto put_cursor_at = [&](Seq seq, Counts counts) {
            cursor.begin_at(seq);
            cursor.counts = counts;
            cursor.counted_to = seq.previous();
            to.put(name_key(Space::cursor, "crm"), cursor.encode());
        };
        for (const Space space : {Space::failed, Space::parked, Space::retry}) {
            for (Seq seq{11}; seq <= Seq{13}; seq = seq.next()) to.remove(seq_key(space, seq));
        }
        put_cursor_at(Seq{kEntries + 1}, {.pending = 0, .complete = kEntries, .failed = 0});
        to.flush(to.marks);
        for (Seq seq{kEntries + 1}; seq < kTail; seq = seq.next()) {
            to.put(seq_key(Space::entry, seq), record_);
        }
        to.flush(to.entries);
        to.give_back(kTail);
        to.put(seq_key(Space::entry, kTail), record_);
        to.flush(to.entries);
        const std::uintmax_t size = list_size();
        for (Seq seq{kEntries + 1}; seq < kTail; seq = seq.next()) {
            to.put(seq_key(Space::kept, seq), record_);
            if (seq != Seq{86}) to.put(seq_key(Space::parked, seq), "crm");
        }
        to.put(seq_key(Space::failed, Seq{86}), encode(kFailure));
        to.put(name_key(Space::meta, kTailName), seq_key(Space::entry, kTail));
        put_cursor_at(kTail, {.pending = 19, .complete = kEntries, .failed = 1});
        to.flush(to.marks);
        to.database.reset();
        for (const Path& log : files(".log")) fs::remove(log);
        WaterMarkFile mark(directory().string(), nullptr);
        EXPECT_TRUE(mark.write({kTail, kTail, false}));
        return size;
    }

    void check() {
        log_.open();
        EXPECT_THAT(log_.reports().notes(), HasSubstr("as a power cut can leave it"));
        EXPECT_THAT(log_->health().lost, IsEmpty());
        EXPECT_EQ(log_->health().lost_unnamed, 0U);
        check_all_are_there(kEntries);
    }

    void check_all_are_there(std::uint64_t last) {
        for (Seq seq{1}; seq <= Seq{last}; seq = seq.next()) {
            EXPECT_TRUE(log_->get(seq)) << seq.value;
        }
    }

    void check_ends() {
        EXPECT_EQ(log_->describe(kDead)->state, EntryState::failed);
        EXPECT_THAT(log_.take_seqs(), Contains(kParked));
        EXPECT_THAT(log_->health().lost, IsEmpty());
    }

    [[nodiscard]] std::size_t count_doubts() {
        const std::vector<Pending> all = log_.take_all();
        return static_cast<std::size_t>(std::count_if(all.begin(), all.end(), [](const auto& one) {
            return one.retry && one.retry->intended;
        }));
    }

    std::string record_;
    std::optional<std::string> saved_cursor_ = log_.get_raw(name_key(Space::cursor, "crm"));
};

// The power went while a compaction was noted.
TEST_F(LogRotList, TheEndOfTheListOfTablesIsNoDamage) {
    fs::copy(files(".sst").front(), db() / "009999.sst");
    tear();
    check();
    EXPECT_EQ(count_doubts(), 0U);
    EXPECT_EQ(log_->counts("crm"), (Counts{.pending = kEntries - 11, .complete = 10, .failed = 1}));
}

// Or while its table was written, of what is in the log.
TEST_F(LogRotList, ATableThatWasNotFinishedLeavesNoDoubt) {
    log_something();
    const std::string whole = read(files(".sst").front());
    write(db() / "009999.sst", whole.substr(0, whole.size() / 2));
    tear();
    check();
    EXPECT_EQ(count_doubts(), 0U);
    EXPECT_THAT(log_.reports().notes(), Not(HasSubstr("again")));
}

// Nor need what was not synced be missing at the end.
TEST_F(LogRotList, ATableThatWasNotSyncedLeavesNoDoubt) {
    const std::string whole = make_table();
    log_something();
    for (const std::size_t hole : {whole.size() / 2, whole.size() - 2 * kPageBytes}) {
        const Path before = directory().string() + ".before";
        fs::copy(directory(), before, fs::copy_options::recursive);
        std::string bytes = whole;
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(hole), kPageBytes, '\0');
        write(db() / "009999.sst", bytes);
        tear();
        check();
        EXPECT_EQ(count_doubts(), 0U);
        EXPECT_THAT(log_.reports().notes(), Not(HasSubstr("again")));
        log_.close();
        fs::remove_all(directory());
        fs::rename(before, directory());
    }
}

// Whether it is damage only a rebuilding tells.
TEST_F(LogRotList, TheEndOfTheListOfTablesIsLeftAloneByThePolicyRefuse) {
    log_.options.on_corruption = OnCorruption::refuse;
    tear();
    const std::string torn = read(only("MANIFEST-"));
    const Result<void> opened = log_.try_open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::corrupt);
    EXPECT_EQ(read(only("MANIFEST-")), torn);
    log_.options.on_corruption = OnCorruption::quarantine;
    check();
}

// It looks the same, and what it named is nowhere else.
TEST_F(LogRotList, ItsEndMayHaveGoneBad) {
    cut_list(make_unlisted_entry() + 10);
    for (const Path& log : files(".log")) fs::remove(log);
    check();
    EXPECT_TRUE(log_->get(Seq{kEntries + 1}));
    EXPECT_EQ(count_doubts(), kEntries + 1 - 11);
}

TEST_F(LogRotList, WhatWasInATableThatIsNotNamedAnyMoreAndIsGoneIsReported) {
    const std::vector<Path> before = files(".sst");
    cut_list(make_unlisted_entry() + 10);
    for (const Path& table : files(".sst")) {
        if (std::find(before.begin(), before.end(), table) == before.end()) fs::remove(table);
    }
    log_.open();
    EXPECT_THAT(log_->health().lost, ElementsAre(SeqRange{{kEntries + 1}, {kEntries + 1}}));
    check_all_are_there(kEntries);
    EXPECT_TRUE(log_->get(Seq{kEntries + 2}));
}

TEST_F(LogRotList, ItsEndTakesNoDeadLetterAlong) {
    cut_list(make_unlisted_marks() + 10);
    check();
    check_ends();
    // Not all that was there is in a table that is in use.
    const fs::path kept = *fs::directory_iterator(directory() / "quarantine");
    EXPECT_TRUE(std::any_of(fs::directory_iterator(kept / "db"), {}, [](const auto& file) {
        return file.path().extension() == ".sst";
    }));
}

TEST_F(LogRotList, ANewerCursorIsNoBlindRepeat) {
    cut_list(make_unlisted([](Raw&) {}, [&](Raw& to) { put_cursor(to, Seq{41}); }) + 10);
    check_all_are_in_doubt();
}

// What it had handed out has ended, and is not before where it stood.
TEST_F(LogRotList, ACursorThatHasSettledMoreIsNoBlindRepeat) {
    cut_list(make_unlisted([&](Raw& to) { put_cursor(to, Seq{41}, {Seq{20}}); },
                           [&](Raw& to) { put_cursor(to, Seq{41}); }) +
             10);
    check_all_are_in_doubt();
}

TEST_F(LogRotList, AnIntentIsNoBlindRepeat) {
    cut_list(make_unlisted([](Raw&) {}, [](Raw& to) { put_retry(to, Seq{50}, 0, true); }) + 10);
    check_all_are_in_doubt();
}

TEST_F(LogRotList, AnIntentToTryAgainIsNoBlindRepeat) {
    cut_list(make_unlisted([](Raw& to) { put_retry(to, Seq{50}, 1, false); },
                           [](Raw& to) { put_retry(to, Seq{50}, 1, true); }) +
             10);
    check_all_are_in_doubt();
}

// What was deleted cannot be seen, but the cursor has counted it.
TEST_F(LogRotList, AParkedOneThatHasEndedIsNoBlindRepeat) {
    constexpr Seq kSent{20};
    cut_list(make_unlisted(
                 [&](Raw& to) {
                     put_cursor(to, Seq{41});
                     to.put(seq_key(Space::parked, kSent), "crm");
                     put_retry(to, kSent, 1, false);
                 },
                 [&](Raw& to) {
                     put_retry(to, kSent, 1, true);
                     to.remove(seq_key(Space::parked, kSent));
                     to.remove(seq_key(Space::retry, kSent));
                     put_cursor(to, Seq{41}, {}, 1);
                 }) +
             10);
    check();
    const std::vector<Pending> all = log_.take_all();
    EXPECT_TRUE(
        std::any_of(all.begin(), all.end(), [&](const auto& one) { return one.seq == kSent; }));
    for (const Pending& one : all) {
        EXPECT_TRUE(one.retry && one.retry->intended) << one.seq.value;
    }
}

// The first block, and what says where all is. Without logs it is none that was not finished.
TEST_F(LogRotList, AnIntentInATableThatIsDamagedTooIsNoBlindRepeat) {
    cut_list(make_unlisted([](Raw&) {}, [](Raw& to) { put_retry(to, Seq{50}, 0, true); }) + 10);
    const Path marks = files(".sst").back();
    const Path before = directory().string() + ".before";
    fs::copy(directory(), before, fs::copy_options::recursive);
    for (const std::uintmax_t at : {std::uintmax_t{10}, fs::file_size(marks) - 50}) {
        SCOPED_TRACE(at);
        flip(marks, at);
        check_all_are_in_doubt();
        log_.close();
        fs::remove_all(directory());
        fs::copy(before, directory(), fs::copy_options::recursive);
    }
    fs::remove_all(before);
}

// As in a table that a compaction has replaced, and whose end a power cut has undone.
TEST_F(LogRotList, AnIntentOfWhatHasEndedLeavesNoDoubt) {
    std::string old;
    {
        Raw to = raw();
        put_retry(to, Seq{5}, 0, true);
        put_retry(to, Seq{50}, 0, true);
        to.flush(to.marks);
        old = read(files(".sst").back());
        to.remove(seq_key(Space::retry, Seq{5}));
        put_retry(to, Seq{50}, 1, false);
        to.flush(to.marks);
        rocksdb::CompactRangeOptions all;
        all.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
        ASSERT_TRUE((*to.database)->CompactRange(all, to.marks, nullptr, nullptr).ok());
    }
    write(db() / "000999.sst", old);
    tear();
    check();
    EXPECT_EQ(count_doubts(), 0U);
}

// The first block, what says where all is, and that it is a table.
TEST_F(LogRotList, WhatWasKeptAsideInATableThatIsNotNamedAndIsDamagedIsCounted) {
    cut_list(make_unlisted_reclaiming() + 10);
    const Path marks = files(".sst").back();
    const std::string whole = read(marks);
    const Path before = directory().string() + ".before";
    fs::copy(directory(), before, fs::copy_options::recursive);
    bool was_read_in_part = false;
    for (const std::size_t at : {std::size_t{30}, whole.size() - 50, whole.size() - 4}) {
        SCOPED_TRACE(testing::Message() << at << " of " << whole.size());
        flip(marks, at);
        log_.open();
        const std::vector<Pending> all = log_.take_all();
        const auto found = static_cast<std::uint64_t>(all.size() - 1);  // but 101
        was_read_in_part = was_read_in_part || found > 0;
        EXPECT_GE(log_->health().lost_unnamed, 20 - found);
        EXPECT_LE(log_->health().lost_unnamed, 20U);
        for (const Pending& one : all) EXPECT_TRUE(one.retry && one.retry->intended);
        log_.close();
        fs::remove_all(directory());
        fs::copy(before, directory(), fs::copy_options::recursive);
    }
    EXPECT_TRUE(was_read_in_part);
    fs::remove_all(before);
}

TEST_F(LogRotList, ATableThatCannotBeOpenedNowIsNoDamage) {
    cut_list(make_unlisted_marks() + 10);
    log_.disk().refuse_to_open(files(".sst").back().filename());
    const Result<void> opened = log_.try_open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::storage_failed);
    log_.disk().refuse_to_open("");
    check();
    check_ends();
}

// As a compaction leaves it whose place in the list a power cut has taken.
TEST_F(LogRotList, WhatHasEndedDoesNotComeBackFromATableThatIsNotNamed) {
    Raw to = raw();
    const std::string parked = seq_key(Space::parked, kParked);
    to.put(parked, "crm");
    to.flush(to.marks);
    const std::string before_it_ended = read(files(".sst").back());
    ASSERT_TRUE((*to.database)->Delete({}, to.marks, parked).ok());
    to.flush(to.marks);
    to.database.reset();
    write(db() / "000999.sst", before_it_ended);
    tear();
    check();
    EXPECT_EQ(count_doubts(), 0U);
    EXPECT_THAT(log_.reports().notes(), Not(HasSubstr("nowhere else")));
}

// At each moment.
TEST_F(LogRotList, ARebuildingThatWasCutOffGoesOnWithWhatWasKnown) {
    cut_list(make_unlisted_marks() + 10);
    const Path torn = directory().string() + ".torn";
    fs::copy(directory(), torn, fs::copy_options::recursive);
    std::size_t cut_off = 0;
    for (std::uint64_t moment = 0;; moment += 5) {
        SCOPED_TRACE(moment);
        fs::remove_all(directory());
        fs::copy(torn, directory(), fs::copy_options::recursive);
        log_.disk().fail(
            Disk::kAnyOp, moment, Disk::kForEver, rocksdb::IOStatus::IOError("injected"));
        const bool passed = log_.try_open().has_value();
        if (passed) log_.close();
        log_.disk().heal();
        if (passed) break;
        cut_off += fs::exists(directory() / "rebuilding");
        log_.open();
        check_ends();
        log_.close();
    }
    fs::remove_all(torn);
    EXPECT_GT(cut_off, 5U);
}

TEST_F(LogRotList, ARebuildingWhoseMarkerIsDamagedTakesWhatWasSetAsideLast) {
    for (const char* name : {"20260101T000000Z", "20260102T000000Z"}) {
        fs::create_directories(directory() / "quarantine" / name);
    }
    fs::rename(db(), directory() / "quarantine/20260102T000000Z/db");
    write(directory() / "rebuilding", "");
    log_.open();
    check_all_are_there(kEntries);
}

TEST_F(LogRotList, ARebuildingThatCannotBeginLeavesNoFolder) {
    tear();
    log_.disk().fail(static_cast<unsigned>(Disk::Op::rename),
                     0,
                     Disk::kForEver,
                     rocksdb::IOStatus::IOError("injected"));
    for (int i = 0; i < 3; ++i) {
        EXPECT_FALSE(log_.try_open());
    }
    log_.disk().heal();
    EXPECT_TRUE(fs::is_empty(directory() / "quarantine"));
    check();
}

// The upgrade from schema 1 has deleted their range among the marks, where they were.
TEST_F(LogRotList, ARebuildingAfterAnUpgradeKeepsTheEntries) {
    {
        const Raw to = raw();
        rocksdb::WriteBatch moved;
        const std::string first = seq_key(Space::entry, {});
        const std::string last = seq_key(Space::entry, Seq{kEntries});
        ASSERT_TRUE(moved.DeleteRange(to.marks, first, last + '\0').ok());
        ASSERT_TRUE((*to.database)->Write({}, &moved).ok());
    }
    tear();
    check();
}

TEST_F(LogRotList, OfNothingNothingIsBuilt) {
    fs::rename(db(), directory() / "elsewhere");
    write(directory() / "rebuilding", "20260102T000000Z");
    const Result<void> opened = log_.try_open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::corrupt);
    EXPECT_THAT(opened.error().detail, HasSubstr("put it back as"));
    EXPECT_FALSE(fs::exists(db()));
}

// One write to the list was lost: it ends where a record ends, so that nothing looks torn.
TEST_F(LogRotList, AnEndThatIsMissingIsNoticedByTheLogThatFollows) {
    cut_list(make_unlisted_entry());
    log_.open();
    EXPECT_THAT(log_.reports().notes(), HasSubstr("is missing: the end of the list of tables"));
    EXPECT_THAT(log_->health().lost, IsEmpty());
    check_all_are_there(kEntries + 2);
}

// Nothing follows: that it is missing is known by the mark alone.
TEST_F(LogRotList, AnEndThatIsMissingAfterACleanStopCostsNothing) {
    cut_list(make_unlisted_entry());
    for (const Path& log : files(".log")) fs::remove(log);
    WaterMarkFile mark(directory().string(), nullptr);
    ASSERT_TRUE(mark.read());
    ASSERT_TRUE(mark.write({Seq{kEntries + 1}, Seq{1}, true}));
    log_.open();
    EXPECT_THAT(log_->health().lost, IsEmpty());
    check_all_are_there(kEntries + 1);
}

TEST_F(LogRotList, AnEndThatIsMissingIsMendedByARepairToo) {
    cut_list(make_unlisted_entry());
    CheckOptions options;
    options.directory = directory();
    options.now = log_.now();
    const Result<RepairReport> repaired = repair(options, false);
    ASSERT_TRUE(repaired) << repaired.error().detail;
    EXPECT_THAT(repaired->lost, IsEmpty());
    log_.open();
    check_all_are_there(kEntries + 2);
}

// RocksDB deletes logs that it does not need in any order: a crash may leave the first of them, and
// not the second.
TEST_F(LogRotList, LogsWhoseRecordsAreInTablesAreNotMissed) {
    {
        Raw to = raw();
        to.put(seq_key(Space::entry, Seq{kEntries + 1}), record_);
        const Path first = files(".log").back();
        fs::copy(first, directory() / "first");
        to.flush(to.entries);
        to.flush(to.marks);
        to.put(seq_key(Space::entry, Seq{kEntries + 2}), record_);
        to.flush(to.entries);
        to.put(seq_key(Space::entry, Seq{kEntries + 3}), record_);
        to.database.reset();
        EXPECT_FALSE(fs::exists(first));
        fs::rename(directory() / "first", first);
    }
    log_.options.on_corruption = OnCorruption::refuse;
    const Result<void> opened = log_.try_open();
    ASSERT_TRUE(opened) << opened.error().detail;
    check_all_are_there(kEntries + 3);
}

TEST_F(LogRotList, AnEndOfZerosIsNoticedByTheLogThatFollows) {
    const std::uintmax_t size = make_unlisted_entry();
    const std::uintmax_t before = list_size();
    cut_list(size);
    cut_list(before);
    log_.open();
    EXPECT_THAT(log_->health().lost, IsEmpty());
    check_all_are_there(kEntries + 2);
}

TEST_F(LogRotList, AnEndThatIsMissingIsLeftAloneByThePolicyRefuse) {
    cut_list(make_unlisted_entry());
    const std::vector<Path> tables = files(".sst");
    const std::string list = read(only("MANIFEST-"));
    log_.options.on_corruption = OnCorruption::refuse;
    const Result<void> opened = log_.try_open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::corrupt);
    EXPECT_EQ(files(".sst"), tables);
    EXPECT_EQ(read(only("MANIFEST-")), list);
}

}  // namespace
}  // namespace holdfast::wal
