#include "wal/keys.hpp"

#include <gtest/gtest.h>

#include <array>

namespace holdfast::wal {
namespace {

TEST(Keys, OfASeqAreTheSpaceAndEightBytesBigEndian) {
    EXPECT_EQ(seq_key(Space::entry, Seq{0x0102030405060708}), "e\x01\x02\x03\x04\x05\x06\x07\x08");
    EXPECT_EQ(seq_key(Space::failed, Seq{1}), std::string("f\0\0\0\0\0\0\0\x01", 9));
}

TEST(Keys, OfANameAreTheSpaceAndTheName) {
    EXPECT_EQ(name_key(Space::cursor, "customerio"), "ccustomerio");
    EXPECT_EQ(name_key(Space::meta, ""), "m");
}

TEST(Keys, AreOrderedAsTheLogIs) {
    constexpr std::array<std::uint64_t, 7> kSeqs = {
        0, 1, 255, 256, 0x7fffffff, 0x100000000, 0xffffffffffffffff};
    for (std::size_t i = 1; i < kSeqs.size(); ++i) {
        EXPECT_LT(seq_key(Space::entry, Seq{kSeqs[i - 1]}), seq_key(Space::entry, Seq{kSeqs[i]}));
    }
}

TEST(Keys, GiveTheSeqAndTheNameBack) {
    for (const std::uint64_t seq : {0ULL, 1ULL, 0x0102030405060708ULL, ~0ULL}) {
        EXPECT_EQ(seq_of(Space::retry, seq_key(Space::retry, Seq{seq})), Seq{seq});
    }
    EXPECT_EQ(name_of(Space::saved, name_key(Space::saved, "gates/a")), "gates/a");
}

TEST(Keys, OfAnotherSpaceOrOfAnotherFormAreRefused) {
    const std::string key = seq_key(Space::entry, Seq{7});
    EXPECT_EQ(seq_of(Space::failed, key), std::nullopt);
    EXPECT_EQ(seq_of(Space::entry, key + "x"), std::nullopt);
    for (std::size_t size = 0; size < key.size(); ++size) {
        EXPECT_EQ(seq_of(Space::entry, key.substr(0, size)), std::nullopt);
    }
    EXPECT_EQ(name_of(Space::saved, ""), std::nullopt);
    EXPECT_EQ(name_of(Space::saved, "ccursor"), std::nullopt);
}

TEST(Keys, EachSpaceEndsBeforeTheNext) {
    for (const Space space : {Space::entry,
                              Space::failed,
                              Space::kept,
                              Space::meta,
                              Space::cursor,
                              Space::parked,
                              Space::retry,
                              Space::saved}) {
        EXPECT_LT(seq_key(space, Seq{~0ULL}), end_of(space));
        EXPECT_LT(name_key(space, "\xff\xff"), end_of(space));
        EXPECT_EQ(seq_of(space, end_of(space)), std::nullopt);
    }
}

}  // namespace
}  // namespace holdfast::wal
