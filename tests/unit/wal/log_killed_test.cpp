// Damage to what a killed process left, where not all had been synced.
#include "tests/unit/wal/stopped_log.hpp"
#include "wal/water_mark.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <thread>

namespace holdfast::wal {
namespace {

namespace fs = std::filesystem;
using Disk = LogUnderTest::Disk;
using testing::ElementsAre;

std::string bodies(LogUnderTest& log) {
    std::string bodies;
    for (const Pending& one : log.take_all()) {
        bodies += std::string(log->get(one.seq)->event().body) + " ";
    }
    return bodies;
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

    void write_mark(Seq acknowledged) {
        WaterMarkFile file(log_.options.directory.string(), log_.options.env);
        ASSERT_TRUE(file.read());
        ASSERT_TRUE(file.write({acknowledged, Seq{1}}));
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

    // In marks that were not synced.
    void leave_an_event_behind_a_hole() {
        log_.open();
        log_.append("event");
        for (const char* name : {"first", "second"}) mark(name);
        log_.append("behind");
        kill();
        write_mark(Seq{1});
        log_.rot("first");
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

// A power cut may leave the same of an event that was on its way: nothing proves the one or the
// other. So it is taken, and nobody's attempts are doubted.
TEST_F(LogKilled, AnEventBehindAHoleInMarksThatWereNotSyncedIsThere) {
    log_.options.on_corruption = OnCorruption::refuse;
    leave_an_event_behind_a_hole();
    log_.open();
    std::string bodies;
    for (const Pending& one : log_.take_all()) {
        bodies += std::string(log_->get(one.seq)->event().body) + " ";
        EXPECT_FALSE(one.retry) << "in doubt";
    }
    EXPECT_EQ(bodies, "event behind ");
    EXPECT_TRUE(log_->health().lost.empty());
}

TEST_F(LogKilled, AReplayBehindAHoleTakesItsDeadLetterOffTheCount) {
    log_.open();
    log_.append("dead");
    log_.take_all();
    log_->fail("crm", Seq{1}, kFailure, Log::Mark::synced);
    log_.append("event");
    for (const char* name : {"first", "second"}) mark(name);
    ASSERT_TRUE(log_->replay(Seq{1}, log_.make_id(), log_.now(), 77));
    ASSERT_TRUE(log_.reports().wait_for({77}));
    kill();
    write_mark(Seq{2});
    log_.rot("first");
    log_.open();
    EXPECT_TRUE(was_rebuilt());
    EXPECT_EQ(bodies(log_), "event dead ");
    EXPECT_EQ(log_->counts("crm"), (Counts{2, 0, 0}));
}

TEST_F(LogKilled, AnIntentBehindAHoleInMarksThatWereNotSyncedLeavesItsEntryInDoubt) {
    log_.open();
    log_.append("event");
    log_.take_all();
    mark("first");
    Retry retry = retry_once();
    retry.intended = true;
    log_->intend("crm", Seq{1}, retry, 77);
    ASSERT_TRUE(log_.reports().wait_for({77}));
    kill();
    log_.rot("first");
    log_.open();
    const std::vector<Pending> taken = log_.take_all();
    ASSERT_EQ(taken.size(), 1U);
    EXPECT_TRUE(taken[0].retry && taken[0].retry->intended);
}

// It is rebuilt as what a power cut leaves, whatever the policy, and that is gone on with.
TEST_F(LogKilled, ARebuildingThatWasCutOffGoesOnWithThePolicyRefuseToo) {
    log_.options.on_corruption = OnCorruption::refuse;
    leave_an_event_behind_a_hole();
    const fs::path before = log_.options.directory.string() + ".before";
    fs::copy(log_.options.directory, before, fs::copy_options::recursive);
    bool was_set_aside = false;
    for (std::uint64_t moment = 0; !was_set_aside; ++moment) {
        ASSERT_LT(moment, 1000U);
        fs::remove_all(log_.options.directory);
        fs::copy(before, log_.options.directory, fs::copy_options::recursive);
        log_.disk().fail(
            Disk::kAnyOp, moment, Disk::kForEver, rocksdb::IOStatus::IOError("injected"));
        if (log_.try_open()) log_.close();
        log_.disk().heal();
        was_set_aside = fs::exists(log_.options.directory / "rebuilding") &&
                        !fs::exists(log_.options.directory / "db");
    }
    fs::remove_all(before);
    const Result<void> opened = log_.try_open();
    ASSERT_TRUE(opened) << opened.error().detail;
    EXPECT_EQ(bodies(log_), "event behind ");
}

TEST_F(LogKilled, ATableThatIsDamagedBesidesIsLeftAloneByThePolicyRefuse) {
    log_.options.on_corruption = OnCorruption::refuse;
    log_.open();
    for (std::uint64_t seq = 1; seq <= 3; ++seq) log_.append(body_of(seq));
    log_.close();
    log_.open();  // in a table
    for (const char* name : {"first", "second"}) mark(name);
    log_.append("behind");
    kill();
    write_mark(Seq{3});
    log_.rot("second");
    int flipped = 0;
    for (const auto& table : fs::directory_iterator(log_.options.directory / "db")) {
        if (table.path().extension() != ".sst") continue;
        std::ifstream in(table.path(), std::ios::binary);
        std::string bytes{std::istreambuf_iterator<char>(in), {}};
        const std::size_t at = bytes.find("entry 1 ");
        if (at == std::string::npos) continue;
        ++flipped;
        bytes[at] = static_cast<char>(bytes[at] ^ 1);
        std::ofstream(table.path(), std::ios::binary) << bytes;
    }
    ASSERT_EQ(flipped, 1);
    const Result<void> opened = log_.try_open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::corrupt);
}

TEST_F(LogKilled, AnEventThatStoodBehindRotIsAcknowledgedProof) {
    log_.options.on_corruption = OnCorruption::refuse;
    log_.open();
    log_.append("event");
    mark("first");
    log_.append("behind");
    kill();
    write_mark(Seq{2});
    log_.rot("first");
    EXPECT_EQ(log_.try_open().error().code, Errc::corrupt);
}

TEST_F(LogKilled, AnEventBehindRotIsStillKnownByItsKey) {
    log_.open();
    log_.append("rots");
    const Result<Placed> first = log_.try_append_with_key("key", "behind");
    ASSERT_TRUE(first);
    ASSERT_TRUE(log_.reports().wait_for({log_.last_ticket()}));
    kill();
    log_.rot("rots");
    log_.open();
    EXPECT_TRUE(was_rebuilt());
    const Result<Placed> again = log_.try_append_with_key("key", "behind");
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->is_repeat);
    EXPECT_EQ(again->seq, first->seq);
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

TEST_F(LogKilled, WhatIsGoneBesideWhatWasGoneBeforeIsReportedToo) {
    log_.open();
    for (const char* body : {"first", "second"}) log_.append(body);
    mark("behind");
    kill();
    log_.rot("second");
    log_.open();
    ASSERT_THAT(log_->health().lost, ElementsAre(SeqRange{{2}, {2}}));
    for (const char* body : {"third", "fourth"}) log_.append(body);
    kill();
    log_.rot("third");
    log_.open();
    EXPECT_EQ(bodies(log_), "first fourth ");
    EXPECT_THAT(log_.reports().notes(),
                testing::HasSubstr("1 acknowledged entries are gone, with the seqs: 3\n"));
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

}  // namespace
}  // namespace holdfast::wal
