#include "wal/log_sectors.hpp"

#include "wal/prescan.hpp"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace holdfast::wal {
namespace {

constexpr std::uint32_t kLog = 7;

std::string text_of(std::size_t size, std::uint64_t seed = 1) {
    std::mt19937_64 random(seed);
    std::string text(size, ' ');
    for (char& c : text) c = static_cast<char>('a' + random() % 26);
    return text;
}

std::string sectors(std::string_view bytes, std::uint32_t log = kLog, std::uint32_t place = 0) {
    std::string file(sectors_of(bytes.size()) * kSectorBytes, '\x55');
    put_sectors(bytes, log, place, file.data());
    return file;
}

std::string gap(std::size_t bytes) {
    return std::string(bytes, '\xff');
}

std::string sector(const std::string& file, std::size_t i) {
    return file.substr(i * kSectorBytes, kSectorBytes);
}

TEST(LogSectors, GiveBackWhatWasPutInWhateverItsSize) {
    for (const std::size_t size : {0UL, 1UL, 495UL, 496UL, 497UL, 992UL, 993UL, 100'000UL}) {
        const std::string text = text_of(size);
        EXPECT_EQ(sectors(text).size(), (size + 495) / 496 * 512);
        EXPECT_EQ(log_in(sectors(text), kLog), text) << size;
    }
}

TEST(LogSectors, OfSeveralWritesGoOnWithTheNext) {
    const std::string file = sectors("one ") + sectors(text_of(600), kLog, 4) +
                             sectors("three", kLog, 604) + std::string(4096, '\0');
    EXPECT_EQ(log_in(file, kLog), "one " + text_of(600) + "three");
}

// The layout that the header describes, byte for byte.
TEST(LogSectors, HaveTheLayoutThatIsDocumented) {
    const std::string file = sectors("abc", 0x01020304, 0x0a0b0c0d);
    EXPECT_EQ(file.substr(4, 15),
              std::string("\x0d\x0c\x0b\x0a\x04\x03\x02\x01\x03\x00\x01\x00"
                          "abc",
                          15));
    EXPECT_EQ(file.substr(19), std::string(512 - 19, '\0'));
}

TEST(LogSectors, OfAnEarlierLogAreNoneOfThisOne) {
    const std::string earlier = sectors(text_of(5000, 2), 6);
    const std::string own = sectors(text_of(700));
    EXPECT_EQ(log_in(own + earlier.substr(own.size()), kLog), text_of(700));
    EXPECT_EQ(log_in(earlier, kLog), "");
}

TEST(LogSectors, ThatWereNotWrittenLeaveAGap) {
    const std::string text = text_of(496 * 4);
    const std::string own = sectors(text);
    const std::string earlier = sectors(text_of(496 * 4, 2), 6);
    for (const std::string& instead : {std::string(512, '\0'), sector(earlier, 1)}) {
        const std::string file = sector(own, 0) + instead + sector(own, 2) + sector(own, 3);
        EXPECT_EQ(log_in(file, kLog), text.substr(0, 496) + gap(496) + text.substr(992));
    }
    EXPECT_EQ(log_in(std::string(512, '\0') + own.substr(512), kLog), gap(496) + text.substr(496));
}

TEST(LogSectors, ThatAreMissingAtTheEndAreNotSeen) {
    const std::string text = text_of(496 * 4);
    const std::string own = sectors(text);
    EXPECT_EQ(log_in(own.substr(0, 1024), kLog), text.substr(0, 992));
    EXPECT_EQ(log_in(own.substr(0, 1024) + std::string(1024, '\0'), kLog), text.substr(0, 992));
}

// In what lies in them it is for RocksDB's checksums to see.
TEST(LogSectors, ThatAreDamagedAreSeenToBe) {
    const std::string text = text_of(496 + 100);
    const std::string own = sectors(text);
    for (const std::size_t sector : {0U, 1U}) {
        for (std::size_t at = 0; at < 16; ++at) {
            std::string file = own;
            file[sector * 512 + at] ^= static_cast<char>(1 << at % 8);
            const std::string expected =
                sector == 0 ? gap(496) + text.substr(496) : text.substr(0, 496) + gap(496);
            EXPECT_EQ(log_in(file, kLog), expected) << sector << " " << at;
        }
    }
    std::string file = own;
    file.back() = 'x';  // padding
    EXPECT_EQ(log_in(file, kLog), text);
}

// A write that does not fit beside what was written begins on the next page.
TEST(LogSectors, ThatAreCutShortAtTheBeginningOfAPageAreDamaged) {
    const std::string one(3 * kSectorPayload, 'a');
    const std::string two(6 * kSectorPayload, 'b');
    std::string file(kPageBytes + 6 * kSectorBytes, '\0');
    put_sectors(one, 1, 0, file.data());
    put_sectors(two, 1, static_cast<std::uint32_t>(one.size()), file.data() + kPageBytes);
    EXPECT_EQ(log_in(file, 1), one + two);
    file.resize(kPageBytes + 100);
    EXPECT_EQ(log_in(file, 1), one + std::string(kSectorPayload, '\xff'));
    file.resize(kPageBytes);
    EXPECT_EQ(log_in(file, 1), one);
}

TEST(LogSectors, ThatAreCutShortAreDamaged) {
    const std::string text = text_of(496 + 100);
    EXPECT_EQ(log_in(sectors(text).substr(0, 512 + 40), kLog), text.substr(0, 496) + gap(496));
}

// Only the first that could have been written next: behind it lies what came before.
TEST(LogSectors, OfAnEarlierLogThatAreDamagedAreNothing) {
    std::string earlier = sectors(text_of(496 * 8, 2), 6);
    earlier[512 * 5 + 100] ^= 1;
    const std::string own = sectors(text_of(900));
    EXPECT_EQ(log_in(own + earlier.substr(own.size()), kLog), text_of(900));
}

TEST(LogSectors, CannotClaimAPlaceThatTheyCannotHave) {
    const std::string own = sectors("first");
    EXPECT_EQ(log_in(own + sectors("far off", kLog, 4'000'000'000), kLog), "first");
    EXPECT_EQ(log_in(own + sectors("before", kLog, 2), kLog), "first");
}

// A whole record of RocksDB's: checksum, length, type, payload.
std::string record(std::string_view payload) {
    return std::string("\x0b\xb9\x57\x58\x05\x00\x01", 7) + std::string(payload);
}

TEST(LogSectors, AFileOfAnOlderVersionIsGivenAsItIs) {
    EXPECT_EQ(log_in("", kLog), "");
    EXPECT_EQ(log_in(std::string(4096, '\0'), kLog), std::string(4096, '\0'));
    EXPECT_EQ(log_in("junk", kLog), "junk");
    EXPECT_EQ(log_in(text_of(100'000), kLog), text_of(100'000));
}

// Whatever an app put into its events.
TEST(LogSectors, InTheEventsOfAnOlderVersionAreNone) {
    ASSERT_TRUE(begins_with_record(record("hello")));
    std::string file = record("hello");
    file.resize(512, 'x');
    file += sectors("forged");
    EXPECT_EQ(log_in(file, kLog), file);
}

}  // namespace
}  // namespace holdfast::wal
