#include "proto/bytes.hpp"

#include <gtest/gtest.h>

namespace holdfast {
namespace {

using namespace std::string_view_literals;

TEST(BytesTest, NumbersAreWrittenWithTheLeastByteFirst) {
    std::string out;
    put_le(out, std::uint8_t{0xfe});
    put_le(out, std::uint16_t{0x0102});
    put_le(out, std::uint32_t{0x03040506});
    put_le(out, std::uint64_t{0x0708090a0b0c0dff});
    EXPECT_EQ(out, "\xfe\x02\x01\x06\x05\x04\x03\xff\x0d\x0c\x0b\x0a\x09\x08\x07"sv);
}

TEST(BytesTest, KeysAreWrittenWithTheGreatestByteFirstAndSortAsTheirNumbers) {
    const auto key = [](std::uint64_t value) {
        std::string out;
        put_be64(out, value);
        return out;
    };
    EXPECT_EQ(key(0x01020304050607f8), "\x01\x02\x03\x04\x05\x06\x07\xf8"sv);
    EXPECT_LT(key(255), key(256));
    EXPECT_LT(key(0x7fffffffffffffff), key(0x8000000000000000));
}

TEST(BytesTest, WhatWasWrittenIsReadBack) {
    std::string out;
    put_le(out, std::uint8_t{0xff});
    put_le(out, std::uint16_t{0xfffe});
    put_le(out, std::uint32_t{0xfffffffd});
    put_le(out, std::uint64_t{0xfffffffffffffffc});
    put_be64(out, 0x80000000000000ff);
    out += "text";
    ByteReader reader(out);
    EXPECT_EQ(reader.le<std::uint8_t>(), 0xff);
    EXPECT_EQ(reader.le<std::uint16_t>(), 0xfffe);
    EXPECT_EQ(reader.le<std::uint32_t>(), 0xfffffffdU);
    EXPECT_EQ(reader.le<std::uint64_t>(), 0xfffffffffffffffcU);
    EXPECT_EQ(reader.be64(), 0x80000000000000ffU);
    EXPECT_FALSE(reader.at_end());
    EXPECT_EQ(reader.take(4), "text");
    EXPECT_TRUE(reader.at_end());
}

TEST(BytesTest, AReadPastTheEndIsZeroAndNothingIsReadAfterIt) {
    ByteReader reader("\x01\x02\x03"sv);
    EXPECT_EQ(reader.le<std::uint32_t>(), 0U);
    EXPECT_FALSE(reader.ok());
    EXPECT_EQ(reader.le<std::uint8_t>(), 0);
    EXPECT_EQ(reader.take(1), "");
    EXPECT_EQ(reader.be64(), 0U);
    EXPECT_FALSE(reader.at_end());
}

}  // namespace
}  // namespace holdfast
