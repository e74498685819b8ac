// The calls beside people and events: devices, merges, segments, forms, reports, sends, triggers.
#include "acceptor_fixture.hpp"
#include "proto/customerio/limits.hpp"
#include "proto/record.hpp"

#include <vector>

namespace holdfast::customerio {
namespace {

struct Case {
    std::string_view method;
    std::string_view target;
    std::string_view body;
    Operation operation;
    std::string_view sent_target;
    std::string_view person;
    std::string_view name;
    std::string_view sent_body;
};

TEST_F(AcceptorTest, EveryOtherCallOfEveryOfficialClientBecomesItsEvent) {
    const std::vector<Case> cases = {
        // node
        {"PUT",
         "/api/v1/customers/A%40b.c/devices",
         R"({"device":{"id":"t","platform":"ios","last_used":1}})",
         Operation::add_device,
         "/api/v1/customers/A%40b.c/devices",
         "email:a@b.c",
         "",
         R"({"device":{"id":"t","platform":"ios","last_used":1}})"},
        {"DELETE",
         "/api/v1/customers/5/devices/f%3At%2F1",
         "",
         Operation::delete_device,
         "/api/v1/customers/5/devices/f%3At%2F1",
         "id:5",
         "",
         ""},
        {"POST",
         "/api/v1/merge_customers",
         R"({"primary":{"email":"A@b.c"},"secondary":{"id":"5"}})",
         Operation::merge,
         "/api/v1/merge_customers",
         "email:a@b.c",
         "",
         R"({"primary":{"email":"A@b.c"},"secondary":{"id":"5"}})"},
        {"POST",
         "/api/v1/segments/7/add_customers",
         R"({"ids":["1","2"]})",
         Operation::add_to_segment,
         "/api/v1/segments/7/add_customers",
         "segment:7",
         "",
         R"({"ids":["1","2"]})"},
        {"POST",
         "/api/v1/segments/7/remove_customers?id_type=email&x=y",
         R"({"ids":["a@b.c"]})",
         Operation::remove_from_segment,
         "/api/v1/segments/7/remove_customers?id_type=email",
         "segment:7",
         "",
         R"({"ids":["a@b.c"]})"},
        {"POST",
         "/api/v1/forms/sign%20up/submit",
         R"({"data":{"email":"A@b.c","name":"Ann"}})",
         Operation::submit_form,
         "/api/v1/forms/sign%20up/submit",
         "email:a@b.c",
         "sign up",
         R"({"data":{"email":"A@b.c","name":"Ann"}})"},
        {"POST",
         "/api/v1/forms/f/submit",
         R"({"data":{"id":"5","email":null}})",
         Operation::submit_form,
         "/api/v1/forms/f/submit",
         "id:5",
         "f",
         R"({"data":{"id":"5","email":null}})"},
        {"POST",
         "/api/v1/metrics",
         R"({"delivery_id":"RPIL==","metric":"opened","timestamp":1613063089})",
         Operation::report_metric,
         "/api/v1/metrics",
         "delivery:RPIL==",
         "opened",
         R"({"delivery_id":"RPIL==","metric":"opened","timestamp":1613063089})"},
        {"POST",
         "/api/v1/push/events",
         R"({"delivery_id":"RPIL","event":"opened","device_id":"t"})",
         Operation::report_push_event,
         "/api/v1/push/events",
         "delivery:RPIL",
         "opened",
         R"({"delivery_id":"RPIL","event":"opened","device_id":"t"})"},
        {"POST",
         "/unsubscribe/RPIL==",
         R"({"unsubscribe":true})",
         Operation::unsubscribe,
         "/unsubscribe/RPIL%3D%3D",
         "delivery:RPIL==",
         "",
         R"({"unsubscribe":true})"},
        {"POST",
         "/v1/send/push",
         R"({"identifiers":{"id":"5"},"transactional_message_id":"m","to":"all"})",
         Operation::send_push,
         "/v1/send/push",
         "id:5",
         "m",
         R"({"identifiers":{"id":"5"},"transactional_message_id":"m","to":"all"})"},
        {"POST",
         "/v1/send/in_app",
         R"({"identifiers":{"cio_id":"cio_9"},"transactional_message_id":4})",
         Operation::send_in_app,
         "/v1/send/in_app",
         "cio_id:9",
         "4",
         R"({"identifiers":{"cio_id":"cio_9"},"transactional_message_id":4})"},
        {"POST",
         "/v1/campaigns/3/triggers",
         R"({"data":{"a":1},"recipients":{"segment":{"id":3}}})",
         Operation::trigger_broadcast,
         "/v1/campaigns/3/triggers",
         "broadcast:3",
         "",
         R"({"data":{"a":1},"recipients":{"segment":{"id":3}}})"},
        // node before 4.5
        {"POST",
         "/v1/api/campaigns/3/triggers",
         R"({"data":{},"emails":["a@b.c"],"email_ignore_missing":true})",
         Operation::trigger_broadcast,
         "/v1/campaigns/3/triggers",
         "broadcast:3",
         "",
         R"({"data":{},"emails":["a@b.c"],"email_ignore_missing":true})"},
        // go
        {"PUT",
         "/api/v1/customers/5/devices",
         R"({"device":{"attributes":null,"id":"t","last_used":"1","platform":"android"}})",
         Operation::add_device,
         "/api/v1/customers/5/devices",
         "id:5",
         "",
         R"({"device":{"attributes":null,"id":"t","last_used":"1","platform":"android"}})"},
        {"POST",
         "/v1/send/inbox_message",
         R"({"identifiers":{"email":"A@b.c"},"transactional_message_id":"4"})",
         Operation::send_inbox_message,
         "/v1/send/inbox_message",
         "email:a@b.c",
         "4",
         R"({"identifiers":{"email":"A@b.c"},"transactional_message_id":"4"})"},
        {"POST",
         "/v1/campaigns/3/triggers",
         R"({"data":null,"ids":["1"]})",
         Operation::trigger_broadcast,
         "/v1/campaigns/3/triggers",
         "broadcast:3",
         "",
         R"({"data":null,"ids":["1"]})"},
        // python: blanks in JSON, a body where none is needed, attributes flat
        {"PUT",
         "/api/v1/customers/5/devices",
         R"({"device": {"id": "t", "platform": "ios", "model": "x"}})",
         Operation::add_device,
         "/api/v1/customers/5/devices",
         "id:5",
         "",
         R"({"device": {"id": "t", "platform": "ios", "model": "x"}})"},
        {"DELETE",
         "/api/v1/customers/5/devices/t",
         "{}",
         Operation::delete_device,
         "/api/v1/customers/5/devices/t",
         "id:5",
         "",
         ""},
        {"POST",
         "/v1/send/sms",
         R"({"identifiers": {"id": 5}, "transactional_message_id": 4, "to": "+1"})",
         Operation::send_sms,
         "/v1/send/sms",
         "id:5",
         "4",
         R"({"identifiers": {"id": 5}, "transactional_message_id": 4, "to": "+1"})"},
        // ruby: its own path for push events
        {"POST",
         "/push/events",
         R"({"delivery_id":"RPIL","event":"converted","device_id":"t","timestamp":1})",
         Operation::report_push_event,
         "/api/v1/push/events",
         "delivery:RPIL",
         "converted",
         R"({"delivery_id":"RPIL","event":"converted","device_id":"t","timestamp":1})"},
        {"POST",
         "/v1/send/whatsapp",
         R"({"transactional_message_id":4,"identifiers":{"id":"5"},"from":"+1"})",
         Operation::send_whatsapp,
         "/v1/send/whatsapp",
         "id:5",
         "4",
         R"({"transactional_message_id":4,"identifiers":{"id":"5"},"from":"+1"})"},
        // php: the person beside the device, an empty list for an empty map
        {"PUT",
         "/api/v1/customers/5/devices",
         R"({"id":"5","device":{"id":"t","platform":"ios","attributes":[]}})",
         Operation::add_device,
         "/api/v1/customers/5/devices",
         "id:5",
         "",
         R"({"id":"5","device":{"id":"t","platform":"ios","attributes":[]}})"},
        {"POST",
         "/v1/campaigns/3/triggers",
         R"({"data":[]})",
         Operation::trigger_broadcast,
         "/v1/campaigns/3/triggers",
         "broadcast:3",
         "",
         R"({"data":[]})"},
        // by hand: nothing where an empty object does
        {"POST",
         "/unsubscribe/d",
         "",
         Operation::unsubscribe,
         "/unsubscribe/d",
         "delivery:d",
         "",
         "{}"},
        {"POST",
         "/v1/campaigns/3/triggers",
         " null ",
         Operation::trigger_broadcast,
         "/v1/campaigns/3/triggers",
         "broadcast:3",
         "",
         "{}"},
    };
    for (const Case& test : cases) {
        SCOPED_TRACE(std::string(test.method) + " " + std::string(test.target));
        const Event made = event(test.method, test.target, test.body);
        EXPECT_EQ(made.operation, test.operation);
        EXPECT_EQ(to_string(made.method), test.method);
        EXPECT_EQ(made.target, test.sent_target);
        EXPECT_EQ(made.person, test.person);
        EXPECT_EQ(made.name, test.name);
        EXPECT_EQ(made.body, test.sent_body);
        EXPECT_EQ(made.lane, lane_of("customerio", test.person));
        EXPECT_EQ(made.also.empty(), test.operation != Operation::merge);
        EXPECT_EQ(acceptor_.given_id(), "");
    }
}

constexpr std::string_view kMerge = "/api/v1/merge_customers";

TEST_F(AcceptorTest, AMergeIsInTheLanesOfBothPeople) {
    const Event made =
        event("POST", kMerge, R"({"primary":{"cio_id":"9"},"secondary":{"email":"A@B.c"}})");
    EXPECT_EQ(made.lane, lane_of("customerio", "cio_id:9"));
    ASSERT_EQ(made.also.size(), 1U);
    EXPECT_EQ(made.also.front(), lane_of("customerio", "email:a@b.c"));
    // Nothing of it is left for the next.
    EXPECT_TRUE(event("PUT", "/api/v1/customers/5", "").also.empty());
}

TEST_F(AcceptorTest, AMergeOfOnePersonIsInOneLane) {
    const Event made =
        event("POST", kMerge, R"({"primary":{"email":"a@b.c"},"secondary":{"email":"A@b.c"}})");
    EXPECT_EQ(made.lane, lane_of("customerio", "email:a@b.c"));
    EXPECT_TRUE(made.also.empty());
}

TEST_F(AcceptorTest, CallsOfOneSegmentDeliveryOrBroadcastShareALane) {
    EXPECT_EQ(
        event("POST", "/api/v1/segments/7/add_customers", R"({"ids":["1"]})").lane,
        event("POST", "/api/v1/segments/7/remove_customers?id_type=id", R"({"ids":["2"]})").lane);
    EXPECT_EQ(event("POST", "/unsubscribe/d%3D", "").lane,
              event("POST", "/api/v1/metrics", R"({"delivery_id":"d=","metric":"clicked"})").lane);
    EXPECT_EQ(event("POST", "/v1/campaigns/3/triggers", "").lane,
              event("POST", "/v1/api/campaigns/3/triggers", "").lane);
}

// The workspace may take another of its fields for the person.
TEST_F(AcceptorTest, AFormThatNamesNobodyHasALaneOfItsOwn) {
    const Event made = event("POST", "/api/v1/forms/f/submit", R"({"data":{"email_address":"a"}})");
    EXPECT_EQ(made.person, "");
    EXPECT_EQ(made.lane, lane_of("customerio", made.id.text()));
}

std::string list(std::size_t count, std::string_view entry) {
    std::string text = "[";
    for (std::size_t i = 0; i < count; ++i) text.append(i == 0 ? "" : ",").append(entry);
    return text + "]";
}

TEST_F(AcceptorTest, WhatStandsAtALimitPasses) {
    const std::string ids = R"({"ids":)" + list(1000, R"("1")") + "}";
    EXPECT_EQ(event("POST", "/api/v1/segments/2147483647/add_customers", ids).body, ids);
    const std::string rows = R"({"per_user_data":)" + list(10'000, R"({"id":"1"})") + "}";
    EXPECT_EQ(event("POST", "/v1/campaigns/3/triggers", rows).body, rows);
    const std::string data = R"({"data":{"a":   ")" + std::string(49'992, 'x') + R"("}})";
    EXPECT_EQ(event("POST", "/v1/campaigns/3/triggers", data).body, data);
    const std::string device =
        R"({"device":{"platform":"ios","id":")" + std::string(1000, 't') + R"("}})";
    EXPECT_EQ(event("PUT", "/api/v1/customers/5/devices", device).body, device);
}

// The longest that a path can become is what a record can hold.
TEST_F(AcceptorTest, TheLongestPathIsARecord) {
    std::string target = "/api/v1/customers/";
    for (int i = 0; i < 75; ++i) target += "%C3%A9";
    target += "/devices/";
    for (int i = 0; i < 500; ++i) target += "%C3%A9";
    const Event made = event("DELETE", target, "");
    EXPECT_EQ(made.target, target);
    std::string record;
    encode_record(made, record);
    EXPECT_TRUE(decode_record(record));
}

struct Refused {
    std::string_view target;
    std::string body;
    std::string_view message;
};

TEST_F(AcceptorTest, WhatEachOtherCallMustHaveIsAskedFor) {
    constexpr std::string_view kDevice = "/api/v1/customers/5/devices";
    constexpr std::string_view kSegment = "/api/v1/segments/7/add_customers";
    constexpr std::string_view kForm = "/api/v1/forms/f/submit";
    constexpr std::string_view kMetric = "/api/v1/metrics";
    constexpr std::string_view kPush = "/push/events";
    constexpr std::string_view kSend = "/v1/send/push";
    constexpr std::string_view kTrigger = "/v1/campaigns/3/triggers";
    const std::string_view token =
        "the id of a device must be a string of 1 to 1000 bytes, without control characters";
    const std::string_view platform = "the platform of a device must be a string that is not blank";
    const std::string_view primary =
        "primary must be an object with exactly one of id, email, cio_id";
    const std::string_view secondary =
        "secondary must be an object with exactly one of id, email, cio_id";
    const std::string_view ids = "ids must be a list of strings";
    const std::string_view id_count = "ids must have 1 to 1000 entries";
    const std::string_view delivery =
        "delivery_id must be a string of 1 to 1000 bytes, without control characters";
    const std::string_view audience =
        "only one of recipients, ids, emails, per_user_data, data_file_url can be given";
    const std::vector<std::pair<std::string_view, std::vector<Refused>>> groups = {
        {"invalid_device",
         {{kDevice, "{}", "device must be an object"},
          {kDevice, R"({"device":[]})", "device must be an object"},
          {kDevice, R"({"device":{},"device":{}})", "'device' stands twice in the body"},
          {kDevice, R"({"device":{"platform":"ios"}})", token},
          {kDevice, R"({"device":{"id":"","platform":"ios"}})", token},
          {kDevice, R"({"device":{"id":5,"platform":"ios"}})", token},
          {kDevice, R"({"device":{"id":"\u0007","platform":"ios"}})", token},
          {kDevice,
           R"({"device":{"platform":"ios","id":")" + std::string(1001, 't') + R"("}})",
           token},
          {kDevice, R"({"device":{"id":"t"}})", platform},
          {kDevice, R"({"device":{"id":"t","platform":" "}})", platform},
          {kDevice,
           R"({"device":{"id":"t","id":"u","platform":"ios"}})",
           "'id' stands twice in the body"}}},
        {"invalid_merge",
         {{kMerge, "{}", primary},
          {kMerge, R"({"primary":{"id":"1"}})", secondary},
          {kMerge, R"({"primary":{"id":"1"},"secondary":{"id":"1","email":"a@b"}})", secondary},
          {kMerge, R"({"primary":{"phone":"1"},"secondary":{"id":"1"}})", primary},
          {kMerge, R"({"primary":"1","secondary":{"id":"1"}})", primary},
          {kMerge, R"({"primary":{"id":""},"secondary":{"id":"1"}})", text::kIdEmpty},
          {kMerge, R"({"primary":{"id":"1"},"secondary":{"email":2}})", text::kIdNotString},
          {kMerge,
           R"({"primary":{"id":"1"},"primary":{"id":"1"},"secondary":{"id":"2"}})",
           "'primary' stands twice in the body"}}},
        {"invalid_segment",
         {{kSegment, "{}", ids},
          {kSegment, R"({"ids":"1"})", ids},
          {kSegment, R"({"ids":["1",2]})", ids},
          {kSegment, R"({"ids":[]})", id_count},
          {kSegment, R"({"ids":)" + list(1001, R"("1")") + "}", id_count},
          {kSegment, R"({"ids":["1"],"ids":["2"]})", "'ids' stands twice in the body"}}},
        {"invalid_form",
         {{kForm, "{}", "data must be an object"},
          {kForm, R"({"data":[]})", "data must be an object"},
          {kForm, R"({"data":{"id":"5","age":7}})", "values of data must be strings"},
          {kForm, R"({"data":{"id":"5","email":"a@b"}})", "data must have only one of id, email"},
          {kForm, R"({"data":{"email":""}})", text::kIdEmpty},
          {kForm, R"({"data":{"id":"5","id":"6"}})", "'id' stands twice in the body"},
          {kForm, R"({"data":{},"data":{}})", "'data' stands twice in the body"}}},
        {"invalid_metric",
         {{kMetric, R"({"metric":"opened"})", delivery},
          {kMetric, R"({"delivery_id":"","metric":"opened"})", delivery},
          {kMetric, R"({"delivery_id":5,"metric":"opened"})", delivery},
          {kMetric, R"({"delivery_id":"d"})", "metric must be a string of 1 to 100 bytes"},
          {kMetric,
           R"({"delivery_id":"d","metric":" "})",
           "metric must be a string of 1 to 100 bytes"},
          {kMetric,
           R"({"delivery_id":"d","metric":")" + std::string(101, 'm') + "\"}",
           "metric must be a string of 1 to 100 bytes"},
          {kMetric,
           R"({"delivery_id":"d","delivery_id":"e","metric":"opened"})",
           "'delivery_id' stands twice in the body"},
          {kPush, R"({"event":"opened"})", delivery},
          {kPush,
           R"({"delivery_id":"d","metric":"opened"})",
           "event must be a string of 1 to 100 bytes"}}},
        {"invalid_send",
         {{kSend,
           R"({"transactional_message_id":1})",
           "identifiers must be an object with exactly one of id, email, cio_id"},
          {kSend, R"({"identifiers":{"id":"1"}})", "transactional_message_id must be present"},
          {kSend,
           R"({"identifiers":{"id":"1"},"transactional_message_id":""})",
           "transactional_message_id must be present"},
          {kSend,
           R"({"identifiers":{"id":"1"},"transactional_message_id":{}})",
           "transactional_message_id must be a string or a number"},
          {kSend,
           R"({"identifiers":{"id":"1"},"identifiers":{"id":"2"},"transactional_message_id":1})",
           "'identifiers' stands twice in the body"}}},
        {"invalid_trigger",
         {{kTrigger, R"({"data":5})", "data must be an object"},
          {kTrigger, R"({"data":[1]})", "data must be an object"},
          {kTrigger,
           R"({"data":{"a":")" + std::string(49'993, 'x') + R"("}})",
           "data cannot be longer than 50000 bytes"},
          {kTrigger, R"({"ids":["1"],"emails":["a@b"]})", audience},
          {kTrigger, R"({"recipients":{"segment":{"id":1}},"data_file_url":"u"})", audience},
          {kTrigger, R"({"recipients":[]})", "recipients must be an object"},
          {kTrigger, R"({"ids":"1"})", "ids must be a list"},
          {kTrigger,
           R"({"emails":)" + list(10'001, R"("a@b")") + "}",
           "emails cannot have more than 10000 entries"},
          {kTrigger, R"({"data_file_url":[]})", "data_file_url must be a string"},
          {kTrigger, R"({"data":{},"data":{}})", "'data' stands twice in the body"}}},
        {"invalid_json",
         {{kDevice, "", "body is empty"},
          {kMerge, "null", "body must be a JSON object"},
          {kSegment, "[]", "body must be a JSON object"},
          {kMetric, "{", "body is not valid JSON"},
          {"/unsubscribe/d", "true", "body must be a JSON object"},
          {kTrigger, "[]", "body must be a JSON object"}}},
    };
    for (const auto& [code, cases] : groups) {
        for (const Refused& test : cases) {
            SCOPED_TRACE(std::string(test.target) + " " + test.body.substr(0, 120));
            const std::string_view method = test.target == kDevice ? "PUT" : "POST";
            const Refusal refused = refusal(method, test.target, test.body);
            EXPECT_EQ(refused.status, 400U);
            EXPECT_EQ(refused.code, code);
            EXPECT_EQ(refused.message, test.message);
        }
    }
}

TEST_F(AcceptorTest, EmptyRecipientsAreRefusedWithTheVendorsStatus) {
    const Refusal refused = refusal("POST", "/v1/campaigns/3/triggers", R"({"recipients":{}})");
    EXPECT_EQ(refused.status, 422U);
    EXPECT_EQ(refused.code, "invalid_trigger");
    EXPECT_EQ(refused.message, "recipients cannot be empty; leave it out");
}

TEST_F(AcceptorTest, NoSendIsLargerThanAMegabyte) {
    const std::string body = R"({"identifiers":{"id":"1"},"transactional_message_id":1,"x":")" +
                             std::string(1'000'000, 'x') + "\"}";
    const Refusal refused = refusal("POST", "/v1/send/sms", body);
    EXPECT_EQ(refused.status, 413U);
    EXPECT_EQ(refused.message, "a send cannot be larger than 1 MB without its attachments");
}

}  // namespace
}  // namespace holdfast::customerio
