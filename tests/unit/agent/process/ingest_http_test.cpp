// Events for a destination of type "http".
#include "proto/frame.hpp"
#include "tests/unit/agent/process/ingest_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <utility>

namespace holdfast::agent {
namespace {

using testing::HasSubstr;

class IngestHttp : public testing::Test {
protected:
    // A connection for each: of the next one only its answer is new.
    Reply answer(const std::string& bytes) {
        App& app = world_.connect();
        app.send(bytes);
        EXPECT_TRUE(world_.until([&] { return !app.answers().empty() || app.ended(); }));
        return app.answers().empty() ? Reply{} : app.answers()[0];
    }

    Reply post(const std::string& destination,
               const std::string& fields = {},
               const std::string& body = "any") {
        return answer(request("POST", "/destinations/" + destination, body, fields));
    }

    frame::Answer answer_to(const frame::Event& event) {
        App& app = world_.connect();
        std::string out;
        frame::Writer writer(out, frame::Type::events);
        writer.add(event);
        writer.end();
        app.send(out);
        EXPECT_TRUE(world_.until(
            [&] { return app.received().size() > frame::kHeaderBytes || app.ended(); }));
        frame_answer_ = app.received();
        std::string_view payload = std::string_view(frame_answer_).substr(frame::kHeaderBytes);
        const Result<frame::Answer> taken = frame::take_answer(payload);
        EXPECT_TRUE(taken);
        return taken ? *taken : frame::Answer{};
    }

    // The entry is kept until the next call.
    const Event& stored(Seq seq) {
        auto found = world_.log->describe(seq);
        if (!found) {
            ADD_FAILURE() << "no entry " << seq.value;
            static const Event none;
            return none;
        }
        entry_.emplace(std::move(*found));
        return entry_->entry.event();
    }

    [[nodiscard]] Seq head() const { return world_.log->health().head; }

    IngestWorld world_;

private:
    std::string frame_answer_;
    std::optional<wal::Description> entry_;
};

TEST_F(IngestHttp, AnEventIsStoredAndAnsweredWithItsIdAndSeq) {
    const Reply yes =
        post("hooks/events", "Holdfast-Key: 5\r\nholdfast-event: placed\r\n", "not JSON \x01");
    EXPECT_EQ(yes.status, 200U);
    EXPECT_EQ(yes.body, R"({"id":")" + yes.field("X-Holdfast-Id") + "\",\"seq\":1}\n");
    EXPECT_EQ(yes.field("X-Holdfast-Seq"), "1");
    const Event& event = stored(Seq{1});
    EXPECT_EQ(event.id.text(), yes.field("X-Holdfast-Id"));
    EXPECT_EQ(event.operation, Operation::request);
    EXPECT_EQ(event.destination, "hooks");
    EXPECT_EQ(event.person, "key:5");
    EXPECT_EQ(event.name, "placed");
    EXPECT_EQ(event.body, "not JSON \x01");
}

TEST_F(IngestHttp, TheDestinationSaysWhetherItMayBeRepeated) {
    EXPECT_EQ(post("once/events").status, 200U);
    EXPECT_EQ(stored(Seq{1}).operation, Operation::request_once);
}

TEST_F(IngestHttp, ANameThatIsNotThereIsToldThoseThatAre) {
    const Reply no = post("hook/events");
    EXPECT_EQ(no.status, 404U);
    EXPECT_TRUE(no.has("\"code\":\"no_destination\"")) << no.body;
    EXPECT_TRUE(no.has("there is: hooks, once\"")) << no.body;
    EXPECT_EQ(head(), Seq{0});
}

TEST_F(IngestHttp, AWorkspaceIsNoSuchDestinationAndTheOtherWayRound) {
    const Reply no = post("main/events");
    EXPECT_EQ(no.status, 400U);
    EXPECT_TRUE(no.has("\"code\":\"wrong_destination\"")) << no.body;
    const frame::Answer other = answer_to({.method = Method::put,
                                           .destination = "hooks",
                                           .target = "/api/v1/customers/5",
                                           .body = "{}"});
    EXPECT_EQ(other.status, 400U);
    EXPECT_THAT(std::string(other.body), HasSubstr("wrong_destination"));
    EXPECT_EQ(head(), Seq{0});
}

TEST_F(IngestHttp, BesideItTheOnlyWorkspaceNeedsNoName) {
    EXPECT_EQ(answer(identify("5")).status, 200U);
    const frame::Event unnamed{
        .method = Method::put, .target = "/api/v1/customers/5", .body = "{}"};
    EXPECT_EQ(answer_to(unnamed).status, 200U);
    EXPECT_EQ(stored(Seq{1}).destination, "main");
    EXPECT_EQ(stored(Seq{2}).destination, "main");
}

TEST_F(IngestHttp, WhatIsWrongIsRefused) {
    EXPECT_EQ(post("hooks/event").status, 404U);
    EXPECT_EQ(answer(request("PUT", "/destinations/hooks/events", "x")).status, 405U);
    EXPECT_EQ(post("hooks/events?keys=1").status, 400U);
    EXPECT_TRUE(post("hooks/events", "Holdfast-Key: 1\r\nHoldfast-Key: 2\r\n").has("invalid_key"));
    EXPECT_TRUE(post("hooks/events", "Holdfast-Event: \xff\r\n").has("invalid_name"));
    EXPECT_TRUE(post("hooks/events", "Idempotency-Key: \r\n").has("invalid_idempotency_key"));
    EXPECT_EQ(post("hooks/events", {}, std::string((1 << 20) + 1, 'x')).status, 413U);
    EXPECT_EQ(post("hooks/events", "Origin: https://evil.example\r\n").status, 403U);
    EXPECT_EQ(head(), Seq{0});
}

TEST_F(IngestHttp, ARequestsFieldsAreNotTheNextOnes) {
    App& app = world_.connect();
    app.send(request(
        "POST", "/destinations/hooks/events", "1", "Holdfast-Key: 5\r\nHoldfast-Event: a\r\n"));
    app.send(request("POST", "/destinations/hooks/events", "2"));
    ASSERT_TRUE(world_.until([&] { return app.answers().size() == 2; }));
    EXPECT_EQ(stored(Seq{2}).person, "");
    EXPECT_EQ(stored(Seq{2}).name, "");
}

TEST_F(IngestHttp, TheSameIdempotencyKeyIsARepeatOnlyWithTheSameKeyAndName) {
    const std::string key = "Idempotency-Key: order-17\r\n";
    const Reply first = post("hooks/events", key + "Holdfast-Key: 5\r\n");
    EXPECT_EQ(first.status, 200U);
    const Reply repeat = post("hooks/events?key=5", key);
    EXPECT_EQ(repeat.status, 200U);
    EXPECT_EQ(repeat.field("Idempotent-Replayed"), "true");
    EXPECT_EQ(repeat.body, first.body);
    EXPECT_EQ(post("hooks/events?key=6", key).status, 422U);
    EXPECT_EQ(post("once/events?key=5", key).status, 200U);
    EXPECT_EQ(head(), Seq{2});
}

TEST_F(IngestHttp, AFrameNamesItByItsTargetAndMayNameItTwice) {
    frame::Event event{.method = Method::post,
                       .destination = "hooks",
                       .target = "/destinations/hooks/events?key=5",
                       .body = "x"};
    EXPECT_EQ(answer_to(event).status, 200U);
    event.destination = "";
    EXPECT_EQ(answer_to(event).status, 200U);
    event.destination = "once";
    const frame::Answer no = answer_to(event);
    EXPECT_EQ(no.status, 400U);
    EXPECT_THAT(std::string(no.body), HasSubstr("wrong_destination"));
    EXPECT_EQ(stored(Seq{2}).person, "key:5");
    EXPECT_EQ(head(), Seq{2});
}

}  // namespace
}  // namespace holdfast::agent
