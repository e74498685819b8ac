// v1 calls as operations of Track API v2: what changes its name or its place, and what stays on v1.
#include "proto/customerio/v2_operation.hpp"

#include "acceptor_fixture.hpp"
#include "proto/customerio/limits.hpp"

#include <string>
#include <vector>

namespace holdfast::customerio {
namespace {

using namespace std::string_view_literals;

struct Case {
    Method method;
    std::string target;
    std::string body;
    std::string want;  // empty: none
};

std::optional<std::string> operation(const Case& test, PathIdentifier holds = PathIdentifier::id) {
    Event event;
    event.method = test.method;
    event.target = test.target;
    event.body = test.body;
    return as_v2_operation(event, holds);
}

void expect_all(const std::vector<Case>& cases, PathIdentifier holds = PathIdentifier::id) {
    for (const Case& test : cases) {
        SCOPED_TRACE(test.target + ' ' + test.body);
        EXPECT_EQ(operation(test, holds).value_or(""), test.want);
    }
}

const std::string kPath = "/api/v1/customers/5";
const std::string kBegin = R"({"type":"person","identifiers":{"id":"5"},"action":)";

TEST(V2Operation, TheOperatorSaysWhatThePathHoldsButForCioIds) {
    const auto suppress = [](const std::string& segment) {
        return Case{Method::post, "/api/v1/customers/" + segment + "/suppress", "", ""};
    };
    const auto want = [](const std::string& identifier) {
        return R"({"type":"person","identifiers":{)" + identifier + R"(},"action":"suppress"})";
    };
    const auto id = PathIdentifier::id;
    const auto email = PathIdentifier::email;
    EXPECT_EQ(operation(suppress("5"), id), want(R"("id":"5")"));
    EXPECT_EQ(operation(suppress("A%40b.c"), id), want(R"("id":"A@b.c")"));
    EXPECT_EQ(operation(suppress("A%40b.c"), email), want(R"("email":"A@b.c")"));
    EXPECT_EQ(operation(suppress("a%2Bb%40b.c"), email), want(R"("email":"a+b@b.c")"));
    EXPECT_EQ(operation(suppress("5"), email), std::nullopt);
    for (const PathIdentifier holds : {id, email}) {
        EXPECT_EQ(operation(suppress("cio_0a%40"), holds), want(R"("cio_id":"0a@")"));
        EXPECT_EQ(operation(suppress("cio_"), holds), std::nullopt);
    }
    EXPECT_EQ(operation(suppress("a%2Fb%22%5C%C3%A9"), id), want(R"("id":"a/b\"\\é")"));
}

TEST(V2Operation, OfCallsThatThePathSaysAllOf) {
    expect_all({{Method::del, kPath, "", kBegin + R"("delete"})"},
                {Method::post, kPath + "/suppress", "", kBegin + R"("suppress"})"},
                {Method::post, kPath + "/unsuppress", "", kBegin + R"("unsuppress"})"},
                {Method::del,
                 kPath + "/devices/t%22%2F" + std::string(200, 'x'),
                 "",
                 kBegin + R"("delete_device","device":{"token":"t\"/)" + std::string(200, 'x') +
                     R"("}})"}});
}

TEST(V2Operation, OfAnIdentifyHasItsAttributes) {
    const auto want = [](const std::string& rest) {
        return kBegin + R"("identify",)" + rest + "}";
    };
    expect_all({
        {Method::put, kPath, "{}", want(R"("attributes":{})")},
        {Method::put,
         kPath,
         " {\"a\" : 1.0, \"b\": [ 1 ,2 ],\"big\":12345678901234567890, "
         "\"e\":1e2,\"s\":\"\\u00e9,}\"} ",
         want(R"("attributes":{"a":1.0,"b":[ 1 ,2 ],"big":12345678901234567890,"e":1e2,)"
              R"("s":"\u00e9,}"})")},
        {Method::put,
         kPath,
         R"({"_update":true,"cio_subscription_preferences":{"topics":{"topic_1":true}},"email":"a@b.c"})",
         want(R"("attributes":{"_update":true,)"
              R"("cio_subscription_preferences":{"topics":{"topic_1":true}},"email":"a@b.c"})")},
        {Method::put,
         kPath,
         R"({"a":1,"_timestamp":1700000000,"b":null})",
         want(R"("timestamp":1700000000,"attributes":{"a":1,"b":null})")},
        {Method::put, kPath, R"({"_timestamp":null})", want(R"("attributes":{})")},
        {Method::put, kPath, R"({"_timestamp":"1700000000"})", ""},
        {Method::put, kPath, R"({"_timestamp":1.5})", ""},
        {Method::put, kPath, R"({"_timestamp":1,"_timestamp":2})", ""},
        {Method::put, kPath, R"({"\u005ftimestamp":7})", want(R"("timestamp":7,"attributes":{})")},
        {Method::put, kPath, R"({"cio_id":"0a"})", ""},
        {Method::put, kPath, R"({"cio_id":null})", want(R"("attributes":{"cio_id":null})")},
    });
}

TEST(V2Operation, RelationshipsOfAnIdentifyBecomeAListIfTheyAreAdded) {
    const std::string list =
        R"([{"identifiers":{"object_type_id":"1","object_id":"x"},"relationship_attributes":{"r": 1.0}}])";
    const auto body = [&](const std::string& action) {
        return R"({"cio_relationships":{"action":)" + action + R"(,"relationships":)" + list +
               R"(},"a":1})";
    };
    expect_all({
        {Method::put,
         kPath,
         body(R"("add_relationships")"),
         kBegin + R"("identify","attributes":{"a":1},"cio_relationships":)" + list + "}"},
        {Method::put, kPath, body(R"("delete_relationships")"), ""},
        {Method::put, kPath, body("null"), ""},
        {Method::put, kPath, R"({"cio_relationships":)" + list + "}", ""},
        {Method::put, kPath, R"({"cio_relationships":{"action":"add_relationships"}})", ""},
        {Method::put,
         kPath,
         R"({"cio_relationships":{"action":"add_relationships","relationships":[],"more":1}})",
         ""},
        {Method::put,
         kPath,
         R"({"cio_relationships":null})",
         kBegin + R"("identify","attributes":{}})"},
    });
}

TEST(V2Operation, DataOfAnEventAreItsAttributes) {
    const auto want = [](const std::string& rest) { return kBegin + rest + "}"; };
    const std::string events = kPath + "/events";
    expect_all({
        {Method::post, events, R"({"name":"a"})", want(R"("event","name":"a")")},
        {Method::post,
         events,
         R"({"id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","timestamp":17,"name":"a b","data":{"x":1.0}})",
         want(R"("event","name":"a b","id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","timestamp":17,)"
              R"("attributes":{"x":1.0})")},
        {Method::post, events, R"({"name":"a","data":null})", want(R"("event","name":"a")")},
        {Method::post, events, R"({"name":"a","data":[]})", want(R"("event","name":"a")")},
        {Method::post, events, R"({"name":"a","data":[1]})", ""},
        {Method::post,
         events,
         R"({"name":"a","data":{}})",
         want(R"("event","name":"a","attributes":{})")},
        {Method::post,
         events,
         R"({"data":{"name":"n","id":1,"type":"t","identifiers":{"id":"6"},"action":"delete"},"name":"a"})",
         want(R"("event","name":"a","attributes":)"
              R"({"name":"n","id":1,"type":"t","identifiers":{"id":"6"},"action":"delete"})")},
        {Method::post,
         events,
         R"({"name":"/home","type":"page"})",
         want(R"("page","name":"/home")")},
        {Method::post, events, R"({"name":"s","type":"screen"})", want(R"("screen","name":"s")")},
        {Method::post, events, R"({"name":"s","type":"other"})", want(R"("event","name":"s")")},
        {Method::post, events, R"({"name":"s","type":null})", want(R"("event","name":"s")")},
        {Method::post, events, R"({"name":" a\u00e9 "})", want(R"("event","name":"aé")")},
        {Method::post, events, R"({"name":"a\u00e9"})", want(R"("event","name":"a\u00e9")")},
        {Method::post, events, R"({"name":" "})", ""},
        {Method::post, events, R"({"name":"a","timestamp":"17"})", ""},
        {Method::post, events, R"({"name":"a","timestamp":17.5})", ""},
        {Method::post, events, R"({"name":"a","id":7})", ""},
        {Method::post, events, R"({"name":"a","name":"b"})", ""},
        {Method::post, events, R"({"name":"a","anonymous_id":"x"})", ""},
        {Method::post, events, R"({"name":"a","attributes":{"x":1}})", ""},
        {Method::post, events, R"({"name":"a","identifiers":{"id":"6"}})", ""},
    });
}

TEST(V2Operation, TheIdOfADeviceIsItsToken) {
    const auto want = [](const std::string& device) {
        return kBegin + R"("add_device","device":{)" + device + "}}";
    };
    const auto call = [](const std::string& device, const std::string& wanted) {
        return Case{Method::put, kPath + "/devices", R"({"device":{)" + device + "}}", wanted};
    };
    expect_all({
        call(R"("id":"t\u0031","platform":"ios")", want(R"("token":"t\u0031","platform":"ios")")),
        call(
            R"("last_used":1700000000,"attributes":{"v": 1.0},"platform":"android","id":"t")",
            want(
                R"("token":"t","platform":"android","last_used":1700000000,"attributes":{"v": 1.0})")),
        call(R"("id":"t","platform":"ios","last_used":null,"attributes":null)",
             want(R"("token":"t","platform":"ios")")),
        call(R"("id":"t","platform":"ios","last_used":"1700000000")", ""),
        call(R"("id":"t","platform":"ios","token":"u")", ""),
        call(R"("id":"t","platform":"ios","app_version":"1")", ""),
        call(R"("id":"t","platform":"ios","attributes":[])", ""),
        call(R"("id":"","platform":"ios")", ""),
        call(R"("id":7,"platform":"ios")", ""),
        call(R"("id":"t")", ""),
        call(R"("id":"t","id":"u","platform":"ios")", ""),
        {Method::put, kPath + "/devices", R"({"device":null})", ""},
        {Method::put, kPath + "/devices", R"({"device":{"id":"t","platform":"ios"},"id":"5"})", ""},
    });
}

TEST(V2Operation, WhatHasNoFormInV2StaysOnV1) {
    const std::string event = R"({"name":"a"})";
    expect_all({
        {Method::post, "/api/v1/events", R"({"name":"a","anonymous_id":"x"})", ""},
        {Method::post, "/api/v1/merge_customers", "{}", ""},
        {Method::post, "/api/v1/segments/1/add_customers", R"({"ids":["5"]})", ""},
        {Method::post, "/api/v1/forms/f/submit", R"({"data":{"id":"5"}})", ""},
        {Method::post, "/api/v1/metrics", "{}", ""},
        {Method::post, "/api/v1/push/events", "{}", ""},
        {Method::post, "/unsubscribe/x", "{}", ""},
        {Method::post, "/v1/send/email", "{}", ""},
        {Method::post, std::string(kEntityTarget), kBegin + R"("delete"})", ""},
        {Method::post, kPath, event, ""},
        {Method::put, kPath + "/events", event, ""},
        {Method::post, kPath + "/other", event, ""},
        {Method::del, kPath + "/devices", "", ""},
        {Method::del, kPath + "/devices/a/b", "", ""},
        {Method::put, "/api/v1/customers/", "{}", ""},
        {Method::put, "/api/v1/customers/%zz", "{}", ""},
        {Method::put, "/api/v1/customers/%ff", "{}", ""},
        {Method::put, kPath, "", ""},
        {Method::put, kPath, "[]", ""},
        {Method::put, kPath, "{\"a\":", ""},
        {Method::post, kPath + "/events", "{\"name\":\"\xff\"}", ""},
    });
}

TEST(V2Operation, OneThatIsTooLargeForV2StaysOnV1) {
    const std::string begin = kBegin + R"("event","name":"a","attributes":{"x":")";
    const std::size_t room = kV2OperationBytesMax - begin.size() - R"("}})"sv.size();
    const auto call = [](std::size_t size) {
        return Case{Method::post,
                    kPath + "/events",
                    R"({"name":"a","data":{"x":")" + std::string(size, 'x') + R"("}})",
                    ""};
    };
    ASSERT_TRUE(operation(call(room)));
    EXPECT_EQ(operation(call(room))->size(), kV2OperationBytesMax);
    EXPECT_FALSE(operation(call(room + 1)));
}

TEST(V2Operation, IsKnownByItsTarget) {
    Event event;
    event.target = "/api/v2/entity";
    EXPECT_TRUE(is_v2_operation(event));
    event.target = "/api/v1/customers/5";
    EXPECT_FALSE(is_v2_operation(event));
}

// What is stored of a v1 call, and what of its translation, are the same operation of one person.
class V2OperationAcceptance : public AcceptorTest {};

TEST_F(V2OperationAcceptance, ATranslationIsAcceptedAndIsInTheSameLane) {
    const std::vector<Case> cases = {
        {Method::put, "/api/v1/customers/5", R"({"a":1})", ""},
        {Method::put, "/api/v1/customers/cio_0a", R"({"a":1})", ""},
        {Method::post, "/api/v1/customers/5/events", R"({"name":" a ","type":"page"})", ""},
        {Method::post, "/api/v1/customers/5/suppress", "", ""},
        {Method::post, "/api/v1/customers/5/unsuppress", "", ""},
        {Method::del, "/api/v1/customers/5", "", ""},
        {Method::put,
         "/api/v1/customers/5/devices",
         R"({"device":{"id":"t","platform":"ios","last_used":17,"attributes":{"v":"1"}}})",
         ""},
        {Method::put,
         "/api/v1/customers/5/devices",
         R"({"device":{"platform":"ios","id":")" + std::string(kItemBytesMax, 't') + R"("}})",
         ""},
        {Method::del, "/api/v1/customers/5/devices/f%3At%2F1", "", ""},
        {Method::del, "/api/v1/customers/5/devices/" + std::string(kItemBytesMax, 't'), "", ""},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(test.target);
        const Event first = event(to_string(test.method), test.target, test.body);
        const Lane lane = first.lane;
        const Operation operation = first.operation;
        const std::string name(first.name);
        const auto text = as_v2_operation(first, PathIdentifier::id);
        ASSERT_TRUE(text);
        const Event second = event("POST", kEntityTarget, *text);
        EXPECT_EQ(second.lane, lane);
        EXPECT_EQ(second.operation, operation);
        EXPECT_EQ(second.name, name);
        EXPECT_EQ(second.body, *text);
    }
}

}  // namespace
}  // namespace holdfast::customerio
