// More connections than there may be: who has to go, and what the others see of it.
#include "proto/frame.hpp"
#include "tests/unit/agent/process/ingest_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::agent {
namespace {

using namespace std::chrono_literals;

constexpr Duration kNever = 1h;

class IngestPlaces : public testing::Test {
protected:
    void start(IngestLimits limits) { world_.emplace(IngestWorld::Options{.limits = limits}); }

    App& connect() { return world_->connect(); }

    bool is_answered(App& app, std::size_t count = 1) {
        app.send(identify("1"));
        return world_->until([&] { return app.answers().size() == count || app.ended(); }) &&
               app.answers().size() == count && app.answers().back().status == 200;
    }

    void expect_refused(const App& app) {
        EXPECT_TRUE(world_->until([&] { return app.ended(); }));
        ASSERT_EQ(app.answers().size(), 1U);
        EXPECT_EQ(app.answers()[0].status, 503U);
        EXPECT_EQ(app.answers()[0].field("Retry-After"), "1");
        EXPECT_EQ(app.answers()[0].field("Connection"), "close");
        EXPECT_TRUE(app.answers()[0].has(R"("overloaded")")) << app.answers()[0].body;
        EXPECT_FALSE(app.was_reset());
    }

    [[nodiscard]] std::size_t connections() const { return world_->server->connections(); }

    std::optional<IngestWorld> world_;
};

TEST_F(IngestPlaces, ForOneTooManyTheOneThatRestedTheLongestIsClosed) {
    start({.connections_max = 2, .own_rest = 0s});
    App& first = connect();
    App& second = connect();
    EXPECT_TRUE(is_answered(first));
    EXPECT_TRUE(is_answered(second));
    EXPECT_TRUE(is_answered(first, 2));
    App& third = connect();
    EXPECT_TRUE(is_answered(third));
    EXPECT_TRUE(world_->until([&] { return second.ended(); }));
    EXPECT_FALSE(second.was_reset());
    EXPECT_FALSE(first.ended());
    EXPECT_TRUE(is_answered(first, 3));
    EXPECT_EQ(connections(), 2U);
}

TEST_F(IngestPlaces, WhatWaitsForItsAnswerIsNotClosedAndWhoFindsNoPlaceIsRefused) {
    start({.connections_max = 2, .stall_max = kNever, .own_rest = 0s});
    world_->disk.hold();
    App& first = connect();
    App& second = connect();
    for (App* app : {&first, &second}) app->send(identify("1"));
    world_->settle();
    App& third = connect();
    third.send(identify("1"));
    expect_refused(third);
    EXPECT_EQ(world_->server->context().failed, 1U);
    world_->disk.release();
    EXPECT_TRUE(
        world_->until([&] { return first.answers().size() == 1 && second.answers().size() == 1; }));
    App& fourth = connect();
    EXPECT_TRUE(is_answered(fourth));
}

TEST_F(IngestPlaces, FramesAreRefusedInAFrame) {
    start({.connections_max = 1, .own_rest = kNever});
    EXPECT_TRUE(is_answered(connect()));
    App& late = connect();
    std::string out;
    frame::Writer writer(out, frame::Type::events);
    writer.add({.method = Method::put, .target = "/api/v1/customers/5", .body = "{}"});
    writer.end();
    late.send(out);
    EXPECT_TRUE(world_->until([&] { return late.ended(); }));
    const Result<frame::Header> header = frame::read_header(late.received());
    ASSERT_TRUE(header);
    EXPECT_EQ(header->type, frame::Type::refusal);
    std::string_view payload = std::string_view(late.received()).substr(frame::kHeaderBytes);
    const Result<frame::Answer> answer = frame::take_answer(payload);
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, 503U);
}

TEST_F(IngestPlaces, ABurstOfAProcessDoesNotCloseItsOwnOfAMomentAgo) {
    start({.connections_max = 1, .own_rest = kNever});
    App& first = connect();
    world_->settle();
    App& second = connect();
    second.send(identify("1"));
    expect_refused(second);
    EXPECT_TRUE(is_answered(first));
}

TEST_F(IngestPlaces, ForAProcessThatHasFewerAPlaceIsMadeAtOnce) {
    start({.connections_max = 3, .stall_max = kNever, .own_rest = kNever});
    App& first = connect();
    for (int i = 0; i < 2; ++i) EXPECT_TRUE(is_answered(connect()));
    world_->settle();
    App& other = *world_->connect_elsewhere(1).front();
    EXPECT_TRUE(is_answered(other));
    EXPECT_TRUE(first.ended());
    EXPECT_EQ(connections(), 3U);
}

TEST_F(IngestPlaces, AProcessThatHasMoreTakesNoPlaceOfAnother) {
    start({.connections_max = 3, .stall_max = kNever, .own_rest = 0s});
    App& other = *world_->connect_elsewhere(1).front();
    EXPECT_TRUE(is_answered(other));
    for (int i = 0; i < 50; ++i) EXPECT_TRUE(is_answered(connect()));
    EXPECT_TRUE(is_answered(other, 2));
}

TEST_F(IngestPlaces, WhoSaysNothingTakesNobodysPlace) {
    start({.connections_max = 2, .stall_max = kNever, .own_rest = 0s});
    App& first = connect();
    App& second = connect();
    world_->settle();
    std::vector<App*> silent;
    for (std::size_t i = 0; i < kInLobbyMax; ++i) silent.push_back(&connect());
    world_->settle();
    EXPECT_FALSE(first.ended());
    EXPECT_FALSE(second.ended());
    EXPECT_EQ(connections(), 2 + kInLobbyMax);
    EXPECT_TRUE(is_answered(*silent.back()));
    EXPECT_TRUE(first.ended()) << "now it has one";
}

TEST_F(IngestPlaces, SilentOnesThatAreTooManyGoToTheirOwnPlacesOrAreClosed) {
    start({.connections_max = 2, .stall_max = kNever, .own_rest = kNever});
    App& first = connect();
    App& second = connect();
    std::vector<App*> silent;
    for (std::size_t i = 0; i < 10 * kInLobbyMax; ++i) silent.push_back(&connect());
    world_->settle();
    EXPECT_EQ(connections(), 2 + kInLobbyMax);
    EXPECT_TRUE(silent.front()->ended());
    EXPECT_FALSE(silent.back()->ended());
    App& other = *world_->connect_elsewhere(1).front();
    EXPECT_TRUE(is_answered(other));
    EXPECT_TRUE(is_answered(second));
    EXPECT_TRUE(first.ended());
}

TEST_F(IngestPlaces, SilentOnesThatAreTooManyGetThePlacesOfThoseThatRest) {
    start({.connections_max = 2, .stall_max = kNever, .own_rest = 0s});
    App& first = connect();
    App& second = connect();
    world_->settle();
    std::vector<App*> silent;
    for (std::size_t i = 0; i < kInLobbyMax + 1; ++i) silent.push_back(&connect());
    world_->settle();
    EXPECT_TRUE(first.ended());
    EXPECT_FALSE(second.ended());
    for (App* app : silent) EXPECT_FALSE(app->ended());
}

// Those behind the first in the lobby have spoken before they can be heard.
TEST_F(IngestPlaces, EachOfABurstIsAnswered) {
    start({.connections_max = 1, .stall_max = kNever, .own_rest = kNever});
    EXPECT_TRUE(is_answered(connect()));
    std::vector<App*> burst;
    for (std::size_t i = 0; i < 3 * kInLobbyMax; ++i) {
        burst.push_back(&connect());
        burst.back()->send(identify("1"));
        burst.back()->pump();
    }
    for (App* app : burst) {
        EXPECT_TRUE(world_->until([&] { return app->ended(); }));
        EXPECT_EQ(app->answers().size(), 1U);
    }
}

// So many come in one turn that it is decided about the first of them before the old one is read.
TEST_F(IngestPlaces, WhatHasComeAndIsNotReadYetIsAnswered) {
    start({.connections_max = 1, .stall_max = kNever, .own_rest = 0s});
    App& first = connect();
    EXPECT_TRUE(is_answered(first));
    for (std::size_t i = 0; i < 2 * kInLobbyMax; ++i) {
        App& other = connect();
        other.send(identify("1"));
        other.pump();
    }
    first.send(identify("1"));
    first.pump();
    EXPECT_TRUE(world_->until([&] { return first.answers().size() == 2 || first.ended(); }));
    EXPECT_EQ(first.answers().size(), 2U);
}

TEST_F(IngestPlaces, OneThatIsClosedGivesItsPlaceToTheNextAtOnce) {
    start({.connections_max = 1, .stall_max = kNever, .own_rest = kNever});
    for (int i = 0; i < 20; ++i) {
        App& app = connect();
        EXPECT_TRUE(is_answered(app));
        app.close();
    }
}

TEST_F(IngestPlaces, OneThatIsClosedAndWasNotReadYetMakesRoomToo) {
    start({.connections_max = 1, .stall_max = kNever, .own_rest = kNever});
    App& first = connect();
    EXPECT_TRUE(is_answered(first));
    App& next = connect();
    for (std::size_t i = 0; i < kInLobbyMax; ++i) connect();
    first.close();
    EXPECT_TRUE(is_answered(next));
}

TEST_F(IngestPlaces, WhoStopsInTheMiddleOfARequestMakesRoomAfterAWhile) {
    start({.connections_max = 1, .stall_max = kNever, .turn_max = kNever});
    App& half = connect();
    half.send(identify("1").substr(0, 30));
    world_->settle();
    App& other = *world_->connect_elsewhere(1).front();
    other.send(identify("1"));
    expect_refused(other);

    start({.connections_max = 1, .stall_max = kNever, .turn_max = 50ms});
    App& again = connect();
    again.send(identify("1").substr(0, 30));
    world_->run_for(70ms);
    EXPECT_TRUE(is_answered(*world_->connect_elsewhere(1).front()));
    EXPECT_TRUE(again.ended());
}

TEST_F(IngestPlaces, ARefusedOneThatDoesNotGoIsInNobodysWay) {
    start({.connections_max = 1, .stall_max = kNever, .own_rest = kNever});
    App& first = connect();
    EXPECT_TRUE(is_answered(first));
    std::vector<App*> refused;
    for (std::size_t i = 0; i < kInLobbyMax; ++i) {
        refused.push_back(&connect());
        refused.back()->send(identify("1"));
    }
    for (App* app : refused) expect_refused(*app);
    EXPECT_EQ(connections(), 1 + kInLobbyMax);
    EXPECT_TRUE(is_answered(*world_->connect_elsewhere(1).front()));
    EXPECT_LE(connections(), 1 + kInLobbyMax);
}

TEST_F(IngestPlaces, WhoSaysNothingInTheLobbyIsClosedInTheEnd) {
    start({.connections_max = 1, .stall_max = 60ms, .own_rest = kNever});
    App& first = connect();
    App& silent = connect();
    EXPECT_TRUE(world_->until([&] { return silent.ended(); }));
    EXPECT_FALSE(first.ended()) << "one that has a place may be silent for ever";
}

TEST_F(IngestPlaces, WhoWaitedForAPlaceThatIsFreeNowMayGoOnBeingSilent) {
    start({.connections_max = 1, .stall_max = 200ms, .own_rest = kNever});
    App& first = connect();
    App& silent = connect();
    EXPECT_TRUE(world_->until([&] { return connections() == 2; }));
    first.close();
    world_->run_for(300ms);
    EXPECT_FALSE(silent.ended());
    EXPECT_TRUE(is_answered(silent));
}

}  // namespace
}  // namespace holdfast::agent
