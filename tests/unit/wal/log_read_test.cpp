#include "tests/unit/wal/log_under_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::wal {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const Failure kFailure{
    .attempts = 1, .failed_at = wall_from_ms(1), .status = 400, .reason = "400", .answer = "no"};

const Retry kRetry{.attempts = 2,
                   .first_attempt_at = wall_from_ms(1),
                   .next_attempt_at = wall_from_ms(2),
                   .status = 503,
                   .intended = false,
                   .reason = "503"};

// Ten entries: 1, 2 and 3 complete, 4 and 5 failed, 6 and 7 retrying, 7 parked, the rest pending.
class LogRead : public testing::Test {
protected:
    void SetUp() override {
        log_.open();
        for (int i = 1; i <= 10; ++i) log_.append("body " + std::to_string(i));
        for (int i = 0; i < 8; ++i) ASSERT_TRUE(log_->take("crm", 1));
        for (const std::uint64_t seq : {1U, 2U, 3U}) log_->complete("crm", Seq{seq});
        for (const std::uint64_t seq : {4U, 5U}) log_->fail("crm", Seq{seq}, kFailure);
        for (const std::uint64_t seq : {6U, 7U}) {
            log_->retry("crm", Seq{seq}, kRetry, Log::Mark::synced);
        }
        log_->park("crm", Seq{7});
        log_.append("body 11");  // so that all marks are written
    }

    std::vector<Seq> seqs(const Query& query) {
        std::vector<Seq> found;
        for (const Description& one : log_.list_all(query)) {
            found.push_back(one.entry.seq());
            if (query.state) {
                EXPECT_EQ(one.state, *query.state);
            }
        }
        return found;
    }

    LogUnderTest log_;
};

TEST_F(LogRead, DescribesEachAsItIs) {
    EXPECT_EQ(log_->describe(Seq{1})->state, EntryState::complete);
    EXPECT_EQ(log_->describe(Seq{4})->state, EntryState::failed);
    EXPECT_EQ(log_->describe(Seq{4})->failure, kFailure);
    EXPECT_EQ(log_->describe(Seq{7})->state, EntryState::retrying);
    EXPECT_EQ(log_->describe(Seq{7})->retry, kRetry);
    EXPECT_EQ(log_->describe(Seq{8})->state, EntryState::pending);
    EXPECT_EQ(log_->describe(Seq{10})->state, EntryState::pending);
    EXPECT_EQ(log_->describe(Seq{10})->entry.event().body, "body 10");
    EXPECT_EQ(log_->describe(Seq{12}).error().code, Errc::not_found);
    EXPECT_EQ(log_->describe(Seq{0}).error().code, Errc::not_found);
}

TEST_F(LogRead, DescribesWhatIsMarkedAndNotYetWritten) {
    log_->fail("crm", Seq{8}, kFailure);
    EXPECT_EQ(log_->describe(Seq{8})->state, EntryState::failed);
    log_->complete("crm", Seq{6});
    EXPECT_EQ(log_->describe(Seq{6})->state, EntryState::complete);
}

TEST_F(LogRead, ListsEachStateInPagesOfAnySize) {
    for (const std::size_t count : {1U, 2U, 3U, 50U}) {
        for (const std::size_t scan : {1U, 2U, 7U, 2000U}) {
            Query query;
            query.count_max = count;
            query.scan_max = scan;
            EXPECT_EQ(seqs(query).size(), 11U);
            query.state = EntryState::complete;
            EXPECT_THAT(seqs(query), ElementsAre(Seq{1}, Seq{2}, Seq{3}));
            query.state = EntryState::failed;
            EXPECT_THAT(seqs(query), ElementsAre(Seq{4}, Seq{5}));
            query.state = EntryState::retrying;
            EXPECT_THAT(seqs(query), ElementsAre(Seq{6}, Seq{7}));
            query.state = EntryState::pending;
            EXPECT_THAT(seqs(query), ElementsAre(Seq{8}, Seq{9}, Seq{10}, Seq{11}));
        }
    }
}

TEST_F(LogRead, ListsWhatMatches) {
    Query query;
    query.matches = [](const Event& event) { return event.body.ends_with("1"); };
    EXPECT_THAT(seqs(query), ElementsAre(Seq{1}, Seq{11}));
    query.state = EntryState::failed;
    EXPECT_THAT(seqs(query), IsEmpty());
}

TEST_F(LogRead, LooksAtNoMoreThanItWasAllowedTo) {
    Query query;
    query.scan_max = 4;
    std::size_t looked_at = 0;
    query.matches = [&](const Event&) {
        ++looked_at;
        return false;
    };
    const Result<Page> page = log_->list(query);
    ASSERT_TRUE(page);
    EXPECT_EQ(looked_at, 4U);
    EXPECT_EQ(page->next, Seq{4});
}

TEST_F(LogRead, FindsByUlid) {
    for (std::uint64_t seq = 1; seq <= 11; ++seq) {
        const Ulid id = log_->get(Seq{seq})->event().id;
        EXPECT_EQ(*log_->find(id), Seq{seq});
    }
    EXPECT_EQ(log_->find(Ulid{}).error().code, Errc::not_found);
    EXPECT_EQ(log_->find(log_.make_id()).error().code, Errc::not_found);
}

TEST_F(LogRead, AReplayIsAChildAndTakesTheDeadLetterAway) {
    const Ulid parent = log_->get(Seq{4})->event().id;
    const Ulid id = log_.make_id();
    log_.advance(std::chrono::seconds(9));
    const Result<Seq> seq = log_->replay(Seq{4}, id, log_.now(), 99);
    ASSERT_TRUE(seq);
    EXPECT_TRUE(log_.reports().wait_for({99}));
    EXPECT_EQ(*seq, Seq{12});
    const Result<Entry> child = log_->get(*seq);
    EXPECT_EQ(child->event().parent, parent);
    EXPECT_EQ(child->event().id, id);
    EXPECT_EQ(child->event().accepted_at, log_.now());
    EXPECT_EQ(child->event().body, "body 4");
    Query failed;
    failed.state = EntryState::failed;
    EXPECT_THAT(seqs(failed), ElementsAre(Seq{5}));
    EXPECT_EQ(log_->counts("crm"), (Counts{.pending = 7, .complete = 3, .failed = 1}));
    EXPECT_THAT(log_.take_seqs(), ElementsAre(Seq{9}, Seq{10}, Seq{11}, Seq{12}));
}

TEST_F(LogRead, AReplayIsOneWrite) {
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        LogUnderTest log;
        log.open();
        log.append("x");
        log.take_all();
        log->fail("crm", Seq{1}, kFailure, Log::Mark::synced);
        log.append("y");
        log.disk().cut_power(seed % 3);
        ASSERT_TRUE(log->replay(Seq{1}, log.make_id(), log.now(), 99));
        log.crash(seed);
        log.open();
        const Counts counts = log->counts("crm");
        if (log->health().head == Seq{3}) {
            EXPECT_EQ(counts, (Counts{.pending = 2, .complete = 0, .failed = 0}));
            EXPECT_NE(log->describe(Seq{1})->state, EntryState::failed);
        } else {
            EXPECT_EQ(counts, (Counts{.pending = 1, .complete = 0, .failed = 1}));
            EXPECT_EQ(log->describe(Seq{1})->state, EntryState::failed);
        }
    }
}

TEST_F(LogRead, AReplayOfADeadLetterThatIsNotYetWrittenHolds) {
    log_->fail("crm", Seq{8}, kFailure);
    ASSERT_TRUE(log_->replay(Seq{8}, log_.make_id(), log_.now(), 99));
    EXPECT_TRUE(log_.reports().wait_for({99}));
    log_.append("and one more");
    Query failed;
    failed.state = EntryState::failed;
    EXPECT_THAT(seqs(failed), ElementsAre(Seq{4}, Seq{5}));
    EXPECT_EQ(log_->counts("crm").failed, 2U);
}

TEST_F(LogRead, WhatIsNoDeadLetterIsNotReplayedAndNothingIsReplayedTwice) {
    for (const std::uint64_t seq : {1U, 6U, 8U, 10U, 99U}) {
        EXPECT_EQ(log_->replay(Seq{seq}, log_.make_id(), log_.now(), 99).error().code,
                  Errc::not_found);
    }
    HeldWrite held(log_.disk(), LogUnderTest::Disk::Op::append);
    ASSERT_TRUE(log_->replay(Seq{4}, log_.make_id(), log_.now(), 99));
    held.wait_until_held();
    const Result<Seq> second = log_->replay(Seq{4}, log_.make_id(), log_.now(), 100);
    held.release();
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::not_found);
    EXPECT_TRUE(log_.reports().wait_for({99}));
    EXPECT_EQ(log_->replay(Seq{4}, log_.make_id(), log_.now(), 101).error().code, Errc::not_found);
}

}  // namespace
}  // namespace holdfast::wal
