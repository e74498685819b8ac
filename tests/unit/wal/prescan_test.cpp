#include "wal/prescan.hpp"

#include "proto/bytes.hpp"
#include "tests/unit/wal/rocks_log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace holdfast::wal {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kBlock = RocksLog::kBlock;

struct Seen {
    Prescan scan;
    std::vector<std::string> batches;
    std::vector<std::string> after_damage;
};

Seen look(const std::string& bytes) {
    Seen seen;
    seen.scan = prescan(bytes, [&](const LoggedBatch& batch) {
        (batch.after_damage ? seen.after_damage : seen.batches).emplace_back(batch.bytes);
    });
    return seen;
}

TEST(Prescan, OfAnEmptyFileIsClean) {
    EXPECT_EQ(prescan("").found, LogBytes::clean);
}

TEST(Prescan, FindsBatchesOfAnySizeAcrossBlocks) {
    RocksLog file;
    std::vector<std::string> batches;
    for (const std::size_t size : {10U, 0U, 40'000U, 3U, 32'750U, 1U, 100'000U}) {
        batches.emplace_back(size, static_cast<char>('a' + batches.size()));
        file.add(batches.back());
    }
    const Seen seen = look(file.bytes);
    EXPECT_EQ(seen.scan.found, LogBytes::clean);
    EXPECT_EQ(seen.batches, batches);
    EXPECT_EQ(seen.scan.batches, batches.size());
}

TEST(Prescan, ReservedSpaceAtTheEndIsClean) {
    RocksLog file;
    file.add("x");
    EXPECT_EQ(prescan(file.bytes + std::string(100'000, '\0')).found, LogBytes::clean);
}

TEST(Prescan, CutAnywhereIsTornOrClean) {
    RocksLog file;
    std::vector<std::size_t> ends = {0};
    for (int i = 0; i < 5; ++i) {
        file.add(std::string(20'000, 'x'));
        ends.push_back(file.bytes.size());
    }
    for (std::size_t size = 0; size < file.bytes.size(); size += 97) {
        const Seen seen = look(file.bytes.substr(0, size));
        EXPECT_NE(seen.scan.found, LogBytes::rot) << size;
        const auto whole = std::upper_bound(ends.begin(), ends.end(), size) - ends.begin() - 1;
        EXPECT_EQ(seen.scan.batches, static_cast<std::size_t>(whole)) << size;
    }
}

TEST(Prescan, JunkAtTheEndIsTorn) {
    RocksLog file;
    file.add("x");
    const std::uint64_t size = file.bytes.size();
    std::mt19937 random(1);
    for (int i = 0; i < 70'000; ++i) file.bytes.push_back(static_cast<char>(random()));
    const Prescan scan = prescan(file.bytes);
    EXPECT_EQ(scan.found, LogBytes::torn);
    EXPECT_THAT(scan.damage, ElementsAre(Damage{size, file.bytes.size()}));
}

// Each bit of a record in the middle, that of its length too, which hides where the next begins.
TEST(Prescan, AFlippedBitBeforeAValidBatchIsRotAndCostsThatBatchAlone) {
    RocksLog file;
    file.add("first");
    const std::size_t begin = file.bytes.size();
    file.add("second");
    const std::size_t end = file.bytes.size();
    file.add("third");
    for (std::size_t bit = begin * 8; bit < end * 8; ++bit) {
        std::string bytes = file.bytes;
        bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
        const Seen seen = look(bytes);
        EXPECT_EQ(seen.scan.found, LogBytes::rot) << bit;
        EXPECT_THAT(seen.scan.damage, ElementsAre(Damage{begin, end})) << bit;
        EXPECT_THAT(seen.batches, ElementsAre("first"));
        EXPECT_THAT(seen.after_damage, ElementsAre("third"));
    }
}

TEST(Prescan, AFlippedBitInTheLastBatchIsTorn) {
    RocksLog file;
    file.add("first");
    file.add("last");
    file.bytes.back() ^= 1;
    EXPECT_EQ(prescan(file.bytes).found, LogBytes::torn);
}

TEST(Prescan, AHoleOfZerosIsRot) {
    RocksLog file;
    for (int i = 0; i < 200; ++i) file.add(std::string(1000, 'x'));
    file.bytes.replace(50'000, 4096, 4096, '\0');
    const Seen seen = look(file.bytes);
    EXPECT_EQ(seen.scan.found, LogBytes::rot);
    EXPECT_GE(seen.scan.batches, 194U);
    EXPECT_GT(seen.after_damage.size(), 100U);
}

std::string batch(std::uint64_t number, std::uint32_t count, std::string_view text) {
    std::string bytes;
    put_le(bytes, number);
    put_le(bytes, count);
    return bytes + std::string(text);
}

// Behind a hole where the record 11 was.
class PrescanUnsynced : public testing::Test {
protected:
    PrescanUnsynced() {
        file_.add(batch(7, 4, "synced"));
        const std::size_t begin = file_.bytes.size();
        file_.add(batch(11, 1, "lost"));
        const std::size_t end = file_.bytes.size();
        file_.bytes.replace(begin, end - begin, end - begin, '\0');
    }

    [[nodiscard]] LogBytes found() const { return prescan(file_.bytes).found; }

    RocksLog file_;
};

TEST_F(PrescanUnsynced, BatchesProveNoRotWhereNothingSyncedIsMissing) {
    file_.add(after({10, {}}, batch(12, 2, "written back first")));
    file_.add(after({10, {}}, batch(14, 1, std::string(40'000, 'x'))));
    EXPECT_EQ(found(), LogBytes::torn);
    file_.add(batch(15, 1, "synced"));
    EXPECT_EQ(found(), LogBytes::rot);
}

TEST_F(PrescanUnsynced, BatchesProveRotOfWhatHadBeenSynced) {
    file_.add(after({11, {}}, batch(12, 2, "later")));
    EXPECT_EQ(found(), LogBytes::rot);
}

TEST_F(PrescanUnsynced, BatchesAreToldApartAlsoAcrossTheEndOfABlock) {
    for (std::size_t left = 7; left < 60; ++left) {
        for (const std::uint64_t synced_to : {10U, 11U}) {
            RocksLog file = file_;
            file.add(
                after({10, {}},
                      batch(12, 1, std::string(kBlock - file.bytes.size() - 7 - 31 - left, 'x'))));
            ASSERT_EQ(kBlock - file.bytes.size() % kBlock, left);
            file.add(after({synced_to, {}}, batch(13, 1, "over the end")));
            EXPECT_EQ(prescan(file.bytes).found, synced_to == 11 ? LogBytes::rot : LogBytes::torn)
                << left;
        }
    }
}

TEST_F(PrescanUnsynced, ABatchOfAnotherFileGoesOnAfterItsLastRecord) {
    RocksLog next;
    next.record(1, "junk");
    next.bytes.back() ^= 1;
    next.add(after({18, {}}, batch(20, 1, "unsynced")));
    EXPECT_EQ(prescan(next.bytes, {}, 19).found, LogBytes::torn);
    EXPECT_EQ(prescan(next.bytes, {}, 18).found, LogBytes::rot);
    EXPECT_EQ(prescan(next.bytes).found, LogBytes::rot) << "nothing is known of what came before";
}

// The pieces of one batch that was being written at a power cut reach the disk in any order.
TEST(Prescan, LaterPiecesOfADamagedBatchAreNoProofThatItWasWhole) {
    RocksLog file;
    file.add("x");
    file.add(std::string(100'000, 'y'));
    file.bytes.replace(40'000, 4096, 4096, '\0');
    const Seen seen = look(file.bytes);
    EXPECT_EQ(seen.scan.found, LogBytes::torn);
    EXPECT_THAT(seen.batches, ElementsAre("x"));
}

TEST(Prescan, ABatchWithoutItsEndBeforeAnotherIsRot) {
    RocksLog file;
    file.record(2, "begins");
    file.add("whole");
    const Seen seen = look(file.bytes);
    EXPECT_EQ(seen.scan.found, LogBytes::rot);
    EXPECT_THAT(seen.batches, IsEmpty());
    EXPECT_THAT(seen.after_damage, ElementsAre("whole"));
}

TEST(Prescan, OfMuchJunkEndsSoon) {
    std::mt19937 random(1);
    std::string junk;
    while (junk.size() < 4U << 20U) junk.push_back(static_cast<char>(random()));
    EXPECT_EQ(prescan(junk).found, LogBytes::torn);
}

}  // namespace
}  // namespace holdfast::wal
