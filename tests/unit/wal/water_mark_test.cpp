#include "wal/water_mark.hpp"

#include "proto/bytes.hpp"
#include "tests/unit/wal/log_under_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <xxhash.h>

#include <atomic>
#include <chrono>
#include <semaphore>
#include <thread>

namespace holdfast::wal {
namespace {

using rocksdb::IOStatus;
using Disk = test::FaultyFileSystem;

const WaterMark kMark{{42}, {7}, true};

TEST(WaterMark, ComesBackFromItsEncoding) {
    const WaterMark mark{{42}, {7}, true, 99};
    const auto decoded = decode_mark(encode(mark, 3));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->mark, mark);
    EXPECT_EQ(decoded->generation, 3U);
}

TEST(WaterMark, WithAnyBitFlippedIsNone) {
    const std::string bytes = encode(kMark, 3);
    for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
        std::string flipped = bytes;
        flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << bit % 8));
        EXPECT_FALSE(decode_mark(flipped)) << bit;
    }
    EXPECT_FALSE(decode_mark(bytes.substr(1)));
    EXPECT_FALSE(decode_mark(""));
}

// The first had no last record, and that of the second is not to be relied on.
TEST(WaterMark, ThatAnEarlierBuildWroteIsRead) {
    const auto of_layout = [](std::string_view magic, std::size_t more) {
        std::string out(magic);
        for (const std::uint64_t number : {3U, 42U, 7U}) put_le(out, number);
        put_le(out, std::uint8_t{1});
        out.append(more, '\x11');
        put_le(out, static_cast<std::uint64_t>(XXH3_64bits(out.data(), out.size())));
        return out;
    };
    for (const std::string& slot : {of_layout("HFMARK1\n", 0), of_layout("HFMARK2\n", 16)}) {
        const auto decoded = decode_mark(slot);
        ASSERT_TRUE(decoded) << slot.substr(0, 7);
        EXPECT_EQ(decoded->mark, kMark);
        EXPECT_EQ(decoded->generation, 3U);
    }
    EXPECT_FALSE(decode_mark(of_layout("HFMARK4\n", 8)));
}

class WaterMarkOnDisk : public testing::Test {
protected:
    WaterMarkFile file() { return {"/wal", env_.get()}; }

    Result<std::optional<WaterMark>> read() { return file().read(); }

    std::unique_ptr<rocksdb::Env> memory_{rocksdb::NewMemEnv(rocksdb::Env::Default())};
    std::shared_ptr<Disk> disk_ = std::make_shared<Disk>(memory_->GetFileSystem());
    std::unique_ptr<rocksdb::Env> env_ = rocksdb::NewCompositeEnv(disk_);
    Result<void> made_ = Files(env_.get()).make_directory("/wal");
};

TEST_F(WaterMarkOnDisk, IsNotThereAtFirst) {
    EXPECT_EQ(*read(), std::nullopt);
}

TEST_F(WaterMarkOnDisk, TheNewestCounts) {
    WaterMarkFile first = file();
    for (std::uint64_t seq = 1; seq <= 5; ++seq) {
        ASSERT_TRUE(first.write({{seq}}));
        EXPECT_EQ((*read())->acknowledged, Seq{seq});
    }
    WaterMarkFile second = file();
    ASSERT_TRUE(second.read());
    ASSERT_TRUE(second.write({{6}}));
    EXPECT_EQ((*read())->acknowledged, Seq{6});
}

TEST_F(WaterMarkOnDisk, APowerCutLeavesTheNewOneOrTheOneBefore) {
    bool old = false;
    bool is_new = false;
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        WaterMarkFile one = file();
        ASSERT_TRUE(one.read());
        ASSERT_TRUE(one.write({{1}}));
        ASSERT_TRUE(one.write({{2}}));
        disk_->fail(
            static_cast<unsigned>(Disk::Op::overwrite), 1, 1, IOStatus::IOError("injected"));
        EXPECT_FALSE(one.write({{3}}));
        std::mt19937_64 random(seed);
        disk_->restore_power(random);
        const auto found = read();
        ASSERT_TRUE(found) << found.error().detail;
        old = old || (*found)->acknowledged == Seq{2};
        is_new = is_new || (*found)->acknowledged == Seq{3};
        EXPECT_GE((*found)->acknowledged, Seq{2});
    }
    EXPECT_TRUE(old);
    EXPECT_TRUE(is_new);
}

TEST_F(WaterMarkOnDisk, WithNoSlotWholeItIsCorruptAndMadeAgain) {
    ASSERT_TRUE(Files(env_.get()).write("/wal/acknowledged", std::string(8192, 'x')));
    WaterMarkFile one = file();
    EXPECT_EQ(one.read().error().code, Errc::corrupt);
    ASSERT_TRUE(one.write(kMark));
    EXPECT_EQ(**read(), kMark);
}

// Counts the writes of the mark.
TEST_F(WaterMarkOnDisk, TheKeeperWritesWhatMovedAndThenSleeps) {
    std::atomic<int> writes = 0;
    disk_->observe([&](Disk::Op op, const std::string&) {
        if (op == Disk::Op::overwrite) ++writes;
    });
    WaterMarkKeeper keeper("/wal", env_.get(), std::chrono::milliseconds(1), [](std::string) {});
    keeper.write({{1}});
    keeper.start();
    for (std::uint64_t seq = 2; writes < 6; ++seq) {  // each and its sync
        keeper.moved({seq}, {1});
        std::this_thread::yield();
    }
    keeper.stop();
    EXPECT_GE((*read())->acknowledged, Seq{3});
    EXPECT_FALSE((*read())->clean);
    const int before = writes;
    keeper.start();
    keeper.stop();
    EXPECT_EQ(writes, before);  // nothing has moved
}

TEST_F(WaterMarkOnDisk, TheKeeperIsNotPutOffByWhatHasNotMoved) {
    WaterMarkKeeper keeper("/wal", env_.get(), std::chrono::milliseconds(1), [](std::string) {});
    keeper.write({});
    std::counting_semaphore<> written(0);
    disk_->observe([&](Disk::Op op, const std::string&) {
        if (op == Disk::Op::overwrite) written.release();
    });
    keeper.moved({1}, {1});
    keeper.start();
    for (std::uint64_t seq = 1; seq <= 20; ++seq) {
        for (int i = 0; i < 1000; ++i) {
            keeper.moved({seq}, {1});
            std::this_thread::yield();
        }
        keeper.moved({seq + 1}, {1});
        for (int op = 0; op < 2; ++op) {  // it and its sync
            ASSERT_TRUE(written.try_acquire_for(std::chrono::seconds(30))) << seq;
        }
    }
    keeper.stop();
    EXPECT_EQ((*read())->acknowledged, Seq{21});
}

// Another has records of other numbers, and was not stopped then.
TEST_F(WaterMarkOnDisk, ACleanStopIsOneOfTheDatabaseThatWasThere) {
    const Files files(env_.get());
    const WaterMark mark{{7}, {2}, true, 50};
    const WaterMark of_another{{7}, {2}};
    ASSERT_TRUE(files.make_directory("/wal/db"));
    ASSERT_TRUE(files.write("/wal/db/IDENTITY", "one"));
    ASSERT_TRUE(file().write(mark));
    EXPECT_EQ(**read(), mark);
    ASSERT_TRUE(files.write("/wal/db/IDENTITY", "other"));
    EXPECT_EQ(**read(), of_another);
    ASSERT_TRUE(files.remove("/wal/db/IDENTITY"));
    EXPECT_EQ(**read(), of_another);
    ASSERT_TRUE(files.write("/wal/db/IDENTITY", "one"));
    EXPECT_EQ(**read(), mark) << "it was brought back";
}

TEST_F(WaterMarkOnDisk, WhoeverIsKilledWhileItIsMadeLeavesAWholeOneOrNone) {
    bool is_made = false;
    for (std::uint64_t moment = 0; !is_made; ++moment) {
        ASSERT_LT(moment, 100U);
        disk_->fail(Disk::kAnyOp, moment, Disk::kForEver, IOStatus::IOError("injected"));
        is_made = file().write(kMark).has_value();
        disk_->heal();
        const auto found = read();
        ASSERT_TRUE(found) << moment << ": " << found.error().detail;
        EXPECT_EQ(found->value_or(kMark), kMark);
        EXPECT_TRUE(*found || !is_made);
    }
}

TEST_F(WaterMarkOnDisk, AFailureToWriteItIsNotedOnce) {
    int notes = 0;
    WaterMarkKeeper keeper(
        "/wal", env_.get(), std::chrono::milliseconds(1), [&](const std::string&) { ++notes; });
    disk_->fail(Disk::kAnyOp, 0, Disk::kForEver, IOStatus::NoSpace("injected"));
    keeper.write({{1}});
    keeper.write({{2}});
    EXPECT_EQ(notes, 1);
    disk_->heal();
    keeper.write({{3}});
    EXPECT_EQ((*read())->acknowledged, Seq{3});
}

}  // namespace
}  // namespace holdfast::wal
