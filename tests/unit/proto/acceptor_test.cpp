#include "acceptor_fixture.hpp"

#include <vector>

namespace holdfast::customerio {
namespace {

#define ADDED_ID R"("id":"01ARZ3NDEKTSV4RRFFQ69G5FAV")"
#define ADDED_TIME R"("timestamp":1700000000)"
#define ADDED ADDED_ID "," ADDED_TIME ","

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

constexpr std::string_view kEvents = "/api/v1/customers/5/events";

TEST_F(AcceptorTest, EveryCallOfEveryOfficialClientBecomesItsEvent) {
    const std::vector<Case> cases = {
        // node
        {"PUT",
         "/api/v1/customers/a%2Fb%40x%2By%20z",
         R"({"email":"x@y.z","created_at":1})",
         Operation::identify,
         "/api/v1/customers/a%2Fb%40x%2By%20z",
         "email:a/b@x+y z",
         "",
         R"({"email":"x@y.z","created_at":1})"},
        {"PUT",
         "/api/v1/customers/5",
         "{}",
         Operation::identify,
         "/api/v1/customers/5",
         "id:5",
         "",
         "{}"},
        {"POST",
         kEvents,
         R"({"name":"purchase","data":{"price":23.45}})",
         Operation::event,
         kEvents,
         "id:5",
         "purchase",
         "{" ADDED R"("name":"purchase","data":{"price":23.45}})"},
        {"POST",
         kEvents,
         R"({"type":"page","name":"/home"})",
         Operation::event,
         kEvents,
         "id:5",
         "/home",
         "{" ADDED R"("type":"page","name":"/home"})"},
        {"POST",
         "/api/v1/events",
         R"({"name":"seen","anonymous_id":"Abc"})",
         Operation::anonymous_event,
         "/api/v1/events",
         "anonymous:Abc",
         "seen",
         "{" ADDED R"("name":"seen","anonymous_id":"Abc"})"},
        {"POST",
         "/api/v1/events",
         R"({"name":"invite","data":{"recipient":"New@X.Y"}})",
         Operation::anonymous_event,
         "/api/v1/events",
         "email:new@x.y",
         "invite",
         "{" ADDED R"("name":"invite","data":{"recipient":"New@X.Y"}})"},
        {"POST",
         "/api/v1/customers/5/suppress",
         "{}",
         Operation::suppress,
         "/api/v1/customers/5/suppress",
         "id:5",
         "",
         ""},
        {"DELETE",
         "/api/v1/customers/5",
         "",
         Operation::delete_person,
         "/api/v1/customers/5",
         "id:5",
         "",
         ""},
        {"POST",
         "/v1/send/email",
         R"({"headers":{},"to":"a@b.c","identifiers":{"email":"A@B.c"},"transactional_message_id":3})",
         Operation::send_email,
         "/v1/send/email",
         "email:a@b.c",
         "3",
         R"({"headers":{},"to":"a@b.c","identifiers":{"email":"A@B.c"},"transactional_message_id":3})"},
        // go: raw "@", "+" and ":" in the path, null for no attributes and no data
        {"PUT",
         "/api/v1/customers/a%2Fb@x+y%20z:1",
         "null",
         Operation::identify,
         "/api/v1/customers/a%2Fb%40x%2By%20z%3A1",
         "email:a/b@x+y z:1",
         "",
         "{}"},
        {"POST",
         "/api/v1/customers/Me+You@x.y/events",
         R"({"data":null,"name":"n"})",
         Operation::event,
         "/api/v1/customers/Me%2BYou%40x.y/events",
         "email:me+you@x.y",
         "n",
         "{" ADDED R"("data":null,"name":"n"})"},
        {"POST",
         "/v1/send/email",
         R"({"identifiers":{"id":"7"},"to":"a@b.c","transactional_message_id":"welcome"})",
         Operation::send_email,
         "/v1/send/email",
         "id:7",
         "welcome",
         R"({"identifiers":{"id":"7"},"to":"a@b.c","transactional_message_id":"welcome"})"},
        // python: blanks in JSON, a body where none is needed
        {"POST",
         kEvents,
         R"({"name": "n", "data": {}})",
         Operation::event,
         kEvents,
         "id:5",
         "n",
         "{" ADDED R"("name": "n", "data": {}})"},
        {"POST",
         kEvents,
         R"({"name": "n", "data": {}, "id": "x", "timestamp": 1})",
         Operation::event,
         kEvents,
         "id:5",
         "n",
         R"({"name": "n", "data": {}, "id": "x", "timestamp": 1})"},
        {"DELETE",
         "/api/v1/customers/cio_0f0f",
         "{}",
         Operation::delete_person,
         "/api/v1/customers/cio_0f0f",
         "cio_id:0f0f",
         "",
         ""},
        // ruby: the identifier in the body too, empty POST, empty maps in sends
        {"PUT",
         "/api/v1/customers/5",
         R"({"id":5,"first_name":"Bob"})",
         Operation::identify,
         "/api/v1/customers/5",
         "id:5",
         "",
         R"({"id":5,"first_name":"Bob"})"},
        {"POST",
         "/api/v1/customers/5/unsuppress",
         "",
         Operation::unsuppress,
         "/api/v1/customers/5/unsuppress",
         "id:5",
         "",
         ""},
        {"POST",
         "/v1/send/email",
         R"({"to":"a@b.c","identifiers":{"cio_id":"cio_9"},"transactional_message_id":3,"attachments":{},"headers":{}})",
         Operation::send_email,
         "/v1/send/email",
         "cio_id:9",
         "3",
         R"({"to":"a@b.c","identifiers":{"cio_id":"cio_9"},"transactional_message_id":3,"attachments":{},"headers":{}})"},
        // php: no body at all, an empty list for an empty map, escaped slashes
        {"PUT",
         "/api/v1/customers/5",
         "",
         Operation::identify,
         "/api/v1/customers/5",
         "id:5",
         "",
         "{}"},
        {"POST",
         "/api/v1/events",
         R"({"name":"n","data":[]})",
         Operation::anonymous_event,
         "/api/v1/events",
         "",
         "n",
         "{" ADDED R"("name":"n","data":[]})"},
        {"POST",
         kEvents,
         R"({"type":"page","name":"https:\/\/x.y\/"})",
         Operation::event,
         kEvents,
         "id:5",
         "https://x.y/",
         "{" ADDED R"("type":"page","name":"https:\/\/x.y\/"})"},
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
        EXPECT_EQ(made.id, acceptance_.id);
        EXPECT_EQ(made.accepted_at, acceptance_.now);
        EXPECT_EQ(made.peer, acceptance_.peer);
        EXPECT_EQ(made.destination, "customerio");
        EXPECT_FALSE(made.parent);
    }
}

TEST_F(AcceptorTest, ASlashThatAClientForgotToEncodeIsAnotherPath) {
    EXPECT_EQ(refusal("PUT", "/api/v1/customers/a/b", "").status, 404U);
}

TEST_F(AcceptorTest, OnlyWhatAnEventLacksIsAdded) {
    const std::vector<std::pair<std::string_view, std::string_view>> cases = {
        {R"({"name":"n","id":"mine"})", "{" ADDED_TIME R"(,"name":"n","id":"mine"})"},
        {R"({"name":"n","timestamp":1.5e9})", "{" ADDED_ID R"(,"name":"n","timestamp":1.5e9})"},
        {R"({"name":"n","timestamp":"17","id":"i"})", R"({"name":"n","timestamp":"17","id":"i"})"},
        {R"({"\u0069d":"i","name":"n"})", "{" ADDED_TIME R"(,"\u0069d":"i","name":"n"})"},
        {"\r\n {\t\"name\":\"n\"} \n", "\r\n {" ADDED "\t\"name\":\"n\"} \n"},
        {R"({"name":"n","data":{"id":1,"timestamp":null}})",
         "{" ADDED R"("name":"n","data":{"id":1,"timestamp":null}})"},
        {R"({"name":"n","data":{"n":1.10,"big":12345678901234567890,"e":1E+2}})",
         "{" ADDED R"("name":"n","data":{"n":1.10,"big":12345678901234567890,"e":1E+2}})"},
    };
    for (const auto& [body, sent] : cases) EXPECT_EQ(event("POST", kEvents, body).body, sent);
}

TEST_F(AcceptorTest, ANullIdOrTimestampIsReplacedWhereItStands) {
    const std::vector<std::pair<std::string_view, std::string_view>> cases = {
        {R"({"id":null,"name":"n"})", "{" ADDED_TIME "," ADDED_ID R"(,"name":"n"})"},
        {R"({"name":"n","timestamp": null })",
         "{" ADDED_ID R"(,"name":"n",)"
         R"("timestamp": 1700000000 })"},
        {R"({"id":null,"name":"n","timestamp":null})",
         "{" ADDED_ID R"(,"name":"n",)" ADDED_TIME "}"},
        {R"({"timestamp":null,"name":"n","id":null})",
         "{" ADDED_TIME R"(,"name":"n",)" ADDED_ID "}"},
        {R"({"a":"\"id\":null,{","b":[{"id":null}],"name":"n","\u0069d":null,"timestamp":1})",
         R"({"a":"\"id\":null,{","b":[{"id":null}],"name":"n","\u0069d":"01ARZ3NDEKTSV4RRFFQ69G5FAV","timestamp":1})"},
    };
    for (const auto& [body, sent] : cases) EXPECT_EQ(event("POST", kEvents, body).body, sent);
}

TEST_F(AcceptorTest, TheNameIsTrimmedAndTheBodyIsNot) {
    const Event made = event("POST", kEvents, R"({"id":"i","timestamp":1,"name":" \t a b\n"})");
    EXPECT_EQ(made.name, "a b");
    EXPECT_EQ(made.body, R"({"id":"i","timestamp":1,"name":" \t a b\n"})");
}

TEST_F(AcceptorTest, OnePersonHasOneLaneHoweverItsIdentifierIsSpelt) {
    const Lane lane = event("PUT", "/api/v1/customers/A%40b.c", "").lane;
    EXPECT_EQ(lane, event("DELETE", "/api/v1/customers/a@B.c", "").lane);
    EXPECT_EQ(lane, lane_of("customerio", "email:a@b.c"));
    EXPECT_NE(lane, event("PUT", "/api/v1/customers/a", "").lane);
}

TEST_F(AcceptorTest, NobodysEventsDoNotShareALane) {
    const Lane first = event("POST", "/api/v1/events", R"({"name":"n"})").lane;
    acceptance_.id.bytes[15] = static_cast<std::uint8_t>(acceptance_.id.bytes[15] ^ 1U);
    const Event second = event("POST", "/api/v1/events", R"({"name":"n"})");
    EXPECT_EQ(second.person, "");
    EXPECT_NE(second.lane, first);
    EXPECT_EQ(second.lane, lane_of("customerio", second.id.text()));
}

TEST_F(AcceptorTest, AnAnonymousIdCountsBeforeARecipientAndABlankOneDoesNot) {
    const auto person = [&](std::string_view body) {
        return std::string(event("POST", "/api/v1/events", body).person);
    };
    EXPECT_EQ(person(R"({"name":"n","anonymous_id":"x","data":{"recipient":"a@b"}})"),
              "anonymous:x");
    EXPECT_EQ(person(R"({"name":"n","anonymous_id":"","data":{"recipient":"a@b"}})"), "email:a@b");
    EXPECT_EQ(person(R"({"name":"n","anonymous_id":null,"data":{"recipient":1}})"), "");
}

TEST_F(AcceptorTest, AttributesOfAnyOtherTypeAndAtTheLimitPass) {
    std::string body = R"({"list":[1,{"a":null}],"map":{"x":[]},"yes":true,"none":null,"n":-0.0,")";
    body.append(150, 'k').append("\":\"").append(1000, 'v').append("\"");
    for (int i = 6; i < 300; ++i) body.append(",\"").append(std::to_string(i)).append("\":0");
    body += "}";
    EXPECT_EQ(event("PUT", "/api/v1/customers/5", body).body, body);
}

TEST_F(AcceptorTest, ASendMayBringItsOwnContentAndAddressAPersonByANumber) {
    const std::string_view body =
        R"({"identifiers":{"id":42},"to":"\"Doe, J\" <a@b.c>","body":"b","subject":"s","from":"f"})";
    const Event made = event("POST", "/v1/send/email", body);
    EXPECT_EQ(made.person, "id:42");
    EXPECT_EQ(made.name, "");
    EXPECT_EQ(made.body, body);
}

TEST_F(AcceptorTest, ASendToFifteenPeopleWithTwoMegabytesAttachedPasses) {
    std::string body = R"({"identifiers":{"id":"1"},"transactional_message_id":1,"to":")";
    for (int i = 0; i < 13; ++i) body += R"(\"Doe, \\\", J\" <a@b.c>,)";
    body += ", ,";
    body += R"( ","cc":"a@b","bcc":"c@d","attachments":{"f":")" + std::string(2'666'664, 'A') +
            R"("}})";
    EXPECT_EQ(event("POST", "/v1/send/email", body).body, body);
}

TEST_F(AcceptorTest, ANameOfAHundredBytesPasses) {
    const std::string name(100, 'n');
    EXPECT_EQ(event("POST", kEvents, R"({"name":")" + name + " \"}").name, name);
}

TEST_F(AcceptorTest, DataIsMeasuredWithoutBlanks) {
    std::string body = R"({"name":"n","data":{"a":")" + std::string(99'992, 'x') + "\"";
    body += std::string(5000, ' ') + "}}";
    EXPECT_EQ(event("POST", kEvents, body).name, "n");
}

TEST_F(AcceptorTest, AnAcceptorServesManyRequestsAndSurvivesAMove) {
    EXPECT_EQ(refusal("POST", kEvents, "{").code, "invalid_json");
    EXPECT_EQ(event("POST", kEvents, R"({"name":"first"})").name, "first");
    acceptor_ = Acceptor(std::move(acceptor_));
    EXPECT_EQ(event("POST", "/api/v1/events", R"({"name":"second"})").person, "");
}

TEST_F(AcceptorTest, SaysWhichIdTheAppGaveTheEventUntilTheNextOne) {
    (void)event("POST", kEvents, R"({"name":"a","id":"order-\u0037"})");
    EXPECT_EQ(acceptor_.given_id(), "order-7");
    (void)event("POST", kEvents, R"({"name":"a","id":null})");
    EXPECT_EQ(acceptor_.given_id(), "");
    (void)event("POST", "/api/v1/events", R"({"name":"a","id":"x"})");
    EXPECT_EQ(acceptor_.given_id(), "x");
    (void)event("PUT", "/api/v1/customers/5", R"({"id":"5"})");
    EXPECT_EQ(acceptor_.given_id(), "");
}

}  // namespace
}  // namespace holdfast::customerio
