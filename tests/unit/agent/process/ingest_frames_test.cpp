// Native frames on the socket that speaks HTTP too.
#include "proto/frame.hpp"
#include "tests/unit/agent/process/ingest_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

struct Seen {
    std::vector<unsigned> statuses;
    std::vector<std::uint64_t> seqs;  // of the stored
    std::vector<std::string> bodies;  // of the refused
    bool refused = false;             // the stream as a whole
};

// The complete frames in a stream of bytes.
Seen seen_by(const App& app) {
    Seen seen;
    std::string_view stream = app.received();
    while (stream.size() >= frame::kHeaderBytes) {
        const Result<frame::Header> header = frame::read_header(stream);
        EXPECT_TRUE(header);
        const std::size_t size = frame::kHeaderBytes + header->payload_bytes;
        if (stream.size() < size) break;
        EXPECT_TRUE(frame::matches_checksum(*header, stream.substr(0, size)));
        seen.refused = header->type == frame::Type::refusal;
        std::string_view payload = stream.substr(frame::kHeaderBytes, header->payload_bytes);
        while (!payload.empty()) {
            const Result<frame::Answer> answer = frame::take_answer(payload);
            if (!answer) return seen;
            seen.statuses.push_back(answer->status);
            if (answer->status == 200) {
                EXPECT_EQ(answer->durability, frame::Durability::synced);
                seen.seqs.push_back(answer->seq.value);
            } else {
                seen.bodies.emplace_back(answer->body);
            }
        }
        stream.remove_prefix(size);
    }
    return seen;
}

frame::Event identify_frame(std::string_view target = "/api/v1/customers/5") {
    return {.method = Method::put, .target = target, .body = R"({"plan":"basic"})"};
}

std::string frame_of(const std::vector<frame::Event>& events) {
    std::string out;
    frame::Writer writer(out, frame::Type::events);
    for (const frame::Event& event : events) writer.add(event);
    writer.end();
    return out;
}

class IngestFrames : public testing::Test {
protected:
    Seen answers(const App& app, std::size_t count) {
        EXPECT_TRUE(
            world_.until([&] { return seen_by(app).statuses.size() >= count || app.ended(); }));
        Seen seen = seen_by(app);
        EXPECT_EQ(seen.statuses.size(), count);
        return seen;
    }

    IngestWorld world_;
};

TEST_F(IngestFrames, AYesLeavesAfterTheSyncThatHoldsTheEvent) {
    world_.disk.hold();
    App& app = world_.connect();
    app.send(frame_of({identify_frame()}));
    ASSERT_TRUE(world_.until([&] { return world_.disk.somebody_waits(); }));
    world_.settle();
    EXPECT_EQ(app.received(), "");
    world_.disk.release();
    EXPECT_THAT(answers(app, 1).seqs, ElementsAre(1));
    const auto stored = world_.log->describe(Seq{1});
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->entry.event().person, "id:5");
    EXPECT_EQ(stored->entry.event().destination, "main");
    EXPECT_EQ(stored->entry.event().body, R"({"plan":"basic"})");
}

TEST_F(IngestFrames, EachEventHasItsAnswerInOrder) {
    App& app = world_.connect();
    frame::Event elsewhere = identify_frame();
    elsewhere.destination = "nowhere";
    frame::Event named = identify_frame();
    named.destination = "main";
    app.send(frame_of({identify_frame(), identify_frame("/nothing"), elsewhere, named}) +
             frame_of({identify_frame()}));
    const Seen seen = answers(app, 5);
    EXPECT_THAT(seen.statuses, ElementsAre(200, 404, 404, 200, 200));
    EXPECT_THAT(seen.seqs, ElementsAre(1, 2, 3));
    EXPECT_THAT(seen.bodies[0], testing::HasSubstr("\"code\":\"not_found\""));
    EXPECT_THAT(seen.bodies[1], testing::HasSubstr("\"code\":\"no_destination\""));
    EXPECT_FALSE(app.ended());
}

TEST_F(IngestFrames, AnEmptyFrameIsNoMistake) {
    App& app = world_.connect();
    app.send(frame_of({}) + frame_of({identify_frame()}));
    EXPECT_THAT(answers(app, 1).statuses, ElementsAre(200));
}

TEST_F(IngestFrames, MoreEventsInOneFrameThanMayBeOutstandingAreAllAnswered) {
    App& app = world_.connect();
    const std::size_t count = 3 * kOutstandingMax + 1;
    app.send(frame_of(std::vector<frame::Event>(count, identify_frame())));
    const Seen stored = answers(app, count);
    EXPECT_EQ(stored.seqs.back(), count);
    App& wrong = world_.connect();
    wrong.send(frame_of(std::vector<frame::Event>(count, identify_frame("/nothing"))));
    EXPECT_EQ(answers(wrong, count).bodies.size(), count);
}

// As proto/README.md says of the methods.
TEST_F(IngestFrames, WhatIsNotTakenIsRefusedByItselfAndTheConnectionGoesOn) {
    App& app = world_.connect();
    frame::Event got = identify_frame();
    got.method = Method::get;
    app.send(frame_of({got}));
    app.send(frame_of({identify_frame("/x"), identify_frame()}));
    EXPECT_THAT(answers(app, 3).statuses, ElementsAre(405, 404, 200));
    EXPECT_FALSE(app.ended());
}

TEST_F(IngestFrames, AnOperationOfV2IsAnEventAndABatchIsRefused) {
    App& app = world_.connect();
    const std::string body = R"({"type":"person","identifiers":{"id":"5"},"action":"suppress"})";
    const std::string batch = R"({"batch":[)" + body + "]}";
    app.send(frame_of({{.method = Method::post, .target = "/api/v2/batch", .body = batch},
                       {.method = Method::post, .target = "/api/v2/entity", .body = body}}));
    const Seen seen = answers(app, 2);
    EXPECT_THAT(seen.statuses, ElementsAre(400, 200));
    ASSERT_EQ(seen.bodies.size(), 1U);
    EXPECT_NE(seen.bodies[0].find("send each operation to /api/v2/entity"), std::string::npos);
    EXPECT_EQ(world_.log->describe(Seq{1})->entry.event().operation, Operation::suppress);
}

TEST_F(IngestFrames, ADamagedFrameEndsTheConnectionAfterWhatCameBefore) {
    App& app = world_.connect();
    std::string damaged = frame_of({identify_frame()});
    damaged.back() = 'x';
    app.send(frame_of({identify_frame()}) + damaged + frame_of({identify_frame()}));
    EXPECT_TRUE(world_.until([&] { return app.ended(); }));
    const Seen seen = seen_by(app);
    EXPECT_THAT(seen.statuses, ElementsAre(200, 400));
    EXPECT_TRUE(seen.refused);
    EXPECT_THAT(seen.bodies.at(0), testing::HasSubstr("does not match its checksum"));
    EXPECT_EQ(world_.log->health().head, Seq{1});
}

// It may take long until the app closes.
TEST_F(IngestFrames, ALargeFrameThatIsRefusedKeepsNoRoomFromOthers) {
    const std::vector<frame::Event> many(20'000, identify_frame());
    const std::string good = frame_of(many);
    ASSERT_GT(good.size(), std::size_t{900'000});
    std::string damaged = good;
    damaged.back() = 'x';
    for (std::size_t i = 0; i <= kLargeBytesMax / damaged.size(); ++i) {
        App& app = world_.connect();
        app.stop_reading();
        app.send(damaged);
    }
    world_.settle();
    App& other = world_.connect();
    other.send(good);
    EXPECT_EQ(answers(other, many.size()).seqs.size(), many.size());
}

TEST_F(IngestFrames, AFailedWriteIsAnswered503) {
    App& app = world_.connect();
    world_.disk.hold();
    app.send(frame_of({identify_frame(), identify_frame()}));
    ASSERT_TRUE(world_.until([&] { return world_.disk.somebody_waits(); }));
    world_.disk.break_down();
    world_.disk.release();
    EXPECT_THAT(answers(app, 2).statuses, ElementsAre(503, 503));
    EXPECT_FALSE(app.ended());
}

TEST_F(IngestFrames, AnEventThatTheLogHasNoRoomForIsServedLater) {
    IngestWorld world({.open_batch_bytes_max = 300});
    world.disk.hold();
    App& app = world.connect();
    app.send(frame_of(std::vector<frame::Event>(20, identify_frame())));
    world.settle();
    EXPECT_FALSE(world.server->context().held.empty());
    world.disk.release();
    EXPECT_TRUE(world.until([&] { return seen_by(app).statuses.size() == 20; }));
    EXPECT_EQ(world.log->health().head, Seq{20});
}

TEST_F(IngestFrames, AFrameThatDoesNotGoOnIsCutOff) {
    IngestWorld world({.limits = {.stall_max = std::chrono::milliseconds(60)}});
    App& app = world.connect();
    app.send(frame_of({identify_frame()}).substr(0, 20));
    EXPECT_TRUE(world.until([&] { return app.ended(); }));
    EXPECT_THAT(seen_by(app).statuses, IsEmpty());
}

}  // namespace
}  // namespace holdfast::agent
