#include "proto/frame.hpp"

#include <gtest/gtest.h>

#include <string>

namespace holdfast::frame {
namespace {

const Ulid kId = *Ulid::parse("01KDYGA0KE0000000000000018");

const Event kEvent{.method = Method::put,
                   .destination = "crm",
                   .key = "order-17",
                   .target = "/api/v1/customers/5",
                   .body = R"({"plan":"basic"})"};

std::string frame_of(const Event& event) {
    std::string out;
    Writer writer(out, Type::events);
    writer.add(event);
    writer.end();
    return out;
}

std::string_view payload_of(std::string_view frame) {
    return frame.substr(kHeaderBytes);
}

// So that a client in another language can be checked against it.
TEST(Frame, HasTheBytesOfTheReference) {
    const Event event{.method = Method::del, .target = "/x"};
    const std::string expected(
        "\xf5\x01\x01\x00\x0e\x00\x00\x00\xbe\xc8\x60\xf5"
        "\x04\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00/x",
        26);
    EXPECT_EQ(frame_of(event), expected);
}

TEST(Frame, OfEventsComesBackAsItWasWritten) {
    std::string frame;
    Writer writer(frame, Type::events);
    const Event bare{.target = "/api/v1/events"};
    writer.add(kEvent);
    writer.add(bare);
    writer.end();
    const Result<Header> header = read_header(frame);
    ASSERT_TRUE(header);
    EXPECT_EQ(header->type, Type::events);
    EXPECT_EQ(header->payload_bytes, frame.size() - kHeaderBytes);
    EXPECT_TRUE(matches_checksum(*header, frame));
    std::string_view payload = payload_of(frame);
    for (const Event& event : {kEvent, bare}) {
        const Result<Event> taken = take_event(payload);
        ASSERT_TRUE(taken) << taken.error().detail;
        EXPECT_EQ(*taken, event);
    }
    EXPECT_EQ(payload, "");
}

TEST(Frame, OfAnswersComesBackAsItWasWritten) {
    const Answer yes{.status = 200,
                     .durability = Durability::synced,
                     .is_repeat = true,
                     .seq = Seq{7},
                     .id = kId,
                     .accepted_at = wall_from_ms(1'700'000'000'123),
                     .body = {}};
    const Answer no{.status = 400, .body = R"({"code":"invalid_json"})"};
    std::string frame;
    Writer writer(frame, Type::answers);
    writer.add(yes);
    writer.add(no);
    writer.end();
    std::string_view payload = payload_of(frame);
    for (const Answer& answer : {yes, no}) {
        const Result<Answer> taken = take_answer(payload);
        ASSERT_TRUE(taken) << taken.error().detail;
        EXPECT_EQ(*taken, answer);
    }
    EXPECT_EQ(payload, "");
}

TEST(Frame, AnyBitThatFlipsIsNoticed) {
    const std::string frame = frame_of(kEvent);
    for (std::size_t bit = 0; bit < frame.size() * 8; ++bit) {
        std::string damaged = frame;
        damaged[bit / 8] = static_cast<char>(damaged[bit / 8] ^ (1 << (bit % 8)));
        const Result<Header> header = read_header(damaged);
        const bool same_size = header && header->payload_bytes == frame.size() - kHeaderBytes;
        EXPECT_FALSE(same_size && matches_checksum(*header, damaged)) << bit;
    }
}

TEST(Frame, OfANewerVersionIsToldApart) {
    std::string frame = frame_of(kEvent);
    frame[1] = 2;
    EXPECT_EQ(read_header(frame).error().code, Errc::too_new);
}

TEST(Frame, WithAFlagThatIsNotKnownIsRefusedForThat) {
    std::string frame = frame_of(kEvent);
    frame[3] = 1;
    EXPECT_EQ(read_header(frame).error().detail, "malformed frame: its byte 3 is not 0");
}

TEST(Frame, ThatIsTooLargeIsRefusedByItsHeader) {
    std::string frame = frame_of(kEvent);
    const auto announce = [&](std::size_t bytes) {
        for (std::size_t i = 0; i < 4; ++i) frame[4 + i] = static_cast<char>(bytes >> (8 * i));
    };
    announce(kPayloadBytesMax);
    EXPECT_TRUE(read_header(frame));
    announce(kPayloadBytesMax + 1);
    EXPECT_EQ(read_header(frame).error().code, Errc::bad_input);
}

TEST(Frame, AnEventThatIsCutAnywhereIsRefused) {
    const std::string frame = frame_of(kEvent);
    const std::string_view whole = payload_of(frame);
    for (std::size_t size = 0; size < whole.size(); ++size) {
        std::string_view cut = whole.substr(0, size);
        EXPECT_FALSE(take_event(cut)) << size;
        EXPECT_EQ(cut.size(), size) << "nothing was taken";
    }
}

TEST(Frame, AnEventWithAnUnknownMethodOrFlagIsRefused) {
    for (const std::size_t at : {std::size_t{0}, std::size_t{3}}) {
        std::string frame = frame_of(kEvent);
        frame[kHeaderBytes + at] = 9;
        std::string_view payload = payload_of(frame);
        EXPECT_FALSE(take_event(payload)) << at;
    }
}

}  // namespace
}  // namespace holdfast::frame
