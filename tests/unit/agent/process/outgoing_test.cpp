// What goes out for an entry, and what is kept of the gates.
#include "agent/delivery/outgoing.hpp"

#include "agent/delivery/saved_gates.hpp"
#include "agent/text.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::agent {
namespace {

using testing::ElementsAre;

DestinationConfig destination() {
    DestinationConfig config;
    config.name = "main";
    config.site_id = "site";
    config.endpoints[0].key = Secret("key");
    config.endpoints[1].key = Secret("app-key");
    config.endpoint(Endpoint::broadcasts) = config.endpoint(Endpoint::app);
    return config;
}

Event event_of(Operation operation, Method method, std::string_view target, std::string_view body) {
    Event event;
    event.operation = operation;
    event.method = method;
    event.target = target;
    event.body = body;
    return event;
}

std::vector<std::string> headers(const transport::OutgoingRequest& request) {
    std::vector<std::string> lines;
    for (const transport::Header& header : request.headers) {
        lines.push_back(header.name + ": " + header.value);
    }
    return lines;
}

const WallTime kNow = wall_from_ms(1'614'265'330'500);
const std::string kAgent = "User-Agent: Holdfast/" HOLDFAST_VERSION;

TEST(Outgoing, ATrackCallCarriesTheDestinationsKeyAndNothingElseOfOurs) {
    const Event event =
        event_of(Operation::identify, Method::put, "/api/v1/customers/5?x=1", R"({"a":1})");
    const transport::OutgoingRequest request = outgoing(event, destination(), 1, kNow);
    EXPECT_EQ(request.method, "PUT");
    EXPECT_EQ(request.target, "/api/v1/customers/5?x=1");
    EXPECT_EQ(request.body, R"({"a":1})");
    EXPECT_TRUE(request.has_body);
    EXPECT_TRUE(request.repeatable);
    EXPECT_THAT(
        headers(request),
        ElementsAre(kAgent, "Authorization: Basic c2l0ZTprZXk=", "Content-Type: application/json"));
}

TEST(Outgoing, AnAppCallCarriesTheAppKeyAndIsNotRepeatedByItself) {
    const Event event = event_of(Operation::send_email, Method::post, "/v1/send/email", "{}");
    const transport::OutgoingRequest request = outgoing(event, destination(), 1, kNow);
    EXPECT_FALSE(request.repeatable);
    EXPECT_THAT(
        headers(request),
        ElementsAre(kAgent, "Authorization: Bearer app-key", "Content-Type: application/json"));
}

struct Sent {
    Operation operation;
    Method method;
    std::string_view target;
    Endpoint endpoint;
};

constexpr Sent kSent[] = {
    {Operation::add_device, Method::put, "/api/v1/customers/5/devices", Endpoint::track},
    {Operation::delete_device, Method::del, "/api/v1/customers/5/devices/t%3A1", Endpoint::track},
    {Operation::merge, Method::post, "/api/v1/merge_customers", Endpoint::track},
    {Operation::add_to_segment,
     Method::post,
     "/api/v1/segments/7/add_customers?id_type=email",
     Endpoint::track},
    {Operation::remove_from_segment,
     Method::post,
     "/api/v1/segments/7/remove_customers",
     Endpoint::track},
    {Operation::submit_form, Method::post, "/api/v1/forms/f/submit", Endpoint::track},
    {Operation::report_metric, Method::post, "/api/v1/metrics", Endpoint::track},
    {Operation::report_push_event, Method::post, "/api/v1/push/events", Endpoint::track},
    {Operation::unsubscribe, Method::post, "/unsubscribe/d", Endpoint::track},
    {Operation::send_push, Method::post, "/v1/send/push", Endpoint::app},
    {Operation::send_sms, Method::post, "/v1/send/sms", Endpoint::app},
    {Operation::send_whatsapp, Method::post, "/v1/send/whatsapp", Endpoint::app},
    {Operation::send_in_app, Method::post, "/v1/send/in_app", Endpoint::app},
    {Operation::send_inbox_message, Method::post, "/v1/send/inbox_message", Endpoint::app},
    {Operation::trigger_broadcast, Method::post, "/v1/campaigns/3/triggers", Endpoint::broadcasts},
};

TEST(Outgoing, EachCallGoesToItsEndpointWithItsKeyPathAndQuery) {
    for (const Sent& sent : kSent) {
        SCOPED_TRACE(sent.target);
        const Event event = event_of(sent.operation, sent.method, sent.target, "{}");
        EXPECT_EQ(info(sent.operation).endpoint(), sent.endpoint);
        const transport::OutgoingRequest request = outgoing(event, destination(), 1, kNow);
        EXPECT_EQ(request.method, to_string(sent.method));
        EXPECT_EQ(request.target, sent.target);
        EXPECT_EQ(request.repeatable, info(sent.operation).safety != Safety::once_if_ambiguous);
        const bool is_app = sent.endpoint != Endpoint::track;
        EXPECT_EQ(headers(request).at(1),
                  is_app ? "Authorization: Bearer app-key" : "Authorization: Basic c2l0ZTprZXk=");
    }
}

TEST(Outgoing, WithoutAKeyThereIsNoAuthorization) {
    DestinationConfig config = destination();
    config.endpoints[1].key.reset();
    const Event event = event_of(Operation::send_email, Method::post, "/v1/send/email", "{}");
    EXPECT_THAT(headers(outgoing(event, config, 1, kNow)),
                ElementsAre(kAgent, "Content-Type: application/json"));
}

TEST(Outgoing, APostWithoutABodySaysThatItHasNone) {
    const Event event = event_of(Operation::suppress, Method::post, "/s", "");
    const transport::OutgoingRequest request = outgoing(event, destination(), 1, kNow);
    EXPECT_TRUE(request.has_body);
    EXPECT_THAT(headers(request), ElementsAre(kAgent, "Authorization: Basic c2l0ZTprZXk="));
}

TEST(Outgoing, ADeleteHasNoBody) {
    const Event event = event_of(Operation::delete_person, Method::del, "/d", "");
    const transport::OutgoingRequest request = outgoing(event, destination(), 1, kNow);
    EXPECT_EQ(request.method, "DELETE");
    EXPECT_FALSE(request.has_body);
}

TEST(Outgoing, EveryLengthOfKeyIsEncoded) {
    DestinationConfig config = destination();
    const Event event = event_of(Operation::suppress, Method::post, "/s", "");
    const char* expected[] = {"c2l0ZTph", "c2l0ZTphYQ==", "c2l0ZTphYWE="};
    for (std::size_t size = 1; size <= 3; ++size) {
        config.endpoints[0].key = Secret(std::string(size, 'a'));
        EXPECT_EQ(outgoing(event, config, 1, kNow).headers.at(1).value,
                  std::string("Basic ") + expected[size - 1]);
    }
}

TEST(SavedGates, ComeBackAsTheyWere) {
    GatesSnapshot saved;
    saved[0].breaker = {transport::Breaker::State::open, wall_from_ms(1234), 3, "5 in a row"};
    saved[0].throttles_in_a_row = 2;
    saved[0].retry_after_until = wall_from_ms(1'767'323'045'678);
    saved[0].retry_after_reason = "429 \"slow\" \xff";
    saved[0].rate_factor = 512;
    saved[1].breaker.state = transport::Breaker::State::half_open;
    saved[1].auth_hold = true;
    saved[1].auth_hold_reason = "401";
    const Result<GatesSnapshot> loaded = decode_gates(encode_gates(saved));
    ASSERT_TRUE(loaded);
    const auto& [track, app, http, broadcasts] = *loaded;
    EXPECT_EQ(track.breaker.state, transport::Breaker::State::open);
    EXPECT_EQ(track.breaker.until, wall_from_ms(1234));
    EXPECT_EQ(track.breaker.opens_in_a_row, 3U);
    EXPECT_EQ(track.breaker.reason, "5 in a row");
    EXPECT_EQ(track.throttles_in_a_row, 2U);
    EXPECT_EQ(track.retry_after_until, wall_from_ms(1'767'323'045'678));
    EXPECT_EQ(track.retry_after_reason, "429 \"slow\" \xEF\xBF\xBD");
    EXPECT_FALSE(track.auth_hold);
    EXPECT_EQ(app.breaker.state, transport::Breaker::State::half_open);
    EXPECT_TRUE(app.auth_hold);
    EXPECT_EQ(app.auth_hold_reason, "401");
    EXPECT_FALSE(app.retry_after_until);
    EXPECT_FALSE(http.auth_hold);
    EXPECT_FALSE(broadcasts.auth_hold);
    EXPECT_EQ(track.rate_factor, 512U);
    EXPECT_EQ(app.rate_factor, transport::RateFactor::kWhole);
}

TEST(SavedGates, WhatIsMissingIsOpen) {
    for (const char* text : {"[]", "[{}]", "[{},{}]", R"([{"breaker":{"state":77}}])"}) {
        const Result<GatesSnapshot> loaded = decode_gates(text);
        ASSERT_TRUE(loaded) << text;
        EXPECT_EQ((*loaded)[0].breaker.state, transport::Breaker::State::closed) << text;
        EXPECT_FALSE((*loaded)[0].auth_hold) << text;
    }
}

TEST(SavedGates, GarbageIsAnErrorAndNoCrash) {
    for (const char* text : {"", "{", "5", "{\"a\":1}", "[5]", "[[]]", "\xff\xfe"}) {
        const Result<GatesSnapshot> loaded = decode_gates(text);
        ASSERT_FALSE(loaded) << text;
        EXPECT_EQ(loaded.error().code, Errc::corrupt);
    }
}

TEST(Text, TimesHaveMillisecondsAndAZ) {
    EXPECT_EQ(rfc3339(wall_from_ms(1'767'323'045'678)), "2026-01-02T03:04:05.678Z");
    EXPECT_EQ(rfc3339(wall_from_ms(0)), "1970-01-01T00:00:00.000Z");
    EXPECT_EQ(rfc3339(wall_from_ms(-1)), "1969-12-31T23:59:59.999Z");
}

}  // namespace
}  // namespace holdfast::agent
