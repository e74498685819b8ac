#include "proto/customerio/limits.hpp"
#include "proto/customerio/request.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace holdfast::customerio {
namespace {

struct Known {
    std::string_view method;
    std::string target;
    Operation operation;
    std::string identifier;
    std::string item = {};
};

TEST(RouteTest, EveryCallHasItsRoute) {
    const std::vector<Known> cases = {
        {"PUT", "/api/v1/customers/5", Operation::identify, "5"},
        {"DELETE", "/api/v1/customers/5", Operation::delete_person, "5"},
        {"POST", "/api/v1/customers/5/events", Operation::event, "5"},
        {"POST", "/api/v1/events", Operation::anonymous_event, ""},
        {"POST", "/api/v1/customers/5/suppress", Operation::suppress, "5"},
        {"POST", "/api/v1/customers/5/unsuppress", Operation::unsuppress, "5"},
        {"POST", "/v1/send/email", Operation::send_email, ""},
        {"PUT", "/api/v1/customers/5/devices", Operation::add_device, "5"},
        {"DELETE", "/api/v1/customers/5/devices/t", Operation::delete_device, "5", "t"},
        {"POST", "/api/v1/merge_customers", Operation::merge, ""},
        {"POST", "/api/v1/segments/7/add_customers", Operation::add_to_segment, "", "7"},
        {"POST", "/api/v1/segments/7/remove_customers", Operation::remove_from_segment, "", "7"},
        {"POST", "/api/v1/forms/f%20g/submit", Operation::submit_form, "", "f g"},
        {"POST", "/api/v1/metrics", Operation::report_metric, ""},
        {"POST", "/api/v1/push/events", Operation::report_push_event, ""},
        {"POST", "/push/events", Operation::report_push_event, ""},
        {"POST", "/unsubscribe/RPILAg==", Operation::unsubscribe, "", "RPILAg=="},
        {"POST", "/v1/send/push", Operation::send_push, ""},
        {"POST", "/v1/send/sms", Operation::send_sms, ""},
        {"POST", "/v1/send/whatsapp", Operation::send_whatsapp, ""},
        {"POST", "/v1/send/in_app", Operation::send_in_app, ""},
        {"POST", "/v1/send/inbox_message", Operation::send_inbox_message, ""},
        {"POST", "/v1/campaigns/3/triggers", Operation::trigger_broadcast, "", "3"},
        {"POST", "/v1/api/campaigns/3/triggers", Operation::trigger_broadcast, "", "3"},
        {"POST", "/api/v2/entity", Operation::event, ""},
        {"POST", "/api/v2/batch", Operation::event, ""},
    };
    for (const Known& test : cases) {
        const auto result = route(test.method, test.target);
        ASSERT_TRUE(std::holds_alternative<Route>(result)) << test.method << ' ' << test.target;
        EXPECT_EQ(std::get<Route>(result).operation, test.operation) << test.target;
        EXPECT_EQ(std::get<Route>(result).identifier, test.identifier) << test.target;
        EXPECT_EQ(std::get<Route>(result).item, test.item) << test.target;
    }
}

TEST(RouteTest, IdentifiersAreSplitThenDecodedAndAPlusStaysAPlus) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"a%2Fb%40x%2By%20z", "a/b@x+y z"},
        {"a%2fb@x+y%20z", "a/b@x+y z"},
        {"a:b&c=d$e", "a:b&c=d$e"},
        {"%E2%82%AC", "\u20ac"},
        {"events", "events"},
        {"%25", "%"},
        {"5?x=/events&y=%zz", ""},
        {"5?x=/events", "5"},
        {"...", "..."},
        {std::string(150, 'i'), std::string(150, 'i')},
    };
    for (const auto& [encoded, identifier] : cases) {
        const auto result = route("PUT", "/api/v1/customers/" + encoded);
        if (identifier.empty()) {
            EXPECT_EQ(std::get<Refusal>(result).code, "invalid_path") << encoded;
            continue;
        }
        ASSERT_TRUE(std::holds_alternative<Route>(result)) << encoded;
        EXPECT_EQ(std::get<Route>(result).identifier, identifier);
    }
}

TEST(RouteTest, ASegmentCallSaysWhichIdentifiersItHas) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"", ""},
        {"?", ""},
        {"?id_type=id", "id"},
        {"?id_type=email", "email"},
        {"?id_type=cio_id", "cio_id"},
        {"?x=1&id%5ftype=%65mail&y", "email"},
        {"?xid_type=email&id_typ=email", ""},
    };
    for (const auto& [query, id_type] : cases) {
        const auto result = route("POST", "/api/v1/segments/7/add_customers" + query);
        ASSERT_TRUE(std::holds_alternative<Route>(result)) << query;
        EXPECT_EQ(std::get<Route>(result).id_type, id_type) << query;
    }
}

TEST(RouteTest, TheTokenOfADeviceMayBeLongerThanAPersonsId) {
    const std::string token(1000, 't');
    const auto result = route("DELETE", "/api/v1/customers/5/devices/" + token);
    ASSERT_TRUE(std::holds_alternative<Route>(result));
    EXPECT_EQ(std::get<Route>(result).item, token);
}

TEST(RouteTest, FixedSegmentsMayBeEncodedToo) {
    const auto result = route("POST", "/api/%761/customers/5/%65vents");
    ASSERT_TRUE(std::holds_alternative<Route>(result));
    EXPECT_EQ(std::get<Route>(result).operation, Operation::event);
}

struct Refused {
    std::string_view method;
    std::string target;
    unsigned status;
    std::string_view code;
    std::string_view message;
};

constexpr std::string_view kNoPath = "no such path in the calls of Customer.io that are taken here";
constexpr std::string_view kNoPrefix = "no such path; the client's url lacks /api/v1 at its end";
constexpr std::string_view kEmptySegment = "the path has an empty segment";
constexpr std::string_view kDotSegment = "the path cannot have a dot segment";
constexpr std::string_view kNotNumber = "the id of a segment must be a number";
constexpr std::string_view kIdType = "id_type must be one of id, email, cio_id";
constexpr std::string_view kMalformed = "target is not a path in valid percent-encoding";

TEST(RouteTest, EverythingElseIsRefusedWithATextThatHelps) {
    const std::vector<Refused> cases = {
        {"POST", "/", 404, "not_found", kNoPath},
        {"POST", "/api/v1", 404, "not_found", kNoPath},
        {"PUT", "/api/v1/customers", 404, "not_found", kNoPath},
        {"PUT", "/api/v1/customers/a/b", 404, "not_found", kNoPath},
        {"PUT", "/api/v1/customers/5/", 404, "not_found", kNoPath},
        {"PUT", "//api/v1/customers/5", 404, "not_found", kNoPath},
        {"POST", "/api%2Fv1/events", 404, "not_found", kNoPath},
        {"POST", "/v1/events", 404, "not_found", kNoPath},
        {"PUT", "/customers/5", 404, "not_found", kNoPrefix},
        {"POST", "/customers/5/events", 404, "not_found", kNoPrefix},
        {"POST", "/events", 404, "not_found", kNoPrefix},
        {"GET",
         "/api/v1/customers/5",
         405,
         "method_not_allowed",
         "method not allowed on this path, only PUT, DELETE"},
        {"put",
         "/api/v1/customers/5",
         405,
         "method_not_allowed",
         "method not allowed on this path, only PUT, DELETE"},
        {"PUT",
         "/api/v1/events",
         405,
         "method_not_allowed",
         "method not allowed on this path, only POST"},
        {"GET",
         "/v1/send/email",
         405,
         "method_not_allowed",
         "method not allowed on this path, only POST"},
        {"PUT", "/api/v1/customers/", 400, "invalid_path", text::kIdEmpty},
        {"POST", "/api/v1/customers//events", 400, "invalid_path", text::kIdEmpty},
        {"PUT",
         "/api/v1/customers/" + std::string(151, 'i'),
         400,
         "invalid_path",
         "identifier cannot be longer than 150 bytes"},
        {"PUT",
         "/api/v1/customers/a%00b",
         400,
         "invalid_path",
         "identifier contains a control character"},
        {"PUT",
         "/api/v1/customers/a%0A",
         400,
         "invalid_path",
         "identifier contains a control character"},
        {"PUT",
         "/api/v1/customers/%7F",
         400,
         "invalid_path",
         "identifier contains a control character"},
        {"PUT", "/api/v1/customers/%FF", 400, "invalid_path", "identifier is not valid UTF-8"},
        {"DELETE",
         "/api/v1/customers/..",
         400,
         "invalid_path",
         "identifier cannot be a dot segment"},
        {"DELETE",
         "/api/v1/customers/%2E%2e",
         400,
         "invalid_path",
         "identifier cannot be a dot segment"},
        {"DELETE",
         "/api/v1/customers/%2e",
         400,
         "invalid_path",
         "identifier cannot be a dot segment"},
        {"PUT", "/api/v1/customers/%", 400, "invalid_path", kMalformed},
        {"PUT", "/api/v1/customers/%4", 400, "invalid_path", kMalformed},
        {"PUT", "/api/v1/customers/%4g", 400, "invalid_path", kMalformed},
        {"PUT", "/api/v1/customers/a b", 400, "invalid_path", kMalformed},
        {"PUT", "/api/v1/customers/\xc3\xa9", 400, "invalid_path", kMalformed},
        {"PUT", "/api/v1/customers/5#x", 400, "invalid_path", kMalformed},
        {"PUT", "/api/v1/customers/5?a b", 400, "invalid_path", kMalformed},
        {"PUT", "/api/v1/customers/5?a=%4", 400, "invalid_path", kMalformed},
        {"PUT", "/api/v1/customers/5?\"", 400, "invalid_path", kMalformed},
        {"DELETE", "/api/v1/customers//devices/t", 400, "invalid_path", text::kIdEmpty},
        {"DELETE", "/api/v1/customers/5/devices/", 400, "invalid_path", kEmptySegment},
        {"DELETE",
         "/api/v1/customers/5/devices/" + std::string(1001, 't'),
         400,
         "invalid_path",
         text::kItemTooLong},
        {"DELETE", "/api/v1/customers/5/devices/%2E", 400, "invalid_path", kDotSegment},
        {"POST", "/unsubscribe/..", 400, "invalid_path", kDotSegment},
        {"POST", "/unsubscribe/%0d", 400, "invalid_path", "the path contains a control character"},
        {"POST", "/unsubscribe/%ff", 400, "invalid_path", "the path is not valid UTF-8"},
        {"POST", "/api/v1/segments//add_customers", 400, "invalid_path", kEmptySegment},
        {"POST", "/api/v1/segments/a/add_customers", 400, "invalid_path", kNotNumber},
        {"POST", "/api/v1/segments/07/add_customers", 400, "invalid_path", kNotNumber},
        {"POST", "/api/v1/segments/0/add_customers", 400, "invalid_path", kNotNumber},
        {"POST", "/api/v1/segments/-7/add_customers", 400, "invalid_path", kNotNumber},
        {"POST", "/api/v1/segments/7x/remove_customers", 400, "invalid_path", kNotNumber},
        {"POST", "/api/v1/segments/2147483648/add_customers", 400, "invalid_path", kNotNumber},
        {"POST", "/api/v1/segments/7/add_customers?id_type=", 400, "invalid_query", kIdType},
        {"POST", "/api/v1/segments/7/add_customers?id_type", 400, "invalid_query", kIdType},
        {"POST", "/api/v1/segments/7/add_customers?id_type=phone", 400, "invalid_query", kIdType},
        {"POST",
         "/api/v1/segments/7/add_customers?id_type=id&id_type=id",
         400,
         "invalid_query",
         "id_type stands twice in the query"},
        {"GET",
         "/unsubscribe/d",
         405,
         "method_not_allowed",
         "method not allowed on this path, only POST"},
        {"POST", "/api/v1/unsubscribe/d", 404, "not_found", kNoPath},
        {"POST", "/merge_customers", 404, "not_found", kNoPrefix},
        {"PUT", "http://x/api/v1/customers/5", 400, "invalid_path", kMalformed},
        {"PUT", "", 400, "invalid_path", kMalformed},
        {"OPTIONS", "*", 400, "invalid_path", kMalformed},
    };
    for (const Refused& test : cases) {
        SCOPED_TRACE(std::string(test.method) + " " + test.target);
        const auto result = route(test.method, test.target);
        ASSERT_TRUE(std::holds_alternative<Refusal>(result));
        EXPECT_EQ(std::get<Refusal>(result).status, test.status);
        EXPECT_EQ(std::get<Refusal>(result).code, test.code);
        EXPECT_EQ(std::get<Refusal>(result).message, test.message);
    }
}

}  // namespace
}  // namespace holdfast::customerio
