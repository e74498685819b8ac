// Damage to the files of a log while nobody has it open: flipped bits, missing and cut files.
#include "tests/unit/wal/stopped_log.hpp"
#include "wal/keys.hpp"
#include "wal/log_sectors.hpp"
#include "wal/table_files.hpp"
#include "wal/water_mark.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <fstream>
#include <iterator>
#include <random>
#include <thread>

namespace holdfast::wal {
namespace {

namespace fs = std::filesystem;
using Disk = LogUnderTest::Disk;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

bool contains(const std::vector<SeqRange>& ranges, Seq seq) {
    return std::any_of(ranges.begin(), ranges.end(), [&](const SeqRange& range) {
        return range.first <= seq && seq <= range.last;
    });
}

class LogRot : public StoppedLog {
protected:
    // Every entry is as it was, or said to be gone or damaged; the log goes on behind them all.
    void check() {
        const std::vector<SeqRange> lost = log_->health().lost;
        std::set<Seq> taken;
        std::set<Seq> doubtful;
        for (const Pending& one : log_.take_all()) {
            taken.insert(one.seq);
            if (one.retry && one.retry->intended) doubtful.insert(one.seq);
        }
        std::uint64_t damaged = 0;
        for (Seq seq{1}; seq <= Seq{kEntries}; seq = seq.next()) {
            const Result<Entry> entry = log_->get(seq);
            if (entry) {
                EXPECT_EQ(entry->event().body, body_of(seq.value));
                EXPECT_FALSE(contains(lost, seq)) << seq.value;
            } else if (!contains(lost, seq)) {
                EXPECT_EQ(entry.error().code, Errc::corrupt) << entry.error().detail;
            }
            const bool is_pending = seq >= Seq{12};
            if (is_pending) {
                damaged += !taken.contains(seq) && !contains(lost, seq);
            } else if (taken.contains(seq)) {
                EXPECT_TRUE(doubtful.contains(seq)) << seq.value << " is blindly repeated";
            }
        }
        EXPECT_EQ(log_->health().damaged, damaged);
        if (const Result<Description> dead = log_->describe(Seq{11}); dead) {
            EXPECT_EQ(dead->state == EntryState::failed, !taken.contains(Seq{11}));
        }
        const Seq next = log_.append("after");
        EXPECT_GT(next, Seq{kEntries});
        EXPECT_THAT(log_.take_seqs(), ElementsAre(next));
    }

    // As RocksDB does it by itself some time.
    void compact_marks() {
        const auto raw = log_.open_raw();
        rocksdb::ColumnFamilyHandle* const marks = raw->families()[0];
        rocksdb::CompactRangeOptions all;
        all.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForce;
        ASSERT_TRUE((*raw)->CompactRange(all, marks, nullptr, nullptr).ok());
    }

    [[nodiscard]] bool is_quarantined() const {
        return fs::exists(log_.options.directory / "quarantine");
    }

    // As after a crash.
    void write_mark_without_clean_stop() {
        WaterMarkFile file(directory().string(), log_.options.env);
        ASSERT_TRUE(file.read());
        ASSERT_TRUE(file.write({Seq{kEntries}, Seq{1}}));
    }
};

TEST_F(LogRot, WithoutDamageNothingIsReported) {
    log_.open();
    EXPECT_THAT(log_->health().lost, IsEmpty());
    EXPECT_FALSE(is_quarantined());
    check();
}

TEST_F(LogRot, InTheMiddleOfTheLogCostsThatEntryAloneAndIsReported) {
    flip(only(".log"), in_log(60));
    log_.open();
    EXPECT_THAT(log_->health().lost, ElementsAre(SeqRange{{60}, {60}}));
    EXPECT_THAT(log_.reports().notes(),
                HasSubstr("1 acknowledged entries are gone, with the seqs: 60\n"));
    EXPECT_TRUE(is_quarantined());
    EXPECT_TRUE(log_->get(Seq{61}));
    check();
}

TEST_F(LogRot, StaysReportedUntilItWasSeenAndTheSeqsStayLost) {
    flip(only(".log"), in_log(60));
    log_.open();
    log_.take_all();
    log_.close();
    log_.open();
    EXPECT_EQ(log_->health().lost.size(), 1U);
    log_->lost_is_seen();
    EXPECT_THAT(log_->health().lost, IsEmpty());
    log_.close();
    log_.open();
    EXPECT_THAT(log_->health().lost, IsEmpty());
    EXPECT_EQ(log_.take_seqs().size(), kEntries - 12);
    EXPECT_EQ(log_->health().damaged, 0U);
    EXPECT_EQ(log_->counts("crm"), (Counts{.pending = kEntries - 12, .complete = 10, .failed = 1}));
}

TEST_F(LogRot, OfALogThatWasCutShortIsNoticedByTheMark) {
    const fs::path file = only(".log");
    fs::resize_file(file, in_log(70) - 100);
    log_.open();
    ASSERT_EQ(log_->health().lost.size(), 1U);
    EXPECT_EQ(log_->health().lost[0].last, Seq{kEntries});
    check();
}

TEST_F(LogRot, OfALogThatIsGoneIsNoticedByTheMark) {
    fs::remove(only(".log"));
    log_.open();
    EXPECT_THAT(log_->health().lost, ElementsAre(SeqRange{{kInTables + 1}, {kEntries}}));
    check();
}

TEST_F(LogRot, OfTheWholeDatabaseIsNoticedByTheMark) {
    fs::remove_all(db());
    log_.open();
    EXPECT_THAT(log_->health().lost, ElementsAre(SeqRange{{1}, {kEntries}}));
    check();
}

// RocksDB deletes them late, and after a failure only at the next opening. It gives up the sequence
// numbers of what is settled, so that nothing in them tells which is newer.
class LogRotReplaced : public LogRot {
protected:
    LogRotReplaced() { fs::create_directory(aside_); }

    void keep_tables() const {
        for (const Path& table : files(".sst")) {
            fs::copy(table, aside_, fs::copy_options::skip_existing);
        }
    }

    // But for one, up to `last`.
    void complete_all_but(Seq spared, Seq last) {
        for (const Pending& one : log_.take_all()) {
            if (one.seq <= last && one.seq != spared) log_->complete("crm", one.seq);
        }
    }

    void open_with_all_tables() {
        fs::copy(aside_, db(), fs::copy_options::skip_existing | fs::copy_options::recursive);
        fs::remove(only("CURRENT"));
        log_.open();
    }

    const fs::path aside_ = directory() / "aside";
};

TEST_F(LogRotReplaced, TablesDoNotComeBackWithoutWhatNamesThoseInUse) {
    for (std::uint64_t done = 20; done <= kInTables; done += 10) {
        log_.open();
        complete_all_but({}, Seq{done});
        log_.close();
        compact_marks();
        keep_tables();
    }
    fs::copy(aside_, db(), fs::copy_options::skip_existing | fs::copy_options::recursive);
    ASSERT_EQ(files(".sst").size(), 5U);  // three of them of marks
    open_with_all_tables();
    EXPECT_EQ(log_->counts("crm"), (Counts{.pending = 40, .complete = 39, .failed = 1}));
    EXPECT_EQ(log_.take_all().size(), kEntries - kInTables);
    EXPECT_THAT(log_->health().lost, IsEmpty());
}

TEST_F(LogRotReplaced, WhatATableHadParkedDoesNotWaitAgain) {
    log_.open();
    complete_all_but(Seq{35}, Seq{kInTables});
    log_->park("crm", Seq{35});
    log_.close();
    compact_marks();
    keep_tables();
    log_.open();
    log_.take_all();
    log_->complete("crm", Seq{35});
    log_.close();
    compact_marks();
    open_with_all_tables();
    const std::uint64_t pending = log_->counts("crm").pending;
    const std::vector<Seq> taken = log_.take_seqs();
    EXPECT_EQ(pending, taken.size());
    EXPECT_THAT(taken, Not(Contains(Seq{35})));
}

TEST_F(LogRotReplaced, WhatATableHadParkedIsNotDamaged) {
    log_.open();
    complete_all_but(Seq{35}, Seq{kEntries});
    log_->park("crm", Seq{35});
    log_.close();
    compact_marks();
    keep_tables();
    log_.options.history = {};
    log_.options.reclaim_every = std::chrono::milliseconds(1);
    log_.open();
    log_.take_all();
    log_.advance(std::chrono::hours(1));
    for (int i = 0; log_->health().tail <= Seq{kEntries} && i < 1000; ++i) {
        log_.append("nudge");
        for (const Seq seq : log_.take_seqs()) log_->complete("crm", seq);
    }
    log_->complete("crm", Seq{35});
    log_.close();
    compact_marks();
    log_.options.reclaim_every = std::chrono::hours(1);
    open_with_all_tables();
    log_.take_all();
    EXPECT_EQ(log_->health().damaged, 0U);
    EXPECT_EQ(log_->counts("crm").failed, 1U);
}

// One that was not compacted has its numbers, and wins. Nothing tells that it is older.
TEST_F(LogRotReplaced, WhatComesAgainIsInDoubt) {
    log_.open();
    log_.close();
    keep_tables();
    log_.open();
    complete_all_but({}, Seq{kEntries});
    log_.close();
    compact_marks();
    open_with_all_tables();
    const std::vector<Pending> again = log_.take_all();
    EXPECT_EQ(log_->counts("crm").pending, again.size());
    for (const Pending& one : again) EXPECT_TRUE(one.retry && one.retry->intended);
}

TEST_F(LogRot, OfWhatNamesTheTablesCostsNothing) {
    Query failed;
    failed.state = EntryState::failed;
    for (const char* const file : {"CURRENT", "MANIFEST-"}) {
        fs::remove(only(file));
        log_.open();
        EXPECT_THAT(log_->health().lost, IsEmpty());
        EXPECT_THAT(log_.reports().notes(), HasSubstr("no acknowledged entry is missing"));
        EXPECT_EQ(log_->counts("crm").failed, 1U);
        EXPECT_EQ(log_.list_all(failed).size(), 1U);
        log_.close();
    }
    log_.open();
    check();
}

TEST_F(LogRot, OfATableCostsWhatWasInItsDamagedBlockAlone) {
    std::vector<fs::path> tables = files(".sst");
    ASSERT_FALSE(tables.empty());
    fs::remove(only("CURRENT"));  // so that the tables are looked at as a whole
    flip(tables.front(), fs::file_size(tables.front()) / 3);
    log_.open();
    const std::uint64_t lost = count_of(log_->health().lost);
    EXPECT_LE(lost, 20U);
    EXPECT_TRUE(log_->get(Seq{1}) || log_->get(Seq{kInTables}));
    check();
}

// All being in tables, the last of them is read to see where the log ends.
TEST_F(LogRot, OfTheLastTableCostsWhatWasInItsDamagedBlockAlone) {
    log_.open();
    for (std::uint64_t seq = kEntries + 1; seq <= kEntries + 3; ++seq) log_.append(body_of(seq));
    log_.close();
    log_.open();
    log_.close();
    for (const Path& table : files(".sst")) {
        const std::size_t at = read(table).find(fmt::format("entry {} ", kEntries + 1));
        if (at != std::string::npos) flip(table, at);
    }
    log_.open();
    EXPECT_THAT(log_->health().lost, ElementsAre(SeqRange{{kEntries + 1}, {kEntries + 3}}));
    const std::vector<Seq> waiting = log_.take_seqs();
    for (Seq seq{12}; seq <= Seq{kEntries}; seq = seq.next()) {
        EXPECT_THAT(waiting, Contains(seq));
    }
}

// Which RocksDB aborts on, whoever opens the table.
TEST_F(LogRot, OfTheHighestBitOfPropertiesIsNone) {
    ASSERT_FALSE(files(".sst").empty());
    for (const Path& table : files(".sst")) {
        const std::string bytes = read(table);
        const auto at = last_byte_of_properties(
            std::string_view(bytes).substr(bytes.size() - kTableFooterBytes), bytes.size());
        ASSERT_TRUE(at);
        flip(table, *at, 7);
    }
    log_.open();
    EXPECT_THAT(log_.reports().notes(), IsEmpty());
    for (std::uint64_t seq = 1; seq <= kEntries; ++seq) EXPECT_TRUE(log_->get(Seq{seq})) << seq;
}

// Each start is tried again, as systemd does.
TEST_F(LogRot, OfTheMarksNeverKeepsTheLogShut) {
    log_.open();
    log_.close();
    const Path whole = directory().string() + ".whole";
    fs::copy(directory(), whole, fs::copy_options::recursive);
    int opened_later = 0;
    for (const Path& table : files(".sst")) {
        const std::size_t size = read(whole / "db" / table.filename()).size();
        if (size > 4096) continue;
        for (std::size_t at = 0; at < size; at += 41) {
            fs::remove_all(directory());
            fs::copy(whole, directory(), fs::copy_options::recursive);
            flip(table, at);
            const Result<void> opened = log_.try_open();
            EXPECT_TRUE(opened) << table << " " << at << ": " << opened.error().detail;
            opened_later += opened.has_value();
            if (opened) log_.close();
        }
    }
    fs::remove_all(whole);
    EXPECT_GT(opened_later, 20);
}

// The file `acknowledged` may be a second older than what the agent knew that began it.
TEST_F(LogRot, ARebuildingThatWasCutOffStillKnowsWhatWasAcknowledged) {
    const Path log = only(".log");
    fs::resize_file(log, in_log(kEntries) / kSectorBytes * kSectorBytes);
    const Path cut = directory().string() + ".cut";
    fs::copy(directory(), cut, fs::copy_options::recursive);
    bool was_set_aside = false;
    for (std::uint64_t moment = 0; !was_set_aside; ++moment) {
        ASSERT_LT(moment, 1000U);
        fs::remove_all(directory());
        fs::copy(cut, directory(), fs::copy_options::recursive);
        log_.disk().fail(
            Disk::kAnyOp, moment, Disk::kForEver, rocksdb::IOStatus::IOError("injected"));
        if (log_.try_open()) log_.close();
        log_.disk().heal();
        was_set_aside = fs::exists(directory() / "rebuilding") && !fs::exists(db());
    }
    fs::remove_all(cut);
    fs::remove(directory() / "acknowledged");
    log_.open();
    EXPECT_THAT(log_->health().lost, ElementsAre(SeqRange{{kEntries}, {kEntries}}));
}

// The end that is gone had an intent and its outcome in it.
TEST_F(LogRot, ARebuildingThatWasCutOffStillDoubtsWhatTheMissingEndMayHaveSent) {
    log_.open();
    log_.append("mail");
    log_.take_all();
    const Path log = files(".log").back();
    const std::size_t used = read(log).find_last_not_of('\0');
    Retry intent = retry_once();
    intent.intended = true;
    log_->intend("crm", {kEntries + 1}, intent, 777);
    ASSERT_TRUE(log_.reports().wait_for({777}));
    log_.close();
    fs::resize_file(log, (used / kSectorBytes + 1) * kSectorBytes);
    const Path cut = directory().string() + ".cut";
    fs::copy(directory(), cut, fs::copy_options::recursive);
    int resumed = 0;
    bool opened = false;
    for (std::uint64_t moment = 0; !opened; moment += 3) {
        ASSERT_LT(moment, 1000U);
        fs::remove_all(directory());
        fs::copy(cut, directory(), fs::copy_options::recursive);
        log_.disk().fail(
            Disk::kAnyOp, moment, Disk::kForEver, rocksdb::IOStatus::IOError("injected"));
        opened = log_.try_open().has_value();
        if (opened) log_.close();
        log_.disk().heal();
        if (opened || !fs::exists(directory() / "rebuilding") || fs::exists(db())) continue;
        if (++resumed % 4 == 0) flip(directory() / "rebuilding", 3);
        log_.open();
        for (const Pending& one : log_.take_all()) {
            EXPECT_TRUE(one.retry && one.retry->intended) << moment << ": " << one.seq.value;
        }
        log_.close();
    }
    EXPECT_GT(resumed, 8);
    fs::remove_all(cut);
}

// The mark was of the database before.
TEST_F(LogRot, WhatWasJustRebuiltIsWholeWhateverCutTheStartOff) {
    log_.open();
    for (int i = 0; i < 50; ++i) log_->save(fmt::format("gate {}", i), "open");
    log_.close();
    const Path log = only(".log");
    flip(log, read(log).find("gate 1"));
    const Path damaged = directory().string() + ".damaged";
    fs::copy(directory(), damaged, fs::copy_options::recursive);
    int placed = 0;
    bool opened = false;
    for (std::uint64_t moment = 0; !opened; moment += 3) {
        ASSERT_LT(moment, 1000U);
        fs::remove_all(directory());
        fs::copy(damaged, directory(), fs::copy_options::recursive);
        log_.options.on_corruption = OnCorruption::quarantine;
        log_.disk().fail(
            Disk::kAnyOp, moment, Disk::kForEver, rocksdb::IOStatus::IOError("injected"));
        opened = log_.try_open().has_value();
        if (opened) log_.close();
        log_.disk().heal();
        const bool is_rebuilt = fs::exists(db()) && !fs::exists(log);
        if (opened || !is_rebuilt) continue;
        fs::remove_all(directory() / "quarantine");
        fs::remove(directory() / "rebuilding");
        ++placed;
        log_.options.on_corruption = OnCorruption::refuse;
        const Result<void> again = log_.try_open();
        EXPECT_TRUE(again) << moment << ": " << again.error().detail;
        if (again) log_.close();
    }
    EXPECT_GT(placed, 3);
    fs::remove_all(damaged);
}

// Nothing in place is missed; but what was kept aside is gone too.
TEST_F(LogRot, ADatabaseThatIsGoneIsMissedAlsoWhenAllHadBeenReclaimed) {
    WaterMarkFile mark(directory(), nullptr);
    ASSERT_TRUE(mark.read());
    ASSERT_TRUE(mark.write({Seq{kEntries}, Seq{kEntries + 1}}));
    fs::remove_all(db());
    log_.options.on_corruption = OnCorruption::refuse;
    const Result<void> refused = log_.try_open();
    ASSERT_FALSE(refused);
    EXPECT_THAT(refused.error().detail, HasSubstr("nothing tells which they were"));
    log_.options.on_corruption = OnCorruption::quarantine;
    log_.open();
    EXPECT_EQ(log_->health().lost_unnamed, std::nullopt) << log_.reports().notes();
    EXPECT_EQ(log_.append("next"), Seq{kEntries + 1});
}

// RocksDB makes the list of tables first.
TEST_F(LogRot, AFirstStartThatWasKilledDoesNotKeepTheLogShut) {
    log_.options.on_corruption = OnCorruption::refuse;
    const auto leave_the_list_alone = [&] {
        fs::remove_all(db());
        fs::create_directories(db());
        write(db() / "MANIFEST-000001", "");
        return log_.try_open();
    };
    const Result<void> had_entries = leave_the_list_alone();
    ASSERT_FALSE(had_entries);
    EXPECT_THAT(had_entries.error().detail, HasSubstr("CURRENT is missing"));
    fs::remove_all(directory());
    const Result<void> first = leave_the_list_alone();
    EXPECT_TRUE(first) << first.error().detail;
}

// With it go marks alone, so that no entry is missed.
TEST_F(LogRot, OfALogThatWasCutAfterACleanStopIsNoticed) {
    log_.open();
    log_.append("event");
    log_.take_all();
    const Path log = files(".log").back();
    const std::size_t used = read(log).find_last_not_of('\0');
    for (Seq seq{14}; seq < Seq{19}; seq = seq.next()) log_->fail("crm", seq, kFailure);
    log_.close();
    fs::resize_file(log, (used / kSectorBytes + 1) * kSectorBytes);  // before the last write
    log_.options.on_corruption = OnCorruption::refuse;
    const Result<void> opened = log_.try_open();
    ASSERT_FALSE(opened);
    EXPECT_THAT(opened.error().detail, HasSubstr("its end is missing: the last record is"));
    log_.options.on_corruption = OnCorruption::quarantine;
    log_.open();
    EXPECT_THAT(log_->health().lost, IsEmpty());
    for (const Pending& one : log_.take_all()) {
        EXPECT_TRUE(one.retry && one.retry->intended) << "in doubt " << one.seq.value;
    }
}

// The disk comes and goes; what was built is not built again.
TEST_F(LogRot, FoundByAWriteIsRebuiltOnceThoughOpeningFailsAfterwards) {
    log_.options.reopen_min = log_.options.reopen_max = std::chrono::milliseconds(1);
    log_.open();
    std::atomic<bool> is_placed = false;
    std::atomic<bool> has_failed = false;
    log_.disk().observe([&](Disk::Op op, const std::string& file) {
        const bool is_aside = file.find("quarantine") != std::string::npos;
        if (op == Disk::Op::rename && file.ends_with("/db") && !is_aside) is_placed = true;
        if (!is_placed || has_failed || op != Disk::Op::create) return;
        has_failed = true;
        log_.disk().fail(
            static_cast<unsigned>(Disk::Op::create), 0, 3, rocksdb::IOStatus::IOError("injected"));
    });
    log_.disk().fail(
        static_cast<unsigned>(Disk::Op::append), 0, 1, rocksdb::IOStatus::Corruption("injected"));
    EXPECT_TRUE(log_.try_append("x"));
    log_.reports().wait_for_reopening(1);
    log_.disk().observe({});
    EXPECT_TRUE(has_failed);
    const auto folders = fs::directory_iterator(directory() / "quarantine");
    EXPECT_EQ(std::distance(begin(folders), end(folders)), 1);
}

TEST_F(LogRot, FoundByAWriteIsSaidOnceByThePolicyRefuse) {
    log_.options.on_corruption = OnCorruption::refuse;
    log_.options.reopen_min = log_.options.reopen_max = std::chrono::milliseconds(1);
    log_.open();
    log_.disk().fail(
        static_cast<unsigned>(Disk::Op::append), 0, 1, rocksdb::IOStatus::Corruption("injected"));
    EXPECT_TRUE(log_.try_append("x"));
    const auto refusals = [&] {
        const std::string notes = log_.reports().notes();
        std::size_t count = 0;
        for (std::size_t at = 0; (at = notes.find("reopening the log", at)) != std::string::npos;) {
            ++count;
            ++at;
        }
        return count;
    };
    while (refusals() < 5) std::this_thread::yield();
    EXPECT_LT(log_->health().reason.size(), 300U) << log_->health().reason;
}

// What RocksDB does at an opening would be a change.
TEST_F(LogRot, OfAMissingEndIsLeftAloneByThePolicyRefuse) {
    log_.options.on_corruption = OnCorruption::refuse;
    write_mark_without_clean_stop();
    const Path log = only(".log");
    fs::resize_file(log, in_log(70) - 100);
    const std::string cut = read(log);
    const std::string list = read(only("MANIFEST-"));
    const Result<void> opened = log_.try_open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::corrupt);
    EXPECT_THAT(opened.error().detail, HasSubstr("Nothing was changed"));
    EXPECT_EQ(read(log), cut);
    EXPECT_EQ(read(only("MANIFEST-")), list);
    log_.options.on_corruption = OnCorruption::quarantine;
    log_.open();
    ASSERT_EQ(log_->health().lost.size(), 1U);
    EXPECT_EQ(log_->health().lost[0].last, Seq{kEntries});
    EXPECT_TRUE(is_quarantined());
    check();
}

TEST_F(LogRot, OfTheMarkOfTheLastEntryIsForThePolicyRefuseAPersonsToDecide) {
    log_.options.on_corruption = OnCorruption::refuse;
    write(directory() / "acknowledged", std::string(8192, 'x'));
    EXPECT_EQ(log_.try_open().error().code, Errc::corrupt);
    log_.options.on_corruption = OnCorruption::quarantine;
    log_.open();
    check();
}

TEST_F(LogRot, OfATableThatIsGoneIsReported) {
    for (const fs::path& table : files(".sst")) fs::remove(table);
    log_.open();
    EXPECT_THAT(log_->health().lost, ElementsAre(SeqRange{{1}, {kInTables}}));
    check();
}

TEST_F(LogRot, IsLeftAloneByThePolicyRefuse) {
    log_.options.on_corruption = OnCorruption::refuse;
    const fs::path file = only(".log");
    const std::string good = read(file);
    flip(file, in_log(60));
    const std::string bad = read(file);
    const Result<void> opened = log_.try_open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::corrupt);
    EXPECT_THAT(opened.error().detail, HasSubstr("on_corruption"));
    EXPECT_EQ(read(file), bad);
    EXPECT_FALSE(is_quarantined());
    write(file, good);
    log_.open();
    check();
}

TEST_F(LogRot, AnAcknowledgedEndThatIsGoneIsRefusedByThePolicyRefuse) {
    log_.options.on_corruption = OnCorruption::refuse;
    fs::remove(only(".log"));
    for (int i = 0; i < 2; ++i) {
        const Result<void> opened = log_.try_open();
        ASSERT_FALSE(opened);
        EXPECT_EQ(opened.error().code, Errc::corrupt);
        EXPECT_THAT(opened.error().detail, HasSubstr("41-80"));
    }
}

// Each has no effect, or is reported exactly.
TEST_F(LogRot, AFlippedBitAnywhereIsNeverALossInSilence) {
    const fs::path good = log_.options.directory.string() + ".good";
    fs::copy(log_.options.directory, good, fs::copy_options::recursive);
    std::uint64_t rebuilt = 0;
    std::uint64_t lossy = 0;
    for (std::uint64_t seed = 0; seed < 100; ++seed) {
        SCOPED_TRACE(fmt::format("seed {}", seed));
        std::mt19937_64 random(seed);
        fs::remove_all(log_.options.directory);
        fs::copy(good, log_.options.directory, fs::copy_options::recursive);
        constexpr const char* kKinds[] = {".log", ".sst", "MANIFEST-", "CURRENT"};
        fs::path file = log_.options.directory / "acknowledged";
        if (seed % 5 < 4) {
            const std::vector<fs::path> candidates = files(kKinds[seed % 5]);
            file = candidates[random() % candidates.size()];
        }
        flip(file, random() % fs::file_size(file), static_cast<unsigned>(random() % 8));
        log_.open();
        lossy += !log_->health().lost.empty() || log_->health().damaged > 0;
        check();
        log_.close();
        rebuilt += is_quarantined();
    }
    fs::remove_all(good);
    std::printf("%llu rebuilt, %llu with entries lost\n",
                static_cast<unsigned long long>(rebuilt),
                static_cast<unsigned long long>(lossy));
    EXPECT_GT(rebuilt, 30U);
    EXPECT_GT(lossy, 10U);
}

// The power fails at each moment of the rebuilding.
TEST(LogRotInMemory, APowerCutWhileRebuildingLosesNothingMore) {
    std::size_t cuts = 0;
    for (std::uint64_t moment = 0;; moment += 3) {
        LogUnderTest log;
        log.open();
        for (std::uint64_t seq = 1; seq <= 9; ++seq) log.append(body_of(seq));
        log.close();
        log.rot("entry 5 ");
        log.disk().cut_power(moment);
        const bool passed = log.try_open().has_value() && !log.disk().power_is_off();
        if (!passed) ++cuts;
        log.crash(moment);
        log.open();
        EXPECT_THAT(log->health().lost, ElementsAre(SeqRange{{5}, {5}})) << moment;
        EXPECT_EQ(log.take_seqs().size(), 8U) << moment;
        EXPECT_EQ(log.append("after"), Seq{10});
        if (passed) break;
    }
    EXPECT_GT(cuts, 20U);
}

}  // namespace
}  // namespace holdfast::wal
