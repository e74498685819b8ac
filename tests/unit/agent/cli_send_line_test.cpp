#include "agent/cli/send_line.hpp"

#include <gtest/gtest.h>

namespace holdfast::cli {
namespace {

TEST(SendLine, HoldsAnEvent) {
    const auto line =
        parse_send_line(R"({"method":"put","target":"/api/v1/customers/5","body":{"plan":"pro"},)"
                        R"("destination":"main","idempotency_key":"k\u00e9"})");
    ASSERT_TRUE(line) << line.error().detail;
    EXPECT_EQ(line->method, client::Method::put);
    EXPECT_EQ(line->target, "/api/v1/customers/5");
    EXPECT_EQ(line->body, R"({"plan":"pro"})");
    EXPECT_EQ(line->destination, "main");
    EXPECT_EQ(line->key, "k\xc3\xa9");
}

struct Body {
    const char* json;  // behind method and target
    const char* body;
};

class SendLineBody : public testing::TestWithParam<Body> {};

TEST_P(SendLineBody, IsSentAsItStandsThere) {
    const std::string json =
        std::string(R"({ "method" : "POST" , "target" : "/x" )") + GetParam().json;
    const auto line = parse_send_line(json);
    ASSERT_TRUE(line) << json << ": " << line.error().detail;
    EXPECT_EQ(line->body, GetParam().body) << json;
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    SendLineBody,
    testing::Values(Body{"}", ""},
                    Body{R"(,"body":null})", ""},
                    Body{R"(,"body":{}})", "{}"},
                    Body{R"(, "body" :  { "a" : 1.10, "b":123456789012345678901234567890 }  })",
                         R"({ "a" : 1.10, "b":123456789012345678901234567890 })"},
                    Body{R"(,"body":{"b":1,"a":[{"x":"]}\"},"},2]},"destination":"d"})",
                         R"({"b":1,"a":[{"x":"]}\"},"},2]})"},
                    Body{R"(,"body":{"body":1}})", R"({"body":1})"},
                    Body{R"(,"idempotency_key":"\"body\":1,\\","body":[1]})", "[1]"},
                    Body{R"(,"body":1,"body":[2]})", "[2]"},
                    Body{R"(,"body":12 })", "12"},
                    Body{R"(,"body":true})", "true"},
                    Body{R"(,"body":"{\"a\":1}"})", R"({"a":1})"},
                    Body{R"(,"b\u006fdy":{"a": 1}})", R"({"a":1})"}));

struct Wrong {
    const char* json;
    const char* why;
};

class SendLineMistake : public testing::TestWithParam<Wrong> {};

TEST_P(SendLineMistake, IsNamed) {
    const auto line = parse_send_line(GetParam().json);
    ASSERT_FALSE(line) << GetParam().json;
    EXPECT_EQ(line.error().detail, GetParam().why);
}

INSTANTIATE_TEST_SUITE_P(
    Table,
    SendLineMistake,
    testing::Values(Wrong{"", "not JSON"},
                    Wrong{R"({"method":"PUT","target":"/x"} x)", "not JSON"},
                    Wrong{"[]", "not a JSON object"},
                    Wrong{"{}", R"(it needs "method" and "target")"},
                    Wrong{R"({"method":"PUT"})", R"(it needs "method" and "target")"},
                    Wrong{R"({"method":"PUT","target":5})", R"("target" must be a text)"},
                    Wrong{R"({"method":"GET","target":"/x"})",
                          R"(the method must be POST, PUT or DELETE, not "GET")"},
                    Wrong{R"({"method":"PUT","target":"/x","idempotencyKey":"k"})",
                          R"("idempotencyKey" is no member of an event)"}));

}  // namespace
}  // namespace holdfast::cli
