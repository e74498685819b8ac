// Who writes, and how durable it is then.
#include "tests/unit/wal/log_under_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <semaphore>
#include <thread>

namespace holdfast::wal {
namespace {

using rocksdb::IOStatus;
using testing::AnyOf;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::Key;
using testing::SizeIs;
using Disk = test::FaultyFileSystem;
using Op = Disk::Op;
using namespace std::chrono_literals;

class LogWrite : public testing::Test {
protected:
    LogWrite() {
        log_.options.write_here_max = 1h;
        log_.options.on_commit = [this, report = log_.options.on_commit](Commit commit) {
            if (!commit.appended.empty()) writer_ = std::this_thread::get_id();
            report(std::move(commit));
        };
    }

    // A committer that has nothing else to do.
    void open() {
        log_.open();
        log_.append("the cursor is written with it");
        log_.append("nothing is");
    }

    // Until this thread has written one: the committer may not have fallen asleep yet, or look at
    // the disk just then.
    void append_here() {
        for (int i = 0; i < 1000; ++i) {
            writer_ = std::thread::id();
            ASSERT_TRUE(log_.try_append("alone"));
            if (writer_.load() == std::this_thread::get_id()) return;
            ASSERT_TRUE(log_.reports().wait_for({log_.last_ticket()}));
        }
        FAIL() << "this thread never writes";
    }

    LogUnderTest log_;
    std::atomic<std::thread::id> writer_;
};

TEST_F(LogWrite, ASingleEventIsReportedBeforeItReturns) {
    open();
    append_here();
    EXPECT_THAT(log_.reports().stored(), Contains(Key(log_.last_ticket())));
    log_.crash(1);
    log_.open();
    EXPECT_THAT(log_.take_seqs(), SizeIs(log_.last_ticket()));
}

TEST_F(LogWrite, SeveralEventsAreTheCommitters) {
    open();
    for (int i = 0; i < 10; ++i) {
        Event event;
        event.id = log_.make_id();
        event.accepted_at = log_.now();
        event.destination = "crm";
        event.target = "/t";
        ASSERT_TRUE(log_->append(event, 100));
        ASSERT_TRUE(log_->append(event, 101));
        log_->write();
        ASSERT_TRUE(log_.reports().wait_for({100, 101}));
        ASSERT_NE(writer_.load(), std::this_thread::get_id());
    }
}

TEST_F(LogWrite, OnASlowDiskEvenASingleOneIs) {
    log_.options.write_here_max = {};
    open();
    for (int i = 0; i < 10; ++i) {
        log_.append("alone");
        ASSERT_NE(writer_.load(), std::this_thread::get_id());
    }
}

TEST_F(LogWrite, WhatFailsHereIsMendedByTheCommitter) {
    open();
    append_here();
    const Ticket before = log_.last_ticket();
    log_.disk().fail(static_cast<unsigned>(Op::sync), 0, 1, IOStatus::IOError("injected"));
    ASSERT_TRUE(log_.try_append("in doubt"));
    EXPECT_FALSE(log_.reports().wait_for({before + 1}));
    EXPECT_THAT(log_.reports().refused(), ElementsAre(std::pair(before + 1, true)));
    log_.reports().wait_for_reopening(1);
    log_.append("goes on");
    EXPECT_EQ(log_->health().failures, 1U);
}

TEST_F(LogWrite, SaysThatItIsOnTheDisk) {
    open();
    EXPECT_EQ(log_.reports().commits().back().durability, Durability::synced);
    const SyncTimes syncs = log_->health().syncs;
    EXPECT_EQ(std::accumulate(syncs.counts.begin(), syncs.counts.end(), std::uint64_t{0}), 2U);
    EXPECT_GT(syncs.sum, Duration());
}

class LogBuffered : public testing::Test {
protected:
    LogBuffered() {
        log_.options.durability = Durability::buffered;
        log_.options.buffered_max = 1h;
    }

    LogUnderTest log_;
};

TEST_F(LogBuffered, EventsAreReportedBeforeTheyAreSynced) {
    log_.open();
    log_.disk().fail(static_cast<unsigned>(Op::sync), 0, 1, IOStatus::IOError("injected"));
    log_.append("a");
    log_.disk().heal();
    EXPECT_EQ(log_.reports().commits().back().durability, Durability::buffered);
    EXPECT_FALSE(log_.reports().is_broken());
}

TEST_F(LogBuffered, ACleanStopLosesNothing) {
    log_.open();
    log_.append("a");
    log_.close();
    log_.crash(1);
    log_.open();
    EXPECT_EQ(log_.take_seqs(), (std::vector<Seq>{Seq{1}}));
}

TEST_F(LogBuffered, AreSyncedWhenTheirTimeHasCome) {
    log_.options.buffered_max = 1ms;
    log_.open();
    std::promise<void> synced;
    log_.disk().observe(
        [&, done = std::make_shared<std::atomic<bool>>(false)](Op op, const std::string& file) {
            if (op == Op::sync && file.ends_with(".log") && !done->exchange(true))
                synced.set_value();
        });
    log_.append("a");
    synced.get_future().wait();
    log_.disk().observe({});
    log_.close();
}

// An intent protects from a repeat that cannot be taken back, and synced marks are somebody's wish.
TEST_F(LogBuffered, IntentsAreSyncedAllTheSame) {
    log_.open();
    log_.append("a");
    ASSERT_EQ(log_.take_seqs().size(), 1U);
    log_->intend("crm", Seq{1}, {.attempts = 1, .intended = true, .reason = {}}, 77);
    ASSERT_TRUE(log_.reports().wait_for({77}));
    log_.crash(3);
    log_.open();
    const std::vector<Pending> pending = log_.take_all();
    ASSERT_EQ(pending.size(), 1U);
    EXPECT_TRUE(pending[0].retry->intended);
}

// It is what was asked for, so it is no reason not to start.
TEST(LogBufferedPowerCut, WhatItTookIsReportedAndTheLogGoesOn) {
    bool was_lost = false;
    for (std::uint64_t seed = 1; seed < 20 && !was_lost; ++seed) {
        LogUnderTest log;
        log.options.durability = Durability::buffered;
        log.options.buffered_max = 1h;
        log.options.on_corruption = OnCorruption::refuse;
        log.options.water_mark_every = 1ms;
        log.open();
        std::counting_semaphore steps(0);  // of a mark: its write, and the sync of that
        log.disk().observe([&](Op op, const std::string& file) {
            if (op == Op::overwrite && file.ends_with("acknowledged")) steps.release();
        });
        log.append("a");
        steps.acquire();
        log.append("b");  // whose mark begins when that of "a" is on the disk
        steps.acquire();
        steps.acquire();
        log.disk().observe({});
        log.crash(seed);
        log.open();
        const std::vector<SeqRange> lost = log->health().lost;
        if (lost.empty()) continue;
        was_lost = true;
        EXPECT_THAT(lost,
                    AnyOf(ElementsAre(SeqRange{Seq{1}, Seq{1}}),
                          ElementsAre(SeqRange{Seq{1}, Seq{2}}),
                          ElementsAre(SeqRange{Seq{2}, Seq{2}})));
        EXPECT_EQ(log.append("c"), Seq{lost.back().last.value + 1});
    }
    EXPECT_TRUE(was_lost);
}

}  // namespace
}  // namespace holdfast::wal
