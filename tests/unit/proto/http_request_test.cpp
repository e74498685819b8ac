#include "proto/http/request.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace holdfast::http {
namespace {

using testing::HasSubstr;

const Acceptance kAcceptance{.id = *Ulid::parse("01JGJQ4B8E0000000000000000"),
                             .now = wall_from_ms(1'767'323'045'678),
                             .peer = {1, 2, 3},
                             .destination = "orders",
                             .operation = Operation::request};

Request request_to(std::string_view target, std::string_view body = "{}") {
    return {.method = "POST", .target = target, .body = body};
}

// "code: message", or "" when it is taken.
std::string refusal_of(const Request& request) {
    Acceptor acceptor;
    const auto accepted = acceptor.accept(request, kAcceptance);
    const auto* refusal = std::get_if<Refusal>(&accepted);
    return refusal ? refusal->code + ": " + refusal->message : "";
}

TEST(HttpRequest, IsKnownByItsPath) {
    for (const char* target : {"/destinations", "/destinations/", "/destinations/a/events?key=1"}) {
        EXPECT_TRUE(is_target(target)) << target;
    }
    for (const char* target :
         {"/destinationsx/a/events", "/api/v1/events", "", "/?/destinations/"}) {
        EXPECT_FALSE(is_target(target)) << target;
    }
}

TEST(HttpRequest, NamesItsDestination) {
    struct Case {
        const char* method;
        const char* target;
        const char* name;  // or status
    };

    const std::vector<Case> cases = {
        {"POST", "/destinations/orders/events", "orders"},
        {"POST", "/destinations/orders/events?key=/events", "orders"},
        {"POST", "/destinations/events/events", "events"},
        {"POST", "/destinations/%61/events", "%61"},
        {"POST", "/destinations//events", ""},
        {"POST", "/destinations", "404"},
        {"POST", "/destinations/", "404"},
        {"POST", "/destinations/events", "404"},
        {"POST", "/destinations/orders", "404"},
        {"POST", "/destinations/orders/events/", "404"},
        {"POST", "/destinations/orders/x/events", "404"},
        {"PUT", "/destinations/orders/events", "405"},
        {"GET", "/destinations/orders/events", "405"},
        {"GET", "/destinations/orders", "404"},
    };
    for (const Case& test : cases) {
        const auto found = destination_in(test.method, test.target);
        const auto* refusal = std::get_if<Refusal>(&found);
        const std::string seen =
            refusal ? std::to_string(refusal->status) : std::string(std::get<0>(found));
        EXPECT_EQ(seen, test.name) << test.method << ' ' << test.target;
    }
}

TEST(HttpRequest, IsStoredAsItCameButForItsTarget) {
    const std::string body("\0\xff not JSON", 11);
    Acceptor acceptor;
    const auto accepted =
        acceptor.accept(request_to("/destinations/orders/events", body), kAcceptance);
    ASSERT_TRUE(std::holds_alternative<Event>(accepted));
    const Event& event = std::get<Event>(accepted);
    EXPECT_EQ(event.id, kAcceptance.id);
    EXPECT_EQ(event.accepted_at, kAcceptance.now);
    EXPECT_EQ(event.peer, kAcceptance.peer);
    EXPECT_EQ(event.operation, Operation::request);
    EXPECT_EQ(event.method, Method::post);
    EXPECT_EQ(event.destination, "orders");
    EXPECT_EQ(event.person, "");
    EXPECT_EQ(event.name, "");
    EXPECT_EQ(event.target, "/destinations/orders/events");
    EXPECT_EQ(event.body, body);
    EXPECT_EQ(event.lane, lane_of("orders", kAcceptance.id.text()));
}

TEST(HttpRequest, HasKeyAndNameInFieldsOrInTheQueryAndIsThenTheSame) {
    Request fields = request_to("/destinations/orders/events");
    fields.key = {"4/2 \u20ac", 1};
    fields.name = {"order placed", 1};
    Request mixed = request_to("/destinations/orders/events?name=order%20placed");
    mixed.key = fields.key;
    for (const Request& request :
         {fields,
          mixed,
          request_to("/destinations/orders/events?name=order%20placed&key=4/2%20%e2%82%ac"),
          request_to("/destinations/orders/events?&key=4%2F2%20%E2%82%AC&&name=order%20placed&")}) {
        Acceptor acceptor;
        const auto accepted = acceptor.accept(request, kAcceptance);
        ASSERT_TRUE(std::holds_alternative<Event>(accepted)) << request.target;
        const Event& event = std::get<Event>(accepted);
        EXPECT_EQ(event.person, "key:4/2 \u20ac");
        EXPECT_EQ(event.name, "order placed");
        EXPECT_EQ(event.target,
                  "/destinations/orders/events?key=4%2F2%20%E2%82%AC&name=order%20placed");
        EXPECT_EQ(event.lane, lane_of("orders", "key:4/2 \u20ac"));
    }
}

TEST(HttpRequest, KeepsNothingOfTheOneBefore) {
    Acceptor acceptor;
    (void)acceptor.accept(request_to("/destinations/orders/events?key=1&name=a"), kAcceptance);
    const auto next = acceptor.accept(request_to("/destinations/orders/events"), kAcceptance);
    EXPECT_EQ(std::get<Event>(next).person, "");
    EXPECT_EQ(std::get<Event>(next).name, "");
}

TEST(HttpRequest, IsRefusedWhereItsOrderCouldBeLost) {
    const std::string key = " or `key` must be 1 to 255 bytes of UTF-8";
    const std::string name = " or `name` must be 1 to 100 bytes of UTF-8";
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"?keys=1", "invalid_query: unknown parameter; the query may have one `key` and one"},
        {"?1", "invalid_query: unknown parameter"},
        {"?key=%zz", "invalid_query: invalid percent-encoding"},
        {"?key=%2", "invalid_query: invalid percent-encoding"},
        {"?key=1&key=1", "invalid_key: Holdfast-Key or `key` stands more than once"},
        {"?name=1&name=2", "invalid_name: Holdfast-Event or `name` stands more than once"},
        {"?key=", "invalid_key: Holdfast-Key" + key},
        {"?key", "invalid_key: Holdfast-Key" + key},
        {"?key=%0a", "invalid_key: Holdfast-Key" + key},
        {"?key=%00", "invalid_key: Holdfast-Key" + key},
        {"?key=%ff", "invalid_key: Holdfast-Key" + key},
        {"?key=%20a", "invalid_key: Holdfast-Key" + key},
        {"?key=" + std::string(256, 'k'), "invalid_key: Holdfast-Key" + key},
        {"?name=", "invalid_name: Holdfast-Event" + name},
        {"?name=" + std::string(101, 'n'), "invalid_name: Holdfast-Event" + name},
        {"?name=%0d%0aX-Evil:1", "invalid_name: Holdfast-Event" + name},
    };
    for (const auto& [query, refusal] : cases) {
        EXPECT_THAT(refusal_of(request_to("/destinations/orders/events" + query)),
                    HasSubstr(refusal))
            << query;
    }
}

TEST(HttpRequest, TakesOneFieldOfAName) {
    Request request = request_to("/destinations/orders/events");
    request.key = {"1", 2};
    EXPECT_THAT(refusal_of(request), HasSubstr("invalid_key: "));
    request = request_to("/destinations/orders/events?key=1");
    request.key = {"1", 1};
    EXPECT_THAT(refusal_of(request), HasSubstr("stands more than once"));
    request = request_to("/destinations/orders/events");
    request.name = {"", 1};
    EXPECT_THAT(refusal_of(request), HasSubstr("invalid_name: "));
}

TEST(HttpRequest, HasLimits) {
    EXPECT_EQ(refusal_of(request_to("/destinations/orders/events?key=" + std::string(255, 'k') +
                                    "&name=" + std::string(100, 'n'))),
              "");
    EXPECT_EQ(refusal_of(request_to("/destinations/orders/events", "")), "");
    const std::string largest(1 << 20, 'x');
    EXPECT_EQ(refusal_of(request_to("/destinations/orders/events", largest)), "");
    EXPECT_EQ(refusal_of(request_to("/destinations/orders/events", largest + "x")),
              "too_large: request body cannot be larger than 1 MiB");
}

}  // namespace
}  // namespace holdfast::http
