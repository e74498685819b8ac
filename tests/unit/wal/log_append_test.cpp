#include "tests/unit/wal/log_under_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::wal {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using Op = LogUnderTest::Disk::Op;

TEST(LogAppend, IsReportedOnceItIsSyncedWithTheNextSeq) {
    LogUnderTest log;
    log.open();
    EXPECT_EQ(log.append("a"), Seq{1});
    EXPECT_EQ(log.append("b"), Seq{2});
    EXPECT_EQ(log->health().head, Seq{2});
    EXPECT_EQ(log.reports().stored(), (std::map<Ticket, Seq>{{1, Seq{1}}, {2, Seq{2}}}));
}

TEST(LogAppend, IsNotReportedWhileTheSyncIsUnderWay) {
    LogUnderTest log;
    log.open();
    HeldWrite held(log.disk(), Op::sync);
    ASSERT_TRUE(log.try_append("a"));
    held.wait_until_held();
    EXPECT_THAT(log.reports().stored(), IsEmpty());
    EXPECT_THAT(log.take_seqs(), IsEmpty());
    held.release();
    EXPECT_TRUE(log.reports().wait_for({1}));
    EXPECT_THAT(log.take_seqs(), ElementsAre(Seq{1}));
}

TEST(LogAppend, JoinsAllThatCameDuringOneSyncInTheNext) {
    LogUnderTest log;
    log.open();
    HeldWrite held(log.disk(), Op::sync);
    ASSERT_TRUE(log.try_append("first"));
    held.wait_until_held();
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(log.try_append("later"));
    held.release();
    EXPECT_TRUE(log.reports().wait_for({1, 2, 3, 4, 5, 6}));
    const std::vector<Commit> commits = log.reports().commits();
    ASSERT_EQ(commits.size(), 2U);
    EXPECT_EQ(commits[0].appended.size(), 1U);
    EXPECT_EQ(commits[1].appended.size(), 5U);
    EXPECT_EQ(commits[1].head, Seq{6});
}

TEST(LogAppend, IsRefusedAsOverloadedWhenTheDiskDoesNotKeepUp) {
    LogUnderTest log;
    log.options.open_batch_bytes_max = 1000;
    log.open();
    HeldWrite held(log.disk(), Op::sync);
    ASSERT_TRUE(log.try_append("first"));
    held.wait_until_held();
    ASSERT_TRUE(log.try_append(std::string(1000, 'x')));
    const Result<Seq> refused = log.try_append("one too many");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::overloaded);
    held.release();
    EXPECT_TRUE(log.reports().wait_for({1, 2}));
    EXPECT_EQ(log.append("goes on"), Seq{3});
}

TEST(LogAppend, ComesBackAfterAReopeningInOrderAndAsItWas) {
    LogUnderTest log(true);
    log.open();
    for (const char* body : {"a", "bb", "ccc"}) log.append(body);
    log.close();
    log.open();
    const std::vector<Pending> pending = log.take_all();
    ASSERT_EQ(pending.size(), 3U);
    EXPECT_EQ(pending[0].lane, lane_of("crm", "id:1"));
    EXPECT_LT(pending[0].id, pending[1].id);
    EXPECT_EQ(pending[1].accepted_at, log.now());
    EXPECT_EQ(pending[2].seq, Seq{3});
    EXPECT_EQ(log->get(Seq{3})->event().body, "ccc");
    EXPECT_EQ(log->newest_id(), pending[2].id);
    EXPECT_EQ(log.append("d"), Seq{4});
}

TEST(LogAppend, SurvivesAPowerCut) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        LogUnderTest log;
        log.open();
        for (int i = 0; i < 5; ++i) log.append("x");
        log.crash(seed);
        log.open();
        EXPECT_THAT(log.take_seqs(), ElementsAre(Seq{1}, Seq{2}, Seq{3}, Seq{4}, Seq{5}));
    }
}

TEST(LogAppend, WhatIsOutstandingAtClosingIsWrittenAndReported) {
    LogUnderTest log;
    log.open();
    std::vector<Ticket> tickets;
    for (int i = 0; i < 100; ++i) {
        ASSERT_TRUE(log.try_append("x"));
        tickets.push_back(log.last_ticket());
    }
    log.close();
    EXPECT_TRUE(log.reports().wait_for(tickets));
    log.open();
    EXPECT_EQ(log.take_seqs().size(), 100U);
}

TEST(LogAppend, IsRefusedAfterClosing) {
    LogUnderTest log;
    log.open();
    log->close();
    const Result<Seq> refused = log.try_append("x");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::storage_failed);
    EXPECT_EQ(log->take("crm", 1)->entries.size(), 0U);
    EXPECT_EQ(log->get(Seq{1}).error().code, Errc::storage_failed);
}

TEST(LogOpen, MakesItsDirectoryForItsOwnerAlone) {
    LogUnderTest log(true);
    log.open();
    const auto perms = std::filesystem::status(log.options.directory).permissions();
    EXPECT_EQ(perms, std::filesystem::perms::owner_all);
}

TEST(LogOpen, IsRefusedWhenThereCanBeNoSuchDirectory) {
    LogUnderTest log(true);
    log.options.directory = "/proc/no/such/place";
    EXPECT_EQ(log.try_open().error().code, Errc::bad_config);
}

TEST(LogOpen, OfADirectoryThatIsInUseIsRefusedAsBusy) {
    LogUnderTest log(true);
    log.open();
    const Result<std::unique_ptr<Log>> second = Log::open(log.options);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::busy) << second.error().detail;
    log.append("the first goes on");
}

TEST(LogOpen, AWordInThePathIsNotTakenForALock) {
    LogUnderTest log;
    log.disk().fail(
        LogUnderTest::Disk::kAnyOp,
        0,
        1,
        rocksdb::IOStatus::IOError("while opening a file: /var/lib/clockwork", "no such device"));
    EXPECT_EQ(log.try_open().error().code, Errc::storage_failed);
}

TEST(LogOpen, SetsReadingBackToWhereItWas) {
    LogUnderTest log;
    log.open();
    for (int i = 0; i < 5; ++i) log.append("x");
    for (const Seq seq : log.take_seqs()) {
        if (seq != Seq{2}) log->complete("crm", seq);
    }
    log.close();
    log.open();
    EXPECT_THAT(log.take_seqs(), ElementsAre(Seq{2}));
}

}  // namespace
}  // namespace holdfast::wal
