#include "tests/unit/wal/log_under_test.hpp"
#include "wal/keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::wal {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Disk = LogUnderTest::Disk;

const Failure kFailure{
    .attempts = 1, .failed_at = wall_from_ms(1), .status = 400, .reason = "400", .answer = {}};

class LogReclaim : public testing::Test {
protected:
    LogReclaim() {
        log_.options.history = std::chrono::hours(1);
        log_.options.reclaim_every = std::chrono::milliseconds(1);
    }

    // After a write of a cursor the committer looks for space: time passes before that, since what
    // gets old later waits for the next.
    void wait_for_tail_at_least(Seq tail) {
        for (int i = 0; log_->health().tail < tail; ++i) {
            ASSERT_LT(i, 1000) << "the tail stays at " << log_->health().tail.value;
            const std::size_t before = log_.reports().commits().size();
            log_->save("nudge", "x");
            log_.reports().wait_for_commits(before + 1);
        }
    }

    void wait_for_tail(Seq tail) {
        wait_for_tail_at_least(tail);
        EXPECT_EQ(log_->health().tail, tail);
    }

    void append(int count, std::string_view body = "x") {
        for (int i = 0; i < count; ++i) log_.append(body);
    }

    LogUnderTest log_;
};

TEST_F(LogReclaim, CompleteEntriesPassWhenTheirHistoryHasPassed) {
    log_.open();
    append(3);
    log_.advance(std::chrono::minutes(40));
    append(3);
    log_.advance(std::chrono::minutes(40));
    for (const Seq seq : log_.take_seqs()) log_->complete("crm", seq);
    wait_for_tail(Seq{4});
    EXPECT_EQ(log_->get(Seq{3}).error().code, Errc::not_found);
    EXPECT_TRUE(log_->get(Seq{4}));
    EXPECT_EQ(log_.list_all().size(), 3U);
    log_.close();
    log_.open();
    EXPECT_EQ(log_->health().tail, Seq{4});
    EXPECT_THAT(log_.take_seqs(), IsEmpty());
}

TEST_F(LogReclaim, CompleteEntriesBeyondTheSizeOfTheHistoryPassEarlier) {
    log_.options.history_bytes = 100'000;
    log_.open();
    append(100, std::string(10'000, 'x'));
    for (const Seq seq : log_.take_seqs()) log_->complete("crm", seq);
    wait_for_tail_at_least(Seq{50});
    EXPECT_LE(log_->health().tail, Seq{100});
}

TEST_F(LogReclaim, NothingThatIsNotSettledPasses) {
    log_.open({"crm", "other"});
    append(5);
    log_.append("x", "other");
    append(5);
    log_.advance(std::chrono::hours(2));
    for (const Seq seq : log_.take_seqs()) log_->complete("crm", seq);
    ASSERT_THAT(log_.take_seqs("other"), ElementsAre(Seq{6}));
    wait_for_tail(Seq{6});
    log_->complete("other", Seq{6});
    wait_for_tail(Seq{12});
}

TEST_F(LogReclaim, FailedAndParkedEntriesStayReadableAndCanGoOn) {
    log_.open();
    append(5);
    std::vector<Ulid> ids;
    for (const Pending& one : log_.take_all()) ids.push_back(one.id);
    log_.advance(std::chrono::hours(2));
    log_->complete("crm", Seq{1});
    log_->fail("crm", Seq{2}, kFailure);
    log_->park("crm", Seq{3});
    log_->park("crm", Seq{4});
    log_->complete("crm", Seq{5});
    wait_for_tail(Seq{6});
    for (int opening = 0; opening < 2; ++opening) {
        EXPECT_EQ(log_->describe(Seq{1}).error().code, Errc::not_found);
        EXPECT_EQ(log_->describe(Seq{2})->state, EntryState::failed);
        EXPECT_EQ(log_->describe(Seq{3})->state, EntryState::pending);
        EXPECT_EQ(*log_->find(ids[1]), Seq{2});
        EXPECT_EQ(*log_->find(ids[2]), Seq{3});
        EXPECT_EQ(log_->find(ids[0]).error().code, Errc::not_found);
        Query pending;
        pending.state = EntryState::pending;
        pending.count_max = 1;
        EXPECT_EQ(log_.list_all(pending).size(), 2U);
        EXPECT_EQ(log_.list_all().size(), 3U);
        EXPECT_EQ(log_->counts("crm"), (Counts{.pending = 2, .complete = 2, .failed = 1}));
        EXPECT_NE(log_->oldest_pending_at("crm"), std::nullopt);
        log_.close();
        log_.open();
        EXPECT_THAT(log_.take_seqs(), ElementsAre(Seq{3}, Seq{4}));
    }
    log_->complete("crm", Seq{3});
    log_->fail("crm", Seq{4}, kFailure);
    ASSERT_TRUE(log_->replay(Seq{2}, log_.make_id(), log_.now(), 99));
    EXPECT_TRUE(log_.reports().wait_for({99}));
    // Of those that are done with nothing is kept.
    EXPECT_EQ(log_->get(Seq{2}).error().code, Errc::not_found);
    EXPECT_EQ(log_->get(Seq{3}).error().code, Errc::not_found);
    EXPECT_EQ(log_->describe(Seq{4})->state, EntryState::failed);
    EXPECT_THAT(log_.take_seqs(), ElementsAre(Seq{6}));
}

TEST_F(LogReclaim, NumbersGoOnWhenEverythingHasPassed) {
    log_.open();
    append(3);
    log_.advance(std::chrono::hours(2));
    for (const Seq seq : log_.take_seqs()) log_->complete("crm", seq);
    wait_for_tail(Seq{4});
    log_.close();
    log_.open();
    EXPECT_EQ(log_.append("x"), Seq{4});
    EXPECT_THAT(log_.take_seqs(), ElementsAre(Seq{4}));
}

TEST_F(LogReclaim, APowerCutAtAnyMomentOfItLosesNothing) {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        LogUnderTest log;
        log.options.history = std::chrono::hours(1);
        log.options.reclaim_every = std::chrono::milliseconds(1);
        log.open();
        for (int i = 0; i < 6; ++i) log.append("x");
        log.take_all();
        log->complete("crm", Seq{1});
        log->fail("crm", Seq{2}, kFailure);
        log->park("crm", Seq{3});
        log->complete("crm", Seq{4});
        log.advance(std::chrono::hours(2));
        log.disk().cut_power(seed % 8);
        for (int i = 0; i < 3; ++i) {
            log->save("nudge", "x");
            if (log.try_append("nudge")) log.reports().wait_for({log.last_ticket()});
        }
        log.crash(seed);
        log.open();
        std::vector<Seq> left = log.take_seqs();
        const Counts counts = log->counts("crm");
        EXPECT_EQ(counts.pending, left.size()) << "seed " << seed;
        for (const std::uint64_t seq : {3U, 5U, 6U}) {
            EXPECT_THAT(left, testing::Contains(Seq{seq})) << "seed " << seed;
        }
        const bool is_failed = log->describe(Seq{2})->state == EntryState::failed;
        EXPECT_EQ(counts.failed, is_failed ? 1U : 0U) << "seed " << seed;
    }
}

TEST_F(LogReclaim, ThatFailsIsAFailureOfTheLogAndIsFoundOutAfterReopening) {
    for (const Disk::Op op : {Disk::Op::sync, Disk::Op::append}) {
        LogUnderTest log;
        log.options.history = std::chrono::hours(1);
        log.options.reclaim_every = std::chrono::milliseconds(1);
        log.open();
        for (int i = 0; i < 3; ++i) log.append("x");
        for (const Seq seq : log.take_seqs()) log->complete("crm", seq);
        log.append("kept");
        log.append("settled when the others are old");
        log.take_all();
        // Before there is something to reclaim, since that may be done at any moment from then on.
        // Marks alone are not synced: the first sync, or the second write, is that of reclaiming.
        log.disk().fail(static_cast<unsigned>(op),
                        op == Disk::Op::sync ? 0 : 1,
                        1,
                        rocksdb::IOStatus::IOError("injected"));
        log.advance(std::chrono::minutes(70));
        log->complete("crm", Seq{5});
        log.reports().wait_for_reopening(1);
        log.append("goes on");
        const Seq tail = log->health().tail;
        for (Seq seq{1}; seq < tail; seq = seq.next()) EXPECT_FALSE(log->get(seq));
        EXPECT_EQ(log->get(tail)->seq(), tail);
        EXPECT_THAT(log.take_seqs(), ElementsAre(Seq{6}));
        log.close();
        log.open();
        const std::vector<Pending> unsettled = log.take_all();
        ASSERT_EQ(unsettled.size(), 2U);
        EXPECT_EQ(unsettled[0].seq, Seq{4});
        EXPECT_EQ(unsettled[1].seq, Seq{6});
        for (const Pending& one : unsettled) EXPECT_EQ(*log->find(one.id), one.seq);
    }
}

}  // namespace
}  // namespace holdfast::wal
