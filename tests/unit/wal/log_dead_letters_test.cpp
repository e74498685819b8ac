// What an operator decides of a dead letter: dropping, replacing, and what is told of it later.
#include "tests/unit/wal/checked_log.hpp"
#include "tests/unit/wal/log_under_test.hpp"
#include "wal/keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>

namespace holdfast::wal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Op = LogUnderTest::Disk::Op;

constexpr unsigned bit(Op op) {
    return static_cast<unsigned>(op);
}

// The first entries are dead letters, and the log is open.
void fail_first(LogUnderTest& log, int count) {
    log.open();
    for (int i = 1; i <= count; ++i) log.append("body " + std::to_string(i));
    log.take_all();
    for (int i = 1; i <= count; ++i) {
        log->fail("crm", Seq{static_cast<std::uint64_t>(i)}, kFailure, Log::Mark::synced);
    }
    log.append("alive");
}

std::vector<Seq> dead(LogUnderTest& log) {
    Query query;
    query.state = EntryState::failed;
    std::vector<Seq> all;
    for (const Description& one : log.list_all(query)) all.push_back(one.entry.seq());
    return all;
}

void drop(LogUnderTest& log, std::uint64_t seq, Ticket ticket) {
    const Result<void> dropped = log->drop(Seq{seq}, log.now(), ticket);
    ASSERT_TRUE(dropped) << dropped.error().detail;
    ASSERT_TRUE(log.reports().wait_for({ticket}));
}

TEST(LogDeadLetters, ADroppedOneIsGoneFromThemAndCounted) {
    LogUnderTest log;
    fail_first(log, 3);
    log.advance(std::chrono::seconds(5));
    const WallTime at = log.now();
    drop(log, 2, 90);
    for (int opening = 0; opening < 2; ++opening) {
        EXPECT_THAT(dead(log), ElementsAre(Seq{1}, Seq{3}));
        EXPECT_EQ(log->counts("crm"),
                  (Counts{.pending = 1, .complete = 0, .failed = 2, .dropped = 1}));
        const Result<Description> one = log->describe(Seq{2});
        ASSERT_TRUE(one);
        EXPECT_EQ(one->state, EntryState::dropped);
        EXPECT_EQ(one->ending, (Ending{Ending::Kind::dropped, at, {}, {}}));
        EXPECT_EQ(one->entry.event().body, "body 2");
        EXPECT_EQ(log->drop(Seq{2}, at, 91).error().code, Errc::not_found);
        EXPECT_EQ(log->replay(Seq{2}, log.make_id(), at, 92).error().code, Errc::not_found);
        Query query;
        query.state = EntryState::dropped;
        EXPECT_EQ(log.list_all(query).size(), 1U);
        log.crash(7);
        log.open();
        EXPECT_THAT(log.take_seqs(), ElementsAre(Seq{4}));
    }
}

TEST(LogDeadLetters, WhatIsNoneIsNotDropped) {
    LogUnderTest log;
    fail_first(log, 1);
    for (const std::uint64_t seq : {2U, 3U, 99U}) {
        EXPECT_EQ(log->drop(Seq{seq}, log.now(), 90).error().code, Errc::not_found) << seq;
    }
    HeldWrite held(log.disk(), Op::append);
    ASSERT_TRUE(log->replay(Seq{1}, log.make_id(), log.now(), 91));
    held.wait_until_held();
    const Result<void> late = log->drop(Seq{1}, log.now(), 92);
    held.release();
    ASSERT_FALSE(late);
    EXPECT_THAT(late.error().detail, HasSubstr("already"));
}

TEST(LogDeadLetters, ADroppingIsOneWriteAndOnTheDiskOnceItIsReported) {
    bool was_lost = false;
    bool was_kept = false;
    for (std::uint64_t seed = 0; seed < 30; ++seed) {
        LogUnderTest log;
        fail_first(log, 2);
        log.disk().cut_power(seed % 4);
        const bool begun = log->drop(Seq{1}, log.now(), 90).has_value();
        const bool reported = begun && log.reports().wait_for({90});
        log.crash(seed);
        log.open();
        const Counts counts = log->counts("crm");
        const bool is_dropped = log->describe(Seq{1})->state == EntryState::dropped;
        EXPECT_TRUE(is_dropped || !reported);
        EXPECT_EQ(counts,
                  is_dropped ? (Counts{.pending = 1, .complete = 0, .failed = 1, .dropped = 1})
                             : (Counts{.pending = 1, .complete = 0, .failed = 2, .dropped = 0}));
        EXPECT_EQ(dead(log).size(), counts.failed);
        (is_dropped ? was_kept : was_lost) = true;
    }
    EXPECT_TRUE(was_kept);
    EXPECT_TRUE(was_lost);
}

TEST(LogDeadLetters, ADroppingWhoseWriteFailedComesAboutWhenTheLogIsOpenAgain) {
    LogUnderTest log;
    fail_first(log, 1);
    log.disk().fail(bit(Op::sync), 0, 1, rocksdb::IOStatus::IOError("injected"));
    ASSERT_TRUE(log->drop(Seq{1}, log.now(), 90));
    EXPECT_FALSE(log.reports().wait_for({90}));
    EXPECT_TRUE(log.reports().refused().at(90)) << "it is in doubt";
    log.reports().wait_until_written_again();
    EXPECT_THAT(dead(log), IsEmpty());
    log.crash(1);
    log.open();
    EXPECT_EQ(log->describe(Seq{1})->state, EntryState::dropped);
    EXPECT_EQ(log->counts("crm"), (Counts{.pending = 1, .complete = 0, .failed = 0, .dropped = 1}));
}

TEST(LogDeadLetters, AFailedLogDropsNothing) {
    LogUnderTest log;
    fail_first(log, 1);
    log.options.reopen_min = std::chrono::hours(1);
    log.crash(1);
    log.open();
    log.disk().fail(bit(Op::append), 0, 1, rocksdb::IOStatus::IOError("injected"));
    ASSERT_TRUE(log.try_append("x"));
    log->write();
    EXPECT_FALSE(log.reports().wait_for({log.last_ticket()}));
    EXPECT_FALSE(log->drop(Seq{1}, log.now(), 90));
}

TEST(LogDeadLetters, TheNewestMarksOfOneThatIsDroppedAtOnceHold) {
    LogUnderTest log;
    log.options.mark_delay = std::chrono::hours(1);
    log.open();
    log.append("x");
    log.take_all();
    log->fail("crm", Seq{1}, kFailure);  // not written yet
    drop(log, 1, 90);
    log.crash(3);
    log.open();
    EXPECT_THAT(dead(log), IsEmpty());
    EXPECT_THAT(log.take_seqs(), IsEmpty());
    EXPECT_EQ(log->describe(Seq{1})->state, EntryState::dropped);
}

TEST(LogDeadLetters, OneThatIsReplacedTellsOfItsChildAndTheChildOfIt) {
    LogUnderTest log;
    fail_first(log, 1);
    const Result<Description> description = log->describe(Seq{1});
    ASSERT_TRUE(description);
    const Description& old = *description;
    Event edited = old.entry.event();
    edited.id = log.make_id();
    edited.accepted_at = log.now();
    edited.body = "mended";
    edited.person = "id:7";
    const Result<Seq> seq = log->replace(Seq{1}, edited, 90);
    ASSERT_TRUE(seq);
    ASSERT_TRUE(log.reports().wait_for({90}));
    for (int opening = 0; opening < 2; ++opening) {
        const Result<Entry> child = log->get(*seq);
        ASSERT_TRUE(child);
        EXPECT_EQ(child->event().parent, old.entry.event().id);
        EXPECT_EQ(child->event().body, "mended");
        EXPECT_EQ(child->event().person, "id:7");
        const Result<Description> parent = log->describe(Seq{1});
        EXPECT_EQ(parent->state, EntryState::replayed);
        EXPECT_EQ(parent->ending,
                  (Ending{Ending::Kind::replayed, log.now(), *seq, child->event().id}));
        EXPECT_EQ(log->counts("crm"), (Counts{.pending = 2, .complete = 0, .failed = 0}));
        log.crash(5);
        log.open();
        EXPECT_THAT(log.take_seqs(), ElementsAre(Seq{2}, *seq));
    }
}

// What is dropped needs its key no more: the app may send it again, and it is no repeat then of
// something that was never delivered; within the window it is told what it was told before.
TEST(LogDeadLetters, AReplayIsNoRepeatOfItsOwnKey) {
    LogUnderTest log;
    log.open();
    const Result<Placed> first = log.try_append_with_key("k", "x");
    ASSERT_TRUE(first);
    log->write();
    ASSERT_TRUE(log.reports().wait_for({log.last_ticket()}));
    log.take_all();
    log->fail("crm", first->seq, kFailure, Log::Mark::synced);
    log.append("y");
    const Result<Seq> again = log->replay(first->seq, log.make_id(), log.now(), 90);
    ASSERT_TRUE(again);
    EXPECT_TRUE(log.reports().wait_for({90}));
    EXPECT_THAT(log.take_seqs(), ElementsAre(Seq{2}, *again));
    const Result<Placed> repeat = log.try_append_with_key("k", "x");
    ASSERT_TRUE(repeat);
    EXPECT_TRUE(repeat->is_repeat);
    EXPECT_EQ(repeat->seq, first->seq);
}

TEST(LogDeadLetters, WhatWasKeptAsideGoesWithItAndEndsGoWithTheirEntries) {
    LogUnderTest log;
    log.options.history = std::chrono::seconds(0);
    log.options.reclaim_every = std::chrono::milliseconds(1);
    fail_first(log, 3);
    drop(log, 1, 90);  // in its place
    log.take_all();
    log->complete("crm", Seq{4});
    log.advance(std::chrono::hours(1));
    log.reclaim_beyond(Seq{4});
    EXPECT_EQ(log->describe(Seq{1}).error().code, Errc::not_found);
    EXPECT_THAT(dead(log), ElementsAre(Seq{2}, Seq{3}));
    drop(log, 2, 91);  // kept aside
    EXPECT_EQ(log->describe(Seq{2}).error().code, Errc::not_found);
    ASSERT_TRUE(log->replay(Seq{3}, log.make_id(), log.now(), 92));
    ASSERT_TRUE(log.reports().wait_for({92}));
    EXPECT_EQ(log->counts("crm").dropped, 2U);
    log.close();
    for (const std::uint64_t seq : {1U, 2U, 3U}) {
        for (const Space space : {Space::failed, Space::kept, Space::ended}) {
            EXPECT_EQ(log.get_raw(seq_key(space, Seq{seq})), std::nullopt)
                << seq << static_cast<char>(space);
        }
    }
}

// Its cursor is damaged, and all is handed out again that is not known to be done with.
TEST(LogDeadLetters, WhatWasDroppedIsNotHandedOutAgainWithADamagedCursor) {
    LogUnderTest log;
    fail_first(log, 2);
    drop(log, 1, 90);
    log.close();
    log.put_raw(name_key(Space::cursor, "crm"), "\1");
    log.open();
    EXPECT_THAT(log.take_seqs(), ElementsAre(Seq{3}));
    EXPECT_EQ(log->describe(Seq{1})->state, EntryState::dropped);
    EXPECT_EQ(log->counts("crm"), (Counts{.pending = 1, .complete = 0, .failed = 1}));
}

TEST(LogDeadLetters, ADroppingFromBehindDamageHolds) {
    LogUnderTest log(true);
    fail_first(log, 2);
    log.append("what goes bad");
    drop(log, 1, 90);
    log.append("so that it is rot");
    log.close();
    log.rot("what goes bad");
    log.open();
    EXPECT_THAT(log.reports().notes(), HasSubstr("rebuilt"));
    EXPECT_EQ(log->describe(Seq{1})->state, EntryState::dropped);
    EXPECT_THAT(dead(log), ElementsAre(Seq{2}));
    EXPECT_EQ(log->counts("crm").failed, 1U);
    EXPECT_THAT(log.take_seqs(), ElementsAre(Seq{3}, Seq{5}));
}

TEST(LogDeadLetters, WhatWasDroppedStaysSoWhenARebuildingFindsItsMarksAgain) {
    LogUnderTest log(true);
    fail_first(log, 1);
    drop(log, 1, 90);
    log.close();
    log.put_raw(seq_key(Space::failed, Seq{1}), encode(kFailure));
    log.put_raw(seq_key(Space::kept, Seq{1}), *log.get_raw(seq_key(Space::entry, Seq{1})));
    log.open();
    log.append("what goes bad");
    log.append("so that it is rot");
    log.close();
    log.rot("what goes bad");
    log.open();
    EXPECT_THAT(log.reports().notes(), HasSubstr("rebuilt"));
    EXPECT_THAT(dead(log), IsEmpty());
    EXPECT_EQ(log->counts("crm").failed, 0U);
    EXPECT_EQ(log->describe(Seq{1})->state, EntryState::dropped);
}

TEST(LogDeadLetters, OneThatCannotBeReadIsDroppedToo) {
    LogUnderTest log;
    log.open({"crm", "other"});
    log.append("x", "other");
    log.take_all("other");
    log->fail("other", Seq{1}, kFailure, Log::Mark::synced);
    log.append("y");
    log.close();
    log.put_raw(seq_key(Space::entry, Seq{2}), "nonsense");
    log.open({"crm", "other"});
    log.take_all("crm");
    ASSERT_EQ(log->counts("crm").failed, 1U);
    drop(log, 2, 90);
    EXPECT_THAT(dead(log), ElementsAre(Seq{1}));
    EXPECT_EQ(log->counts("crm"), (Counts{.pending = 0, .complete = 0, .failed = 0, .dropped = 1}));
    EXPECT_EQ(log->counts("other").failed, 1U);
}

TEST(LogDeadLetters, APageEndsWhereItHoldsEnoughBytes) {
    LogUnderTest log;
    fail_first(log, 3);
    Query query;
    query.state = EntryState::failed;
    query.bytes_max = 1;
    EXPECT_EQ(log->list(query)->entries.size(), 1U);
    EXPECT_EQ(log->list(query)->next, Seq{1});
    EXPECT_EQ(log.list_all(query).size(), 3U);
    query.state = std::nullopt;
    EXPECT_EQ(log->list(query)->entries.size(), 1U);
    EXPECT_EQ(log.list_all(query).size(), 4U);
}

TEST(LogDeadLetters, AQueryAsksAlsoForHowItFailed) {
    LogUnderTest log;
    fail_first(log, 3);
    Query query;
    query.state = EntryState::failed;
    query.is_asked = [](const Description& one) {
        return one.failure->status == 400 && one.entry.seq() != Seq{2};
    };
    EXPECT_EQ(log.list_all(query).size(), 2U);
}

class CheckedDeadLetters : public CheckedLog {};

TEST_F(CheckedDeadLetters, ACheckFindsNothingAfterTheyEnded) {
    log_.open();
    log_.take_all();
    log_->fail("crm", Seq{20}, kFailure, Log::Mark::synced);
    log_.append("y");
    drop(log_, 11, 90);
    ASSERT_TRUE(log_->replay(Seq{20}, log_.make_id(), log_.now(), 91));
    ASSERT_TRUE(log_.reports().wait_for({91}));
    log_.close();
    for (const Finding& finding : check().findings) {
        if (finding.kind == Kind::ballast_missing) continue;
        ADD_FAILURE() << testing::PrintToString(finding);
    }
    log_.put_raw(seq_key(Space::ended, Seq{11}), "nonsense");
    EXPECT_FALSE(damage().empty());
}

}  // namespace
}  // namespace holdfast::wal
