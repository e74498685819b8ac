#include "proto/ulid.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <vector>

namespace holdfast {
namespace {

Ulid random_ulid(std::mt19937_64& random) {
    Ulid id;
    for (std::uint8_t& byte : id.bytes) byte = static_cast<std::uint8_t>(random());
    return id;
}

TEST(UlidTest, KnownBytesHaveTheirKnownText) {
    EXPECT_EQ(Ulid{}.text(), "00000000000000000000000000");
    Ulid max;
    max.bytes.fill(0xff);
    EXPECT_EQ(max.text(), "7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    // The specification's example of a text, and of a time.
    const Ulid known{{0x01,
                      0x56,
                      0x3e,
                      0x3a,
                      0xb5,
                      0xd3,
                      0xd6,
                      0x76,
                      0x4c,
                      0x61,
                      0xef,
                      0xb9,
                      0x93,
                      0x02,
                      0xbd,
                      0x5b}};
    EXPECT_EQ(known.text(), "01ARZ3NDEKTSV4RRFFQ69G5FAV");
    EXPECT_EQ(unix_ms(known.time()), 1469922850259);
    EXPECT_EQ(UlidFactory(1).make(wall_from_ms(1469918176385)).text().substr(0, 10), "01ARYZ6S41");
}

TEST(UlidTest, TextIsReadBackInEitherCase) {
    std::mt19937_64 random(1);
    for (int i = 0; i < 1000; ++i) {
        const Ulid id = random_ulid(random);
        std::string text = id.text();
        ASSERT_EQ(Ulid::parse(text), id);
        for (char& c : text) c = static_cast<char>(std::tolower(c));
        ASSERT_EQ(Ulid::parse(text), id);
    }
}

TEST(UlidTest, TextSortsAsTheBytesDo) {
    std::mt19937_64 random(2);
    for (int i = 0; i < 1000; ++i) {
        const Ulid a = random_ulid(random);
        Ulid b = a;
        b.bytes[random() % 16] = static_cast<std::uint8_t>(random());
        ASSERT_EQ(a <=> b, a.text() <=> b.text());
    }
}

TEST(UlidTest, WhatIsNoUlidIsRefused) {
    for (const std::string_view text : {"",
                                        "01ARZ3NDEKTSV4RRFFQ69G5FA",
                                        "01ARZ3NDEKTSV4RRFFQ69G5FAVV",
                                        "81ARZ3NDEKTSV4RRFFQ69G5FAV",  // does not fit 128 bits
                                        "ZZZZZZZZZZZZZZZZZZZZZZZZZZ",
                                        "01ARZ3NDEKTSV4RRFFQ69G5FAI",
                                        "01ARZ3NDEKTSV4RRFFQ69G5FAL",
                                        "01ARZ3NDEKTSV4RRFFQ69G5FAO",
                                        "01ARZ3NDEKTSV4RRFFQ69G5FAU",
                                        "01ARZ3NDEKTSV4RRFFQ69G5FA-",
                                        "01ARZ3NDEKTSV4RRFFQ69G5FA\xc3",
                                        "01ARZ3NDEK SV4RRFFQ69G5FAV"}) {
        EXPECT_FALSE(Ulid::parse(text)) << text;
    }
}

TEST(UlidFactoryTest, AUlidCarriesTheTimeItWasMadeAt) {
    UlidFactory factory(3);
    EXPECT_EQ(factory.make(wall_from_ms(1'700'000'000'123)).time(),
              wall_from_ms(1'700'000'000'123));
}

TEST(UlidFactoryTest, ANewMillisecondDrawsNewRandomBits) {
    UlidFactory factory(3);
    const Ulid first = factory.make(wall_from_ms(1000));
    const Ulid second = factory.make(wall_from_ms(1001));
    EXPECT_FALSE(std::equal(first.bytes.begin() + 6, first.bytes.end(), second.bytes.begin() + 6));
    EXPECT_NE(UlidFactory(4).make(wall_from_ms(1000)), first);
}

TEST(UlidFactoryTest, WithinAMillisecondEachIsThePreviousPlusOne) {
    UlidFactory factory(3);
    Ulid last = factory.make(wall_from_ms(1000));
    for (int i = 0; i < 1000; ++i) {
        const Ulid next = factory.make(wall_from_ms(1000));
        ASSERT_GT(next, last);
        ASSERT_EQ(next.time(), wall_from_ms(1000));
        last = next;
    }
}

TEST(UlidFactoryTest, TheyGrowThoughTheClockGoesBack) {
    UlidFactory factory(3);
    Ulid last = factory.make(wall_from_ms(5000));
    for (const std::int64_t ms : {4000, 4999, 0, -1, 5000, 5001, 3}) {
        const Ulid next = factory.make(wall_from_ms(ms));
        ASSERT_GT(next, last) << ms;
        last = next;
    }
}

TEST(UlidFactoryTest, TheyGrowFromTheNewestOfAnExistingLog) {
    Ulid newest;
    newest.bytes.fill(0xff);
    newest.bytes[0] = 1;
    UlidFactory factory(3);
    factory.continue_after(newest);
    const Ulid next = factory.make(wall_from_ms(1000));
    EXPECT_GT(next, newest);
    factory.continue_after(Ulid{});  // an older one changes nothing
    EXPECT_GT(factory.make(wall_from_ms(1000)), next);
}

}  // namespace
}  // namespace holdfast
