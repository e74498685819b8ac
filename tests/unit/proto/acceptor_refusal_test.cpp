#include "acceptor_fixture.hpp"
#include "proto/customerio/limits.hpp"

#include <vector>

namespace holdfast::customerio {
namespace {

struct Case {
    std::string body;
    std::string_view message;
};

std::string repeat(std::size_t count, char c) {
    return std::string(count, c);
}

class AcceptorRefusalTest : public AcceptorTest {
protected:
    void expect_all(std::string_view method,
                    std::string_view target,
                    std::string_view code,
                    const std::vector<Case>& cases) {
        for (const Case& test : cases) {
            SCOPED_TRACE(test.body.substr(0, 120));
            const Refusal refused = refusal(method, target, test.body);
            EXPECT_EQ(refused.status, code == "too_large" ? 413U : 400U);
            EXPECT_EQ(refused.code, code);
            EXPECT_EQ(refused.message, test.message);
        }
    }
};

constexpr std::string_view kPerson = "/api/v1/customers/5";
constexpr std::string_view kEvents = "/api/v1/customers/5/events";
constexpr std::string_view kAnonymous = "/api/v1/events";
constexpr std::string_view kSend = "/v1/send/email";

TEST_F(AcceptorRefusalTest, WhatIsNotAJsonObjectIsRefused) {
    const std::string_view invalid = "body is not valid JSON";
    const std::string_view number = "body has a malformed number, or one that does not fit 64 bits";
    expect_all("POST",
               kEvents,
               "invalid_json",
               {{"", "body is empty"},
                {" \n", "body is empty"},
                {"null", "body must be a JSON object"},
                {"[]", "body must be a JSON object"},
                {"\"x\"", "body must be a JSON object"},
                {"12", "body must be a JSON object"},
                {R"({"name":"n")", invalid},
                {R"({"name":"n"}})", invalid},
                {R"({"name":"n"} x)", invalid},
                {R"({"name":"n",})", invalid},
                {R"({'name':'n'})", invalid},
                {R"({"name":"n","data":NaN})", invalid},
                {R"({"name":"n","data":{"a":01}})", number},
                {R"({"name":"n","data":{"a":123456789012345678901234567890}})", number},
                {"{\"name\":\"\xff\"}", "body is not valid UTF-8"},
                {"{\"name\":\"n\",\"data\":" + repeat(2000, '[') + repeat(2000, ']') + "}",
                 "body is nested too deep"}});
    expect_all("PUT",
               kPerson,
               "invalid_json",
               {{"[]", "body must be a JSON object"}, {"nul", invalid}, {"a=b", invalid}});
    expect_all("POST", kSend, "invalid_json", {{"", "body is empty"}});
}

TEST_F(AcceptorRefusalTest, IdentifyIsHeldToTheVendorsLimits) {
    std::string many = "{\"0\":0";
    for (int i = 1; i < 301; ++i) many += ",\"" + std::to_string(i) + "\":0";
    expect_all(
        "PUT",
        kPerson,
        "invalid_identify",
        {{many + "}", "cannot identify more than 300 attributes in one request"},
         {"{\"" + repeat(151, 'k') + "\":1}", "attribute name cannot be longer than 150 bytes"},
         {R"({"ok":1,"plan":")" + repeat(1001, 'v') + "\"}",
          "value for attribute 'plan' cannot be longer than 1000 bytes"}});
}

TEST_F(AcceptorRefusalTest, AnEventIsHeldToTheVendorsLimits) {
    const std::string_view id = "event id must be a string of 1 to 150 bytes";
    const std::string_view time = "event timestamp must be a number of unix seconds";
    const std::string_view hash = "event data must be a hash";
    expect_all(
        "POST",
        kEvents,
        "invalid_event",
        {{"{}", text::kEventNameBlank},
         {R"({"name":null})", text::kEventNameBlank},
         {R"({"name":""})", text::kEventNameBlank},
         {R"({"name":" \t\r\n"})", text::kEventNameBlank},
         {R"({"name":5})", "event name must be a string"},
         {R"({"name":")" + repeat(101, 'n') + "\"}", "event name cannot be longer than 100 bytes"},
         {R"({"name":"n","data":"x"})", hash},
         {R"({"name":"n","data":[1]})", hash},
         {R"({"name":"n","data":0})", hash},
         {R"({"name":"n","data":false})", hash},
         {R"({"name":"n","data":{"a":")" + repeat(99'993, 'x') + "\"}}",
          "event data cannot be longer than 100000 bytes"},
         {R"({"name":"n","id":5})", id},
         {R"({"name":"n","id":""})", id},
         {R"({"name":"n","id":")" + repeat(151, 'i') + "\"}", id},
         {R"({"name":"n","timestamp":"soon"})", time},
         {R"({"name":"n","timestamp":""})", time},
         {R"({"name":"n","timestamp":true})", time},
         {R"({"name":"n","timestamp":{}})", time},
         {R"({"name":"n","id":"a","id":"b"})", "'id' stands twice in the body"},
         {R"({"name":"n","id":null,"\u0069d":"b"})", "'id' stands twice in the body"},
         {R"({"name":"n","timestamp":1,"timestamp":1})", "'timestamp' stands twice in the body"},
         {R"({"name":"n","name":"m"})", "'name' stands twice in the body"}});
    expect_all("POST",
               kAnonymous,
               "invalid_event",
               {{R"({"name":"n","anonymous_id":5})", "anonymous_id must be a string"},
                {R"({"name":"n","anonymous_id":")" + repeat(1001, 'a') + "\"}",
                 "value for attribute 'anonymous_id' cannot be longer than 1000 bytes"}});
}

std::string send(std::string_view fields) {
    return R"({"transactional_message_id":1,)" + std::string(fields) + "}";
}

TEST_F(AcceptorRefusalTest, ASendIsHeldToTheVendorsRules) {
    const std::string_view one =
        "identifiers must be an object with exactly one of id, email, cio_id";
    const std::string_view to = "to must be a string that is not blank";
    const std::string_view content =
        "either transactional_message_id or body, subject and from must be present";
    const std::string person = R"("identifiers":{"id":"1"},)";
    const std::string to_person = person + R"("to":"a@b")";
    expect_all(
        "POST",
        kSend,
        "invalid_send",
        {{send(R"("to":"a@b")"), one},
         {send(R"("to":"a@b","identifiers":{})"), one},
         {send(R"("to":"a@b","identifiers":[])"), one},
         {send(R"("to":"a@b","identifiers":{"id":null})"), one},
         {send(R"("to":"a@b","identifiers":{"id":"1","email":"a@b"})"), one},
         {send(R"("to":"a@b","identifiers":{"id":"1","id":"2"})"), "'id' stands twice in the body"},
         {send(R"("to":"a@b","identifiers":{"id":true})"), text::kIdNotString},
         {send(R"("to":"a@b","identifiers":{"email":5})"), text::kIdNotString},
         {send(R"("to":"a@b","identifiers":{"email":""})"), text::kIdEmpty},
         {send(R"("to":"a@b","identifiers":{"id":"\u0000"})"),
          "identifier contains a control character"},
         {send(person + R"("to":" ")"), to},
         {send(person + R"("to":["a@b"])"), to},
         {send(person + R"("cc":"a@b")"), to},
         {send(to_person + R"(,"cc":["a@b"])"), "cc and bcc must be strings"},
         {send(to_person + R"(,"to":"a@b")"), "'to' stands twice in the body"},
         {send(to_person + R"(,"cc":"1,2,3,4,5,6,7","bcc":"1,2,3,4,5,6,7,8")"),
          "cannot send to more than 15 recipients in one request"},
         {"{" + to_person + "}", content},
         {"{" + to_person + R"(,"transactional_message_id":""})", content},
         {"{" + to_person + R"(,"body":"b","subject":"s"})", content},
         {"{" + to_person + R"(,"transactional_message_id":[]})",
          "transactional_message_id must be a string or a number"},
         {send(to_person + R"(,"attachments":"x")"),
          "attachments must be an object of base64 strings"},
         {send(to_person + R"(,"attachments":[1])"),
          "attachments must be an object of base64 strings"},
         {send(to_person + R"(,"attachments":{"f":1})"),
          "attachments must be an object of base64 strings"}});
    expect_all("POST",
               kSend,
               "too_large",
               {{send(to_person + R"(,"attachments":{"f":")" + repeat(2'666'672, 'A') + R"("})"),
                 "attachments cannot be larger than 2 MB together"},
                {send(to_person + R"(,"message_data":{"f":")" + repeat(1'000'000, 'A') + R"("})"),
                 "a send cannot be larger than 1 MB without its attachments"}});
}

TEST_F(AcceptorRefusalTest, NoRequestIsLargerThanFourMegabytes) {
    for (const auto& [method, target] : {std::pair{"PUT", kPerson}, std::pair{"DELETE", kPerson}}) {
        expect_all(method,
                   target,
                   "too_large",
                   {{repeat(4'000'001, ' '), "request body cannot be larger than 4 MB"}});
    }
    EXPECT_EQ(event("PUT", kPerson, repeat(4'000'000, ' ')).body, "{}");
}

TEST(RefusalTest, TheBodyIsTheOneThatEveryOfficialClientReads) {
    const Refusal refusal{400, "invalid_event", "a \"quoted\"\n text"};
    EXPECT_EQ(
        refusal.body(),
        R"({"meta":{"error":"a \"quoted\"\n text"},"code":"invalid_event","message":"a \"quoted\"\n text"})");
}

TEST(RefusalTest, TheBodyIsValidUtf8WhateverTheMessageIs) {
    EXPECT_EQ(
        (Refusal{400, "c", "\xff"}.body()),
        "{\"meta\":{\"error\":\"\xef\xbf\xbd\"},\"code\":\"c\",\"message\":\"\xef\xbf\xbd\"}");
}

}  // namespace
}  // namespace holdfast::customerio
