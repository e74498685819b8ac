// What apps are answered, and when.
#include "tests/unit/agent/process/ingest_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

namespace holdfast::agent {
namespace {

using testing::ElementsAre;

std::vector<unsigned> statuses(const App& app) {
    std::vector<unsigned> all;
    for (const Reply& answer : app.answers()) all.push_back(answer.status);
    return all;
}

class IngestAnswers : public testing::Test {
protected:
    // Waits until the answers have come.
    std::vector<Reply> answers(const App& app, std::size_t count) {
        EXPECT_TRUE(world_.until([&] { return app.answers().size() >= count || app.ended(); }));
        std::vector<Reply> all = app.answers();
        EXPECT_EQ(all.size(), count) << app.received();
        all.resize(count);
        return all;
    }

    [[nodiscard]] Seq head() const { return world_.log->health().head; }

    IngestWorld world_;
};

TEST_F(IngestAnswers, AYesLeavesAfterTheSyncThatHoldsTheEvent) {
    world_.disk.hold();
    App& app = world_.connect();
    app.send(identify("5"));
    ASSERT_TRUE(world_.until([&] { return world_.disk.somebody_waits(); }));
    world_.settle();
    EXPECT_EQ(app.received(), "");
    EXPECT_TRUE(world_.server->has_answers_outstanding());

    world_.disk.release();
    const Reply yes = answers(app, 1).front();
    EXPECT_EQ(yes.status, 200U);
    EXPECT_EQ(yes.body, "{}\n");
    EXPECT_EQ(yes.field("X-Holdfast-Seq"), "1");
    EXPECT_FALSE(world_.server->has_answers_outstanding());

    const auto stored = world_.log->describe(Seq{1});
    ASSERT_TRUE(stored);
    EXPECT_EQ(stored->entry.event().body, R"({"plan":"basic"})");
    EXPECT_EQ(stored->entry.event().person, "id:5");
    EXPECT_EQ(stored->entry.event().id.text(), yes.field("X-Holdfast-Id"));
}

TEST_F(IngestAnswers, AnswersComeInTheOrderOfTheRequestsThoughRefusalsAreReadyAtOnce) {
    world_.disk.hold();
    App& app = world_.connect();
    app.send(identify("1") + request("PUT", "/api/v1/customers/2", "{") +
             request("GET", "/nowhere") + identify("3"));
    ASSERT_TRUE(world_.until([&] { return world_.disk.somebody_waits(); }));
    world_.settle();
    EXPECT_EQ(app.received(), "");
    world_.disk.release();
    answers(app, 4);
    EXPECT_THAT(statuses(app), ElementsAre(200, 400, 404, 200));
}

TEST_F(IngestAnswers, WhatIsRefusedIsNotStored) {
    App& app = world_.connect();
    app.send(request("PUT", "/api/v1/customers/2", "[]") + identify("3"));
    answers(app, 2);
    EXPECT_EQ(head(), Seq{1});
    EXPECT_EQ(world_.log->describe(Seq{1})->entry.event().person, "id:3");
    EXPECT_EQ(world_.server->context().refused, 1U);
    EXPECT_EQ(world_.server->context().acknowledged, 1U);
}

TEST_F(IngestAnswers, AForeignSiteIdIsRefused) {
    App& app = world_.connect();
    app.send(request("PUT", "/api/v1/customers/2", "{}", "Authorization: Basic b3RoZXI6a2V5\r\n"));
    EXPECT_EQ(answers(app, 1).front().status, 401U);
    EXPECT_EQ(head(), Seq{0});
}

TEST_F(IngestAnswers, AnAppThatClosedItsHalfGetsAllItsAnswersAndThenTheEnd) {
    world_.disk.hold();
    App& app = world_.connect();
    for (int i = 0; i < 10; ++i) app.send(identify(std::to_string(i)));
    app.end_sending();
    ASSERT_TRUE(world_.until([&] { return world_.disk.somebody_waits(); }));
    world_.settle();
    EXPECT_FALSE(app.ended());
    world_.disk.release();
    ASSERT_TRUE(world_.until([&] { return app.ended(); }));
    EXPECT_FALSE(app.was_reset());
    EXPECT_EQ(statuses(app), std::vector<unsigned>(10, 200));
    EXPECT_EQ(world_.server->connections(), 0U);
}

TEST_F(IngestAnswers, AWebPageIsRefusedAndNothingIsStored) {
    App& app = world_.connect();
    app.send(
        "PUT /api/v1/customers/1 HTTP/1.1\r\nHost: h\r\nOrigin: https://evil.example\r\n"
        "Content-Length: 2\r\n\r\n{}");
    ASSERT_TRUE(world_.until([&] { return app.answers().size() == 1; }));
    EXPECT_THAT(app.received(), ::testing::StartsWith("HTTP/1.1 403 "));
    EXPECT_EQ(head(), Seq{0});
}

TEST_F(IngestAnswers, AnAppThatEndsWithinARequestStoresNothingOfIt) {
    App& app = world_.connect();
    app.send(identify("1").substr(0, 40));
    app.end_sending();
    ASSERT_TRUE(world_.until([&] { return app.ended(); }));
    EXPECT_EQ(app.received(), "");
    EXPECT_EQ(head(), Seq{0});
}

TEST_F(IngestAnswers, AnAppThatIsGoneBeforeItsAnswerHasItsEventStoredAllTheSame) {
    world_.disk.hold();
    App& app = world_.connect();
    app.send(identify("1"));
    ASSERT_TRUE(world_.until([&] { return world_.disk.somebody_waits(); }));
    app.close();
    world_.settle();
    world_.disk.release();
    EXPECT_TRUE(world_.until([&] { return head() == Seq{1}; }));
    EXPECT_TRUE(world_.until([&] { return world_.server->connections() == 0; }));
}

TEST_F(IngestAnswers, TheConnectionEndsWhereTheAppAsksForIt) {
    for (const std::string fields : {"Connection: close\r\n"}) {
        App& app = world_.connect();
        app.send(request("PUT", "/api/v1/customers/1", "{}", fields));
        EXPECT_TRUE(answers(app, 1).front().has("Connection: close\r\n"));
        EXPECT_TRUE(world_.until([&] { return app.ended(); }));
        EXPECT_FALSE(app.was_reset());
    }
}

TEST_F(IngestAnswers, HttpOneZeroEndsAfterOneAnswer) {
    App& app = world_.connect();
    app.send("PUT /api/v1/customers/1 HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}");
    EXPECT_EQ(answers(app, 1).front().status, 200U);
    EXPECT_TRUE(world_.until([&] { return app.ended(); }));
}

// Its client takes no body for an answer to HEAD: what follows would be misread.
TEST_F(IngestAnswers, AHeadIsRefusedAndEndsTheConnection) {
    App& app = world_.connect();
    app.send(request("HEAD", "/api/v1/customers/1") + identify("2"));
    EXPECT_EQ(answers(app, 1).front().status, 405U);
    EXPECT_TRUE(world_.until([&] { return app.ended(); }));
    EXPECT_EQ(head(), Seq{0});
}

TEST_F(IngestAnswers, ABodyIsAskedForWhereTheAppWaitsForIt) {
    App& app = world_.connect();
    const std::string whole =
        request("PUT", "/api/v1/customers/1", "{}", "Expect: 100-continue\r\n");
    app.send(whole.substr(0, whole.size() - 2));
    EXPECT_EQ(answers(app, 1).front().status, 100U);
    app.send("{}");
    EXPECT_EQ(answers(app, 2).back().status, 200U);
}

TEST_F(IngestAnswers, GarbageIsRefusedAndTheAnswerArrivesThoughTheAppGoesOnSending) {
    App& app = world_.connect();
    app.send(std::string(100'000, 'x') + "\r\n\r\n" + std::string(1'000'000, 'y'));
    ASSERT_TRUE(world_.until([&] { return app.ended(); }));
    EXPECT_THAT(statuses(app), ElementsAre(testing::AnyOf(400U, 431U)));
    EXPECT_FALSE(app.was_reset());
}

TEST_F(IngestAnswers, TheKernelSaysWhoSendsOnTheUnixSocket) {
    App& app = world_.connect();
    app.send(identify("1"));
    answers(app, 1);
    const Peer expected{::getuid(), ::getgid(), static_cast<std::uint32_t>(::getpid())};
    EXPECT_EQ(world_.log->describe(Seq{1})->entry.event().peer, expected);
}

TEST_F(IngestAnswers, NobodySaysWhoSendsOverTcp) {
    App& app = world_.connect_tcp();
    app.send(identify("1"));
    EXPECT_EQ(answers(app, 1).front().status, 200U);
    EXPECT_EQ(world_.log->describe(Seq{1})->entry.event().peer, Peer{});
}

TEST_F(IngestAnswers, AStoppedServerAnswersWhatIsBeingStoredReadsNoMoreAndCloses) {
    world_.disk.hold();
    App& waiting = world_.connect();
    App& idle = world_.connect();
    waiting.send(identify("1"));
    ASSERT_TRUE(world_.until([&] { return world_.disk.somebody_waits(); }));
    ASSERT_TRUE(world_.until([&] { return world_.server->connections() == 2; }));
    world_.server->stop();
    EXPECT_TRUE(world_.until([&] { return idle.ended(); }));
    EXPECT_NE(::access(world_.socket().c_str(), F_OK), 0);
    waiting.send(identify("2"));
    world_.settle();
    EXPECT_TRUE(world_.server->has_answers_outstanding());
    world_.disk.release();
    EXPECT_TRUE(world_.until([&] { return waiting.ended(); }));
    EXPECT_THAT(statuses(waiting), ElementsAre(200));
    EXPECT_FALSE(world_.server->has_answers_outstanding());
    EXPECT_EQ(head(), Seq{1});
}

}  // namespace
}  // namespace holdfast::agent
