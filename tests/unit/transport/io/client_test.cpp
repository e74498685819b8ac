#include "transport/client.hpp"

#include "tests/unit/transport/io/client_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace holdfast::transport {
namespace {

namespace asio = boost::asio;
using namespace testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Task = asio::awaitable<void>;

class ClientTest : public ClientWorld {};

INSTANTIATE_TEST_SUITE_P(Over, ClientTest, ::testing::Bool(), plain_or_tls);

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
    const std::string within = "X: " + std::string(kAnswerHeaderBytesMax - 100, 'x') + "\r\n";
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
        {"header within the limit", head + within + "Content-Length: 0\r\n\r\n", 200},
        {"long header", head + long_header + "\r\n", 0, "header is longer"},
        {"endless header", head + long_header + long_header, 0, "header is longer"},
        {"big body", head + "Content-Length: 262145\r\n\r\n" + big, 0, "body is longer"},
        {"big body until the end", head + "\r\n" + big, 0, "body is longer"},
        {"big chunk", chunked + "40001\r\n" + big + "\r\n0\r\n\r\n", 0, "body is longer"},
        {"interim answer", interim + ok(), 200},
        {"interim answers only", interim, 0, "closed the connection"},
        {"too many interim answers", flood + ok(), 0, "more than 8 interim answers"},
        {"upgrade", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", 0, "protocol"},
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
    bool closed = false;
    listen([&closed](Peer& peer) -> Task {
        (void)co_await peer.read_head();  // and never the body
        (void)co_await peer.write("HTTP/1.1 413 Payload Too Large\r\nContent-Length: 2\r\n\r\nno");
        for (int i = 0; i < 1000 && !closed; ++i) {
            co_await pause(2ms);
            const bool taken = co_await peer.write("x");
            closed = !taken;
        }
    });
    const AttemptResult result = send(post(std::string(32 << 20, 'x')));
    EXPECT_EQ(result.phase, Phase::answered) << result.error;
    EXPECT_EQ(result.status, 413U);
    EXPECT_LT(took, 5s);
    ASSERT_TRUE(run_until([this] { return far->finished() == 1; }));
    EXPECT_TRUE(closed);
    EXPECT_EQ(send().phase, Phase::answered);
    EXPECT_EQ(far->connections(), 2);
}

}  // namespace
}  // namespace holdfast::transport
