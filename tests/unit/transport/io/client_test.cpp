#include "transport/client.hpp"

#include "tests/unit/transport/io/world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <set>
#include <utility>

namespace holdfast::transport {
namespace {

namespace asio = boost::asio;
using namespace testing;
using namespace std::chrono_literals;
using asio::ip::tcp;
using ::testing::HasSubstr;
using Task = asio::awaitable<void>;

// Every promise holds over plain TCP and over TLS.
class ClientTest : public ::testing::TestWithParam<bool>, public World {
protected:
    [[nodiscard]] bool tls() const { return GetParam(); }

    asio::ssl::context* far_tls() { return tls() ? far_context_.get() : nullptr; }

    void listen(FarSide::Script script, bool shakes_hands = true) {
        far.emplace(io, far_tls(), std::move(script), shakes_hands);
        options.origin.port = far->port();
    }

    Client& client() {
        if (!client_) {
            options.origin.tls = tls();
            options.ca_file = ca_file;
            auto made = Client::create(io.get_executor(), options);
            EXPECT_TRUE(made);
            client_ = std::move(*made);
        }
        return *client_;
    }

    AttemptResult send(const OutgoingRequest& request = post()) {
        const auto start = std::chrono::steady_clock::now();
        AttemptResult result = World::send(client(), request);
        took = std::chrono::steady_clock::now() - start;
        return result;
    }

    void drop_client() { client_.reset(); }

    ClientOptions options{.origin = {false, "127.0.0.1", 0, ""},
                          .deadlines = {.connect = 10s, .first_byte = 10s, .total = 10s},
                          .ca_file = "",
                          .idle_connections_max = 32,
                          .idle_for = 10s};
    std::optional<FarSide> far;
    Duration took{};  // the last attempt; a missed deadline shows as the next one, 10 s

private:
    const std::unique_ptr<asio::ssl::context> far_context_ = server_context(
        make_identity({.alternative_names = "DNS:localhost,IP:127.0.0.1"}, &authority));
    std::unique_ptr<Client> client_;
};

std::string name_of(const ::testing::TestParamInfo<bool>& info) {
    return info.param ? "tls" : "plain";
}

INSTANTIATE_TEST_SUITE_P(Over, ClientTest, ::testing::Bool(), name_of);

// A far side that answers every request the same way, on as many connections as it gets.
FarSide::Script answer_each_with(std::string answer) {
    return [answer = std::move(answer)](Peer& peer) -> Task {
        for (;;) {
            const std::string request = co_await peer.read_request();
            if (request.empty()) co_return;
            (void)co_await peer.write(answer);
        }
    };
}

// Writes `bytes` once the request is there, then ends the connection in good order.
FarSide::Script write_and_close(std::string bytes) {
    return [bytes = std::move(bytes)](Peer& peer) -> Task {
        (void)co_await peer.read_request();
        (void)co_await peer.write(bytes);
        co_await peer.close();
    };
}

// --- the request and the answer ---

TEST_P(ClientTest, SendsTheWholeRequestAndHandsBackTheAnswer) {
    std::string seen;
    listen([&seen](Peer& peer) -> Task {
        seen = co_await peer.read_request();
        (void)co_await peer.write(
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 17\r\nDate: Sun, 06 Nov 1994 08:49:37 "
            "GMT\r\n"
            "Content-Length: 4\r\n\r\nslow");
    });
    options.origin.base_path = "/base";
    OutgoingRequest request = post("{\"a\":1}");
    request.headers = {{"User-Agent", "holdfast/1"}, {"Authorization", "Basic abc"}};
    const AttemptResult result = send(request);

    EXPECT_EQ(
        seen,
        "POST /base/x HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(far->port()) +
            "\r\nUser-Agent: holdfast/1\r\nAuthorization: Basic abc\r\nContent-Length: 7\r\n\r\n"
            "{\"a\":1}");
    EXPECT_EQ(result.phase, Phase::answered);
    EXPECT_EQ(result.status, 429U);
    EXPECT_EQ(result.retry_after, "17");
    EXPECT_EQ(result.date, "Sun, 06 Nov 1994 08:49:37 GMT");
    EXPECT_EQ(result.body, "slow");
    EXPECT_EQ(result.error, "");
    EXPECT_GT(result.latency, 0ns);
    EXPECT_LE(result.latency, took);
}

TEST_P(ClientTest, HandsBackARedirectUntouched) {
    listen(answer_each_with("HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n"));
    const AttemptResult result = send();
    EXPECT_EQ(result.phase, Phase::answered);
    EXPECT_EQ(result.status, 302U);
    EXPECT_EQ(result.retry_after, std::nullopt);
    EXPECT_EQ(far->connections(), 1);
}

TEST_P(ClientTest, DoesNotSendARequestThatWouldBreakTheFraming) {
    listen(answer_each_with(ok()));
    OutgoingRequest request = post();
    request.headers = {{"X", "a\r\nY: b"}};
    const AttemptResult result = send(request);
    EXPECT_EQ(result.phase, Phase::not_sent);
    EXPECT_THAT(result.error, HasSubstr("control character"));
    EXPECT_EQ(far->connections(), 0);
}

TEST_P(ClientTest, SendsABodyOfAMegabyte) {
    std::size_t seen = 0;
    listen([&seen](Peer& peer) -> Task {
        const std::string request = co_await peer.read_request();
        seen = request.size();
        (void)co_await peer.write(ok());
    });
    EXPECT_EQ(send(post(std::string(1 << 20, 'x'))).phase, Phase::answered);
    EXPECT_GT(seen, 1U << 20);
}

TEST_P(ClientTest, TakesAHeadAnswerWithoutItsBody) {
    listen(answer_each_with("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"));
    OutgoingRequest request;
    request.method = "HEAD";
    request.target = "/";
    EXPECT_EQ(send(request).phase, Phase::answered);
    EXPECT_EQ(send(request).phase, Phase::answered);
    EXPECT_EQ(far->connections(), 1);
}

struct Framing {
    std::string name;
    std::string bytes;    // what comes before the connection ends in good order
    unsigned status = 0;  // 0: no answer
    std::string error{};
};

std::vector<Framing> framings() {
    const std::string head = "HTTP/1.1 200 OK\r\n";
    const std::string chunked = head + "Transfer-Encoding: chunked\r\n\r\n";
    const std::string interim = "HTTP/1.1 100 Continue\r\n\r\n";
    std::string flood;
    for (int i = 0; i < 9; ++i) flood += interim;
    const std::string long_header = "X: " + std::string(kAnswerHeaderBytesMax, 'x') + "\r\n";
    const std::string big(kAnswerBodyBytesMax + 1, 'x');
    return {
        {"nothing", "", 0, "closed the connection"},
        {"half a status line", "HTTP/1.1 20", 0, "middle of the answer"},
        {"half a header", head + "Content-Length: 2\r\n", 0, "middle of the answer"},
        {"no body", head + "Content-Length: 2\r\n\r\n", 0, "middle of the answer"},
        {"half a body", head + "Content-Length: 2\r\n\r\n{", 0, "middle of the answer"},
        {"half a chunk", chunked + "5\r\nab", 0, "middle of the answer"},
        {"no last chunk", chunked + "2\r\nab\r\n", 0, "middle of the answer"},
        {"half a last chunk", chunked + "2\r\nab\r\n0\r\n", 0, "middle of the answer"},
        {"all chunks", chunked + "2\r\nab\r\n0\r\n\r\n", 200},
        {"body until the end", head + "\r\nabc", 200},
        {"empty body until the end", head + "\r\n", 200},
        {"204", "HTTP/1.1 204 No Content\r\n\r\n", 204},
        {"HTTP/1.0", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", 200},
        {"not HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n", 0, "version"},
        {"HTTP/2", std::string("\0\0\x12\x04\0\0\0\0\0", 9), 0, "version"},
        {"no status", "HTTP/1.1 OK\r\n\r\n", 0, "status"},
        {"bad length", head + "Content-Length: -1\r\n\r\n", 0, "Content-Length"},
        {"two lengths",
         head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab",
         0,
         "Content-Length"},
        {"length and chunks",
         head + "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n",
         0,
         ""},
        {"bad chunk", chunked + "zz\r\n", 0, "chunk"},
        {"long header", head + long_header + "\r\n", 0, "header is longer"},
        {"endless header", head + long_header + long_header, 0, "header is longer"},
        {"big body", head + "Content-Length: 262145\r\n\r\n" + big, 0, "body is longer"},
        {"big body until the end", head + "\r\n" + big, 0, "body is longer"},
        {"big chunk", chunked + "40001\r\n" + big + "\r\n0\r\n\r\n", 0, "body is longer"},
        {"interim answer", interim + ok(), 200},
        {"interim answers only", interim, 0, "closed the connection"},
        {"too many interim answers", flood + ok(), 0, "more than 8 interim answers"},
        {"upgrade", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", 0, "closed"},
    };
}

TEST_P(ClientTest, TakesOnlyACompleteWellFramedAnswer) {
    for (const Framing& framing : framings()) {
        SCOPED_TRACE(framing.name);
        listen(write_and_close(framing.bytes));
        drop_client();
        const AttemptResult result = send(post("{}", true));
        EXPECT_EQ(result.phase, framing.status == 0 ? Phase::no_answer : Phase::answered);
        EXPECT_EQ(result.status, framing.status) << result.error;
        EXPECT_THAT(result.error, HasSubstr(framing.error));
        EXPECT_EQ(result.error.empty(), framing.status != 0);
        EXPECT_EQ(far->connections(), 1) << "the first connection is never made up for";
    }
}

TEST_P(ClientTest, KeepsTheFirstBytesOfALongBodyAndReadsTheRest) {
    listen(answer_each_with(ok(std::string(kAnswerBodyBytesMax, 'x'))));
    const AttemptResult result = send();
    EXPECT_EQ(result.phase, Phase::answered) << result.error;
    EXPECT_EQ(result.body, std::string(kAnswerBodyBytesKept, 'x'));
    EXPECT_EQ(send().phase, Phase::answered);
    EXPECT_EQ(far->connections(), 1);
}

TEST_P(ClientTest, DoesNotTakeA200WhoseBodyIsCutByAReset) {
    listen([](Peer& peer) -> Task {
        (void)co_await peer.read_request();
        (void)co_await peer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
        peer.reset();
    });
    const AttemptResult result = send();
    EXPECT_EQ(result.phase, Phase::no_answer);
    EXPECT_EQ(result.status, 0U);
}

TEST_P(ClientTest, TakesABodyUntilABareEndOnlyWhenNobodyCouldHaveCutIt) {
    listen([](Peer& peer) -> Task {
        (void)co_await peer.read_request();
        (void)co_await peer.write("HTTP/1.1 200 OK\r\n\r\nbody");
        peer.cut();
    });
    const AttemptResult result = send();
    EXPECT_EQ(result.phase, tls() ? Phase::no_answer : Phase::answered);
    EXPECT_THAT(result.error, HasSubstr(tls() ? "TLS connection was cut off" : ""));
}

TEST_P(ClientTest, TakesAnAnswerThatComesBeforeTheRequestIsOutAndClosesTheConnection) {
    listen([](Peer& peer) -> Task {
        (void)co_await peer.read_head();
        (void)co_await peer.write("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 2\r\n\r\nno");
        co_await pause(10s);  // and never reads the body
    });
    const AttemptResult result = send(post(std::string(32 << 20, 'x')));
    EXPECT_EQ(result.phase, Phase::answered) << result.error;
    EXPECT_EQ(result.status, 413U);
    EXPECT_LT(took, 5s);
    EXPECT_EQ(send().phase, Phase::answered);
    EXPECT_EQ(far->connections(), 2);
}

// --- kept connections ---

TEST_P(ClientTest, KeepsAConnectionForTheNextRequest) {
    listen(answer_each_with(ok()));
    for (int i = 0; i < 5; ++i) EXPECT_EQ(send().phase, Phase::answered);
    EXPECT_EQ(far->connections(), 1);
}

TEST_P(ClientTest, HonoursConnectionClose) {
    listen(answer_each_with("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
    EXPECT_EQ(send().phase, Phase::answered);
    EXPECT_EQ(send().phase, Phase::answered);
    EXPECT_EQ(far->connections(), 2);
}

TEST_P(ClientTest, DoesNotReuseAConnectionWithBytesLeftOver) {
    listen(answer_each_with(ok() + "HTTP/1.1 500 Planted\r\nContent-Length: 0\r\n\r\n"));
    for (int i = 1; i <= 3; ++i) {
        EXPECT_EQ(send().status, 200U);
        EXPECT_EQ(far->connections(), i);
    }
}

TEST_P(ClientTest, DoesNotReuseAConnectionOnWhichSomethingCameMeanwhile) {
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

TEST_P(ClientTest, SeesThatAKeptConnectionWasClosedMeanwhile) {
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

TEST_P(ClientTest, RepeatsARepeatableRequestOnceWhenAKeptConnectionDies) {
    for (const auto& die : {&Peer::cut, &Peer::reset}) {
        listen(die_on_second_request(std::mem_fn(die)));
        drop_client();
        EXPECT_EQ(send().status, 200U);
        const AttemptResult result = send(post("{}", true));
        EXPECT_EQ(result.phase, Phase::answered) << result.error;
        EXPECT_EQ(far->connections(), 2);
    }
}

TEST_P(ClientTest, LeavesAnyOtherRequestInDoubtWhenAKeptConnectionDies) {
    for (const auto& die : {&Peer::cut, &Peer::reset}) {
        listen(die_on_second_request(std::mem_fn(die)));
        drop_client();
        EXPECT_EQ(send().status, 200U);
        EXPECT_EQ(send(post("{}", false)).phase, Phase::no_answer);
        EXPECT_EQ(far->connections(), 1);
    }
}

TEST_P(ClientTest, DoesNotRepeatOnceAnAnswerHasBegun) {
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

TEST_P(ClientTest, DoesNotRepeatWhatOnlyTookTooLong) {
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

TEST_P(ClientTest, IsInDoubtAfterADeadConnectionEvenIfTheRepetitionCannotConnect) {
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

TEST_P(ClientTest, UsesTheConnectionOfTheLastRequestFirstAndKeepsNoMoreThanAllowed) {
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

TEST_P(ClientTest, ClosesIdleConnectionsInTimeAndThenCostsNothing) {
    listen(answer_each_with(ok()));
    options.idle_for = 30ms;
    EXPECT_EQ(send().status, 200U);
    far->stop_listening();
    io.run_for(5s);
    EXPECT_EQ(far->finished(), 1);
    EXPECT_TRUE(io.stopped()) << "no timer and no wait is left";
}

TEST_P(ClientTest, KeepsTheTimerOnlyForIdleConnections) {
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

// --- stalls and deadlines ---

TEST_P(ClientTest, ReportsARefusedConnectionAsNotSent) {
    listen(answer_each_with(ok()));
    far->stop_listening();
    const AttemptResult result = send();
    EXPECT_EQ(result.phase, Phase::not_sent);
    EXPECT_THAT(result.error, HasSubstr("connect to 127.0.0.1:"));
    EXPECT_THAT(result.error, HasSubstr("Connection refused"));
}

TEST_P(ClientTest, ReportsANameThatDoesNotResolveAsNotSent) {
    options.origin.host =
        std::string(70, 'a');  // no label is that long, so no name server is asked
    const AttemptResult result = send();
    EXPECT_EQ(result.phase, Phase::not_sent);
    EXPECT_THAT(result.error, HasSubstr("resolve aaa"));
}

TEST_P(ClientTest, DoesNotWaitForTheResolverLongerThanTheDeadline) {
    listen(answer_each_with(ok()));
    options.origin.host = "localhost";
    options.deadlines.connect = 0ns;
    const AttemptResult result = send();
    EXPECT_EQ(result.phase, Phase::not_sent);
    EXPECT_THAT(result.error, HasSubstr("localhost"));
}

TEST_P(ClientTest, TriesTheNextAddressWhenOneRefuses) {
    listen(answer_each_with(ok()));  // on IPv4 only, while the name may well mean ::1 as well
    options.origin.host = "localhost";
    EXPECT_EQ(send().phase, Phase::answered);
}

TEST_P(ClientTest, GivesUpOnAConnectThatHangs) {
    // A full backlog of one: the kernel drops what else comes.
    tcp::acceptor deaf(io);
    deaf.open(tcp::v4());
    deaf.bind({asio::ip::address_v4::loopback(), 0});
    deaf.listen(0);
    std::vector<tcp::socket> fillers;
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

TEST_P(ClientTest, GivesUpOnAHandshakeThatHangs) {
    if (!tls()) GTEST_SKIP();
    listen([](Peer& peer) -> Task { co_await pause(peer.number() * 10s); }, false);
    options.deadlines.connect = 50ms;
    const AttemptResult result = send();
    EXPECT_EQ(result.phase, Phase::not_sent);
    EXPECT_THAT(result.error, HasSubstr("TLS handshake with"));
    EXPECT_THAT(result.error, HasSubstr("deadline passed"));
    EXPECT_LT(took, 5s);
}

TEST_P(ClientTest, ReportsAHandshakeThatEndsAsNotSent) {
    if (!tls()) GTEST_SKIP();
    listen(
        [](Peer& peer) -> Task {
            peer.reset();
            co_return;
        },
        false);
    EXPECT_EQ(send().phase, Phase::not_sent);
}

TEST_P(ClientTest, GivesUpWhenNoAnswerBeginsInTime) {
    listen([](Peer& peer) -> Task { co_await peer.read_until_end(); });
    options.deadlines.first_byte = 50ms;
    const AttemptResult result = send();
    EXPECT_EQ(result.phase, Phase::no_answer);
    EXPECT_THAT(result.error, HasSubstr("deadline passed"));
    EXPECT_LT(took, 5s);
}

TEST_P(ClientTest, GivesUpWhenTheRequestIsNotTaken) {
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

TEST_P(ClientTest, GivesUpOnAHeaderThatDrips) {
    listen(drip_after("HTTP/1.1 200 OK\r\nX: ", 'x'));
    options.deadlines.first_byte = 60ms;
    EXPECT_EQ(send().phase, Phase::no_answer);
    EXPECT_LT(took, 5s);
}

TEST_P(ClientTest, GivesUpOnABodyThatDripsOrStopsPastTheTotalDeadline) {
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

TEST_P(ClientTest, HoldsTheTotalDeadlineAlsoWhileConnectingAndWaiting) {
    listen([](Peer& peer) -> Task { co_await peer.read_until_end(); });
    options.deadlines.total = 200ms;
    EXPECT_EQ(send().phase, Phase::no_answer);
    EXPECT_LT(took, 5s);
}

// --- stop ---

TEST_P(ClientTest, StopEndsAnAttemptThatWaitsForItsAnswer) {
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

TEST_P(ClientTest, StopEndsAnAttemptThatIsNotSentYet) {
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
    io.poll_one();
    client().stop();
    ASSERT_TRUE(run_until([&resolving] { return resolving.has_value(); }));
    EXPECT_EQ(resolving->phase, Phase::not_sent);
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

TEST_P(ClientTest, MayBeDestroyedWhileAnAttemptIsUnderWay) {
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
}

TEST_P(ClientTest, LeavesNothingBehindAfterStop) {
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
