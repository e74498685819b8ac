// Damage to the files of a log while nobody has it open: flipped bits, missing and cut files.
#include "tests/unit/wal/stopped_log.hpp"
#include "wal/keys.hpp"
#include "wal/state.hpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/sst_file_reader.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <thread>

namespace holdfast::wal {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

bool contains(const std::vector<SeqRange>& ranges, Seq seq) {
    return std::any_of(ranges.begin(), ranges.end(), [&](const SeqRange& range) {
        return range.first <= seq && seq <= range.last;
    });
}

std::string bodies(LogUnderTest& log) {
    std::string bodies;
    for (const Pending& one : log.take_all()) {
        bodies += std::string(log->get(one.seq)->event().body) + " ";
    }
    return bodies;
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

    [[nodiscard]] bool is_quarantined() const {
        return fs::exists(log_.options.directory / "quarantine");
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

// Files as they are while the log is open are what a killed process leaves.
class LogKilled : public testing::Test {
protected:
    void kill() {
        const fs::path left = log_.options.directory.string() + ".left";
        fs::copy(log_.options.directory, left, fs::copy_options::recursive);
        log_.close();
        fs::remove_all(log_.options.directory);
        fs::rename(left, log_.options.directory);
    }

    // Written and not synced, each by itself.
    void mark(const std::string& name) {
        log_->save(name, name);
        while (!is_written(name)) std::this_thread::yield();
    }

    [[nodiscard]] bool is_written(const std::string& text) const {
        for (const auto& file : fs::directory_iterator(log_.options.directory / "db")) {
            if (file.path().extension() != ".log") continue;
            std::ifstream in(file.path(), std::ios::binary);
            const std::string bytes{std::istreambuf_iterator<char>(in), {}};
            if (bytes.find(text) != std::string::npos) return true;
        }
        return false;
    }

    [[nodiscard]] bool was_rebuilt() const {
        return log_.reports().notes().find("rebuilt") != std::string::npos;
    }

    mutable LogUnderTest log_{true};
};

TEST_F(LogKilled, AHoleInMarksThatWereNotSyncedIsNoRot) {
    log_.open();
    log_.append("event");
    for (const char* name : {"first", "second", "third"}) mark(name);
    kill();
    log_.rot("second");
    log_.open();
    EXPECT_EQ(bodies(log_), "event ");
    EXPECT_FALSE(was_rebuilt());
}

TEST_F(LogKilled, AnEventThatRotsUnderMarksThatWereNotSyncedIsReported) {
    log_.open();
    log_.append("event");
    for (const char* name : {"first", "second"}) mark(name);
    kill();
    log_.rot("event");
    log_.open();
    EXPECT_TRUE(was_rebuilt());
    EXPECT_THAT(log_->health().lost, ElementsAre(SeqRange{{1}, {1}}));
}

// Whatever was about to be sent may have been: nobody may forget that.
TEST_F(LogKilled, AnIntentThatRotsUnderMarksThatWereNotSyncedLeavesItsEntryInDoubt) {
    log_.open();
    log_.append("event");
    log_.take_all();
    Retry retry = retry_once();
    retry.intended = true;
    retry.reason = "the one before";
    log_->intend("crm", Seq{1}, retry, 77);
    ASSERT_TRUE(log_.reports().wait_for({77}));
    for (const char* name : {"first", "second"}) mark(name);
    kill();
    log_.rot("the one before");
    log_.open();
    EXPECT_TRUE(was_rebuilt());
    const std::vector<Pending> taken = log_.take_all();
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_TRUE(taken[0].retry && taken[0].retry->intended);
}

TEST_F(LogKilled, ABufferedEventThatRotsIsReportedAndThoseBehindItAreThere) {
    log_.options.durability = Durability::buffered;
    log_.options.buffered_max = std::chrono::hours(1);
    log_.open();
    for (const char* body : {"first", "second", "third"}) log_.append(body);
    kill();
    log_.rot("second");
    log_.open();
    EXPECT_EQ(bodies(log_), "first third ");
    EXPECT_THAT(log_->health().lost, ElementsAre(SeqRange{{2}, {2}}));
}

// A log of which much waits parked, before the tail: only the tables of marks have it.
class LogRotParked : public testing::Test {
protected:
    static constexpr std::uint64_t kParked = 3000;
    static constexpr std::uintmax_t kMagicBytes = 8;  // the end of a table: without, it is none

    LogRotParked() {
        log_.options.history = {};
        log_.open();
        for (std::uint64_t seq = 1; seq <= kParked; ++seq) {
            EXPECT_TRUE(log_.try_append(body_of(seq)));
        }
        log_->write();
        EXPECT_TRUE(log_.reports().wait_for({log_.last_ticket()}));
        for (const Pending& one : log_.take_all()) log_->park("crm", one.seq);
        log_.close();
        log_.options.reclaim_every = std::chrono::milliseconds(1);
        log_.open();  // what RocksDB's log held goes into tables: the marks apart from the records
        log_.take_all();
        log_.advance(std::chrono::hours(1));
        for (int i = 0; log_->health().tail <= Seq{kParked} && i < 1000; ++i) {
            log_.append("nudge");
            for (const Seq seq : log_.take_seqs()) log_->complete("crm", seq);
        }
        EXPECT_GT(log_->health().tail, Seq{kParked});
        log_.close();
        log_.options.reclaim_every = std::chrono::hours(1);
        log_.open();
        log_.close();
    }

    // The table with most keys of the space.
    [[nodiscard]] fs::path table_of(Space space) const {
        const std::string prefix(1, static_cast<char>(space));
        fs::path with_most;
        std::size_t most = 0;
        for (const auto& file : fs::directory_iterator(log_.options.directory / "db")) {
            if (file.path().extension() != ".sst") continue;
            rocksdb::SstFileReader reader((rocksdb::Options()));
            EXPECT_TRUE(reader.Open(file.path()).ok());
            const std::unique_ptr<rocksdb::Iterator> at(reader.NewIterator({}));
            std::size_t count = 0;
            for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next()) {
                ++count;
            }
            if (count > most) with_most = file.path();
            most = std::max(most, count);
        }
        return with_most;
    }

    void damage(const fs::path& table, std::uintmax_t at) const {
        std::fstream file(table, std::ios::binary | std::ios::in | std::ios::out);
        file.seekp(static_cast<std::streamoff>(at));
        file << "junk";
        file.close();
        fs::remove(log_.options.directory / "db" / "CURRENT");  // so that the tables are looked at
    }

    [[nodiscard]] std::set<Seq> take_parked() {
        std::set<Seq> taken;
        for (const Pending& one : log_.take_all()) {
            if (one.seq <= Seq{kParked}) taken.insert(one.seq);
        }
        return taken;
    }

    LogUnderTest log_{true};
};

TEST_F(LogRotParked, WhatLostItsMarkWaitsAgain) {
    damage(table_of(Space::parked), 2000);
    log_.open();
    EXPECT_THAT(log_.reports().notes(), HasSubstr("had lost the mark that they wait"));
    EXPECT_EQ(take_parked().size(), kParked);
    EXPECT_EQ(log_->health().lost_unnamed, 0U);
}

TEST_F(LogRotParked, TablesThatCannotBeReadAtAllAreNoLossInSilence) {
    const fs::path marks = table_of(Space::parked);
    const fs::path records = table_of(Space::kept);
    ASSERT_NE(marks, records);
    for (const fs::path& table : {marks, records}) {
        damage(table, fs::file_size(table) - kMagicBytes);
    }
    log_.open();
    const std::size_t taken = take_parked().size();
    ASSERT_LT(taken, kParked);
    EXPECT_EQ(log_->health().lost_unnamed, kParked - taken);
    EXPECT_THAT(log_.reports().notes(), HasSubstr("which they were cannot be told"));
    log_->lost_is_seen();
    EXPECT_EQ(log_->health().lost_unnamed, 0U);
}

// fsck may take a whole file.
TEST_F(LogRotParked, TablesThatAreGoneAreNoLossInSilence) {
    fs::remove(table_of(Space::parked));
    fs::remove(table_of(Space::kept));
    log_.open();
    const std::size_t taken = take_parked().size();
    ASSERT_LT(taken, kParked);
    EXPECT_EQ(log_->health().lost_unnamed, kParked - taken);
}

TEST_F(LogRotParked, DeadLettersThatWaitAgainAreNotGone) {
    log_.open();
    for (const Pending& one : log_.take_all()) {
        if (one.seq <= Seq{kParked}) log_->fail("crm", one.seq, kFailure);
    }
    log_.close();
    log_.open();  // their marks go into a table
    log_.close();
    damage(table_of(Space::failed), 5000);
    log_.open();
    const std::vector<Pending> all = log_.take_all();
    const auto again = static_cast<std::size_t>(std::count_if(
        all.begin(), all.end(), [](const Pending& one) { return one.seq <= Seq{kParked}; }));
    EXPECT_GT(again, 0U);
    EXPECT_EQ(log_->health().lost_unnamed, 0U);
    Query dead;
    dead.state = EntryState::failed;
    dead.count_max = kParked;
    dead.scan_max = kParked;
    EXPECT_EQ(log_->list(dead)->entries.size(), kParked - again);
    EXPECT_EQ(log_->counts("crm").failed, kParked - again);
    EXPECT_EQ(log_->counts("crm").pending, all.size());
}

TEST_F(LogRotParked, WithoutAnyTableThatCanBeReadEvenTheNumberIsUnknown) {
    for (const auto& file : fs::directory_iterator(log_.options.directory / "db")) {
        if (file.path().extension() != ".sst") continue;
        damage(file.path(), file.file_size() - kMagicBytes);
    }
    log_.open();
    EXPECT_EQ(log_->health().lost_unnamed, std::nullopt);
    EXPECT_THAT(log_.reports().notes(), HasSubstr("nothing tells which they were"));
    log_.close();
    log_.open();
    EXPECT_EQ(log_->health().lost_unnamed, std::nullopt);
}

// All is in place, and what had lost its mark is handed out again.
TEST(LogRotInPlace, AMarksTableThatIsGoneLosesNothing) {
    LogUnderTest log(true);
    log.open();
    for (int i = 0; i < 500; ++i) ASSERT_TRUE(log.try_append("x"));
    log.append("last");
    for (const Pending& one : log.take_all()) log->park("crm", one.seq);
    log.close();
    log.open();
    log.take_all();
    log.append("later");
    log->complete("crm", log.take_seqs().at(0));  // a newer cursor, in a newer table
    log.close();
    log.open();
    log.close();
    std::vector<fs::path> gone;
    for (const auto& file : fs::directory_iterator(log.options.directory / "db")) {
        if (file.path().extension() != ".sst") continue;
        rocksdb::SstFileReader reader((rocksdb::Options()));
        ASSERT_TRUE(reader.Open(file.path()).ok());
        const std::unique_ptr<rocksdb::Iterator> at(reader.NewIterator({}));
        at->Seek("p");
        if (at->Valid() && at->key().starts_with("p")) gone.push_back(file.path());
    }
    ASSERT_EQ(gone.size(), 1U);
    fs::remove(gone[0]);
    log.open();
    EXPECT_GE(log.take_all().size(), 501U);
    EXPECT_EQ(log->health().lost_unnamed, 0U);
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
