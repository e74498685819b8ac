// What is known of each event when a connection breaks at any point.
#include "agent/client/pipeline.hpp"

#include "tests/unit/agent/client/fake_agent.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::client {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::string_view kTarget = "/api/v1/customers/5";

void submit(Pipeline& pipeline, std::size_t count = 1, std::string_view body = "{}") {
    Event event;
    event.target = kTarget;
    event.body = body;
    for (std::size_t i = 0; i < count; ++i) (void)pipeline.submit(event);
}

void send_all(Pipeline& pipeline) {
    pipeline.sent(pipeline.unsent().size());
}

// "stored", or the error's code.
std::vector<std::string> taken_from(Pipeline& pipeline) {
    std::vector<std::string> all;
    while (const auto completion = pipeline.take()) {
        all.emplace_back(completion->outcome ? "stored"
                                             : to_string(completion->outcome.error().code));
    }
    return all;
}

TEST(Pipeline, GivesEachEventItsAnswerInOrder) {
    Pipeline pipeline;
    submit(pipeline, 3);
    send_all(pipeline);
    EXPECT_THAT(taken_from(pipeline), IsEmpty());
    pipeline.feed(frame_of({stored(1), refused(400, "{}")}));
    pipeline.feed(frame_of({stored(2)}));
    const auto first = pipeline.take();
    ASSERT_TRUE(first);
    EXPECT_EQ(first->ticket, 1U);
    EXPECT_EQ(first->outcome->seq, 1U);
    EXPECT_EQ(pipeline.outstanding(), 2U);
    EXPECT_THAT(taken_from(pipeline), ElementsAre("refused", "stored"));
    EXPECT_TRUE(pipeline.is_clean());
}

TEST(Pipeline, ReadsAnswersByteByByte) {
    Pipeline pipeline;
    submit(pipeline, 2);
    send_all(pipeline);
    std::vector<std::string> taken;
    for (const char byte : frame_of({stored(1)}) + frame_of({}) + frame_of({stored(2)})) {
        pipeline.feed({&byte, 1});
        for (const std::string& one : taken_from(pipeline)) taken.push_back(one);
    }
    EXPECT_THAT(taken, ElementsAre("stored", "stored"));
    EXPECT_TRUE(pipeline.is_clean());
}

TEST(Pipeline, EventsThatAreSubmittedTogetherShareAFrame) {
    Pipeline pipeline;
    submit(pipeline, 2);
    const std::string_view bytes = pipeline.unsent();
    const auto header = frame::read_header(bytes);
    EXPECT_EQ(bytes.size(), frame::kHeaderBytes + header->payload_bytes);
}

TEST(Pipeline, WhatWasNotHandedOverWholeIsNotSent) {
    const std::string large(frame::kPayloadBytesMax / 2, 'x');  // a frame has room for one
    Pipeline pipeline;
    submit(pipeline, 3, large);
    const std::size_t one_frame = pipeline.unsent().size() / 3;
    pipeline.sent(2 * one_frame - 1);
    EXPECT_FALSE(pipeline.nothing_handed_over());
    pipeline.lose("broken");
    EXPECT_TRUE(pipeline.is_over());
    EXPECT_THAT(taken_from(pipeline), ElementsAre("in_doubt", "unreachable", "unreachable"));
}

TEST(Pipeline, WhatIsSubmittedAfterALossSharesItUntilAllIsTaken) {
    Pipeline pipeline;
    submit(pipeline);
    send_all(pipeline);
    pipeline.lose("broken");
    submit(pipeline);
    EXPECT_EQ(pipeline.unsent(), "");
    EXPECT_THAT(taken_from(pipeline), ElementsAre("in_doubt", "unreachable"));
    submit(pipeline);
    EXPECT_NE(pipeline.unsent(), "");
    pipeline.begin();
    send_all(pipeline);
    pipeline.feed(frame_of({stored(3)}));
    EXPECT_THAT(taken_from(pipeline), ElementsAre("stored"));
}

TEST(Pipeline, AnswersThatCameBeforeTheEndCount) {
    Pipeline pipeline;
    submit(pipeline, 3);
    send_all(pipeline);
    pipeline.feed(frame_of({stored(1), stored(2)}) + frame_of({stored(3)}).substr(0, 30));
    pipeline.lose("broken");
    EXPECT_THAT(taken_from(pipeline), ElementsAre("stored", "stored", "in_doubt"));
}

TEST(Pipeline, StartsOverFromTheBeginningOfAFrameThatWasSentInPart) {
    Pipeline pipeline;
    submit(pipeline, 2);
    const std::string whole(pipeline.unsent());
    pipeline.sent(whole.size() - 1);
    EXPECT_TRUE(pipeline.nothing_handed_over());
    pipeline.begin();
    EXPECT_EQ(pipeline.unsent(), whole);
}

// A repeat of the first would be answered, and its answers taken for the second's.
TEST(Pipeline, StartsOverBehindTheFramesThatWereAnswered) {
    Pipeline pipeline;
    submit(pipeline);
    const std::size_t first = pipeline.unsent().size();
    submit(pipeline, 2);
    const std::string whole(pipeline.unsent());
    pipeline.sent(first + 5);
    pipeline.feed(frame_of({stored(1)}));
    EXPECT_THAT(taken_from(pipeline), ElementsAre("stored"));
    ASSERT_TRUE(pipeline.nothing_handed_over());
    pipeline.begin();
    EXPECT_EQ(pipeline.unsent(), whole.substr(first));
}

TEST(Pipeline, DamagedAnswersEndTheConnection) {
    Pipeline pipeline;
    submit(pipeline, 2);
    send_all(pipeline);
    std::string damaged = frame_of({stored(2)});
    damaged.back() = 'x';
    pipeline.feed(frame_of({stored(1)}) + damaged + frame_of({stored(3)}));
    EXPECT_THAT(taken_from(pipeline), ElementsAre("stored", "in_doubt"));
    EXPECT_TRUE(pipeline.is_over());
}

TEST(Pipeline, AnswersThatDoNotEndWithinTheirFrameEndTheConnection) {
    std::string bytes;
    frame::Writer writer(bytes, frame::Type::answers);
    writer.add(stored(1));
    bytes += "x";
    writer.end();
    Pipeline pipeline;
    submit(pipeline, 2);
    send_all(pipeline);
    pipeline.feed(bytes);
    EXPECT_THAT(taken_from(pipeline), ElementsAre("stored", "in_doubt"));
    EXPECT_TRUE(pipeline.is_over());
}

TEST(Pipeline, ARefusedFrameMeansThatNothingMoreIsStored) {
    Pipeline pipeline;
    submit(pipeline, 3);
    send_all(pipeline);
    pipeline.feed(
        frame_of({stored(1)}) +
        frame_of({refused(400, R"({"code":"malformed","message":"m"})")}, frame::Type::refusal));
    ASSERT_TRUE(pipeline.take()->outcome);
    const auto second = pipeline.take();
    EXPECT_EQ(second->outcome.error().reason, "malformed");
    EXPECT_THAT(taken_from(pipeline), ElementsAre("refused"));
    EXPECT_TRUE(pipeline.is_over());
}

TEST(Pipeline, AnAnswerThatNobodyAskedForIsNotTakenForTheNext) {
    Pipeline pipeline;
    submit(pipeline);
    send_all(pipeline);
    pipeline.feed(frame_of({stored(1), stored(2)}));
    EXPECT_THAT(taken_from(pipeline), ElementsAre("stored"));
    EXPECT_FALSE(pipeline.is_clean());
}

}  // namespace
}  // namespace holdfast::client
