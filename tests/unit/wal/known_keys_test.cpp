#include "wal/known_keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

namespace holdfast::wal {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using namespace std::chrono_literals;

Digest random_digest(std::mt19937_64& random) {
    return {random(), random()};
}

KeyRecord record(std::int64_t at_ms) {
    KeyRecord record;
    record.seq = Seq{17};
    record.id.bytes[0] = 1;
    record.id.bytes[15] = 0xff;
    record.accepted_at = wall_from_ms(at_ms);
    record.content = {0x0123456789abcdef, 0xfedcba9876543210};
    return record;
}

TEST(KeyRecord, ComesBackAsItWasWrittenAndIsRefusedWhenItIsCutOrHasMore) {
    const std::string bytes = encode(record(1'700'000'000'123));
    EXPECT_EQ(*decode_key_record(bytes), record(1'700'000'000'123));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_EQ(decode_key_record(bytes.substr(0, size)).error().code, Errc::corrupt);
    }
    EXPECT_EQ(decode_key_record(bytes + "x").error().code, Errc::corrupt);
    EXPECT_EQ(decode_key_record("\2" + bytes.substr(1)).error().code, Errc::too_new);
}

TEST(KeyKey, SortsByBucketAndSaysWhoseItIs) {
    const WallTime bucket = wall_from_ms(5000);
    const std::string key = key_key(bucket, {1, 2});
    EXPECT_GT(key, bucket_key(bucket));
    EXPECT_LT(key, bucket_key(bucket + 1ms));
    EXPECT_EQ(parse_key_key(key)->bucket, bucket);
    EXPECT_EQ(parse_key_key(key)->name, (Digest{1, 2}));
    EXPECT_FALSE(parse_key_key(key + "x"));
    EXPECT_FALSE(parse_key_key(bucket_key(bucket)));
    EXPECT_FALSE(parse_key_key("e" + key.substr(1)));
}

TEST(KeyFilter, MissesNothingAndIsSeldomWrong) {
    std::mt19937_64 random(1);
    KeyFilter filter;
    std::vector<Digest> added;
    for (int i = 0; i < 50'000; ++i) {
        added.push_back(random_digest(random));
        filter.add(added.back(), true);
    }
    for (const Digest& one : added) ASSERT_TRUE(filter.may_have(one));
    int wrong = 0;
    for (int i = 0; i < 50'000; ++i) wrong += filter.may_have(random_digest(random));
    EXPECT_LT(wrong, 150);
    EXPECT_LT(filter.bytes(), 400'000U);
}

TEST(KeyFilter, ThatMayNotGrowTakesNoMoreMemoryAndStillMissesNothing) {
    std::mt19937_64 random(1);
    KeyFilter filter;
    std::vector<Digest> added;
    for (int i = 0; i < 20'000; ++i) {
        added.push_back(random_digest(random));
        filter.add(added.back(), false);
    }
    EXPECT_EQ(filter.bytes(), 8192U);
    for (const Digest& one : added) ASSERT_TRUE(filter.may_have(one));
}

TEST(KnownKeys, AreFoundInTheBucketOfTheirTimeAndNewestFirst) {
    KnownKeys keys(8h);
    const Digest name{1, 2};
    EXPECT_THAT(keys.candidates(name), IsEmpty());
    const WallTime start = wall_from_ms(0);
    keys.begin(name, record(unix_ms(start + 10min)));
    keys.begin(name, record(unix_ms(start + 3h)));
    keys.begin({3, 4}, record(unix_ms(start + 2h)));
    EXPECT_THAT(keys.candidates(name), ElementsAre(start + 4h, start + 1h));
    EXPECT_THAT(keys.candidates({5, 6}), IsEmpty());
    keys.found_unread(start + 2h);
    EXPECT_THAT(keys.candidates({5, 6}), ElementsAre(start + 2h));
}

TEST(KnownKeys, ArePendingUntilTheyAreWritten) {
    KnownKeys keys(8h);
    const Digest name{1, 2};
    keys.begin(name, record(5));
    ASSERT_NE(keys.pending(name), nullptr);
    EXPECT_EQ(*keys.pending(name), record(5));
    EXPECT_EQ(keys.begun(), 1U);
    keys.end(name);
    EXPECT_EQ(keys.pending(name), nullptr);
    EXPECT_EQ(keys.candidates(name).size(), 1U);
}

TEST(KnownKeys, ExpireBucketByBucketOnceTheirLastKeyHas) {
    KnownKeys keys(8h);
    const WallTime start = wall_from_ms(0);
    keys.begin({1, 1}, record(unix_ms(start)));
    keys.begin({2, 2}, record(unix_ms(start + 1h)));
    keys.begin({3, 3}, record(unix_ms(start + 5h)));
    EXPECT_EQ(keys.expire(start + 9h - 1ms), std::nullopt);
    EXPECT_EQ(keys.expire(start + 10h), start + 2h);
    EXPECT_THAT(keys.candidates({1, 1}), IsEmpty());
    EXPECT_THAT(keys.candidates({3, 3}), ElementsAre(start + 6h));
    EXPECT_TRUE(keys.has_expired(start, start + 8h));
    EXPECT_FALSE(keys.has_expired(start, start + 8h - 1ms));
}

TEST(KnownKeys, OfAWindowOfNothingAreOff) {
    EXPECT_FALSE(KnownKeys(0s).is_on());
    EXPECT_TRUE(KnownKeys(1s).is_on());
}

}  // namespace
}  // namespace holdfast::wal
