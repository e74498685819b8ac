#include "tests/unit/wal/log_under_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

namespace holdfast::wal {
namespace {

using rocksdb::IOStatus;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;
using Disk = LogUnderTest::Disk;
using Op = Disk::Op;

const Failure kFailure{
    .attempts = 1, .failed_at = wall_from_ms(1), .status = 400, .reason = "400", .answer = {}};

constexpr unsigned bit(Op op) {
    return static_cast<unsigned>(op);
}

struct Fault {
    const char* name;
    unsigned ops;
    IOStatus status;
};

void PrintTo(const Fault& fault, std::ostream* out) {
    *out << fault.name;
}

class LogFailure : public testing::TestWithParam<Fault> {
protected:
    // The next write fails, and so do all attempts to open again.
    void break_disk() { log_.disk().fail(GetParam().ops, 0, Disk::kForEver, GetParam().status); }

    void mend_disk() {
        log_.disk().heal();
        log_.reports().wait_for_reopening(1);
    }

    LogUnderTest log_;
};

INSTANTIATE_TEST_SUITE_P(
    ,
    LogFailure,
    testing::Values(Fault{"SyncEio", bit(Op::sync), IOStatus::IOError("injected")},
                    Fault{"WriteEio", bit(Op::append), IOStatus::IOError("injected")},
                    Fault{"WriteEnospc", bit(Op::append), IOStatus::NoSpace("injected")},
                    Fault{"SyncEnospc", bit(Op::sync), IOStatus::NoSpace("injected")},
                    Fault{"AllEnospc", Disk::kAnyOp, IOStatus::NoSpace("injected")}),
    [](const auto& fault) { return std::string(fault.param.name); });

// RocksDB keeps a log that it found nothing in.
TEST_P(LogFailure, OfTheFirstWriteInALogIsNoDamageToTheNextOne) {
    log_.open();
    log_.append("safe");
    log_.close();
    log_.open();
    break_disk();
    ASSERT_TRUE(log_.try_append(std::string(3000, 'x')));  // half of it is there
    EXPECT_FALSE(log_.reports().wait_for({2}));
    mend_disk();
    log_.append("works again");
    log_.close();
    log_.open();
    EXPECT_THAT(log_.reports().notes(), Not(HasSubstr("rebuilt")));
}

TEST_P(LogFailure, IsReportedInDoubtAndNothingIsAcceptedUntilTheLogIsOpenAgain) {
    log_.open();
    log_.append("safe");
    break_disk();
    ASSERT_TRUE(log_.try_append("in doubt"));
    EXPECT_FALSE(log_.reports().wait_for({2}));
    EXPECT_EQ(log_.reports().refused(), (std::map<Ticket, bool>{{2, true}}));
    EXPECT_FALSE(log_->health().ok);
    EXPECT_NE(log_->health().reason, "");
    const Result<Seq> refused = log_.try_append("x");
    ASSERT_FALSE(refused);
    const bool is_full = GetParam().status.IsNoSpace();
    EXPECT_EQ(refused.error().code, is_full ? Errc::disk_full : Errc::storage_failed);
    EXPECT_EQ(log_->take("crm", 1).error().code, Errc::storage_failed);
    mend_disk();
    EXPECT_TRUE(log_->health().ok);
    EXPECT_EQ(log_->health().reason, "");
    log_.append("works again");
    const std::vector<Pending> taken = log_.take_all();
    ASSERT_GE(taken.size(), 2U);
    EXPECT_EQ(log_->get(taken.front().seq)->event().body, "safe");
    EXPECT_EQ(log_->get(taken.back().seq)->event().body, "works again");
    EXPECT_EQ(log_->counts("crm").pending, taken.size());
}

TEST_P(LogFailure, KeepsTheMarksAndWritesThemSyncedAfterReopening) {
    log_.open();
    for (int i = 0; i < 4; ++i) log_.append("x");
    log_.take_all();
    log_->complete("crm", Seq{1});
    break_disk();
    log_->fail("crm", Seq{2}, kFailure);
    ASSERT_TRUE(log_.try_append("in doubt"));
    EXPECT_FALSE(log_.reports().wait_for({5}));
    log_->complete("crm", Seq{3});  // while it is broken
    EXPECT_EQ(log_->counts("crm"), (Counts{.pending = 1, .complete = 2, .failed = 1}));
    mend_disk();
    log_.reports().wait_until_written_again();
    log_.crash(1);
    log_.open();
    const std::vector<Seq> seqs = log_.take_seqs();
    ASSERT_FALSE(seqs.empty());
    EXPECT_EQ(seqs[0], Seq{4});
    EXPECT_LE(seqs.size(), 2U);  // with the one in doubt
    EXPECT_EQ(log_->counts("crm"), (Counts{.pending = seqs.size(), .complete = 2, .failed = 1}));
    EXPECT_EQ(log_->describe(Seq{2})->failure, kFailure);
}

TEST_P(LogFailure, ThoseThatWaitedBehindTheFailedWriteAreRefusedWithoutDoubt) {
    log_.open();
    HeldWrite held(log_.disk(), Op::append);
    break_disk();
    ASSERT_TRUE(log_.try_append("first"));
    held.wait_until_held();
    ASSERT_TRUE(log_.try_append("second"));
    log_->add_destination("late");
    held.release();
    EXPECT_FALSE(log_.reports().wait_for({1, 2}));
    EXPECT_EQ(log_.reports().refused(), (std::map<Ticket, bool>{{1, true}, {2, false}}));
    EXPECT_EQ(log_->counts("crm").pending, 0U);
    mend_disk();
    // The seq of the refused one is given again, also to a destination that was added meanwhile.
    const Seq again = log_.append("again", "late");
    EXPECT_LE(again, Seq{2});
    EXPECT_THAT(log_.take_seqs("late"), ElementsAre(again));
    for (const Pending& one : log_.take_all()) {
        EXPECT_EQ(log_->get(one.seq)->event().body, "first");
    }
}

TEST_P(LogFailure, AnIntentThatIsNotOnTheDiskIsReportedAsSuch) {
    log_.open();
    log_.append("x");
    log_.take_all();
    break_disk();
    Retry intent;
    intent.intended = true;
    log_->intend("crm", Seq{1}, intent, 77);
    EXPECT_FALSE(log_.reports().wait_for({77}));
    mend_disk();
}

TEST_P(LogFailure, ReopensWithoutSpinningWhenThereIsNothingToWrite) {
    log_.open();
    break_disk();
    ASSERT_TRUE(log_.try_append("x"));
    EXPECT_FALSE(log_.reports().wait_for({1}));
    mend_disk();
    log_.reports().wait_until_written_again();
    const std::size_t commits = log_.reports().commits().size();
    const std::uint64_t operations = log_.disk().operations();
    log_.append("one write");
    EXPECT_LE(log_.disk().operations(), operations + 4);
    EXPECT_THAT(log_.reports().commits(), SizeIs(commits + 1));
}

TEST_P(LogFailure, ClosingABrokenLogEndsAndTheRestIsFoundLater) {
    log_.open();
    log_.append("safe");
    break_disk();
    ASSERT_TRUE(log_.try_append("in doubt"));
    EXPECT_FALSE(log_.reports().wait_for({2}));
    log_.close();
    log_.disk().heal();
    log_.open();
    EXPECT_EQ(log_.take_seqs().front(), Seq{1});
}

TEST(LogFailureDoubt, AnEntryThatReappearsIsDelivered) {
    LogUnderTest log;
    log.open();
    // The bytes are written and only the sync fails: they are found again.
    log.disk().fail(bit(Op::sync), 0, Disk::kForEver, IOStatus::IOError("injected"));
    ASSERT_TRUE(log.try_append("in doubt"));
    EXPECT_FALSE(log.reports().wait_for({1}));
    EXPECT_EQ(log->counts("crm").pending, 0U);
    log.disk().heal();
    log.reports().wait_for_reopening(1);
    EXPECT_EQ(log->health().head, Seq{1});
    EXPECT_EQ(log->counts("crm").pending, 1U);
    EXPECT_THAT(log.take_seqs(), ElementsAre(Seq{1}));
    EXPECT_EQ(log.append("next"), Seq{2});
    for (std::uint64_t seed = 0; seed < 5; ++seed) {
        log.crash(seed);
        log.open();
        EXPECT_THAT(log.take_seqs(), ElementsAre(Seq{1}, Seq{2}));
    }
}

TEST(LogFailureDoubt, AReplayThatReappearsHasTakenItsDeadLetterWithIt) {
    LogUnderTest log;
    log.options.mark_delay = std::chrono::hours(1);
    log.open();
    log.append("x");
    log.take_all();
    log->fail("crm", Seq{1}, kFailure);  // goes into the same write as the replay
    log.disk().fail(bit(Op::sync), 0, 1, IOStatus::IOError("injected"));
    ASSERT_TRUE(log->replay(Seq{1}, log.make_id(), log.now(), 50));
    EXPECT_FALSE(log.reports().wait_for({50}));
    log.reports().wait_for_reopening(1);
    EXPECT_THAT(log.take_seqs(), ElementsAre(Seq{2}));
    EXPECT_EQ(log->counts("crm"), (Counts{.pending = 1, .complete = 0, .failed = 0}));
    log.append("so that the marks are written");
    Query failed;
    failed.state = EntryState::failed;
    EXPECT_THAT(log.list_all(failed), IsEmpty());
    EXPECT_EQ(log->replay(Seq{1}, log.make_id(), log.now(), 51).error().code, Errc::not_found);
}

TEST(LogFailureDoubt, AReplayThatWasNotWrittenLeavesItsDeadLetter) {
    LogUnderTest log;
    log.open();
    log.append("x");
    log.take_all();
    log->fail("crm", Seq{1}, kFailure);
    log.append("y");  // with it the mark is written: it must not be what fails
    log.disk().fail(bit(Op::append), 0, 1, IOStatus::IOError("injected"));
    ASSERT_TRUE(log->replay(Seq{1}, log.make_id(), log.now(), 50));
    EXPECT_FALSE(log.reports().wait_for({50}));
    log.reports().wait_for_reopening(1);
    EXPECT_EQ(log->counts("crm"), (Counts{.pending = 1, .complete = 0, .failed = 1}));
    ASSERT_TRUE(log->replay(Seq{1}, log.make_id(), log.now(), 51));
    EXPECT_TRUE(log.reports().wait_for({51}));
    EXPECT_THAT(log.take_seqs(), ElementsAre(Seq{2}, Seq{3}));
}

// Between two attempts to open it again the disk loses some of what it had promised of 20 entries.
void open_and_lie(LogUnderTest& log, std::uint64_t seed) {
    const auto note = log.options.note;
    log.options.note = [&log, seed, note, lost = false](std::string line) mutable {
        note(line);
        if (!line.starts_with("reopening") || std::exchange(lost, true)) return;
        std::mt19937_64 random(seed);
        log.disk().restore_power(random);
    };
    log.open();
    log.disk().lie_about_sync(true);
    for (int i = 0; i < 20; ++i) log.append("x");
    log.disk().fail(bit(Op::append), 0, Disk::kForEver, IOStatus::IOError("injected"));
    ASSERT_TRUE(log.try_append("fails"));
    EXPECT_FALSE(log.reports().wait_for({21}));
    log.reports().wait_for_note("reopening");
}

TEST(LogFailureDoubt, AckedEntriesThatAreGoneAfterReopeningAreReported) {
    std::uint64_t lost = 0;
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        LogUnderTest log;
        open_and_lie(log, seed);
        log.reports().wait_for_note("the log is open again");
        lost += count_of(log->health().lost);
        EXPECT_EQ(log.take_seqs().size() + count_of(log->health().lost), 20U);
        EXPECT_EQ(log.append("after"), Seq{21});
    }
    EXPECT_GT(lost, 0U);
}

TEST(LogFailureDoubt, AckedEntriesThatAreGoneKeepTheLogShutWithThePolicyRefuse) {
    bool stayed_shut = false;
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        LogUnderTest log;
        log.options.on_corruption = OnCorruption::refuse;
        open_and_lie(log, seed);
        if (log.reports().wait_for_either("Nothing was changed", "the log is open again")) {
            stayed_shut = true;
            EXPECT_FALSE(log->health().ok);
        } else {
            EXPECT_EQ(log.take_seqs().size(), 20U);
        }
    }
    EXPECT_TRUE(stayed_shut);
}

}  // namespace
}  // namespace holdfast::wal
