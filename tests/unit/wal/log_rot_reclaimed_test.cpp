// Damage in RocksDB's log with a reclaiming behind it.
#include "tests/unit/wal/stopped_log.hpp"
#include "wal/cursor.hpp"
#include "wal/keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::wal {
namespace {

namespace fs = std::filesystem;
using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kEntries = 40;
constexpr Seq kParked{12};
constexpr Seq kDead{13};

// All is in one log of RocksDB, and nothing was dropped yet of what lies before the tail.
class LogRotReclaimed : public testing::Test {
protected:
    LogRotReclaimed() {
        log_.options.history = {};
        log_.options.reclaim_every = std::chrono::milliseconds(1);
        log_.open();
        for (std::uint64_t seq = 1; seq <= kEntries; ++seq) log_.append(body_of(seq));
        log_.take_all();
    }

    // Behind what is there now.
    void settle() {
        for (Seq seq{1}; seq <= Seq{kEntries}; seq = seq.next()) {
            if (seq == kParked) {
                log_->park("crm", seq);
            } else if (seq == kDead) {
                log_->fail("crm", seq, kFailure);
            } else {
                log_->complete("crm", seq);
            }
        }
    }

    void reclaim(Seq beyond = Seq{kEntries}) {
        log_.advance(std::chrono::hours(1));
        log_.reclaim_beyond(beyond);
    }

    void stop() {
        log_.append("waits");
        log_.close();
        log_.options.reclaim_every = std::chrono::hours(1);
    }

    // The copy of the parked entry that was kept aside.
    void rot_copy() const {
        for (const auto& file : fs::directory_iterator(log_.options.directory / "db")) {
            if (file.path().extension() != ".log") continue;
            std::ifstream in(file.path(), std::ios::binary);
            std::string bytes{std::istreambuf_iterator<char>(in), {}};
            const std::string text = fmt::format("entry {} ", kParked.value);
            const std::size_t copy = bytes.find(text, bytes.find(text) + 1);
            if (copy == std::string::npos) continue;
            bytes[copy] = static_cast<char>(bytes[copy] ^ 1);
            std::ofstream(file.path(), std::ios::binary) << bytes;
        }
    }

    // What waited waits, whatever else may come again is in doubt, and nothing is taken for
    // damaged.
    void check() {
        log_.open();
        std::vector<Seq> taken;
        for (const Pending& one : log_.take_all()) {
            taken.push_back(one.seq);
            const bool is_settled = one.seq <= Seq{kEntries} && one.seq != kParked;
            EXPECT_TRUE(!is_settled || (one.retry && one.retry->intended)) << one.seq.value;
        }
        EXPECT_THAT(taken, Contains(kParked));
        for (const Seq seq : {kParked, kDead}) {
            const Result<Entry> entry = log_->get(seq);
            ASSERT_TRUE(entry) << entry.error().detail;
            EXPECT_EQ(entry->event().body, body_of(seq.value));
        }
        EXPECT_EQ(log_->health().damaged, 0U);
        EXPECT_EQ(log_->health().lost_unnamed, 0U);
        EXPECT_EQ(log_->counts("crm").pending, taken.size());
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
    stop();
    log_.rot("damaged");
    check();
    EXPECT_TRUE(is_dead(kDead));
}

TEST_F(LogRotReclaimed, WhatLostItsMarkTooWaitsAgain) {
    log_.append("damaged");
    settle();
    reclaim();
    stop();
    log_.rot("damaged");
    check();
}

TEST_F(LogRotReclaimed, SoDoesWhatWasKeptInFrontOfTheDamage) {
    settle();
    reclaim();
    log_.append("damaged");
    log_.append("behind");
    stop();
    log_.rot("damaged");
    check();
    EXPECT_TRUE(is_dead(kDead));
}

TEST_F(LogRotReclaimed, WhatLostItsMarkAndItsCopyIsReadInItsPlace) {
    log_.append("damaged");
    settle();
    reclaim();
    stop();
    log_.rot("damaged");
    rot_copy();
    check();
}

// A later reclaiming is whole; the mark of the last entry is not there.
TEST_F(LogRotReclaimed, WhatLostItsCopyAloneIsReadInItsPlace) {
    settle();
    log_.append("carries the marks");
    reclaim();
    reclaim(log_->health().head);
    stop();
    fs::remove(log_.options.directory / "acknowledged");
    rot_copy();
    check();
}

// Of 21 entries 12 waits parked, 13 is a dead letter, and the last two wait; of the last RocksDB's
// log has it alone.
class LogRotDropped : public testing::Test {
protected:
    LogRotDropped() {
        log_.open();
        for (std::uint64_t seq = 1; seq <= 20; ++seq) log_.append(body_of(seq));
        log_.take_all();
        for (Seq seq{1}; seq <= Seq{19}; seq = seq.next()) {
            if (seq == kParked) {
                log_->park("crm", seq);
            } else if (seq == kDead) {
                log_->fail("crm", seq, kFailure);
            } else {
                log_->complete("crm", seq);
            }
        }
        log_.close();
        record_ = log_.get_raw(seq_key(Space::entry, kParked)).value_or("");
        last_ = log_.get_raw(seq_key(Space::entry, Seq{20})).value_or("");
        raw_ = log_.open_raw();
        write([](rocksdb::WriteBatch& batch, Database& raw) {
            raw.put(batch, name_key(Space::saved, "any"), "damaged");
        });
        write([this](rocksdb::WriteBatch& batch, Database& raw) {
            raw.put(batch, seq_key(Space::entry, Seq{21}), last_);
        });
    }

    template <class Fill>
    void write(Fill fill) {
        rocksdb::WriteBatch batch;
        fill(batch, *raw_);
        rocksdb::WriteOptions synced;
        synced.sync = true;
        ASSERT_TRUE((*raw_)->Write(synced, &batch).ok());
    }

    void reclaim(Seq tail) {
        write([&](rocksdb::WriteBatch& batch, Database& raw) {
            raw.put(batch, seq_key(Space::kept, kParked), record_);
            raw.put(batch, name_key(Space::meta, kTailName), seq_key(Space::entry, tail));
        });
    }

    // What lies before, as if its tables were.
    void drop(Seq tail) {
        rocksdb::ColumnFamilyHandle* const family = raw_->families()[1];
        write([&](rocksdb::WriteBatch& batch, Database&) {
            for (Seq seq{1}; seq < tail; seq = seq.next()) {
                ASSERT_TRUE(batch.Delete(family, seq_key(Space::entry, seq)).ok());
            }
        });
        ASSERT_TRUE((*raw_)->Flush({}, family).ok());
    }

    void open_damaged() {
        raw_.reset();
        log_.rot("damaged");
        log_.open();
    }

    LogUnderTest log_{true};
    std::unique_ptr<Database> raw_;
    std::string record_;
    std::string last_;
};

TEST_F(LogRotDropped, TheCursorGoesOnAtTheTailAndWhatMayHaveWaitedIsCounted) {
    reclaim(Seq{21});
    drop(Seq{21});
    open_damaged();
    EXPECT_EQ(log_->health().tail, Seq{21});
    EXPECT_EQ(log_->counts("crm").pending, 2U);
    EXPECT_THAT(log_.take_seqs(), ElementsAre(kParked, Seq{21}));
    EXPECT_EQ(log_->health().damaged, 0U);
    EXPECT_THAT(log_->health().lost, IsEmpty());
    EXPECT_EQ(log_->health().lost_unnamed, 1U);  // 20: nothing says any more that it is complete
}

TEST_F(LogRotDropped, ADeadLetterGoesWithItsReplay) {
    write([this](rocksdb::WriteBatch& batch, Database& raw) {
        raw.put(batch, seq_key(Space::entry, Seq{22}), last_);
        ASSERT_TRUE(batch.Delete(seq_key(Space::failed, kDead)).ok());
    });
    open_damaged();
    EXPECT_THAT(log_.take_seqs(), ElementsAre(kParked, Seq{20}, Seq{21}, Seq{22}));
    EXPECT_EQ(log_->describe(kDead)->state, EntryState::complete);
}

TEST_F(LogRotDropped, WhatTablesKnowToBeSettledDoesNotComeBack) {
    Cursor cursor = *Cursor::decode([this] {
        std::string value;
        const std::string key = name_key(Space::cursor, "crm");
        EXPECT_TRUE((*raw_)->Get({}, raw_->family_of(key), key, &value).ok());
        return value;
    }());
    cursor.begin_at(Seq{21});
    cursor.counts = {.pending = 1, .complete = 20, .failed = 0};
    cursor.counted_to = Seq{21};
    reclaim(Seq{21});
    write([&](rocksdb::WriteBatch& batch, Database& raw) {
        ASSERT_TRUE(batch.Delete(seq_key(Space::kept, kParked)).ok());
        ASSERT_TRUE(batch.Delete(seq_key(Space::parked, kParked)).ok());
        raw.put(batch, name_key(Space::cursor, "crm"), cursor.encode());
    });
    ASSERT_TRUE((*raw_)->Flush({}, raw_->families()[0]).ok());
    open_damaged();
    EXPECT_EQ(log_->counts("crm").pending, 1U);
    EXPECT_THAT(log_.take_seqs(), ElementsAre(Seq{21}));
}

}  // namespace
}  // namespace holdfast::wal
