#include "tests/unit/transport/io/client_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace holdfast::transport {
namespace {

namespace asio = boost::asio;
using namespace testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Task = asio::awaitable<void>;

class Deadline : public ClientWorld {};

INSTANTIATE_TEST_SUITE_P(Over, Deadline, ::testing::Bool(), plain_or_tls);

TEST_P(Deadline, ReportsARefusedConnectionAsNotSent) {
    listen(answer_each_with(ok()));
    far->stop_listening();
    const AttemptResult result = send();
    EXPECT_EQ(result.phase, Phase::not_sent);
    EXPECT_THAT(result.error, HasSubstr("connect to 127.0.0.1:"));
    EXPECT_THAT(result.error, HasSubstr("Connection refused"));
}

TEST_P(Deadline, ReportsANameThatDoesNotResolveAsNotSent) {
    options.origin.host =
        std::string(70, 'a');  // no label is that long, so no name server is asked
    const AttemptResult result = send();
    EXPECT_EQ(result.phase, Phase::not_sent);
    EXPECT_THAT(result.error, HasSubstr("resolve aaa"));
}

TEST_P(Deadline, DoesNotWaitForTheResolverLongerThanTheDeadline) {
    listen(answer_each_with(ok()));
    options.origin.host = "localhost";
    options.deadlines.connect = 0ns;
    const AttemptResult result = send();
    EXPECT_EQ(result.phase, Phase::not_sent);
    EXPECT_THAT(result.error, HasSubstr("localhost"));
}

TEST_P(Deadline, TriesTheNextAddressWhenOneRefuses) {
    listen(answer_each_with(ok()));  // on IPv4 only, while the name may well mean ::1 as well
    options.origin.host = "localhost";
    EXPECT_EQ(send().phase, Phase::answered);
}

TEST_P(Deadline, GivesUpOnAConnectThatHangs) {
    // A full backlog of one: the kernel drops what else comes.
    asio::ip::tcp::acceptor deaf(io);
    deaf.open(asio::ip::tcp::v4());
    deaf.bind({asio::ip::address_v4::loopback(), 0});
    deaf.listen(0);
    std::vector<asio::ip::tcp::socket> fillers;
    for (int i = 0; i < 4; ++i) {
        fillers.emplace_back(io);
        fillers.back().async_connect(deaf.local_endpoint(), [](boost::system::error_code) {});
    }
    io.poll();
    options.origin.port = deaf.local_endpoint().port();
    options.deadlines.connect = 50ms;
    const AttemptResult result = send();
    EXPECT_EQ(result.phase, Phase::not_sent);
    EXPECT_THAT(result.error, HasSubstr("connect to"));
    EXPECT_THAT(result.error, HasSubstr("deadline passed"));
    EXPECT_LT(took, 5s);
}

TEST_P(Deadline, GivesUpOnAHandshakeThatHangs) {
    if (!tls()) GTEST_SKIP();
    listen([](Peer& peer) -> Task { co_await pause(peer.number() * 10s); }, false);
    options.deadlines.connect = 50ms;
    const AttemptResult result = send();
    EXPECT_EQ(result.phase, Phase::not_sent);
    EXPECT_THAT(result.error, HasSubstr("TLS handshake with"));
    EXPECT_THAT(result.error, HasSubstr("deadline passed"));
    EXPECT_LT(took, 5s);
}

TEST_P(Deadline, ReportsAHandshakeThatEndsAsNotSent) {
    if (!tls()) GTEST_SKIP();
    listen(
        [](Peer& peer) -> Task {
            peer.reset();
            co_return;
        },
        false);
    EXPECT_EQ(send().phase, Phase::not_sent);
}

TEST_P(Deadline, GivesUpWhenNoAnswerBeginsInTime) {
    listen([](Peer& peer) -> Task { co_await peer.read_until_end(); });
    options.deadlines.first_byte = 50ms;
    const AttemptResult result = send();
    EXPECT_EQ(result.phase, Phase::no_answer);
    EXPECT_THAT(result.error, HasSubstr("deadline passed"));
    EXPECT_LT(took, 5s);
}

TEST_P(Deadline, GivesUpWhenTheRequestIsNotTaken) {
    listen([](Peer& peer) -> Task { co_await pause(peer.number() * 10s); });
    options.deadlines.first_byte = 50ms;
    EXPECT_EQ(send(post(std::string(32 << 20, 'x'))).phase, Phase::no_answer);
    EXPECT_LT(took, 5s);
}

// Writes `head`, then one byte of `drip` every two milliseconds.
FarSide::Script drip_after(std::string head, char drip) {
    return [head = std::move(head), drip](Peer& peer) -> Task {
        (void)co_await peer.read_request();
        bool open = co_await peer.write(head);
        while (open) {
            co_await pause(2ms);
            open = co_await peer.write(std::string(1, drip));
        }
    };
}

TEST_P(Deadline, GivesUpOnAHeaderThatDrips) {
    listen(drip_after("HTTP/1.1 200 OK\r\nX: ", 'x'));
    options.deadlines.first_byte = 60ms;
    EXPECT_EQ(send().phase, Phase::no_answer);
    EXPECT_LT(took, 5s);
}

TEST_P(Deadline, GivesUpOnABodyThatDripsOrStopsPastTheTotalDeadline) {
    options.deadlines.total = 300ms;
    listen(drip_after("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", 'x'));
    EXPECT_EQ(send().phase, Phase::no_answer);
    EXPECT_LT(took, 5s);
    EXPECT_GE(took, 300ms) << "the header came in time, so the total deadline counts";

    drop_client();
    listen([](Peer& peer) -> Task {
        (void)co_await peer.read_request();
        (void)co_await peer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        co_await peer.read_until_end();
    });
    EXPECT_EQ(send().phase, Phase::no_answer);
    EXPECT_LT(took, 5s);
}

TEST_P(Deadline, HoldsTheTotalDeadlineAlsoWhileConnectingAndWaiting) {
    listen([](Peer& peer) -> Task { co_await peer.read_until_end(); });
    options.deadlines.total = 200ms;
    EXPECT_EQ(send().phase, Phase::no_answer);
    EXPECT_LT(took, 5s);
}

class Stop : public ClientWorld {};

INSTANTIATE_TEST_SUITE_P(Over, Stop, ::testing::Bool(), plain_or_tls);

TEST_P(Stop, EndsAnAttemptThatWaitsForItsAnswer) {
    bool arrived = false;
    listen([&arrived](Peer& peer) -> Task {
        (void)co_await peer.read_request();
        arrived = true;
        co_await peer.read_until_end();
    });
    const OutgoingRequest request = post("{}", true);
    std::optional<AttemptResult> result;
    start(client(), request, result);
    ASSERT_TRUE(run_until([&arrived] { return arrived; }));
    client().stop();
    ASSERT_TRUE(run_until([&result] { return result.has_value(); }));
    EXPECT_EQ(result->phase, Phase::no_answer);
    EXPECT_THAT(result->error, HasSubstr("stopped"));
    EXPECT_LT(result->latency, 5s);

    const AttemptResult later = send();
    EXPECT_EQ(later.phase, Phase::not_sent);
    EXPECT_EQ(later.error, "stopped");
}

TEST_P(Stop, EndsAnAttemptThatIsNotSentYet) {
    bool connected = false;
    listen(
        [&connected](Peer& peer) -> Task {
            connected = true;
            co_await pause(peer.number() * 10s);
        },
        false);
    options.origin.host = "localhost";
    const OutgoingRequest request = post();
    std::optional<AttemptResult> resolving;
    start(client(), request, resolving);
    io.poll_one();  // the far side listens
    io.poll_one();  // the attempt asks the resolver, whose answer would be the next step
    client().stop();
    ASSERT_TRUE(run_until([&resolving] { return resolving.has_value(); }));
    EXPECT_EQ(resolving->phase, Phase::not_sent);
    EXPECT_THAT(resolving->error, HasSubstr("resolve localhost"));
    EXPECT_THAT(resolving->error, HasSubstr("stopped"));
    if (!tls()) return;

    drop_client();
    std::optional<AttemptResult> shaking;
    start(client(), request, shaking);
    ASSERT_TRUE(run_until([&connected] { return connected; }));
    client().stop();
    ASSERT_TRUE(run_until([&shaking] { return shaking.has_value(); }));
    EXPECT_EQ(shaking->phase, Phase::not_sent);
    EXPECT_THAT(shaking->error, HasSubstr("stopped"));
}

TEST_P(Stop, MayBeDestroyedWhileAnAttemptIsUnderWay) {
    bool arrived = false;
    listen([&arrived](Peer& peer) -> Task {
        (void)co_await peer.read_head();
        arrived = true;
        co_await peer.read_until_end();
    });
    const OutgoingRequest request = post(std::string(32 << 20, 'x'));
    std::optional<AttemptResult> result;
    start(client(), request, result);
    ASSERT_TRUE(run_until([&arrived] { return arrived; }));
    drop_client();
    ASSERT_TRUE(run_until([&result] { return result.has_value(); }));
    EXPECT_EQ(result->phase, Phase::no_answer);
    EXPECT_LT(result->latency, 5s);
}

TEST_P(Stop, LeavesNothingBehind) {
    listen(answer_each_with(ok()));
    EXPECT_EQ(send().status, 200U);
    client().stop();
    far->stop_listening();
    io.run_for(5s);
    EXPECT_EQ(far->finished(), 1);
    EXPECT_TRUE(io.stopped());
}

}  // namespace
}  // namespace holdfast::transport
