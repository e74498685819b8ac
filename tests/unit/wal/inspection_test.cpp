#include "wal/inspection.hpp"

#include "tests/unit/wal/log_under_test.hpp"
#include "tests/unit/wal/rocks_log.hpp"
#include "wal/keys.hpp"
#include "wal/state.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

namespace holdfast::wal {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class InspectionTest : public testing::Test {
protected:
    // One after the other, as RocksDB numbers its records.
    void add(rocksdb::WriteBatch batch,
             std::optional<Foregoing> foregoing = std::nullopt,
             bool is_of_opening = false) {
        std::string bytes = batch.Data();
        std::string number;
        put_le(number, next_number_);
        bytes.replace(0, number.size(), number);
        next_number_ += static_cast<std::uint64_t>(batch.Count());
        if (is_of_opening) bytes = first_of_opening(bytes);
        log_.add(foregoing ? after(*foregoing, bytes) : bytes);
    }

    void add_opening(rocksdb::WriteBatch batch) { add(std::move(batch), std::nullopt, true); }

    // What a batch left is damaged.
    void add_hole(rocksdb::WriteBatch batch) {
        const std::size_t begin = log_.bytes.size();
        add(std::move(batch));
        log_.bytes.replace(begin, std::string::npos, log_.bytes.size() - begin, '\xff');
    }

    void skip(rocksdb::WriteBatch batch) {
        next_number_ += static_cast<std::uint64_t>(batch.Count());
    }

    void end_log() {
        const std::string name = std::to_string(++logs_) + ".log";
        std::ofstream(directory_.path() / name, std::ios::binary) << log_.bytes;
        log_ = {};
    }

    [[nodiscard]] std::uint64_t synced() const { return next_number_ - 1; }

    [[nodiscard]] Inspection look(Seq acknowledged = {}) {
        end_log();
        batches_behind_ = 0;
        Result<Inspection> found =
            read_logs(Files(nullptr),
                      directory_.path().string(),
                      {0, acknowledged},
                      [&](const LoggedBatch& batch) { batches_behind_ += batch.after_damage; });
        EXPECT_TRUE(found) << found.error().detail;
        return found ? *found : Inspection();
    }

    static rocksdb::WriteBatch entry(std::uint64_t seq) {
        rocksdb::WriteBatch batch;
        EXPECT_TRUE(batch.Put(seq_key(Space::entry, Seq{seq}), "record").ok());
        return batch;
    }

    static rocksdb::WriteBatch marks(bool intended = false) {
        Retry retry;
        retry.intended = intended;
        rocksdb::WriteBatch batch;
        EXPECT_TRUE(batch.Put(seq_key(Space::retry, Seq{1}), encode(retry)).ok());
        return batch;
    }

    TempDirectory directory_;
    RocksLog log_;
    std::uint64_t next_number_ = 1;
    int logs_ = 0;
    int batches_behind_ = 0;
};

TEST_F(InspectionTest, LogsThatGoOnOneAfterTheOtherAreWell) {
    add(entry(1));
    end_log();
    add(entry(2));
    const Inspection found = look();
    EXPECT_FALSE(found.rot || found.dropped || found.more_behind);
    EXPECT_THAT(found.what, IsEmpty());
}

TEST_F(InspectionTest, AnEndThatAPowerCutTookIsNoRotWhereTheNextLogGoesOnBeforeIt) {
    add(entry(1));
    log_.bytes.append(100, '\xff');
    end_log();
    add(entry(2));
    EXPECT_FALSE(look().rot);
    EXPECT_EQ(batches_behind_, 0);
}

// Each log is synced before the next begins.
TEST_F(InspectionTest, AnEndThatIsMissingBeforeTheNextLogIsRot) {
    add(entry(1));
    const Foregoing before{synced(), Seq{1}};
    skip(entry(2));
    end_log();
    add(entry(3), before);
    const Inspection found = look();
    EXPECT_TRUE(found.rot);
    EXPECT_THAT(found.what, ElementsAre("the end of the log before 2.log is missing"));
    EXPECT_EQ(batches_behind_, 1);
}

// RocksDB keeps a log in which it found nothing, and gives its numbers again.
TEST_F(InspectionTest, WhatAnOpeningHasLookedAtIsNoRot) {
    add_hole(entry(1));
    end_log();
    add(entry(1));
    EXPECT_TRUE(look().rot);
    add_opening(marks());
    add(entry(2));
    const Inspection found = look();
    EXPECT_FALSE(found.rot || found.dropped || found.more_behind);
    EXPECT_THAT(found.what, IsEmpty());
}

TEST_F(InspectionTest, DamageBehindTheLastOpeningIsRot) {
    add(entry(1));
    end_log();
    add_opening(marks());
    add_hole(entry(2));
    add(entry(3));
    EXPECT_TRUE(look().rot);
}

// An opening writes to a new log.
TEST_F(InspectionTest, DamageInFrontOfAnOpeningInTheSameLogIsRot) {
    add_hole(entry(1));
    add_opening(marks());
    EXPECT_TRUE(look().rot);
}

TEST_F(InspectionTest, MarksBehindAHoleThatWasNotSyncedAreNothingToKeep) {
    add(entry(1));
    const Foregoing before{synced(), Seq{1}};
    add_hole(marks());
    add(marks(), before);
    const Inspection found = look(Seq{1});
    EXPECT_FALSE(found.rot || found.more_behind);
    EXPECT_TRUE(found.dropped);
    EXPECT_EQ(batches_behind_, 1);
}

TEST_F(InspectionTest, AnEntryBehindAHoleThatWasNotSyncedIsKeptAndOnceAcknowledgedProvesRot) {
    add(entry(1));
    const Foregoing before{synced(), Seq{1}};
    add_hole(marks());
    add(entry(2), before);
    const Inspection found = look(Seq{1});
    EXPECT_FALSE(found.rot);
    EXPECT_TRUE(found.more_behind);
    EXPECT_TRUE(look(Seq{2}).rot);
}

TEST_F(InspectionTest, AnIntentBehindAHoleThatWasNotSyncedIsKept) {
    add(entry(1));
    const Foregoing before{synced(), Seq{1}};
    add_hole(marks());
    add(marks(true), before);
    const Inspection found = look(Seq{1});
    EXPECT_FALSE(found.rot);
    EXPECT_TRUE(found.more_behind);
}

TEST_F(InspectionTest, AnythingBehindAHoleThatWasSyncedProvesRot) {
    add(entry(1));
    add_hole(entry(2));
    add(marks(), Foregoing{synced(), Seq{2}});
    EXPECT_TRUE(look().rot);
}

}  // namespace
}  // namespace holdfast::wal
