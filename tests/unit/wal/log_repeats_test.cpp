// Events with an idempotency key: what is a repeat, for how long, and through what.
#include "tests/unit/wal/log_under_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::wal {
namespace {

using rocksdb::IOStatus;
using testing::ElementsAre;
using testing::HasSubstr;
using Disk = test::FaultyFileSystem;
using namespace std::chrono_literals;

class LogRepeats : public testing::Test {
protected:
    LogRepeats() { log_.options.idempotency_window = 8h; }

    Result<Placed> append(std::string_view key, std::string_view body = "{}") {
        return log_.try_append_with_key(key, body, &last_id_);
    }

    Placed stored(std::string_view key, std::string_view body = "{}") {
        const Result<Placed> placed = append(key, body);
        EXPECT_TRUE(placed) << placed.error().detail;
        if (!placed->is_stored) {
            EXPECT_TRUE(log_.reports().wait_for({log_.last_ticket()}));
        }
        return *placed;
    }

    // Of RocksDB, while the log is closed.
    std::size_t keys_on_disk() {
        const auto db = log_.open_raw();
        const std::unique_ptr<rocksdb::Iterator> at((*db)->NewIterator({}));
        std::size_t count = 0;
        for (at->Seek("k"); at->Valid() && at->key().starts_with("k"); at->Next()) ++count;
        return count;
    }

    LogUnderTest log_;
    Ulid last_id_;
};

TEST_F(LogRepeats, TheFirstIsStoredUnderItsOwnId) {
    log_.open();
    const Placed first = stored("a");
    EXPECT_EQ(first.seq, Seq{1});
    EXPECT_EQ(first.id, last_id_);
    EXPECT_EQ(first.accepted_at, log_.now());
    EXPECT_FALSE(first.is_repeat);
    EXPECT_FALSE(first.is_stored);
}

TEST_F(LogRepeats, ARepeatIsAnsweredLikeTheFirstAndNotStored) {
    log_.open();
    const Placed first = stored("a");
    log_.advance(1h);
    const Placed repeat = stored("a");
    EXPECT_EQ(repeat.seq, first.seq);
    EXPECT_EQ(repeat.id, first.id);
    EXPECT_EQ(repeat.accepted_at, first.accepted_at);
    EXPECT_TRUE(repeat.is_repeat);
    EXPECT_TRUE(repeat.is_stored);
    EXPECT_EQ(log_->health().head, Seq{1});
    EXPECT_EQ(log_.take_seqs(), (std::vector<Seq>{Seq{1}}));
    EXPECT_EQ(log_->counts("crm").pending, 1U);
}

TEST_F(LogRepeats, AnotherContentUnderTheSameKeyIsRefused) {
    log_.open();
    (void)stored("a", "{}");
    const Result<Placed> other = append("a", "{ }");
    ASSERT_FALSE(other);
    EXPECT_EQ(other.error().code, Errc::key_reused);
    EXPECT_THAT(other.error().detail, HasSubstr("entry 1"));
    EXPECT_EQ(log_->health().head, Seq{1});
}

// As an app that sends an event with an id of its own again, under a new key.
TEST_F(LogRepeats, ANewKeyBesidesOneThatIsKnownStandsForTheSame) {
    log_.open();
    const Placed first = stored("id");
    const Result<Placed> repeat = log_.try_append_with_keys({"new", "id"}, "{}");
    ASSERT_TRUE(repeat);
    EXPECT_TRUE(repeat->is_repeat);
    for (const bool is_reopened : {false, true}) {
        if (is_reopened) {
            log_.close();
            log_.open();
        }
        const Placed again = stored("new");
        EXPECT_TRUE(again.is_repeat);
        EXPECT_EQ(again.seq, first.seq);
        EXPECT_EQ(append("new", "other").error().code, Errc::key_reused);
    }
}

TEST_F(LogRepeats, AKeyThatStandsForAnotherEventIsRefusedWhateverIsKnownBesides) {
    log_.open();
    (void)stored("id");
    (void)stored("used", "other");
    for (const std::vector<std::string_view>& keys :
         {std::vector<std::string_view>{"id", "used"}, {"used", "id"}}) {
        EXPECT_EQ(log_.try_append_with_keys(keys, "{}").error().code, Errc::key_reused);
    }
}

TEST_F(LogRepeats, AKeyBesidesOneThatIsBeingWrittenIsKnownToo) {
    log_.open();
    (void)stored("used", "other");
    HeldWrite held(log_.disk(), Disk::Op::sync);
    const Placed first = *append("id");
    held.wait_until_held();
    EXPECT_EQ(log_.try_append_with_keys({"used", "id"}, "{}").error().code, Errc::key_reused);
    EXPECT_EQ(log_.try_append_with_keys({"new", "id"}, "{}")->seq, first.seq);
    const Placed alone = *append("new");
    EXPECT_EQ(alone.seq, first.seq);
    EXPECT_EQ(append("new", "other").error().code, Errc::key_reused);
    held.release();
    EXPECT_TRUE(log_.reports().wait_for({log_.last_ticket() - 1}));
    EXPECT_EQ(log_->health().head, Seq{2});
}

// What is on the disk is answered as such, whatever becomes of the new key.
TEST_F(LogRepeats, ByAKeyThatIsNotWrittenYetIsAnsweredFromWhatIsStored) {
    log_.options.mark_delay = 1h;
    log_.open();
    const Placed first = stored("id");
    ASSERT_TRUE(log_.try_append_with_keys({"new", "id"}, "{}"));
    const Result<Placed> again = append("new");
    ASSERT_TRUE(again);
    EXPECT_EQ(again->seq, first.seq);
    EXPECT_TRUE(again->is_stored);
    EXPECT_EQ(again->durability, Durability::synced);
    EXPECT_EQ(append("new", "other").error().code, Errc::key_reused);
    log_.close();
    log_.open();
    EXPECT_TRUE(stored("new").is_repeat);
}

// Who was told that the batch is full waits for the report of an event.
TEST_F(LogRepeats, NewKeysAloneDoNotFillTheBatch) {
    log_.options.mark_delay = 1h;
    log_.options.open_batch_bytes_max = 10'000;
    log_.open();
    (void)stored("id");
    for (int i = 0; i < 1000; ++i) {
        const std::string key = std::to_string(i);
        ASSERT_TRUE(log_.try_append_with_keys({key, "id"}, "{}"));
    }
    EXPECT_TRUE(append("another", "other"));
}

TEST_F(LogRepeats, NoNewKeyIsRememberedWhereThereIsNoRoom) {
    log_.open();
    (void)stored("id");
    log_.close();
    log_.set_disk_use({0, 1U << 20U, std::uint64_t{1} << 40U});
    log_.open();
    const Result<Placed> repeat = log_.try_append_with_keys({"new", "id"}, "{}");
    ASSERT_TRUE(repeat);
    EXPECT_TRUE(repeat->is_repeat);
    EXPECT_EQ(append("new").error().code, Errc::disk_full);
}

TEST_F(LogRepeats, AnotherKeyIsAnotherEventAndSoIsNone) {
    log_.open();
    EXPECT_EQ(stored("a").seq, Seq{1});
    EXPECT_EQ(stored("b").seq, Seq{2});
    EXPECT_EQ(log_.append("{}"), Seq{3});
    EXPECT_EQ(log_.append("{}"), Seq{4});
}

TEST_F(LogRepeats, OneThatComesWhileTheFirstIsWrittenWaitsForItsOutcome) {
    log_.open();
    HeldWrite held(log_.disk(), Disk::Op::sync);
    const Placed writing = *append("writing");
    held.wait_until_held();
    const Placed open = *append("open");
    const Placed repeat_of_writing = *append("writing");
    const Placed repeat_of_open = *append("open");
    EXPECT_EQ(append("open", "other").error().code, Errc::key_reused);
    EXPECT_EQ(repeat_of_writing.seq, writing.seq);
    EXPECT_EQ(repeat_of_open.id, open.id);
    EXPECT_TRUE(repeat_of_open.is_repeat);
    EXPECT_FALSE(repeat_of_open.is_stored);
    EXPECT_TRUE(log_.reports().stored().empty());
    held.release();
    EXPECT_TRUE(log_.reports().wait_for({1, 2, 3, 4}));
    const std::map<Ticket, Seq> all = log_.reports().stored();
    EXPECT_EQ(all, (std::map<Ticket, Seq>{{1, Seq{1}}, {2, Seq{2}}, {3, Seq{1}}, {4, Seq{2}}}));
    EXPECT_EQ(log_->health().head, Seq{2});
}

TEST_F(LogRepeats, IsInDoubtWithTheFirstAndThenWhatTheLogHas) {
    for (const Disk::Op broken : {Disk::Op::sync, Disk::Op::append}) {
        LogUnderTest& log = log_;
        if (!log.is_open()) log.open();
        const std::string key = broken == Disk::Op::sync ? "reappears" : "is lost";
        log.append("with what was marked until now");
        HeldWrite held(log.disk(), broken);
        const Placed first = *append(key);
        held.wait_until_held();
        const Placed repeat = *append(key);
        log.disk().fail(static_cast<unsigned>(broken), 0, 1, IOStatus::IOError("injected"));
        held.release();
        EXPECT_FALSE(log.reports().wait_for({log.last_ticket() - 1, log.last_ticket()}));
        EXPECT_TRUE(log.reports().refused().at(log.last_ticket())) << "in doubt like the first";
        log.reports().wait_until_mended();
        log.disk().observe(nullptr);
        const Placed again = stored(key);
        EXPECT_EQ(again.is_repeat, broken == Disk::Op::sync);
        if (again.is_repeat) {
            EXPECT_EQ(again.id, first.id);
        }
        EXPECT_EQ(repeat.seq, first.seq);
    }
}

TEST_F(LogRepeats, SurvivesRestartsAndPowerCuts) {
    log_.open();
    const Placed first = stored("a");
    log_.close();
    log_.open();
    EXPECT_EQ(stored("a").id, first.id);
    const Placed second = stored("b");
    log_.crash(7);
    log_.open();
    EXPECT_EQ(stored("a").id, first.id);
    EXPECT_EQ(stored("b").id, second.id);
    EXPECT_EQ(log_->health().head, Seq{2});
}

TEST_F(LogRepeats, IsForgottenAfterTheWindow) {
    log_.open();
    const Placed first = stored("a");
    log_.advance(8h - 1ms);
    EXPECT_TRUE(stored("a").is_repeat);
    log_.advance(1ms);
    const Placed again = stored("a", "now for something else");
    EXPECT_FALSE(again.is_repeat);
    EXPECT_NE(again.seq, first.seq);
    EXPECT_EQ(stored("a", "now for something else").id, again.id);
    log_.close();
    log_.open();
    EXPECT_EQ(stored("a", "now for something else").id, again.id);
}

TEST_F(LogRepeats, WhatHasExpiredLeavesTheDiskBucketByBucket) {
    log_.options.reclaim_every = 1ms;
    log_.options.history = 1h;
    log_.open();
    for (const char* key : {"a", "b", "c"}) (void)stored(key);
    log_.advance(5h);
    (void)stored("later");
    log_.close();
    EXPECT_EQ(keys_on_disk(), 4U);
    log_.advance(5h);
    log_.open();
    for (const Seq seq : log_.take_seqs()) log_->complete("crm", seq);
    // Both is done in one go: first the keys, then the history.
    while (log_->health().tail == Seq{1}) log_.append("more");
    log_.close();
    EXPECT_EQ(keys_on_disk(), 1U);
    log_.open();
    EXPECT_TRUE(stored("later").is_repeat);
}

// RocksDB's list of deleted ranges and that of pairs must not meet.
TEST_F(LogRepeats, KeysExpireWhileOthersCome) {
    log_.options.history = Duration::zero();
    log_.options.reclaim_every = 1ms;
    log_.open();
    const auto keys_expired = [&] { return log_->health().tail > Seq{1}; };
    for (int i = 0; i < 200 || !keys_expired(); ++i) {
        log_.advance(30min);
        const std::string key = "key " + std::to_string(i);
        const Placed first = stored(key);
        const Placed again = stored(key);
        EXPECT_TRUE(again.is_repeat);
        EXPECT_EQ(again.seq, first.seq);
        for (const Seq seq : log_.take_seqs()) log_->complete("crm", seq);
        log_.append("so that there is a commit");
    }
    log_.close();
    EXPECT_LT(keys_on_disk(), 200U);
    log_.open();
    EXPECT_FALSE(stored("key 0").is_repeat);
}

TEST_F(LogRepeats, WithAWindowOfNothingThoseOfBeforeLeaveTheDisk) {
    log_.open();
    for (const char* key : {"a", "b", "c"}) stored(key);
    log_.close();
    EXPECT_EQ(keys_on_disk(), 3U);
    log_.options.idempotency_window = Duration::zero();
    log_.open();
    log_.close();
    EXPECT_EQ(keys_on_disk(), 0U);
}

TEST_F(LogRepeats, WithAWindowOfNothingEveryEventIsNew) {
    log_.options.idempotency_window = 0s;
    log_.open();
    EXPECT_EQ(stored("a").seq, Seq{1});
    EXPECT_EQ(stored("a").seq, Seq{2});
    log_.close();
    EXPECT_EQ(keys_on_disk(), 0U);
}

TEST_F(LogRepeats, ADamagedKeyDoesNotKeepAnAppOut) {
    log_.open();
    (void)stored("a");
    log_.close();
    {
        const auto db = log_.open_raw();
        const std::unique_ptr<rocksdb::Iterator> at((*db)->NewIterator({}));
        at->Seek("k");
        ASSERT_TRUE(at->Valid());
        ASSERT_TRUE((*db)->Put({}, at->key(), "junk").ok());
    }
    log_.open();
    EXPECT_EQ(stored("a").seq, Seq{2});
    EXPECT_THAT(log_.reports().notes(), HasSubstr("an idempotency key is damaged"));
    EXPECT_TRUE(stored("a").is_repeat);
}

TEST_F(LogRepeats, IsAnsweredAlsoWhenThereIsNoRoomForAnythingNew) {
    log_.open();
    (void)stored("a");
    log_.close();
    log_.set_disk_use({0, 1U << 20U, std::uint64_t{1} << 40U});
    log_.open();
    EXPECT_TRUE(stored("a").is_repeat);
    EXPECT_EQ(append("b").error().code, Errc::disk_full);
    log_.set_disk_use({0, std::uint64_t{1} << 40U, std::uint64_t{1} << 40U});
    log_.close();
    log_.open();
    // What was refused left no key behind.
    EXPECT_FALSE(stored("b").is_repeat);
}

TEST_F(LogRepeats, OutlivesItsEntry) {
    log_.options.history = 0s;
    log_.options.history_bytes = 0;
    log_.options.reclaim_every = 1ms;
    log_.open();
    const Placed first = stored("a");
    for (int i = 0; i < 2000 && log_->health().tail <= first.seq; ++i) {
        for (const Seq seq : log_.take_seqs()) log_->complete("crm", seq, Log::Mark::synced);
        log_.append("more");
    }
    ASSERT_GT(log_->health().tail, first.seq);
    EXPECT_EQ(log_->get(first.seq).error().code, Errc::not_found);
    EXPECT_EQ(stored("a").id, first.id);
}

}  // namespace
}  // namespace holdfast::wal
