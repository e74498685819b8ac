#include "tests/unit/wal/log_under_test.hpp"
#include "wal/cursor.hpp"
#include "wal/keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/db.h>

namespace holdfast::wal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class LogDamage : public testing::Test {
protected:
    // While the log is closed.
    void damage(Seq seq) {
        const auto raw = log_.open_raw();
        const std::string key = seq_key(Space::entry, seq);
        std::string record;
        ASSERT_TRUE(raw->Get(rocksdb::ReadOptions(), key, &record).ok());
        record[record.size() / 2] ^= 1;
        ASSERT_TRUE(raw->Put(rocksdb::WriteOptions(), key, record).ok());
    }

    void put(const std::string& key, const std::string& value) {
        const auto raw = log_.open_raw();
        ASSERT_TRUE(raw->Put(rocksdb::WriteOptions(), key, value).ok());
    }

    LogUnderTest log_;
};

TEST_F(LogDamage, OfARecordMakesItADeadLetterAndItsNeighboursGoOn) {
    log_.open();
    for (int i = 0; i < 3; ++i) log_.append("x");
    log_.close();
    damage(Seq{2});
    log_.open();
    EXPECT_THAT(log_.take_seqs(), ElementsAre(Seq{1}, Seq{3}));
    EXPECT_EQ(log_->health().damaged, 1U);
    EXPECT_EQ(log_->counts("crm"), (Counts{.pending = 2, .complete = 0, .failed = 1}));
    EXPECT_THAT(log_.reports().notes(), HasSubstr("entry 2 is damaged"));
    EXPECT_EQ(log_->get(Seq{2}).error().code, Errc::corrupt);
    for (const Seq seq : {Seq{1}, Seq{3}}) log_->complete("crm", seq);
    EXPECT_EQ(log_.list_all().size(), 2U);
    log_.close();
    const auto raw = log_.open_raw();
    std::string failure;
    EXPECT_TRUE(raw->Get(rocksdb::ReadOptions(), seq_key(Space::failed, Seq{2}), &failure).ok());
    EXPECT_THAT(decode_failure(failure)->reason, HasSubstr("damaged"));
}

TEST_F(LogDamage, OfARecordThatWasNotCountedYetDoesNotUpsetTheCounts) {
    log_.open();
    for (int i = 0; i < 3; ++i) log_.append("x");
    log_.close();
    damage(Seq{2});
    {
        const auto raw = log_.open_raw();  // as if no cursor had been saved since the first
        ASSERT_TRUE(raw->Put(rocksdb::WriteOptions(),
                             name_key(Space::cursor, "crm"),
                             Cursor(Seq{1}).encode())
                        .ok());
    }
    log_.open();
    for (const Seq seq : log_.take_seqs()) log_->complete("crm", seq);
    EXPECT_EQ(log_->counts("crm"), (Counts{.pending = 0, .complete = 2, .failed = 1}));
}

TEST_F(LogDamage, OfARecordIsFoundOnceByOneOfSeveralDestinations) {
    log_.open({"a", "b"});
    for (int i = 0; i < 3; ++i) log_.append("x", "a");
    log_.append("x", "b");
    log_.close();
    damage(Seq{2});
    log_.open({"a", "b"});
    EXPECT_THAT(log_.take_seqs("b"), ElementsAre(Seq{4}));
    EXPECT_THAT(log_.take_seqs("a"), ElementsAre(Seq{1}, Seq{3}));
    EXPECT_EQ(log_->health().damaged, 1U);
    EXPECT_EQ(log_->counts("a"), (Counts{.pending = 2, .complete = 0, .failed = 0}));
    EXPECT_EQ(log_->counts("b"), (Counts{.pending = 1, .complete = 0, .failed = 1}));
    log_->complete("b", Seq{4});
    log_.close();
    log_.open({"a", "b"});
    EXPECT_THAT(log_.take_seqs("a"), ElementsAre(Seq{1}, Seq{3}));
    EXPECT_THAT(log_.take_seqs("b"), IsEmpty());
    EXPECT_EQ(log_->counts("a"), (Counts{.pending = 2, .complete = 0, .failed = 0}));
    EXPECT_EQ(log_->counts("b"), (Counts{.pending = 0, .complete = 1, .failed = 1}));
}

TEST_F(LogDamage, OfARecordIsNotFoundAgainByAnotherDestinationAfterARestart) {
    log_.open({"a", "b"});
    for (int i = 0; i < 3; ++i) log_.append("x", "a");
    log_.append("x", "b");
    log_.close();
    damage(Seq{2});
    log_.open({"a", "b"});
    EXPECT_THAT(log_.take_seqs("b"), ElementsAre(Seq{4}));
    log_.close();
    log_.open({"a", "b"});
    EXPECT_THAT(log_.take_seqs("a"), ElementsAre(Seq{1}, Seq{3}));
    EXPECT_EQ(log_->counts("a"), (Counts{.pending = 2, .complete = 0, .failed = 0}));
    EXPECT_EQ(log_->counts("b").failed, 1U);
}

TEST_F(LogDamage, DoesNotHideOthersFromASearch) {
    log_.open();
    std::vector<Ulid> ids;
    for (std::uint64_t seq = 1; seq <= 9; ++seq) {
        log_.append("x");
        ids.push_back(log_->get(Seq{seq})->event().id);
    }
    log_.close();
    for (const std::uint64_t seq : {5U, 6U, 9U}) damage(Seq{seq});
    log_.open();
    for (const std::uint64_t seq : {1U, 2U, 3U, 4U, 7U, 8U}) {
        const Result<Seq> found = log_->find(ids[seq - 1]);
        ASSERT_TRUE(found) << seq;
        EXPECT_EQ(*found, Seq{seq});
    }
    EXPECT_EQ(log_->find(ids[5 - 1]).error().code, Errc::not_found);
}

TEST_F(LogDamage, OfARetryStateStartsItsEntryAfresh) {
    log_.open();
    log_.append("x");
    log_.close();
    put(seq_key(Space::retry, Seq{1}), "junk");
    log_.open();
    const std::vector<Pending> pending = log_.take_all();
    ASSERT_EQ(pending.size(), 1U);
    EXPECT_EQ(pending[0].retry, std::nullopt);
    log_->complete("crm", Seq{1});
}

TEST_F(LogDamage, OfACursorIsNotPassedOver) {
    log_.open();
    log_.append("x");
    log_.close();
    put(name_key(Space::cursor, "crm"), "junk");
    const Result<void> opened = log_.try_open();
    ASSERT_FALSE(opened);
    EXPECT_NE(opened.error().code, Errc::storage_failed);
}

TEST_F(LogDamage, ANewerSchemaIsLeftAlone) {
    log_.open();
    log_.close();
    put(name_key(Space::meta, "schema"), "2");
    const Result<void> opened = log_.try_open();
    ASSERT_FALSE(opened);
    EXPECT_EQ(opened.error().code, Errc::too_new);
}

}  // namespace
}  // namespace holdfast::wal
