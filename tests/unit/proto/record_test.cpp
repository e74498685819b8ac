#include "proto/record.hpp"

#include "proto/bytes.hpp"

#include <gtest/gtest.h>
#include <xxhash.h>

#include <chrono>
#include <utility>
#include <vector>

namespace holdfast {
namespace {

Event sample() {
    return {.id = *Ulid::parse("01ARZ3NDEKTSV4RRFFQ69G5FAV"),
            .accepted_at = wall_from_ms(1'700'000'000'123),
            .operation = Operation::identify,
            .method = Method::put,
            .lane = Lane{0xfedcba9876543210},
            .also = {},
            .peer = {.uid = 1000, .gid = 1001, .pid = 4242},
            .parent = std::nullopt,
            .destination = "customerio",
            .person = "id:42",
            .name = "purchase",
            .target = "/api/v1/customers/42",
            .body = R"({"a":1})"};
}

std::string encoded(const Event& event) {
    std::string out;
    encode_record(event, out);
    return out;
}

std::string with_checksum(std::string bytes) {
    put_le(bytes, static_cast<std::uint32_t>(XXH3_64bits(bytes.data(), bytes.size())));
    return bytes;
}

// The record with one byte changed and a checksum that fits again.
std::string resealed(const Event& event, std::size_t at, std::uint8_t byte) {
    std::string bytes = encoded(event);
    bytes.resize(bytes.size() - 4);
    bytes[at] = static_cast<char>(byte);
    return with_checksum(bytes);
}

void expect_equal(const Event& got, const Event& want) {
    EXPECT_EQ(got.id, want.id);
    EXPECT_EQ(got.accepted_at, want.accepted_at);
    EXPECT_EQ(got.operation, want.operation);
    EXPECT_EQ(got.method, want.method);
    EXPECT_EQ(got.lane, want.lane);
    EXPECT_EQ(got.also, want.also);
    EXPECT_EQ(got.peer, want.peer);
    EXPECT_EQ(got.parent, want.parent);
    EXPECT_EQ(got.destination, want.destination);
    EXPECT_EQ(got.person, want.person);
    EXPECT_EQ(got.name, want.name);
    EXPECT_EQ(got.target, want.target);
    EXPECT_EQ(got.body, want.body);
}

TEST(RecordTest, AnEventIsReadBackAsItWasWritten) {
    const std::string record = encoded(sample());
    const auto decoded = decode_record(record);
    ASSERT_TRUE(decoded);
    expect_equal(*decoded, sample());
}

TEST(RecordTest, AReplayKeepsItsParent) {
    Event event = sample();
    event.parent = *Ulid::parse("7ZZZZZZZZZZZZZZZZZZZZZZZZZ");
    const std::string record = encoded(event);
    const auto decoded = decode_record(record);
    ASSERT_TRUE(decoded);
    expect_equal(*decoded, event);
}

TEST(RecordTest, EmptyAndLongestTextsAreReadBack) {
    Event event = sample();
    event.destination = event.person = event.name = event.target = event.body = "";
    const std::string empty = encoded(event);
    ASSERT_TRUE(decode_record(empty));
    expect_equal(*decode_record(empty), event);
    const std::string longest(kBodyBytesMax, 'x');
    const std::string_view all = longest;
    event.destination = all.substr(0, kDestinationBytesMax);
    event.person = all.substr(0, kPersonBytesMax);
    event.name = all.substr(0, kNameBytesMax);
    event.target = all.substr(0, kTargetBytesMax);
    event.body = all;
    const std::string record = encoded(event);
    ASSERT_TRUE(decode_record(record));
    expect_equal(*decode_record(record), event);
}

TEST(RecordTest, ARecordIsAppendedBehindWhatTheBufferHolds) {
    std::string out = "before";
    encode_record(sample(), out);
    EXPECT_EQ(out, "before" + encoded(sample()));
}

TEST(RecordTest, TheLayoutIsTheDocumentedOne) {
    Event event = sample();
    event.accepted_at = event.id.time() + std::chrono::milliseconds(5);
    const std::string record = encoded(event);
    EXPECT_EQ(record.size(), 4 + 16 + 1 + 3 * 2 + 5 + 8 + 10 + 5 + 8 + 20 + 7 + 4U);
    EXPECT_EQ(record.substr(0, 4), std::string("\x02\x01\x03\x02", 4));
    EXPECT_EQ(record.substr(4, 16),
              std::string(reinterpret_cast<const char*>(event.id.bytes.data()), 16));
    EXPECT_EQ(record.substr(20, 1), "\x0a") << "5 ms";
    EXPECT_EQ(record.substr(21, 6), "\xe9\x07\xea\x07\x93\x21") << "1001, 1002, 4243";
    EXPECT_EQ(record.substr(27, 5), "\x0a\x05\x08\x14\x07");
    EXPECT_EQ(record.substr(32, 8), "\x10\x32\x54\x76\x98\xba\xdc\xfe");
    EXPECT_EQ(record.substr(40, 50), R"(customerioid:42purchase/api/v1/customers/42{"a":1})");
}

TEST(RecordTest, TheLaneOfItsPersonTakesNoRoom) {
    Event event = sample();
    const std::size_t size = encoded(event).size();
    event.lane = lane_of(event.destination, event.person);
    const std::string record = encoded(event);
    EXPECT_EQ(record.size(), size - 8);
    ASSERT_TRUE(decode_record(record));
    expect_equal(*decode_record(record), event);
}

TEST(RecordTest, WhateverTheClockSaidItIsReadBack) {
    Event event = sample();
    for (const std::int64_t ms : std::initializer_list<std::int64_t>{
             -1'000'000'000'000, -1, 0, 1, 63, 64, 1'000'000'000'000}) {
        event.accepted_at = event.id.time() + std::chrono::milliseconds(ms);
        const std::string record = encoded(event);
        const auto decoded = decode_record(record);
        ASSERT_TRUE(decoded) << ms;
        expect_equal(*decoded, event);
    }
}

TEST(RecordTest, WhoeverSentItIsReadBack) {
    Event event = sample();
    for (const Peer peer : {Peer{},
                            Peer{.uid = 0, .gid = 0, .pid = 1},
                            Peer{.uid = 0xfffffffe, .gid = 0x7fffffff, .pid = 0x80000000}}) {
        event.peer = peer;
        const std::string record = encoded(event);
        const auto decoded = decode_record(record);
        ASSERT_TRUE(decoded) << peer.uid;
        expect_equal(*decoded, event);
    }
}

// As the versions before wrote it.
std::string encoded_as_version_1(const Event& event) {
    std::string out("\x01\x01\x03", 3);
    out += static_cast<char>(event.parent ? 1 : 0);
    put_le(out, static_cast<std::uint64_t>(unix_ms(event.accepted_at)));
    const auto put_id = [&](const Ulid& id) {
        out.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
    };
    put_id(event.id);
    put_le(out, static_cast<std::uint64_t>(event.lane));
    put_le(out, event.peer.uid);
    put_le(out, event.peer.gid);
    put_le(out, event.peer.pid);
    put_le(out, static_cast<std::uint8_t>(event.destination.size()));
    put_le(out, std::uint8_t{0});
    put_le(out, static_cast<std::uint16_t>(event.person.size()));
    put_le(out, static_cast<std::uint16_t>(event.name.size()));
    put_le(out, static_cast<std::uint16_t>(event.target.size()));
    put_le(out, static_cast<std::uint32_t>(event.body.size()));
    if (event.parent) put_id(*event.parent);
    out.append(event.destination).append(event.person).append(event.name);
    return out.append(event.target).append(event.body);
}

TEST(RecordTest, OneOfVersion1IsStillRead) {
    Event event = sample();
    std::string record = with_checksum(encoded_as_version_1(event));
    auto decoded = decode_record(record);
    ASSERT_TRUE(decoded);
    expect_equal(*decoded, event);
    event.parent = event.id;
    event.peer = {};
    record = with_checksum(encoded_as_version_1(event));
    decoded = decode_record(record);
    ASSERT_TRUE(decoded);
    expect_equal(*decoded, event);
    std::string odd = encoded_as_version_1(event);
    odd[49] = 1;  // must be zero
    EXPECT_EQ(decode_record(with_checksum(odd)).error().code, Errc::corrupt);
    odd = encoded_as_version_1(event);
    odd[3] = 3;  // no flag of that version
    EXPECT_EQ(decode_record(with_checksum(odd)).error().code, Errc::corrupt);
}

TEST(RecordTest, EveryChangedBitIsFound) {
    Event event = sample();
    event.parent = event.id;
    const std::string record = encoded(event);
    for (std::size_t at = 0; at < record.size(); ++at) {
        for (unsigned flip = 1; flip < 256; ++flip) {
            std::string damaged = record;
            damaged[at] = static_cast<char>(static_cast<unsigned char>(damaged[at]) ^ flip);
            const auto decoded = decode_record(damaged);
            ASSERT_FALSE(decoded) << at << ' ' << flip;
            ASSERT_EQ(decoded.error().code, Errc::corrupt) << at << ' ' << flip;
        }
    }
}

TEST(RecordTest, EveryTruncationAndEveryTailIsFound) {
    const std::string record = encoded(sample());
    for (std::size_t size = 0; size < record.size(); ++size) {
        const auto decoded = decode_record(std::string_view(record).substr(0, size));
        ASSERT_FALSE(decoded) << size;
        ASSERT_EQ(decoded.error().code, Errc::corrupt) << size;
    }
    EXPECT_FALSE(decode_record(record + '\0'));
}

TEST(RecordTest, AnIntactRecordOfANewerVersionIsToldApart) {
    const std::string newer = resealed(sample(), 0, kRecordVersion + 1);
    ASSERT_FALSE(decode_record(newer));
    EXPECT_EQ(decode_record(newer).error().code, Errc::too_new);
    const std::string unlike = with_checksum("\x04 of any layout");
    ASSERT_FALSE(decode_record(unlike));
    EXPECT_EQ(decode_record(unlike).error().code, Errc::too_new);
}

TEST(RecordTest, OtherLanesComeBackAndAreOfVersionThree) {
    Event event = sample();
    for (const std::uint64_t lane : {1U, 2U, 3U, 4U}) {
        event.also.push_back(Lane{lane});
        const std::string record = encoded(event);
        EXPECT_EQ(record[0], 3);
        const Result<Event> got = decode_record(record);
        ASSERT_TRUE(got);
        expect_equal(*got, event);
    }
    EXPECT_EQ(encoded(sample())[0], 2) << "so that the version before can read it";
}

TEST(RecordTest, AWrongCountOfOtherLanesIsCorrupt) {
    Event event = sample();
    event.also = {Lane{1}, Lane{2}};
    const std::size_t count =
        encoded(event).find(std::string(1, '\x02') + std::string("\x01\0\0", 3));
    ASSERT_NE(count, std::string::npos);
    for (const std::uint8_t wrong : std::initializer_list<std::uint8_t>{0, 1, 3, 5, 255}) {
        EXPECT_EQ(decode_record(resealed(event, count, wrong)).error().code, Errc::corrupt);
    }
    EXPECT_EQ(decode_record(resealed(event, 0, 2)).error().code, Errc::corrupt)
        << "version 2 has none";
}

TEST(RecordTest, AnImpossibleLayoutIsCorruptThoughItsChecksumFits) {
    const std::vector<std::pair<std::size_t, std::uint8_t>> changes = {
        {0, 0},    // no version 0
        {1, 0},    // no operation 0
        {1, 200},  // nor 200
        {2, 9},    // no such method
        {3, 6},    // an unknown flag
        {3, 3},    // a parent that is not there
        {3, 0},    // a lane that is
        {32, 11},  // lengths that do not add up
        {33, 0},
        {36, 255},  // a body without end
    };
    for (const auto& [at, byte] : changes) {
        const std::string record = resealed(sample(), at, byte);
        ASSERT_FALSE(decode_record(record)) << at;
        EXPECT_EQ(decode_record(record).error().code, Errc::corrupt) << at;
    }
}

TEST(RecordTest, APeerThatNoKernelHasIsCorrupt) {
    Event event = sample();
    event.accepted_at = event.id.time();
    std::string record = encoded(event);
    record.resize(record.size() - 4);
    record.replace(21, 2, "\xff\xff\xff\xff\x1f");  // uid 2^33 - 2
    EXPECT_EQ(decode_record(with_checksum(record)).error().code, Errc::corrupt);
}

TEST(LaneTest, ALaneIsTheSameForEverAndAnotherForEachDestinationAndPerson) {
    EXPECT_EQ(lane_of("customerio", "id:42"), Lane{0xee72c76b6cb34d0b});  // stored in every log
    EXPECT_NE(lane_of("customerio", "id:42"), lane_of("customerio", "id:43"));
    EXPECT_NE(lane_of("customerio", "id:42"), lane_of("other", "id:42"));
    EXPECT_NE(lane_of("ab", "c"), lane_of("a", "bc"));
}

}  // namespace
}  // namespace holdfast
