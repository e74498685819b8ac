// Damage to the tables of what is kept aside: no gap in the seqs shows what is gone.
#include "tests/unit/wal/stopped_log.hpp"
#include "wal/keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/sst_file_reader.h>

#include <algorithm>
#include <fstream>
#include <memory>

namespace holdfast::wal {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// The table with most keys of the space.
fs::path table_of(const fs::path& database, Space space) {
    const std::string prefix(1, static_cast<char>(space));
    fs::path with_most;
    std::size_t most = 0;
    for (const auto& file : fs::directory_iterator(database)) {
        if (file.path().extension() != ".sst") continue;
        rocksdb::SstFileReader reader((rocksdb::Options()));
        EXPECT_TRUE(reader.Open(file.path()).ok());
        const std::unique_ptr<rocksdb::Iterator> at(reader.NewIterator({}));
        std::size_t count = 0;
        for (at->Seek(prefix); at->Valid() && at->key().starts_with(prefix); at->Next()) ++count;
        if (count > most) with_most = file.path();
        most = std::max(most, count);
    }
    return with_most;
}

void damage_block(const fs::path& table, std::uintmax_t at) {
    std::fstream file(table, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(at));
    file << "junk";
}

// A log of which much waits parked, before the tail: only the tables of marks have it.
class LogRotAside : public testing::Test {
protected:
    static constexpr std::uint64_t kParked = 3000;
    static constexpr std::uintmax_t kMagicBytes = 8;  // the end of a table: without, it is none

    LogRotAside() {
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
        log_.reclaim_beyond(Seq{kParked});
        log_.close();
        log_.options.reclaim_every = std::chrono::hours(1);
        log_.open();
        log_.close();
    }

    [[nodiscard]] fs::path table_of(Space space) const {
        return holdfast::wal::table_of(log_.options.directory / "db", space);
    }

    [[nodiscard]] std::vector<fs::path> tables() const {
        std::vector<fs::path> found;
        for (const auto& file : fs::directory_iterator(log_.options.directory / "db")) {
            if (file.path().extension() == ".sst") found.push_back(file.path());
        }
        return found;
    }

    void damage(const fs::path& table, std::uintmax_t at) const {
        damage_block(table, at);
        fs::remove(log_.options.directory / "db" / "CURRENT");  // so that the tables are looked at
    }

    [[nodiscard]] std::set<Seq> take_parked() {
        std::set<Seq> taken;
        for (const Pending& one : log_.take_all()) {
            if (one.seq <= Seq{kParked}) taken.insert(one.seq);
        }
        return taken;
    }

    [[nodiscard]] std::size_t count_dead() {
        Query dead;
        dead.state = EntryState::failed;
        dead.count_max = kParked;
        dead.scan_max = kParked;
        return log_->list(dead)->entries.size();
    }

    LogUnderTest log_{true};
};

TEST_F(LogRotAside, WhatLostItsMarkWaitsAgain) {
    damage(table_of(Space::parked), 2000);
    log_.open();
    EXPECT_THAT(log_.reports().notes(), HasSubstr("had lost the mark that they wait"));
    EXPECT_EQ(take_parked().size(), kParked);
    EXPECT_EQ(log_->health().lost_unnamed, 0U);
}

TEST_F(LogRotAside, TablesThatCannotBeReadAtAllAreNoLossInSilence) {
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
TEST_F(LogRotAside, TablesThatAreGoneAreNoLossInSilence) {
    fs::remove(table_of(Space::parked));
    fs::remove(table_of(Space::kept));
    log_.open();
    const std::size_t taken = take_parked().size();
    ASSERT_LT(taken, kParked);
    EXPECT_EQ(log_->health().lost_unnamed, kParked - taken);
}

TEST_F(LogRotAside, DeadLettersThatWaitAgainAreNotGone) {
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
    EXPECT_EQ(count_dead(), kParked - again);
    EXPECT_EQ(log_->counts("crm").failed, kParked - again);
    EXPECT_EQ(log_->counts("crm").pending, all.size());
}

// Of the destination nothing is left but its cursor, which is in no table.
TEST_F(LogRotAside, DeadLettersWhoseMarksAreGoneAreNotCounted) {
    log_.open();
    for (const Pending& one : log_.take_all()) log_->fail("crm", one.seq, kFailure);
    ASSERT_GE(log_->counts("crm").failed, kParked);
    log_.close();
    log_.open();
    log_->save("breaker", "closed");
    log_.close();
    for (const fs::path& table : tables()) fs::remove(table);
    log_.open();
    log_.take_all();
    EXPECT_EQ(log_->counts("crm").failed, count_dead());
}

TEST_F(LogRotAside, WithoutAnyTableThatCanBeReadEvenTheNumberIsUnknown) {
    for (const fs::path& table : tables()) damage(table, fs::file_size(table) - kMagicBytes);
    log_.open();
    EXPECT_EQ(log_->health().lost_unnamed, std::nullopt);
    EXPECT_THAT(log_.reports().notes(), HasSubstr("nothing tells which they were"));
    log_.close();
    log_.open();
    EXPECT_EQ(log_->health().lost_unnamed, std::nullopt);
}

// Nobody can say whose it is; but whoever counted it goes on counting.
TEST(LogRotDead, ADamagedDeadLetterIsCountedAlsoWithMoreThanOneDestination) {
    LogUnderTest log(true);
    log.open({"crm", "erp"});
    log.append("1");
    log.append("2");
    log.append("3", "erp");
    log.close();
    log.put_raw(seq_key(Space::entry, Seq{2}), "junk");
    log.open({"crm", "erp"});
    for (const Pending& one : log.take_all()) log->complete("crm", one.seq);
    ASSERT_EQ(log->counts("crm").failed, 1U);
    log.close();
    fs::remove(log.options.directory / "db" / "CURRENT");
    log.open({"crm", "erp"});
    log.take_all();
    EXPECT_EQ(log->counts("crm").failed, 1U);
    EXPECT_EQ(log->counts("erp").failed, 0U);
}

// Its list ends early, and what it does not name is damaged besides: also what has the only cursor.
TEST(LogRotUnlisted, WhatIsThereIsHandedOutWhateverIsDamagedInATableThatIsNoLongerListed) {
    constexpr std::uint64_t kEntries = 3000;
    LogUnderTest log(true);
    log.open();
    for (std::uint64_t seq = 1; seq <= kEntries; ++seq) {
        ASSERT_TRUE(log.try_append(body_of(seq)));
    }
    log->write();
    ASSERT_TRUE(log.reports().wait_for({log.last_ticket()}));
    for (const Pending& one : log.take_all()) log->park("crm", one.seq);
    log.close();
    log.open();  // all of it into tables
    log.close();
    const fs::path undamaged = log.options.directory.string() + ".undamaged";
    fs::remove(log.options.directory / "acknowledged");
    fs::rename(log.options.directory, undamaged);
    for (const std::uintmax_t eighths : {3U, 4U}) {
        // Two blocks; of the end, what says where all else is, and that it is one.
        for (const std::intmax_t at : {6000, 7500, -50, -8}) {
            fs::remove_all(log.options.directory);
            fs::copy(undamaged, log.options.directory, fs::copy_options::recursive);
            for (const auto& file : fs::directory_iterator(log.options.directory / "db")) {
                if (!file.path().filename().string().starts_with("MANIFEST-")) continue;
                fs::resize_file(file.path(), file.file_size() * eighths / 8);
            }
            const fs::path marks = table_of(log.options.directory / "db", Space::parked);
            const auto end = static_cast<std::intmax_t>(fs::file_size(marks));
            damage_block(marks, static_cast<std::uintmax_t>(at < 0 ? end + at : at));
            log.open();
            EXPECT_EQ(log.take_seqs().size(), kEntries) << eighths << " " << at;
            log.close();
        }
    }
    fs::remove_all(undamaged);
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
    ASSERT_TRUE(fs::remove(table_of(log.options.directory / "db", Space::parked)));
    log.open();
    EXPECT_GE(log.take_all().size(), 501U);
    EXPECT_EQ(log->health().lost_unnamed, 0U);
}

}  // namespace
}  // namespace holdfast::wal
