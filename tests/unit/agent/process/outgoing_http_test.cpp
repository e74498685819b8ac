// What goes out to a destination of type "http".
#include "agent/delivery/outgoing_http.hpp"

#include "agent/delivery/outgoing.hpp"
#include "agent/delivery/webhook_signature.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::agent {
namespace {

using testing::ElementsAre;

const Ulid kId = *Ulid::parse("01JGJQ4B8E0000000000000000");
const std::string kIdText = kId.text();
const WallTime kAccepted = wall_from_ms(1'767'323'045'678);
const WallTime kNow = wall_from_ms(1'767'323'099'999);
const std::string kAgent = "User-Agent: Holdfast/" HOLDFAST_VERSION;

DestinationConfig destination() {
    DestinationConfig config;
    config.name = "orders";
    config.http.target = "/in/?code=1";
    config.http.content_type = "text/plain";
    config.http.auth_header = "Authorization";
    return config;
}

Event event_of(std::string_view person, std::string_view name) {
    Event event;
    event.id = kId;
    event.accepted_at = kAccepted;
    event.operation = Operation::request;
    event.destination = "orders";
    event.person = person;
    event.name = name;
    event.target = "/destinations/orders/events";
    event.body = "hello";
    return event;
}

void add_header(DestinationConfig& config, const std::string& name, const char* value) {
    config.http.headers.push_back({name, *HeaderTemplate::parse(value)});
}

std::vector<std::string> headers(const transport::OutgoingRequest& request) {
    std::vector<std::string> lines;
    for (const transport::Header& header : request.headers) {
        lines.push_back(header.name + ": " + header.value);
    }
    return lines;
}

TEST(OutgoingHttp, GoesWhereTheDestinationSaysWithTheEntrysId) {
    const transport::OutgoingRequest request =
        outgoing(event_of("key:5", "placed"), destination(), 1, kNow);
    EXPECT_EQ(request.method, "POST");
    EXPECT_EQ(request.target, "/in/?code=1");
    EXPECT_EQ(request.body, "hello");
    EXPECT_TRUE(request.has_body);
    EXPECT_TRUE(request.repeatable);
    EXPECT_THAT(headers(request),
                ElementsAre(kAgent, "Idempotency-Key: " + kIdText, "Content-Type: text/plain"));
}

TEST(OutgoingHttp, MayBeAPutAndWithoutABody) {
    DestinationConfig config = destination();
    config.http.method = Method::put;
    Event event = event_of("", "");
    event.body = "";
    const transport::OutgoingRequest request = outgoing(event, config, 1, kNow);
    EXPECT_EQ(request.method, "PUT");
    EXPECT_TRUE(request.has_body);
    EXPECT_THAT(headers(request), ElementsAre(kAgent, "Idempotency-Key: " + kIdText));
}

TEST(OutgoingHttp, OnlyWhatTheReceiverDedupesIsRepeatedByItself) {
    Event event = event_of("", "");
    event.operation = Operation::request_once;
    EXPECT_FALSE(outgoing(event, destination(), 1, kNow).repeatable);
}

TEST(OutgoingHttp, CarriesTheCredentialAsItIs) {
    DestinationConfig config = destination();
    config.endpoint(Endpoint::http).key = Secret("Bearer 1234");
    EXPECT_EQ(headers(outgoing(event_of("", ""), config, 1, kNow))[2],
              "Authorization: Bearer 1234");
    config.http.auth_header = "X-Api-Key";
    EXPECT_EQ(headers(outgoing(event_of("", ""), config, 1, kNow))[2], "X-Api-Key: Bearer 1234");
}

TEST(OutgoingHttp, PutsIntoHeadersWhatTheyAskFor) {
    DestinationConfig config = destination();
    add_header(
        config, "X-All", "{{id}} {{name}} {{key}} {{timestamp}} {{destination}} {{attempt}}");
    add_header(config, "X-Name", "{{name}}");
    const auto all = headers(outgoing(event_of("key:key:5", "placed"), config, 12, kNow));
    ASSERT_EQ(all.size(), 5U);
    EXPECT_EQ(all[3], "X-All: " + kIdText + " placed key:5 1767323045 orders 12");
    EXPECT_EQ(all[4], "X-Name: placed");
}

TEST(OutgoingHttp, LeavesOutAHeaderThatWouldBeEmpty) {
    DestinationConfig config = destination();
    add_header(config, "X-Key", "{{key}}");
    add_header(config, "X-Name", "n={{name}}");
    const auto all = headers(outgoing(event_of("", ""), config, 1, kNow));
    EXPECT_EQ(all.back(), "X-Name: n=");
    EXPECT_EQ(all.size(), 4U);
}

TEST(OutgoingHttp, IsSignedWithTheTimeOfTheAttempt) {
    DestinationConfig config = destination();
    config.http.signing_key = Secret("0123456789abcdef01234567");
    const auto all = headers(outgoing(event_of("", ""), config, 1, kNow));
    ASSERT_EQ(all.size(), 6U);
    EXPECT_EQ(all[3], "webhook-id: " + kIdText);
    EXPECT_EQ(all[4], "webhook-timestamp: 1767323099");
    // printf 01JGJQ4B8E0000000000000000.1767323099.hello |
    //     openssl dgst -sha256 -hmac 0123456789abcdef01234567 -binary | base64
    EXPECT_EQ(all[5], "webhook-signature: v1,1SB9MWj2+aep/G8775dHnSfL4Hp1A3mX8aBVprcr+QQ=");
}

TEST(OutgoingHttp, AReplayHasTheIdAndTheTimeOfWhatItRepeats) {
    DestinationConfig config = destination();
    config.http.signing_key = Secret("0123456789abcdef01234567");
    add_header(config, "X-Id", "{{id}} {{timestamp}}");
    Event replayed = event_of("", "");
    replayed.id = *Ulid::parse("01JGJQ9999ZZZZZZZZZZZZZZZZ");
    replayed.accepted_at = kNow;
    replayed.parent = kId;
    const std::string seconds = std::to_string(unix_seconds(kId.time()));
    const auto all = headers(outgoing(replayed, config, 1, kNow));
    EXPECT_EQ(all[1], "Idempotency-Key: " + kIdText);
    EXPECT_EQ(all[3], "X-Id: " + kIdText + " " + seconds);
    EXPECT_EQ(all[4], "webhook-id: " + kIdText);
}

// The example of standardwebhooks.com; the key is MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw in base64.
TEST(WebhookSignature, IsThatOfTheSpecification) {
    const std::string_view key(
        "\x31\xf2\x90\xf6\xbf\x06\x29\x8a\xab\x4f\x08\xd4\x3c\x3f\x08\x2c\xf6\x48\xa3\x62\xda\x2d"
        "\xa4\xb0",
        24);
    EXPECT_EQ(webhook_signature(
                  key, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", R"({"test": 2432232314})"),
              "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

TEST(WebhookSignature, CoversEveryByteOfABody) {
    const std::string_view body("\0\xff.\0", 4);
    EXPECT_NE(webhook_signature("k", "i", "1", body),
              webhook_signature("k", "i", "1", body.substr(0, 3)));
    EXPECT_NE(webhook_signature("k", "i", "1", ""), webhook_signature("l", "i", "1", ""));
}

}  // namespace
}  // namespace holdfast::agent
