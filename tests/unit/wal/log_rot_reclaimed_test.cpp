// Damage in RocksDB's log with a reclaiming behind it: where space was given back nothing waits but
// what was kept aside.
#include "tests/unit/wal/stopped_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::wal {
namespace {

using testing::Contains;

class LogRotReclaimed : public testing::Test {
protected:
    static constexpr std::uint64_t kEntries = 40;
    static constexpr std::uint64_t kParked = 12;
    static constexpr std::uint64_t kDead = 13;

    // All in one log of RocksDB.
    LogRotReclaimed() {
        log_.options.history = {};
        log_.options.reclaim_every = std::chrono::milliseconds(1);
        log_.open();
        for (std::uint64_t seq = 1; seq <= kEntries; ++seq) log_.append(body_of(seq));
        log_.take_all();
    }

    // Behind what is there now.
    void settle() {
        for (std::uint64_t seq = 1; seq <= kEntries; ++seq) {
            if (seq == kParked) {
                log_->park("crm", Seq{seq});
            } else if (seq == kDead) {
                log_->fail("crm", Seq{seq}, kFailure);
            } else {
                log_->complete("crm", Seq{seq});
            }
        }
    }

    void reclaim() {
        log_.advance(std::chrono::hours(1));
        for (int i = 0; log_->health().tail <= Seq{kEntries} && i < 1000; ++i) {
            log_.append("nudge");
            for (const Seq seq : log_.take_seqs()) log_->complete("crm", seq);
        }
        EXPECT_GT(log_->health().tail, Seq{kEntries});
        log_.append("waits");
    }

    void damage() {
        log_.close();
        log_.rot("damaged");
        log_.options.reclaim_every = std::chrono::hours(1);
    }

    // Nothing that was done with comes again as damaged, and what waited still does.
    void check() {
        log_.open();
        std::vector<Seq> taken;
        for (const Pending& one : log_.take_all()) taken.push_back(one.seq);
        EXPECT_THAT(taken, Contains(Seq{kParked}));
        for (const Seq seq : taken) {
            EXPECT_TRUE(log_->get(seq)) << seq.value;
            EXPECT_TRUE(seq == Seq{kParked} || seq == Seq{kDead} || seq > Seq{kEntries});
        }
        EXPECT_EQ(log_->get(Seq{kParked})->event().body, body_of(kParked));
        EXPECT_EQ(log_->get(Seq{kDead})->event().body, body_of(kDead));
        EXPECT_EQ(log_->health().damaged, 0U);
        EXPECT_EQ(log_->health().lost_unnamed, 0U);
        EXPECT_EQ(log_->counts("crm").pending, taken.size());
        EXPECT_EQ(log_->counts("crm").failed, is_dead(Seq{kDead}) ? 1U : 0U);
        for (const Seq seq : taken) log_->complete("crm", seq);
        log_.append("later");
        EXPECT_EQ(log_.take_seqs().size(), 1U);
        EXPECT_EQ(log_->counts("crm").pending, 1U);
    }

    [[nodiscard]] bool is_dead(Seq seq) {
        const Result<Description> described = log_->describe(seq);
        return described && described->state == EntryState::failed;
    }

    LogUnderTest log_{true};
};

TEST_F(LogRotReclaimed, WhatWasKeptBehindTheDamageWaitsAsItDid) {
    settle();
    log_.append("carries the marks");
    log_.append("damaged");
    reclaim();
    damage();
    check();
    EXPECT_TRUE(is_dead(Seq{kDead}));
}

TEST_F(LogRotReclaimed, WhatLostItsMarkTooWaitsAgain) {
    log_.append("damaged");
    settle();
    reclaim();
    damage();
    check();
}

TEST_F(LogRotReclaimed, SoDoesWhatWasKeptInFrontOfTheDamage) {
    settle();
    reclaim();
    log_.append("damaged");
    log_.append("behind");
    damage();
    check();
    EXPECT_TRUE(is_dead(Seq{kDead}));
}

// Whose mark of the last entry is older: a crash came at once.
TEST_F(LogRotReclaimed, TheTailIsTakenFromBehindTheDamage) {
    log_.append("damaged");
    settle();
    reclaim();
    const Seq tail = log_->health().tail;
    damage();
    std::filesystem::remove(log_.options.directory / "acknowledged");
    check();
    EXPECT_EQ(log_->health().tail, tail);
}

}  // namespace
}  // namespace holdfast::wal
