#include "wal/prescan.hpp"

#include "proto/bytes.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

namespace rocksdb::crc32c {
std::uint32_t Extend(std::uint32_t init_crc, const char* data, std::size_t n);
}

namespace holdfast::wal {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::size_t kBlock = 32 * 1024;

// Writes as RocksDB does.
class LogFile {
public:
    void add(std::string_view batch) {
        constexpr std::size_t kHeader = 7;
        for (bool first = true; first || !batch.empty(); first = false) {
            const std::size_t left = kBlock - bytes.size() % kBlock;
            if (left < kHeader) bytes.append(left, '\0');
            const std::size_t room = kBlock - bytes.size() % kBlock - kHeader;
            const std::string_view part = batch.substr(0, room);
            batch.remove_prefix(part.size());
            const bool last = batch.empty();
            record(static_cast<std::uint8_t>(first ? (last ? 1 : 2) : (last ? 4 : 3)), part);
        }
    }

    void record(std::uint8_t type, std::string_view payload) {
        std::string summed(1, static_cast<char>(type));
        summed += payload;
        const std::uint32_t crc = rocksdb::crc32c::Extend(0, summed.data(), summed.size());
        put_le(bytes, ((crc >> 15U) | (crc << 17U)) + 0xa282ead8U);
        put_le(bytes, static_cast<std::uint16_t>(payload.size()));
        bytes += summed;
    }

    std::string bytes;
};

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
    LogFile file;
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
    LogFile file;
    file.add("x");
    EXPECT_EQ(prescan(file.bytes + std::string(100'000, '\0')).found, LogBytes::clean);
}

TEST(Prescan, CutAnywhereIsTornOrClean) {
    LogFile file;
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
    LogFile file;
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
    LogFile file;
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
    LogFile file;
    file.add("first");
    file.add("last");
    file.bytes.back() ^= 1;
    EXPECT_EQ(prescan(file.bytes).found, LogBytes::torn);
}

TEST(Prescan, AHoleOfZerosIsRot) {
    LogFile file;
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
class PrescanLazy : public testing::Test {
protected:
    PrescanLazy() {
        file_.add(batch(7, 4, "synced"));
        const std::size_t begin = file_.bytes.size();
        file_.add(batch(11, 1, "lost"));
        const std::size_t end = file_.bytes.size();
        file_.bytes.replace(begin, end - begin, end - begin, '\0');
    }

    [[nodiscard]] LogBytes found() const { return prescan(file_.bytes).found; }

    LogFile file_;
};

TEST_F(PrescanLazy, BatchesProveNoRotWhereNothingSyncedIsMissing) {
    file_.add(as_lazy(batch(12, 2, "written back first"), {10, {}}));
    file_.add(as_lazy(batch(14, 1, std::string(40'000, 'x')), {10, {}}));
    EXPECT_EQ(found(), LogBytes::torn);
    file_.add(batch(15, 1, "synced"));
    EXPECT_EQ(found(), LogBytes::rot);
}

TEST_F(PrescanLazy, BatchesProveRotOfWhatHadBeenSynced) {
    file_.add(as_lazy(batch(12, 2, "later"), {11, {}}));
    EXPECT_EQ(found(), LogBytes::rot);
}

TEST_F(PrescanLazy, BatchesAreToldApartAlsoAcrossTheEndOfABlock) {
    for (std::size_t left = 7; left < 60; ++left) {
        for (const std::uint64_t synced_to : {10U, 11U}) {
            LogFile file = file_;
            file.add(
                as_lazy(batch(12, 1, std::string(kBlock - file.bytes.size() - 7 - 31 - left, 'x')),
                        {10, {}}));
            ASSERT_EQ(kBlock - file.bytes.size() % kBlock, left);
            file.add(as_lazy(batch(13, 1, "over the end"), {synced_to, {}}));
            EXPECT_EQ(prescan(file.bytes).found, synced_to == 11 ? LogBytes::rot : LogBytes::torn)
                << left;
        }
    }
}

TEST_F(PrescanLazy, ABatchOfAnotherFileGoesOnAfterItsLastRecord) {
    LogFile next;
    next.record(1, "junk");
    next.bytes.back() ^= 1;
    next.add(as_lazy(batch(20, 1, "lazy"), {18, {}}));
    EXPECT_EQ(prescan(next.bytes, {}, 19).found, LogBytes::torn);
    EXPECT_EQ(prescan(next.bytes, {}, 18).found, LogBytes::rot);
    EXPECT_EQ(prescan(next.bytes).found, LogBytes::rot) << "nothing is known of what came before";
}

// The pieces of one batch that was being written at a power cut reach the disk in any order.
TEST(Prescan, LaterPiecesOfADamagedBatchAreNoProofThatItWasWhole) {
    LogFile file;
    file.add("x");
    file.add(std::string(100'000, 'y'));
    file.bytes.replace(40'000, 4096, 4096, '\0');
    const Seen seen = look(file.bytes);
    EXPECT_EQ(seen.scan.found, LogBytes::torn);
    EXPECT_THAT(seen.batches, ElementsAre("x"));
}

TEST(Prescan, ABatchWithoutItsEndBeforeAnotherIsRot) {
    LogFile file;
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
