// Operations of Track API v2: what each becomes, and which are refused.
#include "acceptor_fixture.hpp"
#include "proto/customerio/limits.hpp"

#include <nlohmann/json.hpp>

#include <array>
#include <string>
#include <vector>

namespace holdfast::customerio {
namespace {

constexpr std::string_view kEntity = "/api/v2/entity";

std::string person(const std::string& action,
                   const std::string& more = "",
                   const std::string& identifiers = R"({"id":"42"})") {
    return R"({"type":"person","identifiers":)" + identifiers + R"(,"action":")" + action + "\"" +
           (more.empty() ? "" : "," + more) + "}";
}

std::string object(const std::string& action, const std::string& more = "") {
    return R"({"type":"object","identifiers":{"object_type_id":"1","object_id":"acme"},"action":")" +
           action + "\"" + (more.empty() ? "" : "," + more) + "}";
}

const std::string kRelationships = R"("cio_relationships":[{"identifiers":{"id":"42"}}])";

class AcceptorV2Test : public AcceptorTest {
protected:
    Event entity(const std::string& body) { return event("POST", kEntity, body); }

    Refusal refused(const std::string& body) { return refusal("POST", kEntity, body); }
};

struct Known {
    std::string body;
    Operation operation;
    std::string person;
    std::string name = "";
};

TEST_F(AcceptorV2Test, EveryActionHasItsOperation) {
    const std::vector<Known> cases = {
        {person("identify", R"("attributes":{"a":1.0},"timestamp":17)"),
         Operation::identify,
         "id:42"},
        {person("identify"), Operation::identify, "id:42"},
        {person("delete"), Operation::delete_person, "id:42"},
        {person("suppress"), Operation::suppress, "id:42"},
        {person("unsuppress"), Operation::unsuppress, "id:42"},
        {person("add_relationships", kRelationships), Operation::add_relationships, "id:42"},
        {person("delete_relationships", kRelationships), Operation::delete_relationships, "id:42"},
        {person("add_device", R"("device":{"token":"t","platform":"ios"})"),
         Operation::add_device,
         "id:42"},
        {person("delete_device", R"("device":{"token":"t"})"), Operation::delete_device, "id:42"},
        {R"({"type":"person","action":"merge","primary":{"id":"1"},"secondary":{"email":"A@b.c"}})",
         Operation::merge,
         "id:1"},
        {object("identify", R"("attributes":{"n":"x"},)" + kRelationships),
         Operation::object_identify,
         "object:1/acme"},
        {R"({"type":"object","identifiers":{"cio_object_id":"ob1"},"action":"identify"})",
         Operation::object_identify,
         "cio_object_id:ob1"},
        {R"({"type":"object","identifiers":{"object_type_id":1,"object_id":7},"action":"identify"})",
         Operation::object_identify,
         "object:1/7"},
        {object("identify_anonymous"), Operation::object_identify_anonymous, "object:1/acme"},
        {object("delete"), Operation::object_delete, "object:1/acme"},
        {object("add_relationships", kRelationships),
         Operation::object_add_relationships,
         "object:1/acme"},
        {object("delete_relationships", kRelationships),
         Operation::object_delete_relationships,
         "object:1/acme"},
        {R"({"type":"delivery","action":"event","identifiers":{"id":"d"},"name":"opened","attributes":{"device_token":"t"}})",
         Operation::delivery_event,
         "delivery:d",
         "opened"},
    };
    for (const Known& test : cases) {
        SCOPED_TRACE(test.body);
        const Event made = entity(test.body);
        EXPECT_EQ(made.operation, test.operation);
        EXPECT_EQ(made.person, test.person);
        EXPECT_EQ(made.method, Method::post);
        EXPECT_EQ(made.target, kEntity);
        EXPECT_EQ(made.body, test.body);
        EXPECT_EQ(made.name, test.name);
        EXPECT_NE(find_operation(made.operation), nullptr);
    }
}

TEST_F(AcceptorV2Test, APersonHasTheLaneOfTheirV1Calls) {
    const std::vector<std::array<std::string, 3>> cases = {
        {R"({"id":"42"})", "id:42", "42"},
        {R"({"email":"A@B.c"})", "email:a@b.c", "a%40b.c"},
        {R"({"cio_id":"0A"})", "cio_id:0A", "cio_0A"},
        {R"({"cio_id":"cio_0A"})", "cio_id:0A", "cio_0A"},
        {R"({"phone":"+4912"})", "phone:+4912", ""},
    };
    for (const auto& [identifiers, name, segment] : cases) {
        SCOPED_TRACE(identifiers);
        const Event made = entity(person("suppress", "", identifiers));
        EXPECT_EQ(made.person, name);
        const Lane lane = made.lane;
        if (segment.empty()) continue;
        EXPECT_EQ(event("POST", "/api/v1/customers/" + segment + "/suppress", "").lane, lane);
    }
}

TEST_F(AcceptorV2Test, ADeliveryHasTheLaneOfItsV1Reports) {
    const Lane lane = entity(R"({"type":"delivery","action":"event","identifiers":{"id":"d"},)"
                             R"("name":"opened","attributes":{"device_token":"t"}})")
                          .lane;
    EXPECT_EQ(event("POST", "/api/v1/push/events", R"({"delivery_id":"d","event":"opened"})").lane,
              lane);
}

TEST_F(AcceptorV2Test, AMergeIsInBothLanes) {
    const auto merge = [](const std::string& secondary) {
        return R"({"type":"person","action":"merge","primary":{"id":"1"},"secondary":)" +
               secondary + "}";
    };
    const Event made = entity(merge(R"({"email":"A@b.c"})"));
    EXPECT_EQ(made.lane, lane_of("customerio", "id:1"));
    ASSERT_EQ(made.also.size(), 1U);
    EXPECT_EQ(made.also[0], lane_of("customerio", "email:a@b.c"));
    EXPECT_TRUE(entity(merge(R"({"id":"1"})")).also.empty());
    EXPECT_TRUE(entity(person("suppress")).also.empty()) << "of the one before";
}

TEST_F(AcceptorV2Test, AnEventGetsIdAndTimestampAndNothingElseDoes) {
    const std::string added = R"("id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","timestamp":1700000000,)";
    for (const char* action : {"event", "page", "screen"}) {
        const std::string body = person(action, R"("name":" buy ","attributes":{"x": 1.0})");
        const Event made = entity(body);
        EXPECT_EQ(made.operation, Operation::event);
        EXPECT_EQ(made.name, "buy");
        EXPECT_EQ(made.body, "{" + added + body.substr(1));
        EXPECT_EQ(acceptor_.given_id(), "");
    }
    const std::string given = person("event", R"("name":"a","id":"mine","timestamp":17)");
    EXPECT_EQ(entity(given).body, given);
    EXPECT_EQ(acceptor_.given_id(), "mine");
    EXPECT_EQ(
        entity(person("event", R"("name":"a","id":null,"timestamp":null)")).body,
        person("event", R"("name":"a","id":"01ARZ3NDEKTSV4RRFFQ69G5FAV","timestamp":1700000000)"));
    const Event anonymous = entity(person("event", R"("name":"a")", R"({"anonymous_id":"x"})"));
    EXPECT_EQ(anonymous.operation, Operation::anonymous_event);
    EXPECT_EQ(anonymous.person, "anonymous:x");
}

struct Bad {
    std::string body;
    std::string field;
    std::string code = "invalid_operation";
};

TEST_F(AcceptorV2Test, WhatAnOperationLacksIsNamed) {
    const std::vector<Bad> cases = {
        {"", "", "invalid_json"},
        {"[]", "", "invalid_json"},
        {"{}", "action"},
        {person("fly"), "action"},
        {R"({"type":"thing","action":"identify","identifiers":{"id":"1"}})", "action"},
        {R"({"type":1,"action":"identify","identifiers":{"id":"1"}})", "action"},
        {R"({"type":"person","type":"object","action":"identify"})", "type"},
        {R"({"type":"person","action":"identify"})", "identifiers"},
        {person("identify", "", "{}"), "identifiers"},
        {person("identify", "", "null"), "identifiers"},
        {person("identify", "", R"({"id":"1","email":"a@b.c"})"), "identifiers"},
        {person("identify", "", R"({"id":"1","id":"2"})"), "identifiers"},
        {person("identify", "", R"({"id":1})"), "identifiers"},
        {person("identify", "", R"({"id":""})"), "identifiers"},
        {person("identify", "", R"({"id":null})"), "identifiers"},
        {person("identify", "", R"({"id":"1","email":null})"), "identifiers"},
        {person("identify", "", R"({"id":"1","other":"x"})"), "identifiers"},
        {person("identify", "", R"({"id":")" + std::string(151, 'x') + R"("})"), "identifiers"},
        {person("identify", "", R"({"anonymous_id":"x"})"), "identifiers"},
        {person("identify", R"("attributes":[1])"), "attributes"},
        {person("identify", R"("attributes":{"a":")" + std::string(1001, 'x') + R"("})"),
         "attributes",
         "invalid_identify"},
        {person("identify", R"("timestamp":"soon")"), "timestamp"},
        {person("identify", R"("cio_relationships":{})"), "cio_relationships"},
        {person("event"), "name", "invalid_event"},
        {person("event", R"("name":" ")"), "name", "invalid_event"},
        {person("page", R"("name":"a","attributes":[1])"), "attributes", "invalid_event"},
        {person("event", R"("name":"a","id":7)"), "id", "invalid_event"},
        {person("event", R"("name":"a","timestamp":"x")"), "timestamp", "invalid_event"},
        {person("add_relationships"), "cio_relationships"},
        {person("add_device", R"("device":{"id":"t","platform":"ios"})"), "device"},
        {person("add_device", R"("device":{"token":"t"})"), "device"},
        {person("add_device", R"("device":{"token":"t","platform":" "})"), "device"},
        {person("add_device", R"("device":{"token":"t","token":"u","platform":"ios"})"), "device"},
        {person("add_device",
                R"("device":{"platform":"ios","token":")" + std::string(1001, 't') + R"("})"),
         "device"},
        {person("delete_device", R"("device":"t")"), "device"},
        {person("merge"), "primary"},
        {R"({"type":"person","action":"merge","primary":{"id":1},"secondary":{"id":"2"}})",
         "primary"},
        {R"({"type":"person","action":"merge","primary":{"id":"1"}})", "secondary"},
        {R"({"type":"person","action":"merge","primary":{"id":"1"},"secondary":{"phone":"+1"}})",
         "secondary"},
        {R"({"type":"object","action":"delete","identifiers":{"object_type_id":"1"}})",
         "identifiers"},
        {R"({"type":"object","action":"delete","identifiers":{"object_type_id":"1","object_id":"a","cio_object_id":"b"}})",
         "identifiers"},
        {R"({"type":"object","action":"delete","identifiers":{"object_type_id":{},"object_id":"a"}})",
         "identifiers"},
        {object("add_relationships", R"("cio_relationships":{})"), "cio_relationships"},
        {R"({"type":"delivery","action":"event","identifiers":{},"name":"opened"})", "identifiers"},
        {R"({"type":"delivery","action":"event","identifiers":{"id":"d","id":"e"},"name":"opened"})",
         "identifiers"},
        {R"({"type":"delivery","action":"event","identifiers":{"id":"d"}})", "name"},
        {R"({"type":"delivery","action":"event","identifiers":{"id":"d"},"name":"opened"})",
         "attributes"},
    };
    for (const Bad& test : cases) {
        SCOPED_TRACE(test.body.substr(0, 150));
        const Refusal no = refused(test.body);
        EXPECT_EQ(no.status, 400U);
        EXPECT_EQ(no.code, test.code);
        EXPECT_EQ(no.field, test.field);
        EXPECT_TRUE(no.is_of_v2);
    }
}

TEST_F(AcceptorV2Test, ARefusalReadsAsTheVendorsAndAsThatOfV1) {
    const auto body = nlohmann::json::parse(refused(person("event", R"("name":"")")).body());
    EXPECT_EQ(body["errors"],
              nlohmann::json::parse(R"([{"reason":"invalid_event","field":"name",)"
                                    R"("message":"event name must not be blank"}])"));
    EXPECT_EQ(body["meta"]["error"], "event name must not be blank");
    EXPECT_EQ(body["code"], "invalid_event");
    const Refusal v1 = refusal("POST", "/api/v1/customers/5/events", R"({"name":""})");
    EXPECT_EQ(v1.body().find("errors"), std::string::npos);
}

TEST_F(AcceptorV2Test, AnOperationIsMeasuredAsItIsSent) {
    const auto identify = [](std::size_t size) {
        const std::string empty = person("suppress", R"("x":"")");
        return person("suppress", R"("x":")" + std::string(size - empty.size(), 'x') + R"(")");
    };
    EXPECT_EQ(entity(identify(kV2OperationBytesMax)).body.size(), kV2OperationBytesMax);
    EXPECT_EQ(refused(identify(kV2OperationBytesMax + 1)).code, "too_large");
    const auto with = [&](std::size_t size) {
        return person("event",
                      R"("name":"a","attributes":{"x":")" + std::string(size, 'x') + R"("})");
    };
    const std::size_t added = entity(with(0)).body.size() - with(0).size();
    const std::size_t room = kV2OperationBytesMax - with(0).size() - added;
    EXPECT_EQ(entity(with(room)).body.size(), kV2OperationBytesMax);
    EXPECT_EQ(refused(with(room + 1)).code, "too_large");
}

TEST_F(AcceptorV2Test, ABatchIsSplitIntoItsOperationsAsTheyStand) {
    const auto split = [&](std::string_view body) {
        const auto result = acceptor_.split_batch(body);
        const auto* operations = std::get_if<std::vector<std::string_view>>(&result);
        return operations != nullptr ? *operations : std::vector<std::string_view>();
    };
    EXPECT_EQ(
        split(R"( { "x":[1], "batch" : [ {"a": "],}\"" , "b":[1 ,{}]} ,7, "s" ,[] ] } )"),
        (std::vector<std::string_view>{R"({"a": "],}\"" , "b":[1 ,{}]})", "7", R"("s")", "[]"}));
    EXPECT_EQ(split(R"({"batch":[{}]})"), (std::vector<std::string_view>{"{}"}));
}

TEST_F(AcceptorV2Test, WhatIsNoBatchIsRefused) {
    const std::string large =
        R"({"batch":[{"x":")" + std::string(kV2BatchBytesMax, 'x') + R"("}]})";
    for (const std::string& body : {std::string(),
                                    std::string("[]"),
                                    std::string("{}"),
                                    std::string(R"({"batch":null})"),
                                    std::string(R"({"batch":{}})"),
                                    std::string(R"({"batch":[]})"),
                                    std::string(R"({"batch":[{}],"batch":[{}]})"),
                                    std::string(R"({"batch":[{}})"),
                                    large}) {
        SCOPED_TRACE(body.substr(0, 100));
        const auto result = acceptor_.split_batch(body);
        ASSERT_TRUE(std::holds_alternative<Refusal>(result));
        EXPECT_EQ(std::get<Refusal>(result).status, 400U);
        EXPECT_TRUE(nlohmann::json::parse(std::get<Refusal>(result).body()).contains("errors"));
    }
    EXPECT_TRUE(std::holds_alternative<std::vector<std::string_view>>(
        acceptor_.split_batch(large.substr(0, kV2BatchBytesMax - 4) + R"("}]})")));
    const auto of_zeros = [&](std::size_t count) {
        std::string body = R"({"batch":[0)";
        for (; count > 1; --count) body += ",0";
        return acceptor_.split_batch(body + "]}").index();
    };
    EXPECT_EQ(of_zeros(kV2BatchCountMax), 0U);
    EXPECT_EQ(of_zeros(kV2BatchCountMax + 1), 1U);
    EXPECT_EQ(refusal("POST", "/api/v2/batch", R"({"batch":[{}]})").code, "batch");
    EXPECT_EQ(refusal("PUT", "/api/v2/batch", "").status, 405U);
}

}  // namespace
}  // namespace holdfast::customerio
