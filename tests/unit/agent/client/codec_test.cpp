// The half without sockets: what the public codec writes and reads, and what answers mean.
#include "agent/client/holdfast/client.hpp"
#include "tests/unit/agent/client/fake_agent.hpp"

#include <gtest/gtest.h>

namespace holdfast::client {
namespace {

Event event_to(std::string_view target, std::string_view body = {}) {
    Event event;
    event.target = target;
    event.body = body;
    return event;
}

TEST(ClientCodec, WritesTheBytesOfTheReference) {
    Event event = event_to("/x");
    event.method = Method::del;
    std::string out = "before";
    Encoder encoder(out);
    encoder.add(event);
    encoder.end();
    EXPECT_EQ(out,
              "before" + std::string("\xf5\x01\x01\x00\x0e\x00\x00\x00\xbe\xc8\x60\xf5"
                                     "\x04\x00\x00\x00\x02\x00\x00\x00\x00\x00\x00\x00/x",
                                     26));
}

TEST(ClientCodec, KnowsWhenAFrameIsFull) {
    const std::string body(frame::kPayloadBytesMax - 2 * frame::kEventBytes - 4, 'x');
    std::string out;
    Encoder encoder(out);
    EXPECT_TRUE(encoder.has_room_for(event_to("/a", body)));
    encoder.add(event_to("/a", body));
    EXPECT_TRUE(encoder.has_room_for(event_to("/b")));
    EXPECT_FALSE(encoder.has_room_for(event_to("/bc")));
    encoder.add(event_to("/b"));
    encoder.end();
    EXPECT_TRUE(frame::read_header(out));
}

struct Misfit {
    const char* what;
    std::size_t target;
    std::size_t destination;
    std::size_t key;
    std::size_t body;
    const char* message;  // nullptr: it fits
};

class ClientCheck : public testing::TestWithParam<Misfit> {};

TEST_P(ClientCheck, FindsWhatFitsNoFrame) {
    const Misfit& row = GetParam();
    const std::string text(frame::kPayloadBytesMax + 1, 'x');
    Event event;
    event.target = std::string_view(text).substr(0, row.target);
    event.destination = std::string_view(text).substr(0, row.destination);
    event.key = std::string_view(text).substr(0, row.key);
    event.body = std::string_view(text).substr(0, row.body);
    const std::optional<Error> wrong = check(event);
    ASSERT_EQ(wrong.has_value(), row.message != nullptr) << row.what;
    if (!wrong) return;
    EXPECT_EQ(wrong->code, Errc::invalid);
    EXPECT_EQ(wrong->message, row.message);
    EXPECT_FALSE(wrong->may_be_stored());
    EXPECT_FALSE(wrong->may_pass_later());
}

constexpr std::size_t kMost = frame::kPayloadBytesMax - frame::kEventBytes;

INSTANTIATE_TEST_SUITE_P(
    Table,
    ClientCheck,
    testing::Values(Misfit{"nothing", 0, 0, 0, 0, nullptr},
                    Misfit{"longest texts", 65535, 255, 255, 0, nullptr},
                    Misfit{"target", 65536, 0, 0, 0, "the target is over 65535 bytes"},
                    Misfit{"destination", 0, 256, 0, 0, "the destination's name is over 255 bytes"},
                    Misfit{"key", 0, 0, 256, 0, "the key is over 255 bytes"},
                    Misfit{"largest", 0, 0, 0, kMost, nullptr},
                    Misfit{"too large together", 1, 0, 0, kMost, "the event is over 5 MiB"},
                    Misfit{"too large", 0, 0, 0, kMost + 1, "the event is over 5 MiB"}));

TEST(ClientCheck, FindsAMethodThatThereIsNot) {
    Event event;
    event.method = Method{9};
    EXPECT_TRUE(check(event));
}

TEST(ClientCodec, ReadsAReceipt) {
    frame::Answer answer = stored(7);
    answer.is_repeat = true;
    const std::string bytes = frame_of({answer, stored(8)}) + "more";
    AnswerFrame frame = read_answers(bytes);
    ASSERT_EQ(frame.status, AnswerFrame::Status::complete);
    EXPECT_EQ(frame.size, bytes.size() - 4);
    const auto first = take_answer(frame.answers);
    ASSERT_TRUE(first && *first);
    EXPECT_EQ((*first)->seq, 7U);
    EXPECT_EQ((*first)->id.text(), "01KDYGA0KE0000000000000018");
    EXPECT_EQ((*first)->accepted_at.time_since_epoch(),
              std::chrono::milliseconds(1'700'000'000'123));
    EXPECT_EQ((*first)->durability, Durability::synced);
    EXPECT_TRUE((*first)->is_repeat);
    const auto second = take_answer(frame.answers);
    ASSERT_TRUE(second && *second);
    EXPECT_FALSE((*second)->is_repeat);
    EXPECT_EQ(frame.answers, "");
}

TEST(ClientCodec, TellsABufferedAnswerFromASyncedOne) {
    frame::Answer answer = stored(1);
    answer.durability = frame::Durability::buffered;
    const std::string bytes = frame_of({answer});
    AnswerFrame frame = read_answers(bytes);
    const auto read = take_answer(frame.answers);
    ASSERT_TRUE(read && *read);
    EXPECT_EQ((*read)->durability, Durability::buffered);
    EXPECT_EQ(to_string((*read)->durability), "buffered");
    EXPECT_EQ(to_string(Durability::synced), "fsync");
}

TEST(ClientCodec, AYesThatIsNotStoredIsMalformed) {
    frame::Answer answer = stored(1);
    answer.durability = frame::Durability::none;
    const std::string bytes = frame_of({answer});
    AnswerFrame frame = read_answers(bytes);
    EXPECT_FALSE(take_answer(frame.answers));
}

struct Meaning {
    std::uint16_t status;
    const char* body;
    Errc code;
    const char* reason;
    const char* message;
    bool may_be_stored;
    bool may_pass_later;
};

class ClientMeaning : public testing::TestWithParam<Meaning> {};

TEST_P(ClientMeaning, OfAnAnswerSaysWhatToDo) {
    const Meaning& row = GetParam();
    const std::string bytes = frame_of({refused(row.status, row.body)});
    AnswerFrame frame = read_answers(bytes);
    const auto answer = take_answer(frame.answers);
    ASSERT_TRUE(answer);
    ASSERT_FALSE(*answer);
    const Error& error = answer->error();
    EXPECT_EQ(to_string(error.code), to_string(row.code)) << row.status;
    EXPECT_EQ(error.status, row.status);
    EXPECT_EQ(error.reason, row.reason);
    EXPECT_EQ(error.message, row.message);
    EXPECT_EQ(error.may_be_stored(), row.may_be_stored);
    EXPECT_EQ(error.may_pass_later(), row.may_pass_later);
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    ClientMeaning,
    testing::Values(
        Meaning{400, R"({"code":"a","message":"b"})", Errc::refused, "a", "b", false, false},
        Meaning{401, "", Errc::refused, "", "status 401", false, false},
        Meaning{404, "[]", Errc::refused, "", "status 404", false, false},
        Meaning{413, "{", Errc::refused, "", "status 413", false, false},
        Meaning{422, R"({"code":1})", Errc::refused, "", "status 422", false, false},
        Meaning{503, R"({"code":"busy"})", Errc::try_later, "busy", "status 503", false, true},
        Meaning{503, R"({"code":"unknown"})", Errc::in_doubt, "unknown", "status 503", true, true},
        Meaning{503, "", Errc::in_doubt, "", "status 503", true, true},
        Meaning{
            507, R"({"code":"log_full"})", Errc::try_later, "log_full", "status 507", false, true},
        Meaning{507, "", Errc::try_later, "", "status 507", false, true},
        Meaning{500, R"({"code":"new"})", Errc::in_doubt, "new", "status 500", true, true},
        Meaning{302, "", Errc::in_doubt, "", "status 302", true, true}));

TEST(ClientCodec, AFrameInPiecesIsIncompleteUntilItsEnd) {
    const std::string bytes = frame_of({stored(1), refused(400, "{}")});
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_EQ(read_answers(std::string_view(bytes).substr(0, size)).status,
                  AnswerFrame::Status::incomplete)
            << size;
    }
}

// Nothing that differs is taken for the same, and nothing is read beyond the end.
TEST(ClientCodec, NoChangedByteGoesUnnoticed) {
    const std::string bytes = frame_of({stored(1), refused(400, "{}")});
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        std::string changed = bytes;
        changed[at] = static_cast<char>(changed[at] ^ 0x10);
        const auto status = read_answers(changed).status;
        EXPECT_NE(status, AnswerFrame::Status::complete) << at;
        EXPECT_NE(status, AnswerFrame::Status::refusal) << at;
    }
}

TEST(ClientCodec, EventsAreNoAnswers) {
    std::string bytes;
    Encoder encoder(bytes);
    encoder.end();
    EXPECT_EQ(read_answers(bytes).status, AnswerFrame::Status::malformed);
    EXPECT_EQ(read_answers("HTTP/1.1 400 Bad Request\r\n\r\n").status,
              AnswerFrame::Status::malformed);
}

}  // namespace
}  // namespace holdfast::client
