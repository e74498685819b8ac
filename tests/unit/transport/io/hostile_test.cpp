// A far side that means harm or is broken: what it does, and what the attempt comes to. Only a
// complete, well-framed answer to a request that was sent to its end counts; whatever else comes
// ends within the limits and the deadlines, and nothing of it is taken for the next answer.
#include "tests/unit/transport/io/client_world.hpp"

#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::transport {
namespace {

namespace asio = boost::asio;
using namespace testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Task = asio::awaitable<void>;

class Hostile : public ClientWorld {
protected:
    // An attempt that ends later was ended by nothing that we have.
    static constexpr Duration kSoon = 5s;
};

INSTANTIATE_TEST_SUITE_P(Over, Hostile, ::testing::Bool(), plain_or_tls);

// How the far side goes on after it has written.
enum class Then { stays, closes, is_cut, resets, half_closes };

Task end(Peer& peer, Then then) {
    boost::system::error_code ignored;
    switch (then) {
        case Then::stays:
            break;
        case Then::closes:
            co_await peer.close();
            break;
        case Then::is_cut:
            peer.cut();
            break;
        case Then::resets:
            peer.reset();
            break;
        case Then::half_closes:
            peer.socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
            co_await peer.read_until_end();
            break;
    }
}

// Does it for every request of every connection.
FarSide::Script write_then(std::string bytes, Then then) {
    return [bytes = std::move(bytes), then](Peer& peer) -> Task {
        for (;;) {
            const std::string request = co_await peer.read_request();
            if (request.empty()) co_return;
            (void)co_await peer.write(bytes);
            co_await end(peer, then);
            if (then != Then::stays) co_return;
        }
    };
}

struct Row {
    std::string name;
    std::string bytes;
    std::optional<unsigned> status;  // nothing: no answer
    std::string error;               // a part of what is said then
    Then then = Then::stays;
    bool reusable = false;    // the connection carries the next request
    bool plain_only = false;  // over TLS there is no answer
};

Row refused(std::string name, std::string bytes, std::string error, Then then = Then::stays) {
    return {std::move(name), std::move(bytes), std::nullopt, std::move(error), then};
}

Row taken(std::string name, std::string bytes, unsigned status, Then then = Then::stays) {
    return {std::move(name), std::move(bytes), status, "", then};
}

Row taken_and_kept(std::string name, std::string bytes, unsigned status) {
    Row row = taken(std::move(name), std::move(bytes), status);
    row.reusable = true;
    return row;
}

Row taken_if_plain(std::string name, std::string bytes, unsigned status, Then then) {
    Row row = taken(std::move(name), std::move(bytes), status, then);
    row.plain_only = true;
    return row;
}

const std::string kHead = "HTTP/1.1 200 OK\r\n";
const std::string kChunked = kHead + "Transfer-Encoding: chunked\r\n\r\n";
const std::string kPlanted = "HTTP/1.1 201 Planted\r\nContent-Length: 0\r\n\r\n";

std::string with_length(const std::string& length, const std::string& body = "{}") {
    return kHead + "Content-Length: " + length + "\r\n\r\n" + body;
}

std::string with_field(const std::string& field) {
    return kHead + field + "\r\nContent-Length: 2\r\n\r\n{}";
}

std::string with_status(const std::string& status) {
    return "HTTP/1.1 " + status + " X\r\nContent-Length: 2\r\n\r\n{}";
}

std::vector<Row> framings() {
    const std::string ab = "2\r\nab\r\n0\r\n\r\n";
    return {
        taken_and_kept("the same length twice", with_field("Content-Length: 2"), 200),
        refused("two lengths in two fields", with_field("Content-Length: 3"), "Content-Length"),
        refused("two lengths in one field", with_length("2, 3"), "Content-Length"),
        refused("no length in its field", with_length(""), "Content-Length"),
        refused("length with a sign", with_length("+2"), "Content-Length"),
        refused("length in hex", with_length("0x2"), "Content-Length"),
        refused("length that overflows", with_length("18446744073709551618"), "Content-Length"),
        refused("length without end", with_length(std::string(5000, '9')), "Content-Length"),
        refused("largest length", with_length("18446744073709551615"), "body is longer"),
        refused("length of a terabyte", with_length("1099511627776"), "body is longer"),
        refused("chunks, then a length",
                kHead + "Transfer-Encoding: chunked\r\nContent-Length: 12\r\n\r\n" + ab,
                "Content-Length"),
        refused("a length, then chunks",
                kHead + "Content-Length: 12\r\nTransfer-Encoding: chunked\r\n\r\n" + ab,
                "Transfer-Encoding"),
        refused("another coding, then a length",
                kHead + "Transfer-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
                "both"),
        refused("chunks inside of another coding, then a length",
                kHead + "Transfer-Encoding: chunked, gzip\r\nContent-Length: 2\r\n\r\n{}",
                "both"),
        refused("chunks twice",
                kHead + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + ab,
                "Transfer-Encoding"),
        taken(
            "chunks of HTTP/1.0",
            "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n" + ab,
            200),
        taken("another coding until the end",
              kHead + "Transfer-Encoding: gzip\r\n\r\n{}",
              200,
              Then::closes),
        refused(
            "space before the colon", kHead + "Transfer-Encoding : chunked\r\n\r\n" + ab, "field"),
        refused("a length in the trailer",
                kChunked + "2\r\nab\r\n0\r\nContent-Length: 5\r\n\r\n",
                "Content-Length"),
        taken_and_kept("a trailer", kChunked + "2\r\nab\r\n0\r\nX: y\r\n\r\n", 200),
        refused("chunk size that overflows",
                kChunked + "10000000000000002\r\nab\r\n0\r\n\r\n",
                "chunk"),
        refused("largest chunk size",
                kChunked + "FFFFFFFFFFFFFFFF\r\nab\r\n0\r\n\r\n",
                "body is longer"),
        refused("sizes that overflow together",
                kChunked + "2\r\nab\r\nFFFFFFFFFFFFFFFE\r\nab\r\n",
                "body is longer"),
        refused("chunk size with a sign", kChunked + "-2\r\nab\r\n0\r\n\r\n", "chunk"),
        refused("chunk size as in C", kChunked + "0x2\r\nab\r\n0\r\n\r\n", "chunk"),
        refused("chunk longer than its size", kChunked + "2\r\nabcd\r\n0\r\n\r\n", "chunk"),
        taken_and_kept(
            "redirect to itself",
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n",
            307),
        taken_and_kept(
            "gzip",
            kHead + "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\xff",
            200),
    };
}

std::vector<Row> left_over() {
    return {
        taken("body longer than announced", with_length("2", "{}{}"), 200),
        taken("an answer to nobody", ok() + kPlanted, 200),
        taken("half an answer to nobody", ok() + "HTTP", 200),
        taken("line ends after the answer", ok() + "\r\n", 200),
        taken("something after the last chunk", kChunked + "0\r\n\r\n" + kPlanted, 200),
        taken("204 with a body",
              "HTTP/1.1 204 No Content\r\nContent-Length: 43\r\n\r\n" + kPlanted,
              204),
        taken("304 with a body",
              "HTTP/1.1 304 Not Modified\r\nContent-Length: 43\r\n\r\n" + kPlanted,
              304),
        refused("100 with a body",
                "HTTP/1.1 100 Continue\r\nContent-Length: 2\r\n\r\n{}" + ok(),
                "version"),
    };
}

std::vector<Row> not_http() {
    using namespace std::string_literals;
    return {
        refused("HTTP/0.9", "<html>ok</html>\r\n", "version", Then::closes),
        refused("preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "version"),
        refused("HTTP/2.0", "HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", "version"),
        refused("HTTP/1.2", "HTTP/1.2 200 OK\r\nContent-Length: 0\r\n\r\n", "version"),
        refused("small letters", "http/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "version"),
        refused("a request", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "version"),
        refused("zeros", std::string(100, '\0'), "version"),
        refused("line ends before the answer", "\r\n" + ok(), "version"),
        refused("line ends without CR", "HTTP/1.1 200 OK\nContent-Length: 0\n\n", "", Then::closes),
        taken_and_kept("status 000", with_status("000"), 0),
        refused("status 99", with_status("99"), "status"),
        taken_and_kept("status 099", "HTTP/1.1 099 X\r\nContent-Length: 43\r\n\r\n" + kPlanted, 99),
        taken_and_kept("status 600", with_status("600"), 600),
        taken_and_kept("status 999", with_status("999"), 999),
        refused("status 1000", with_status("1000"), "status"),
        refused("status with letters", with_status("2OO"), "status"),
        refused("negative status", with_status("-20"), "status"),
        refused("NUL in a value", with_field("X: a\0b"s), "value"),
        refused("NUL in a name", with_field("X\0Y: a"s), "field"),
        refused("NUL in the reason", "HTTP/1.1 200 O\0K\r\nContent-Length: 0\r\n\r\n"s, "reason"),
        refused("CR in a value", with_field("X: a\rY: b"), ""),
        refused("a field without a colon", with_field("Xabc"), "field"),
        refused("switched protocols",
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n" + ok(),
                "protocol"),
        refused("switched protocols, without a word more",
                "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
                "protocol"),
    };
}

std::vector<Row> endings() {
    const std::string length = with_length("10", "half");
    const std::string chunks = kChunked + "a\r\nhalf";
    const std::string until_end = kHead + "\r\nhalf";
    return {
        refused("nothing, closed", "", "closed", Then::closes),
        refused("nothing, reset", "", "reset", Then::resets),
        refused("nothing, half closed", "", "", Then::half_closes),
        refused("half a header, reset", "HTTP/1.1 200 OK\r\nCont", "reset", Then::resets),
        refused("half a header, half closed", "HTTP/1.1 200 OK\r\nCont", "", Then::half_closes),
        refused("half a body, reset", length, "reset", Then::resets),
        refused("half a body, cut", length, "", Then::is_cut),
        refused("half a body, half closed", length, "", Then::half_closes),
        refused("half the chunks, reset", chunks, "reset", Then::resets),
        refused("half the chunks, cut", chunks, "", Then::is_cut),
        refused("no last chunk, cut", kChunked + "2\r\nab\r\n", "", Then::is_cut),
        refused("body until a reset", until_end, "reset", Then::resets),
        taken_if_plain("body until a cut", until_end, 200, Then::is_cut),
        taken_if_plain("body until a half close", until_end, 200, Then::half_closes),
        taken("all, closed", ok(), 200, Then::closes),
        taken("all, cut", ok(), 200, Then::is_cut),
        taken("all, reset", ok(), 200, Then::resets),
        taken("all, half closed", ok(), 200, Then::half_closes),
        taken("all chunks, cut", kChunked + "2\r\nab\r\n0\r\n\r\n", 200, Then::is_cut),
        taken("all chunks, reset", kChunked + "2\r\nab\r\n0\r\n\r\n", 200, Then::resets),
    };
}

std::vector<Row> rows() {
    std::vector<Row> all;
    for (const auto& some : {framings(), left_over(), not_http(), endings()})
        all.insert(all.end(), some.begin(), some.end());
    return all;
}

TEST_P(Hostile, OnlyACompleteWellFramedAnswerCountsAndOnlyAfterItAConnectionIsKept) {
    for (const Row& row : rows()) {
        SCOPED_TRACE(row.name);
        drop_client();
        listen(write_then(row.bytes, row.then));
        const bool has_answer = row.status && !(row.plain_only && tls());
        for (int request = 1; request <= 2; ++request) {
            const AttemptResult result = send();
            EXPECT_EQ(result.phase, has_answer ? Phase::answered : Phase::no_answer);
            EXPECT_EQ(result.status, has_answer ? *row.status : 0) << result.error;
            EXPECT_THAT(result.error, HasSubstr(row.error));
            EXPECT_EQ(result.error.empty(), has_answer);
            EXPECT_LT(took, kSoon);
            io.poll();  // so that it goes on as it means to
            if (row.then != Then::stays && row.then != Then::half_closes) {
                ASSERT_TRUE(run_until([&] { return far->finished() == request; }));
            }
            EXPECT_EQ(far->connections(), row.reusable ? 1 : request);
        }
    }
}

// Writes `head` and then `piece` until nobody takes it any more, or until it is `bytes_max`.
FarSide::Script flood(std::string head,
                      std::string piece,
                      std::size_t bytes_max,
                      std::size_t& written) {
    return [head = std::move(head), piece = std::move(piece), bytes_max, &written](
               Peer& peer) -> Task {
        (void)co_await peer.read_request();
        bool open = co_await peer.write(head);
        while (open && written < bytes_max) {
            open = co_await peer.write(piece);
            written += piece.size();
        }
    };
}

struct Flood {
    std::string name;
    std::string head;
    std::string piece;
    std::string error;
    bool by_deadline = false;
};

std::vector<Flood> floods() {
    const std::string much(std::size_t{16} * 1024, 'x');
    return {
        {"one field", kHead + "X: ", much, "header is longer"},
        {"fields", kHead, "X: y\r\n", "header is longer"},
        {"interim answers", "", "HTTP/1.1 100 Continue\r\n\r\n", "interim answers"},
        {"interim answers with large headers",
         "",
         "HTTP/1.1 103 Early Hints\r\nLink: " + much.substr(1000) + "\r\n\r\n",
         "interim answers"},
        {"a body", kHead + "\r\n", much, "body is longer"},
        {"chunks", kChunked, "4000\r\n" + much + "\r\n", "body is longer"},
        {"extension of one chunk", kChunked + "1;", much, "chunk"},
        {"one field of the trailer", kChunked + "0\r\nX: ", much, "chunk"},
        {"fields of the trailer", kChunked + "0\r\n", "X: y\r\n", "chunk"},
        {"extensions of chunks",
         kChunked,
         "1;" + much.substr(1000) + "\r\nx\r\n",
         "deadline passed",
         true},
    };
}

TEST_P(Hostile, AFloodIsCutOffAtTheLimitsOrTheDeadline) {
    for (const Flood& row : floods()) {
        SCOPED_TRACE(row.name);
        drop_client();
        options.deadlines.total = row.by_deadline ? 300ms : 10s;
        std::size_t written = 0;
        listen(flood(row.head, row.piece, row.by_deadline ? 1UL << 33 : 1UL << 28, written));
        const AttemptResult result = send();
        EXPECT_EQ(result.phase, Phase::no_answer);
        EXPECT_THAT(result.error, HasSubstr(row.error));
        EXPECT_LT(took, 2s);
        if (!row.by_deadline) {
            EXPECT_LT(written, 16U << 20);
        }
        ASSERT_TRUE(run_until([this] { return far->finished() == 1; }));
    }
}

// Nothing of the answer comes, or a byte of it a second.
TEST_P(Hostile, WhoHangsIsLeftAtTheDeadline) {
    options.deadlines.first_byte = 100ms;
    listen([](Peer& peer) -> Task { co_await pause(peer.number() * 10s); });
    EXPECT_THAT(send().error, HasSubstr("deadline passed"));
    EXPECT_LT(took, kSoon);

    drop_client();
    listen([](Peer& peer) -> Task {
        (void)co_await peer.read_request();
        for (const char c : ok()) {
            (void)co_await peer.write(std::string(1, c));
            co_await pause(1s);
        }
    });
    const AttemptResult result = send();
    EXPECT_EQ(result.phase, Phase::no_answer);
    EXPECT_THAT(result.error, HasSubstr("deadline passed"));
    EXPECT_LT(took, kSoon);
}

TEST_P(Hostile, WhoResetsBeforeHeReadsHasNotAnswered) {
    listen([](Peer& peer) -> Task {
        peer.reset();
        co_return;
    });
    for (int connection = 1; connection <= 3; ++connection) {
        EXPECT_NE(send(post(std::string(1 << 20, 'x'), true)).phase, Phase::answered);
        EXPECT_EQ(far->connections(), connection) << "a new connection is not made up for";
    }
}

// It cannot have been read, so it cannot have been accepted.
TEST_P(Hostile, ASuccessBeforeTheRequestIsOutIsNoAnswer) {
    for (const Then then : {Then::stays, Then::closes, Then::resets}) {
        drop_client();
        listen([then](Peer& peer) -> Task {
            (void)co_await peer.read_head();
            (void)co_await peer.write(ok());
            co_await end(peer, then);
            if (then == Then::stays) co_await pause(100ms);
        });
        const AttemptResult result = send(post(std::string(32 << 20, 'x')));
        EXPECT_EQ(result.phase, Phase::no_answer);
        EXPECT_EQ(result.status, 0U);
        EXPECT_LT(took, kSoon);
    }
}

// What is there before a request goes out is nobody's answer.
TEST_P(Hostile, WhoSpeaksOrLeavesBeforeHeIsAskedIsAskedNothing) {
    if (tls()) GTEST_SKIP() << "the handshake comes first";
    const std::vector<std::function<void(asio::ip::tcp::socket&)>> ways = {
        [](auto& socket) { asio::write(socket, asio::buffer(ok())); },
        [](auto& socket) { asio::write(socket, asio::buffer("x", 1)); },
        [](auto& socket) { socket.shutdown(asio::ip::tcp::socket::shutdown_send); },
        [](auto& socket) {
            socket.set_option(asio::socket_base::linger(true, 0));
            socket.close();
        },
    };
    for (const auto& act : ways) {
        asio::ip::tcp::acceptor acceptor(io, {asio::ip::address_v4::loopback(), 0});
        acceptor.non_blocking(true);
        options.origin.port = acceptor.local_endpoint().port();
        drop_client();
        const OutgoingRequest request = post("{}", true);
        std::optional<AttemptResult> result;
        start(client(), request, result);
        asio::ip::tcp::socket socket(io);
        boost::system::error_code not_yet;
        do {
            io.poll_one();
            acceptor.accept(socket, not_yet);
        } while (not_yet);
        act(socket);
        ASSERT_TRUE(run_until([&result] { return result.has_value(); }));
        EXPECT_EQ(result->phase, Phase::not_sent) << result->status;
        EXPECT_THAT(result->error, HasSubstr("connect to 127.0.0.1"));
    }
}

TEST_P(Hostile, HandsOnAnyRetryAfterAsItCame) {
    for (const std::string& value : {std::string("0"),
                                     std::string("1000000000"),
                                     std::string("Sun, 06 Nov 1994 08:49:37 GMT"),
                                     std::string("soon; or -1"),
                                     std::string(10'000, '9')}) {
        drop_client();
        listen(answer_each_with("HTTP/1.1 429 Slow\r\nRetry-After: " + value +
                                "\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n"));
        const AttemptResult result = send();
        EXPECT_EQ(result.status, 429U) << result.error;
        EXPECT_EQ(result.retry_after, value);
    }
}

}  // namespace
}  // namespace holdfast::transport
