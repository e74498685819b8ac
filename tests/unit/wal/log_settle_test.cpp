#include "tests/unit/wal/log_under_test.hpp"
#include "wal/keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::wal {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Op = LogUnderTest::Disk::Op;

const Retry kRetry{.attempts = 3,
                   .first_attempt_at = wall_from_ms(1'700'000'000'000),
                   .next_attempt_at = wall_from_ms(1'700'000'060'000),
                   .status = 503,
                   .intended = false,
                   .reason = "503"};

const Failure kFailure{.attempts = 1,
                       .failed_at = wall_from_ms(1'700'000'000'000),
                       .status = 400,
                       .reason = "400",
                       .answer = "no"};

TEST(LogSettle, StatesSurviveACleanStopExactly) {
    for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U}) {
        LogUnderTest log;
        log.open();
        for (int i = 0; i < 5; ++i) log.append("x");
        log.take_all();
        log->complete("crm", Seq{1});
        log->fail("crm", Seq{2}, kFailure);
        log->retry("crm", Seq{3}, kRetry);
        log->retry("crm", Seq{4}, kRetry);
        log->park("crm", Seq{4});
        log.close();
        log.crash(seed);  // what a clean stop wrote was synced
        log.open();
        EXPECT_EQ(log->counts("crm"), (Counts{.pending = 3, .complete = 1, .failed = 1}));
        const std::vector<Pending> pending = log.take_all();
        ASSERT_EQ(pending.size(), 3U);
        EXPECT_EQ(pending[0].seq, Seq{3});
        EXPECT_EQ(pending[0].retry, kRetry);
        EXPECT_FALSE(pending[0].parked);
        EXPECT_EQ(pending[1].seq, Seq{4});
        EXPECT_EQ(pending[1].retry, kRetry);
        EXPECT_TRUE(pending[1].parked);
        EXPECT_EQ(pending[2].seq, Seq{5});
        EXPECT_EQ(pending[2].retry, std::nullopt);
        EXPECT_EQ(log->describe(Seq{1})->state, EntryState::complete);
        EXPECT_EQ(log->describe(Seq{2})->failure, kFailure);
        EXPECT_EQ(log->counts("crm"), (Counts{.pending = 3, .complete = 1, .failed = 1}));
    }
}

TEST(LogSettle, MarksThatWereWrittenLongBeforeTheStopAreSyncedByIt) {
    for (const std::uint64_t seed : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U}) {
        LogUnderTest log;
        log.open();
        log.append("x");
        log.take_all();
        const std::size_t before = log.reports().commits().size();
        log->complete("crm", Seq{1});
        log.reports().wait_for_commits(before + 1);
        log.close();
        log.crash(seed);
        log.open();
        EXPECT_THAT(log.take_seqs(), IsEmpty());
    }
}

TEST(LogSettle, WhatWasSettledJustBeforeACrashMayComeAgainButNothingOlder) {
    bool came_again = false;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
        LogUnderTest log;
        log.open();
        for (int i = 0; i < 3; ++i) log.append("x");
        log.take_all();
        log->complete("crm", Seq{1});
        log.append("synced, and with it the mark");
        log->complete("crm", Seq{2});
        log.crash(seed);
        log.open();
        const std::vector<Seq> seqs = log.take_seqs();
        if (seqs.size() == 3) {
            came_again = true;
            EXPECT_THAT(seqs, ElementsAre(Seq{2}, Seq{3}, Seq{4}));
        } else {
            EXPECT_THAT(seqs, ElementsAre(Seq{3}, Seq{4}));
        }
        EXPECT_EQ(log->counts("crm").pending, seqs.size());
    }
    EXPECT_TRUE(came_again) << "this disk forgets nothing";
}

TEST(LogSettle, ASyncedMarkIsOnTheDiskWithinOneSync) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        LogUnderTest log;
        log.options.mark_delay = std::chrono::hours(1);
        log.open();
        log.append("x");
        log.take_all();
        const std::size_t before = log.reports().commits().size();
        log->complete("crm", Seq{1}, Log::Mark::synced);
        log.reports().wait_for_commits(before + 1);
        log.crash(seed);
        log.open();
        EXPECT_THAT(log.take_seqs(), IsEmpty());
    }
}

TEST(LogSettle, AnIntentIsReportedOnceItIsSynced) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        LogUnderTest log;
        log.open();
        log.append("x");
        log.take_all();
        Retry intent;
        intent.intended = true;
        log->intend("crm", Seq{1}, intent, 77);
        EXPECT_TRUE(log.reports().wait_for({77}));
        log.crash(seed);
        log.open();
        const std::vector<Pending> pending = log.take_all();
        ASSERT_EQ(pending.size(), 1U);
        ASSERT_TRUE(pending[0].retry);
        EXPECT_TRUE(pending[0].retry->intended);
    }
}

TEST(LogSettle, ACompleteEntryLeavesNoRetryBehind) {
    LogUnderTest log;
    log.open();
    log.append("x");
    log.take_all();
    log->retry("crm", Seq{1}, kRetry, Log::Mark::synced);
    log->complete("crm", Seq{1}, Log::Mark::synced);
    log.close();
    EXPECT_EQ(log.get_raw(seq_key(Space::retry, Seq{1})), std::nullopt);
}

TEST(LogSettle, CompletingWritesNothingButTheCursor) {
    LogUnderTest log;
    log.open();
    for (int i = 0; i < 100; ++i) log.append("x");
    for (const Seq seq : log.take_seqs()) log->complete("crm", seq);
    log.close();
    const auto raw = log.open_raw();
    std::string value;
    EXPECT_TRUE((*raw)->GetProperty("rocksdb.num-deletes-active-mem-table", &value));
    EXPECT_EQ(value, "0");
}

TEST(LogSettle, EachDestinationHasItsOwnCursor) {
    LogUnderTest log;
    log.open({"a", "b"});
    for (int i = 0; i < 3; ++i) {
        log.append("x", "a");
        log.append("x", "b");
    }
    EXPECT_THAT(log.take_seqs("a"), ElementsAre(Seq{1}, Seq{3}, Seq{5}));
    log->complete("a", Seq{3});
    EXPECT_THAT(log.take_seqs("b"), ElementsAre(Seq{2}, Seq{4}, Seq{6}));
    log->complete("b", Seq{2});
    EXPECT_EQ(log->counts("a"), (Counts{.pending = 2, .complete = 1, .failed = 0}));
    EXPECT_EQ(log->counts("b"), (Counts{.pending = 2, .complete = 1, .failed = 0}));
    log.close();
    log.open({"a", "b"});
    EXPECT_THAT(log.take_seqs("b"), ElementsAre(Seq{4}, Seq{6}));
    EXPECT_THAT(log.take_seqs("a"), ElementsAre(Seq{1}, Seq{5}));
}

TEST(LogSettle, ADestinationThatIsAddedLaterStartsAtTheHead) {
    LogUnderTest log;
    log.open({"a"});
    log.append("x", "a");
    log->add_destination("b");
    log.append("x", "b");
    EXPECT_THAT(log.take_seqs("b"), ElementsAre(Seq{2}));
    log.close();
    log.open({});
    EXPECT_THAT(log->destinations(), ElementsAre("a", "b"));
    EXPECT_THAT(log.take_seqs("b"), ElementsAre(Seq{2}));
}

TEST(LogSettle, TakeHandsOutAtMostWhatWasAskedFor) {
    LogUnderTest log;
    log.open();
    for (int i = 0; i < 5; ++i) log.append("x");
    const Result<Taken> first = log->take("crm", 2);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->entries.size(), 2U);
    EXPECT_TRUE(first->more);
    const Result<Taken> rest = log->take("crm", 5);
    ASSERT_TRUE(rest);
    EXPECT_EQ(rest->entries.size(), 3U);
    EXPECT_FALSE(rest->more);
}

TEST(LogSettle, SavedTextsComeBack) {
    LogUnderTest log;
    log.open();
    EXPECT_EQ(*log->load("gates/crm"), std::nullopt);
    log->save("gates/crm", "open");
    EXPECT_EQ(*log->load("gates/crm"), "open");
    log->save("gates/crm", "closed");
    log.close();
    log.open();
    EXPECT_EQ(*log->load("gates/crm"), "closed");
}

TEST(LogSettle, OldestPendingIsTheFirstThatIsNotSettled) {
    LogUnderTest log;
    log.open();
    EXPECT_EQ(log->oldest_pending_at("crm"), std::nullopt);
    const WallTime first = log.now();
    log.append("x");
    log.advance(std::chrono::seconds(5));
    log.append("x");
    log.take_all();
    EXPECT_EQ(log->oldest_pending_at("crm"), first);
    log->park("crm", Seq{1});
    EXPECT_EQ(log->oldest_pending_at("crm"), first);
    log->complete("crm", Seq{1});
    EXPECT_EQ(log->oldest_pending_at("crm"), first + std::chrono::seconds(5));
}

}  // namespace
}  // namespace holdfast::wal
