// A load generator that misreads an answer measures nothing: what it believes is tested here.
#include "proto/frame.hpp"
#include "tests/bench/calls.hpp"
#include "tests/bench/drain.hpp"
#include "tests/bench/frames.hpp"
#include "tests/bench/histogram.hpp"
#include "tests/bench/http.hpp"
#include "tests/bench/payload.hpp"
#include "tests/bench/redis.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace holdfast::bench {
namespace {

using Kind = Reply::Kind;

TEST(HistogramTest, QuantilesAreNeverTooLowAndAtMostOnePercentTooHigh) {
    Histogram histogram;
    for (std::uint64_t i = 1; i <= 100'000; ++i) histogram.record(i * 1'000);
    EXPECT_EQ(histogram.count(), 100'000u);
    for (const double q : {0.001, 0.5, 0.99, 0.999, 1.0}) {
        const auto exact = q * 1e8;
        EXPECT_GE(static_cast<double>(histogram.quantile(q)), exact) << q;
        EXPECT_LE(static_cast<double>(histogram.quantile(q)), exact * 1.01) << q;
    }
}

TEST(HistogramTest, TakesTheSmallestAndTheLargestValues) {
    Histogram histogram;
    EXPECT_EQ(histogram.quantile(0.5), 0u);
    histogram.record(0);
    EXPECT_EQ(histogram.quantile(1.0), 0u);
    histogram.record(~std::uint64_t{0});
    EXPECT_EQ(histogram.quantile(1.0), ~std::uint64_t{0});
}

struct Answer {
    std::string_view bytes;
    Kind kind;
    std::size_t size;
};

void expect_parses(const Protocol& protocol, const Answer& answer) {
    const auto reply = protocol.parse(answer.bytes);
    EXPECT_EQ(reply.kind, answer.kind) << answer.bytes;
    EXPECT_EQ(reply.size, answer.size) << answer.bytes;
}

TEST(HttpTest, ReadsAnswersByStatusAndLength) {
    const Http http;
    for (const Answer& answer : {
             Answer{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}\n", Kind::ok, 41},
             Answer{"HTTP/1.1 200 OK\r\nserver: x\r\ncontent-length:2\r\n\r\n{}HTTP", Kind::ok, 50},
             Answer{"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", Kind::ok, 38},
             Answer{"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n{}", Kind::incomplete, 0},
             Answer{"HTTP/1.1 200 OK\r\nContent-Le", Kind::incomplete, 0},
             Answer{"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n", Kind::refused, 43},
             Answer{"HTTP/1.1 503 No\r\nContent-Length: 2\r\n\r\n{}", Kind::refused, 40},
             Answer{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", Kind::malformed, 0},
             Answer{"HTTP/1.1 200 OK\r\n\r\n", Kind::malformed, 0},
             Answer{"HTTP/1.1 200 OK\r\nContent-Length: 2x\r\n\r\n", Kind::malformed, 0},
             Answer{"SSH-2.0\r\n\r\n", Kind::malformed, 0},
         })
        expect_parses(http, answer);
}

TEST(HttpTest, EachRequestIsOfAnotherPersonAndCarriesThePayload) {
    Http http;
    std::string out;
    for (int i = 0; i < 12; ++i) {
        out.clear();
        http.append_requests(1, out);
    }
    EXPECT_TRUE(out.starts_with("POST /api/v1/customers/bench-000011/events HTTP/1.1\r\n")) << out;
    const auto body = out.substr(out.find("\r\n\r\n") + 4);
    EXPECT_EQ(body.size(), kPayloadBytes);
    EXPECT_TRUE(body.starts_with('{') && body.ends_with("}}")) << body;
}

TEST(RedisTest, ReadsEveryKindOfAnswer) {
    const Redis redis;
    for (const Answer& answer : {
             Answer{"$3\r\n1-0\r\n$3", Kind::ok, 9},
             Answer{"$3\r\n1-0\r", Kind::incomplete, 0},
             Answer{"$3", Kind::incomplete, 0},
             Answer{"-MISCONF no disk\r\n", Kind::refused, 18},
             Answer{"+OK\r\n", Kind::refused, 5},
             Answer{":12\r\n", Kind::refused, 5},
             Answer{"*2\r\n$1\r\na\r\n*1\r\n:1\r\n$1", Kind::refused, 19},
             Answer{"*2\r\n$1\r\na\r\n", Kind::incomplete, 0},
             Answer{"$x\r\n", Kind::malformed, 0},
             Answer{"HTTP/1.1 400\r\n", Kind::malformed, 0},
         })
        expect_parses(redis, answer);
}

TEST(FramesTest, CountsTheAnswersOfAFrame) {
    std::string good;
    frame::Writer answering(good, frame::Type::answers);
    answering.add(frame::Answer{.durability = frame::Durability::synced, .seq = Seq{1}});
    answering.add(frame::Answer{.durability = frame::Durability::synced, .seq = Seq{2}});
    answering.end();
    const Frames frames;
    EXPECT_EQ(frames.parse(good).count, 2U);
    EXPECT_EQ(frames.parse(good).kind, Kind::ok);
    EXPECT_EQ(frames.parse(good).size, good.size());
    EXPECT_EQ(frames.parse(good.substr(0, 40)).kind, Kind::incomplete);
    std::string bad;
    frame::Writer refusing(bad, frame::Type::answers);
    refusing.add(frame::Answer{.durability = frame::Durability::synced, .seq = Seq{1}});
    refusing.add(frame::Answer{.status = 503});
    refusing.end();
    EXPECT_EQ(frames.parse(bad).kind, Kind::refused);
    EXPECT_EQ(frames.parse("HTTP/1.1 400 Bad").kind, Kind::malformed);
}

TEST(FramesTest, AsksForManyInOneFrame) {
    Frames frames;
    std::string out;
    frames.append_requests(12, out);
    std::string_view payload = std::string_view(out).substr(frame::kHeaderBytes);
    Result<frame::Event> event = frame::take_event(payload);
    for (int i = 1; i < 12; ++i) event = frame::take_event(payload);
    ASSERT_TRUE(event);
    EXPECT_EQ(event->target, "/api/v1/customers/bench-000011/events");
    EXPECT_EQ(event->body.size(), kPayloadBytes);
    EXPECT_EQ(payload, "");
}

TEST(CallsTest, EachIsOfAnotherPersonAndHoldsThePayload) {
    struct {
        Api api;
        std::string_view target;
        std::string_view in_body;
    } const kExpected[] = {
        {Api::track, "/api/v1/customers/bench-000011/events", R"({"name":"order_completed")"},
        {Api::entity, "/api/v2/entity", R"("identifiers":{"id":"bench-000011"},"action":"event")"},
        {Api::http, "/destinations/bench/events?key=bench-000011", R"("name":"order_completed")"},
    };

    for (const auto& expected : kExpected) {
        Calls calls(expected.api);
        client::Event event;
        for (int i = 0; i < 12; ++i) event = calls.next();
        EXPECT_EQ(event.target, expected.target);
        EXPECT_NE(event.body.find(expected.in_body), std::string_view::npos) << event.body;
        EXPECT_EQ(event.body.size(), kPayloadBytes);
        EXPECT_TRUE(event.body.ends_with("}}")) << event.body;
    }
}

using Step = DrainWindow::Step;

TEST(DrainWindowTest, CountsAllButTheFirstTenth) {
    const Clock::time_point start;
    DrainWindow window(1000, std::chrono::seconds(60));
    EXPECT_EQ(window.observe(0, start), Step::warming_up);
    EXPECT_EQ(window.observe(99, start + std::chrono::seconds(1)), Step::warming_up);
    EXPECT_EQ(window.observe(120, start + std::chrono::seconds(2)), Step::begun);
    EXPECT_EQ(window.observe(999, start + std::chrono::seconds(5)), Step::counting);
    EXPECT_EQ(window.observe(1000, start + std::chrono::seconds(6)), Step::over);
    EXPECT_EQ(window.delivered(), 880U);
    EXPECT_EQ(window.seconds(), 4.0);
}

TEST(DrainWindowTest, EndsWhenItsTimeIsOver) {
    const Clock::time_point start;
    DrainWindow window(1000, std::chrono::seconds(10));
    EXPECT_EQ(window.observe(100, start), Step::begun);
    EXPECT_EQ(window.observe(200, start + std::chrono::seconds(9)), Step::counting);
    EXPECT_EQ(window.observe(300, start + std::chrono::seconds(10)), Step::over);
    EXPECT_EQ(window.delivered(), 200U);
}

TEST(DrainTest, CountsWhatAllEndpointsDelivered) {
    EXPECT_EQ(delivered_in(R"({"destinations":[
        {"endpoints":[{"name":"track","delivered":3},{"name":"app","delivered":4}]},
        {"endpoints":[]},{"endpoints":[{"delivered":5}]}]})"),
              12U);
}

}  // namespace
}  // namespace holdfast::bench
