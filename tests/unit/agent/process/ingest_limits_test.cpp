// What one app can do to the agent and to the other apps: nothing much.
#include "agent/clock.hpp"
#include "proto/frame.hpp"
#include "tests/unit/agent/process/ingest_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <deque>
#include <vector>

namespace holdfast::agent {
namespace {

using namespace std::chrono_literals;

bool all_yes_in_order(const App& app) {
    std::uint64_t seq = 0;
    const std::vector<Reply> answers = app.answers();
    return std::all_of(answers.begin(), answers.end(), [&](const Reply& answer) {
        const std::string text = answer.field("X-Holdfast-Seq");
        const std::uint64_t last = std::exchange(seq, text.empty() ? 0 : std::stoull(text));
        return answer.status == 200 && seq > last;
    });
}

// Of a request that is refused: few bytes in, many out.
std::string nonsense(std::size_t count) {
    std::string all;
    for (std::size_t i = 0; i < count; ++i) all += "G / HTTP/1.1\r\n\r\n";
    return all;
}

TEST(IngestLimitsTest, MoreRequestsThanMayBeOutstandingAreAllAnsweredInOrder) {
    IngestWorld world;
    world.disk.hold();
    App& app = world.connect();
    constexpr std::size_t kCount = 3 * kOutstandingMax;
    for (std::size_t i = 0; i < kCount; ++i) app.send(identify(std::to_string(i)));
    world.settle();
    EXPECT_TRUE(world.disk.somebody_waits());
    world.disk.release();
    EXPECT_TRUE(world.until([&] { return app.answers().size() == kCount; }));
    EXPECT_TRUE(all_yes_in_order(app));
}

TEST(IngestLimitsTest, MoreRefusalsThanMayBeOutstandingAreAllAnswered) {
    IngestWorld world;
    App& app = world.connect();
    constexpr std::size_t kCount = 5 * kOutstandingMax;
    app.send(nonsense(kCount));
    EXPECT_TRUE(world.until([&] { return app.answers().size() == kCount; }));
}

std::string frame_of_refused(std::size_t count, std::size_t target_bytes) {
    const std::string target = "/" + std::string(target_bytes, 'x');
    frame::Event event;
    event.target = target;
    std::string out;
    frame::Writer writer(out, frame::Type::events);
    for (std::size_t i = 0; i < count; ++i) writer.add(event);
    writer.end();
    return out;
}

// Others have their turns in between.
TEST(IngestLimitsTest, OfManyEventsInAFrameOnlySomeAreAnsweredInOneTurn) {
    IngestWorld world;
    App& app = world.connect();
    constexpr std::size_t kCount = 20 * kOutstandingMax;
    app.send(frame_of_refused(kCount, 8));
    const std::uint64_t& refused = world.server->context().refused;
    std::uint64_t most = 0;
    for (const Instant end = now() + 20s; refused < kCount && now() < end;) {
        app.pump();
        const std::uint64_t before = refused;
        world.io.restart();
        world.io.poll_one();
        most = std::max(most, refused - before);
    }
    EXPECT_EQ(refused, kCount);
    EXPECT_LE(most, kOutstandingMax);
}

TEST(IngestLimitsTest, AnAppThatTakesNoAnswersIsNotReadForEver) {
    IngestWorld world;
    App& greedy = world.connect();
    App& other = world.connect();
    greedy.stop_reading();
    greedy.send(nonsense(2'000'000));
    world.settle();
    // What fits the sockets' buffers, and the answers to it kUnsentBytesMax.
    EXPECT_LT(greedy.bytes_sent(), 2'000'000U);
    EXPECT_FALSE(greedy.ended());
    other.send(identify("1"));
    EXPECT_TRUE(world.until([&] { return other.answers().size() == 1; }));
}

TEST(IngestLimitsTest, AnAppThatTakesNoAnswersIsCutOffInTheEnd) {
    IngestWorld world({.limits = {.stall_max = 60ms}});
    App& greedy = world.connect();
    greedy.stop_reading();
    greedy.send(nonsense(200'000));
    EXPECT_TRUE(world.until([&] { return greedy.ended(); }));
    EXPECT_EQ(world.server->connections(), 0U);
}

// There are always some that it has not taken.
TEST(IngestLimitsTest, AnAppThatTakesItsAnswersSlowlyIsNotCutOff) {
    IngestWorld world({.limits = {.stall_max = 1s}});
    App& slow = world.connect();
    slow.stop_reading();
    slow.send(nonsense(1'000'000));
    world.settle();
    const Instant end = now() + 2s;
    while (now() < end) {
        slow.take_some();
        world.run_for(1ms);
        ASSERT_FALSE(slow.ended());
    }
    EXPECT_LT(slow.bytes_sent(), 1'000'000 * nonsense(1).size()) << "it was too quick";
}

TEST(IngestLimitsTest, ARequestThatDoesNotGoOnIsCutOffAndAnIdleConnectionIsNot) {
    IngestWorld world({.limits = {.stall_max = 60ms}});
    App& idle = world.connect();
    App& partial = world.connect();
    idle.send(identify("1"));
    partial.send(identify("2") + identify("3").substr(0, 30));
    EXPECT_TRUE(world.until([&] { return partial.ended(); }));
    EXPECT_EQ(partial.answers().size(), 1U);
    world.run_for(200ms);
    EXPECT_FALSE(idle.ended());
    EXPECT_EQ(world.server->connections(), 1U);
}

TEST(IngestLimitsTest, AnAppThatDoesNotCloseAfterTheLastAnswerIsCutOff) {
    IngestWorld world({.limits = {.stall_max = 60ms}});
    App& app = world.connect();
    app.send("nonsense\r\n\r\n");
    EXPECT_TRUE(world.until([&] { return app.ended(); }));
    EXPECT_TRUE(world.until([&] { return world.server->connections() == 0; }));
}

TEST(IngestLimitsTest, AnAppThatIsAlwaysWithinARequestButGoesOnIsNotCutOff) {
    IngestWorld world({.limits = {.stall_max = 1s}});
    App& app = world.connect();
    const std::string one = identify("1");
    app.send(one.substr(0, 30));
    const Instant end = now() + 2s;
    std::size_t sent = 0;
    while (now() < end) {
        ++sent;
        app.send(one.substr(30) + one.substr(0, 30));
        ASSERT_TRUE(world.until([&] { return app.answers().size() == sent || app.ended(); }));
        ASSERT_FALSE(app.ended());
    }
}

TEST(IngestLimitsTest, AnAppThatWaitsForTheDiskIsNotCutOff) {
    IngestWorld world({.limits = {.stall_max = 60ms}, .open_batch_bytes_max = 300});
    world.disk.hold();
    App& app = world.connect();
    for (int i = 0; i < 20; ++i) app.send(identify(std::to_string(i)));
    app.send(identify("20").substr(0, 30));
    world.run_for(300ms);
    ASSERT_FALSE(app.ended());
    world.disk.release();
    EXPECT_TRUE(world.until([&] { return app.answers().size() == 20; }));
}

TEST(IngestLimitsTest, ARequestThatTheLogHasNoRoomForIsServedLater) {
    IngestWorld world({.open_batch_bytes_max = 300});
    world.disk.hold();
    App& first = world.connect();
    App& second = world.connect();
    for (int i = 0; i < 20; ++i) first.send(identify(std::to_string(i)));
    for (int i = 0; i < 20; ++i) second.send(identify(std::to_string(i)));
    world.settle();
    EXPECT_FALSE(world.server->context().held.empty());
    world.disk.release();
    EXPECT_TRUE(
        world.until([&] { return first.answers().size() == 20 && second.answers().size() == 20; }));
    EXPECT_TRUE(all_yes_in_order(first));
    EXPECT_TRUE(all_yes_in_order(second));
    EXPECT_EQ(world.log->health().head, Seq{40});
}

TEST(IngestLimitsTest, AHeldRequestOfAnAppThatLeavesIsForgotten) {
    IngestWorld world({.open_batch_bytes_max = 300});
    world.disk.hold();
    App& app = world.connect();
    for (int i = 0; i < 20; ++i) app.send(identify(std::to_string(i)));
    world.settle();
    app.close();
    world.disk.release();
    EXPECT_TRUE(world.until([&] { return world.server->connections() == 0; }));
}

constexpr std::size_t kLarge = 4'000'000;
constexpr std::size_t kTurns = kLargeBytesMax / 2 / kLarge;  // of one process

std::string large_request() {
    return request("POST", "/api/v2/batch", std::string(kLarge, 'x'));
}

// Whatever they send, no more of them than there is room for are read on.
TEST(IngestLimitsTest, FewLargeRequestsAreInMemoryAtOnce) {
    IngestWorld world;
    std::vector<App*> large;
    for (std::size_t i = 0; i < 3 * kTurns; ++i) {
        large.push_back(&world.connect());
        large.back()->send(large_request().substr(0, kLarge));
    }
    world.settle();
    const auto is_read = [](const App* app) { return app->bytes_sent() == kLarge; };
    EXPECT_EQ(static_cast<std::size_t>(std::count_if(large.begin(), large.end(), is_read)), kTurns);
    EXPECT_EQ(world.server->context().turns.waiting(), 2 * kTurns);

    App& other = world.connect();
    other.send(identify("1"));
    EXPECT_TRUE(world.until([&] { return other.answers().size() == 1; }));

    // Each that ends makes room for one that waits, in whichever way it ends.
    for (App* app : large) {
        ASSERT_TRUE(world.until([&] { return is_read(app); }));
        if (app == large[1]) {
            app->close();
            continue;
        }
        app->send(large_request().substr(kLarge));
        ASSERT_TRUE(world.until([&] { return app->answers().size() == 1; }));
    }
    EXPECT_EQ(world.server->context().turns.waiting(), 0U);
}

TEST(IngestLimitsTest, ALargeRequestTakesNoMoreRoomThanItSays) {
    IngestWorld world;
    const std::string one = request("POST", "/api/v2/batch", std::string(100'000, 'x'));
    for (std::size_t i = 0; i < 3 * kTurns; ++i) world.connect().send(one.substr(0, 90'000));
    world.settle();
    EXPECT_EQ(world.server->context().turns.waiting(), 0U);
}

TEST(IngestLimitsTest, WhoWaitsForATurnIsNotCutOffAndWhoHasOneAndStopsIs) {
    IngestWorld world({.limits = {.connections_max = kTurns + 1, .stall_max = 2s, .turn_max = 1h}});
    for (std::size_t i = 0; i < kTurns; ++i) {
        world.connect().send(large_request().substr(0, kLarge / 2));
    }
    world.settle();
    App& late = world.connect();
    late.send(large_request());
    world.settle();
    EXPECT_EQ(world.server->context().turns.waiting(), 1U);
    EXPECT_TRUE(world.until([&] { return late.answers().size() == 1 || late.ended(); }));
    EXPECT_EQ(late.answers().size(), 1U);
    // Not all of them stopped at the same time.
    EXPECT_TRUE(world.until([&] { return world.server->connections() == 1; }));
    EXPECT_FALSE(late.ended());
}

TEST(IngestLimitsTest, WhoIsInTheWayOfOthersHasLessTime) {
    IngestWorld world({.limits = {.stall_max = 1h, .turn_max = 100ms}});
    std::deque<App*> slow;
    for (std::size_t i = 0; i < kTurns; ++i) {
        slow.push_back(&world.connect());
        slow.back()->send(large_request().substr(0, kLarge / 2));
    }
    world.run_for(300ms);
    EXPECT_EQ(world.server->connections(), kTurns) << "nobody waits";
    App& late = world.connect();
    late.send(large_request());
    EXPECT_TRUE(world.until([&] { return late.answers().size() == 1; }));
}

TEST(IngestLimitsTest, WhoTakesNoAnswersIsInTheWayOfOthersToo) {
    IngestWorld world({.limits = {.stall_max = 1h, .turn_max = 100ms}});
    const std::string frame = frame_of_refused(kLarge / 1000, 980);
    for (std::size_t i = 0; i < kLargeBytesMax / frame.size(); ++i) {
        App& greedy = world.connect();
        greedy.stop_reading();
        greedy.send(frame);
    }
    world.settle();
    App& late = world.connect();
    late.send(large_request());
    EXPECT_TRUE(world.until([&] { return late.answers().size() == 1; }));
}

// As after a pause of the machine: more sessions have something to read than are told in a turn.
TEST(IngestLimitsTest, WhoHasSentTheRestWhileTheAgentStoodStillIsNotCutOff) {
    constexpr Duration kStall = 300ms;
    IngestWorld world({.limits = {.stall_max = kStall}});
    std::vector<App*> apps;
    const std::string one = identify("1");
    for (int i = 0; i < 600; ++i) {
        apps.push_back(&world.connect());
        apps.back()->send(one.substr(0, 30));
    }
    const auto all = [&](auto is_so) { return std::all_of(apps.begin(), apps.end(), is_so); };
    ASSERT_TRUE(world.until([&] { return all([](App* app) { return app->bytes_sent() == 30; }); }));
    ASSERT_TRUE(world.until([&] { return world.server->connections() == apps.size(); }));
    const Instant end = now() + 2 * kStall;
    for (App* app : apps) app->send(one.substr(30));
    while (now() < end) std::for_each(apps.begin(), apps.end(), [](App* app) { app->pump(); });
    ASSERT_TRUE(world.until(
        [&] { return all([](App* app) { return app->answers().size() == 1 || app->ended(); }); }));
    EXPECT_TRUE(all([](App* app) { return !app->ended(); }));
}

// A read ends behind a message with a descriptor, though there is more.
TEST(IngestLimitsTest, ARequestWithADescriptorInTheMiddleIsReadToItsEnd) {
    IngestWorld world;
    const std::string path = world.socket();
    const int descriptor = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    ASSERT_EQ(::connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    std::string one = identify("1");
    iovec bytes{one.data(), 30};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    msghdr message{};
    message.msg_iov = &bytes;
    message.msg_iovlen = 1;
    message.msg_control = control.data();
    message.msg_controllen = control.size();
    cmsghdr* const rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(sizeof(int));
    std::memcpy(CMSG_DATA(rights), &descriptor, sizeof(int));
    ASSERT_EQ(::sendmsg(descriptor, &message, 0), 30);
    ASSERT_EQ(::send(descriptor, one.data() + 30, one.size() - 30, 0),
              static_cast<ssize_t>(one.size() - 30));
    std::array<char, 1024> answer{};
    EXPECT_TRUE(world.until(
        [&] { return ::recv(descriptor, answer.data(), answer.size(), MSG_DONTWAIT) > 0; }));
    ::close(descriptor);
}

// With one a turn, a connection waited for seconds among ten thousand busy ones.
TEST(IngestLimitsTest, ManyConnectionsAreAcceptedInOneTurn) {
    IngestWorld world;
    for (int i = 0; i < 100; ++i) world.connect();
    while (world.server->connections() == 0) world.io.poll_one();
    EXPECT_GT(world.server->connections(), 50U);
    EXPECT_LT(world.server->connections(), 100U) << "the others have their turn too";
    EXPECT_TRUE(world.until([&] { return world.server->connections() == 100; }));
}

}  // namespace
}  // namespace holdfast::agent
