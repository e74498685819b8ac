#include "tests/unit/transport/io/client_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <functional>
#include <set>
#include <utility>
#include <vector>

namespace holdfast::transport {
namespace {

namespace asio = boost::asio;
using namespace testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Task = asio::awaitable<void>;

class KeepAlive : public ClientWorld {};

INSTANTIATE_TEST_SUITE_P(Over, KeepAlive, ::testing::Bool(), plain_or_tls);

TEST_P(KeepAlive, KeepsAConnectionForTheNextRequest) {
    listen(answer_each_with(ok()));
    for (int i = 0; i < 5; ++i) EXPECT_EQ(send().phase, Phase::answered);
    EXPECT_EQ(far->connections(), 1);
}

TEST_P(KeepAlive, HonoursConnectionClose) {
    listen(answer_each_with("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_EQ(send().phase, Phase::answered);
    EXPECT_EQ(send().phase, Phase::answered);
    EXPECT_EQ(far->connections(), 2);
}

TEST_P(KeepAlive, DoesNotReuseAConnectionWithBytesLeftOver) {
    listen(answer_each_with(ok() + "HTTP/1.1 500 Planted\r\nContent-Length: 0\r\n\r\n"));
    for (int i = 1; i <= 3; ++i) {
        EXPECT_EQ(send().status, 200U);
        EXPECT_EQ(far->connections(), i);
    }
}

TEST_P(KeepAlive, DoesNotReuseAConnectionOnWhichSomethingCameMeanwhile) {
    bool planted = false;
    bool answered = false;
    listen([&](Peer& peer) -> Task {
        (void)co_await peer.read_request();
        (void)co_await peer.write(ok());
        while (!answered) co_await pause(0ms);
        (void)co_await peer.write("HTTP/1.1 500 Planted\r\nContent-Length: 0\r\n\r\n");
        planted = true;
        co_await peer.read_until_end();
    });
    EXPECT_EQ(send().status, 200U);
    answered = true;
    ASSERT_TRUE(run_until([&planted] { return planted; }));
    EXPECT_EQ(send().status, 200U);
    EXPECT_EQ(far->connections(), 2);
}

TEST_P(KeepAlive, IsNotDisturbedByALateSessionTicket) {
    if (!tls()) GTEST_SKIP();
    bool ticket_sent = false;
    listen([&ticket_sent](Peer& peer) -> Task {
        (void)co_await peer.read_request();
        (void)co_await peer.write(ok());
        EXPECT_EQ(SSL_new_session_ticket(peer.native()), 1);
        (void)co_await peer.shake_hands();  // sends what is due
        ticket_sent = true;
        (void)co_await peer.read_request();
        (void)co_await peer.write(ok());
    });
    EXPECT_EQ(send().status, 200U);
    ASSERT_TRUE(run_until([&ticket_sent] { return ticket_sent; }));
    EXPECT_EQ(send().status, 200U);
    EXPECT_EQ(far->connections(), 1);
}

TEST_P(KeepAlive, SeesThatAKeptConnectionWasClosedMeanwhile) {
    listen(write_and_close(ok()));
    EXPECT_EQ(send().status, 200U);
    ASSERT_TRUE(run_until([this] { return far->finished() == 1; }));
    EXPECT_EQ(send(post("{}", false)).status, 200U)
        << "not repeatable, but never sent on the dead one";
    EXPECT_EQ(far->connections(), 2);
}

// The first connection answers once and ends as told when the second request is there.
FarSide::Script die_on_second_request(std::function<void(Peer&)> die) {
    return [die = std::move(die)](Peer& peer) -> Task {
        (void)co_await peer.read_request();
        (void)co_await peer.write(ok());
        (void)co_await peer.read_request();
        if (peer.number() == 1) {
            die(peer);
        } else {
            (void)co_await peer.write(ok());
        }
    };
}

TEST_P(KeepAlive, RepeatsARepeatableRequestOnceWhenAKeptConnectionDies) {
    for (const auto& die : {&Peer::cut, &Peer::reset}) {
        listen(die_on_second_request(std::mem_fn(die)));
        drop_client();
        EXPECT_EQ(send().status, 200U);
        const AttemptResult result = send(post("{}", true));
        EXPECT_EQ(result.phase, Phase::answered) << result.error;
        EXPECT_EQ(far->connections(), 2);
    }
}

TEST_P(KeepAlive, LeavesAnyOtherRequestInDoubtWhenAKeptConnectionDies) {
    for (const auto& die : {&Peer::cut, &Peer::reset}) {
        listen(die_on_second_request(std::mem_fn(die)));
        drop_client();
        EXPECT_EQ(send().status, 200U);
        EXPECT_EQ(send(post("{}", false)).phase, Phase::no_answer);
        EXPECT_EQ(far->connections(), 1);
    }
}

TEST_P(KeepAlive, DoesNotRepeatOnceAnAnswerHasBegun) {
    listen([](Peer& peer) -> Task {
        (void)co_await peer.read_request();
        (void)co_await peer.write(ok());
        (void)co_await peer.read_request();
        (void)co_await peer.write("HTTP/1.1 2");
        peer.cut();
    });
    EXPECT_EQ(send().status, 200U);
    EXPECT_EQ(send(post("{}", true)).phase, Phase::no_answer);
    EXPECT_EQ(far->connections(), 1);
}

TEST_P(KeepAlive, DoesNotRepeatWhatOnlyTookTooLong) {
    listen([](Peer& peer) -> Task {
        (void)co_await peer.read_request();
        (void)co_await peer.write(ok());
        co_await peer.read_until_end();
    });
    options.deadlines.first_byte = 200ms;
    EXPECT_EQ(send().status, 200U);
    EXPECT_EQ(send(post("{}", true)).phase, Phase::no_answer);
    EXPECT_EQ(far->connections(), 1);
}

TEST_P(KeepAlive, IsInDoubtAfterADeadConnectionEvenIfTheRepetitionCannotConnect) {
    listen([this](Peer& peer) -> Task {
        (void)co_await peer.read_request();
        (void)co_await peer.write(ok());
        (void)co_await peer.read_request();
        far->stop_listening();
        peer.cut();
    });
    EXPECT_EQ(send().status, 200U);
    const AttemptResult result = send(post("{}", true));
    EXPECT_EQ(result.phase, Phase::no_answer);
    EXPECT_THAT(result.error, HasSubstr("connect to 127.0.0.1"));
}

TEST_P(KeepAlive, UsesTheConnectionOfTheLastRequestFirstAndKeepsNoMoreThanAllowed) {
    std::vector<int> order;
    std::set<int> may_answer;
    listen([&](Peer& peer) -> Task {
        for (;;) {
            const std::string request = co_await peer.read_request();
            if (request.empty()) co_return;
            order.push_back(peer.number());
            while (!may_answer.contains(peer.number())) co_await pause(1ms);
            (void)co_await peer.write(ok());
        }
    });
    options.idle_connections_max = 2;
    options.idle_for = 1h;
    const OutgoingRequest request = post();
    std::array<std::optional<AttemptResult>, 3> results;
    for (auto& result : results) start(client(), request, result);
    ASSERT_TRUE(run_until([&order] { return order.size() == 3; }));
    for (const int next : {1, 3, 2}) {
        may_answer.insert(next);
        ASSERT_TRUE(run_until([&] {
            const auto done = std::ranges::count_if(results, [](auto& r) { return r.has_value(); });
            return std::cmp_equal(done, may_answer.size());
        }));
    }
    ASSERT_TRUE(run_until([this] { return far->finished() == 1; })) << "one of three was closed";

    order.clear();
    EXPECT_EQ(send().status, 200U);
    EXPECT_EQ(send().status, 200U);
    EXPECT_EQ(order, (std::vector<int>{2, 2}));
    EXPECT_EQ(far->connections(), 3);
}

TEST_P(KeepAlive, ClosesIdleConnectionsInTimeAndThenCostsNothing) {
    listen(answer_each_with(ok()));
    options.idle_for = 30ms;
    EXPECT_EQ(send().status, 200U);
    far->stop_listening();
    io.run_for(5s);
    EXPECT_EQ(far->finished(), 1);
    EXPECT_TRUE(io.stopped()) << "no timer and no wait is left";
}

TEST_P(KeepAlive, DisarmsItsTimerWithTheLastIdleConnection) {
    listen(die_on_second_request(std::mem_fn(&Peer::cut)));
    options.idle_for = 1h;
    EXPECT_EQ(send().status, 200U);
    EXPECT_EQ(send().phase, Phase::no_answer);
    far->stop_listening();
    io.run_for(5s);
    EXPECT_TRUE(io.stopped()) << "no timer and no wait is left";
}

TEST_P(KeepAlive, KeepsTheTimerOnlyForIdleConnections) {
    bool answer = false;
    listen([&answer](Peer& peer) -> Task {
        (void)co_await peer.read_request();
        (void)co_await peer.write(ok());
        (void)co_await peer.read_request();
        while (!answer) co_await pause(1ms);
        (void)co_await peer.write(ok());
    });
    options.idle_for = 20ms;
    EXPECT_EQ(send().status, 200U);
    const OutgoingRequest request = post();
    std::optional<AttemptResult> result;
    start(client(), request, result);
    io.run_for(60ms);
    EXPECT_FALSE(result) << "a busy connection is not idle";
    answer = true;
    ASSERT_TRUE(run_until([&result] { return result.has_value(); }));
    EXPECT_EQ(result->status, 200U);
}

}  // namespace
}  // namespace holdfast::transport
