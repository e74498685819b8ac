#include "transport/client.hpp"
#include "transport/wire.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::transport {
namespace {

using ::testing::HasSubstr;

struct Good {
    std::string url;
    Origin origin;
    std::string host_header;
};

void PrintTo(const Good& good, std::ostream* out) {
    *out << good.url;
}

class GoodUrl : public ::testing::TestWithParam<Good> {};

TEST_P(GoodUrl, IsTakenApart) {
    const Result<Origin> origin = parse_origin(GetParam().url);
    ASSERT_TRUE(origin) << origin.error().detail;
    EXPECT_EQ(origin->tls, GetParam().origin.tls);
    EXPECT_EQ(origin->host, GetParam().origin.host);
    EXPECT_EQ(origin->port, GetParam().origin.port);
    EXPECT_EQ(origin->base_path, GetParam().origin.base_path);
    EXPECT_EQ(host_header(*origin), GetParam().host_header);
}

INSTANTIATE_TEST_SUITE_P(
    Origin,
    GoodUrl,
    ::testing::Values(
        Good{
            "https://track.customer.io", {true, "track.customer.io", 443, ""}, "track.customer.io"},
        Good{"https://track.customer.io/",
             {true, "track.customer.io", 443, ""},
             "track.customer.io"},
        Good{"HTTPS://Track.Customer.IO:443",
             {true, "track.customer.io", 443, ""},
             "track.customer.io"},
        Good{"https://a_b.test:8443/x/y//", {true, "a_b.test", 8443, "/x/y"}, "a_b.test:8443"},
        Good{"https://a.test:/", {true, "a.test", 443, ""}, "a.test"},
        Good{"https://192.0.2.7:80", {true, "192.0.2.7", 80, ""}, "192.0.2.7:80"},
        Good{"https://[2001:db8::7]/p", {true, "2001:db8::7", 443, "/p"}, "[2001:db8::7]"},
        Good{"http://localhost", {false, "localhost", 80, ""}, "localhost"},
        Good{"http://LOCALHOST:80", {false, "localhost", 80, ""}, "localhost"},
        Good{"http://127.0.0.1:8080", {false, "127.0.0.1", 8080, ""}, "127.0.0.1:8080"},
        Good{"http://127.255.1.2:443", {false, "127.255.1.2", 443, ""}, "127.255.1.2:443"},
        Good{"http://[::1]:8080", {false, "::1", 8080, ""}, "[::1]:8080"}));

struct Bad {
    std::string url;
    std::string why;
};

void PrintTo(const Bad& bad, std::ostream* out) {
    *out << bad.url;
}

class BadUrl : public ::testing::TestWithParam<Bad> {};

TEST_P(BadUrl, IsRefusedWithItsReason) {
    const Result<Origin> origin = parse_origin(GetParam().url);
    ASSERT_FALSE(origin) << GetParam().url;
    EXPECT_EQ(origin.error().code, Errc::bad_config);
    EXPECT_THAT(origin.error().detail, HasSubstr(GetParam().why));
}

constexpr const char* kOnlyHere = "http is only allowed to this machine";

INSTANTIATE_TEST_SUITE_P(Origin,
                         BadUrl,
                         ::testing::Values(Bad{"http://track.customer.io", kOnlyHere},
                                           Bad{"http://128.0.0.1", kOnlyHere},
                                           Bad{"http://10.0.0.1", kOnlyHere},
                                           Bad{"http://127.1", kOnlyHere},
                                           Bad{"http://[::2]", kOnlyHere},
                                           Bad{"http://localhost.evil.test", kOnlyHere},
                                           Bad{"http://127.0.0.1.evil.test", "not a URL"},
                                           Bad{"https://10.0.0.1.evil.test/x", "not a URL"},
                                           Bad{"", "not a URL"},
                                           Bad{"track.customer.io", "not a URL"},
                                           Bad{"https://a b", "not a URL"},
                                           Bad{"https://a.test:99999", "port"},
                                           Bad{"https://a.test:65536", "port"},
                                           Bad{"https://a.test:66000000443", "port"},
                                           Bad{"https://a.test:0", "port"},
                                           Bad{"https://", "host is missing"},
                                           Bad{"https:///x", "host is missing"},
                                           Bad{"https:a.test", "host is missing"},
                                           Bad{"https://:443", "host is missing"},
                                           Bad{"https://a%0d%0ab.test", "character"},
                                           Bad{"https://[v1.a]", "neither a name nor an IP"},
                                           Bad{"ftp://a.test", "scheme"},
                                           Bad{"https://me:secret@a.test", "user or password"},
                                           Bad{"https://a.test?x=1", "query"},
                                           Bad{"https://a.test/#x", "fragment"}));

TEST(Origin, NeverRepeatsASecretFromTheUrl) {
    const Result<Origin> origin = parse_origin("https://me:secret@a.test");
    ASSERT_FALSE(origin);
    EXPECT_THAT(origin.error().detail, ::testing::Not(HasSubstr("secret")));
}

OutgoingRequest post() {
    OutgoingRequest request;
    request.method = "POST";
    request.target = "/v1/x?y=1";
    request.headers = {{"Authorization", "Basic abc"}};
    request.body = "{}";
    request.has_body = true;
    return request;
}

TEST(Wire, PutsTheBasePathInFrontAndCountsTheBody) {
    const Result<std::string> wire = encode_request({true, "a.test", 8443, "/base"}, post());
    ASSERT_TRUE(wire) << wire.error().detail;
    EXPECT_EQ(*wire,
              "POST /base/v1/x?y=1 HTTP/1.1\r\nHost: a.test:8443\r\nAuthorization: Basic abc\r\n"
              "Content-Length: 2\r\n\r\n{}");
}

TEST(Wire, HasNoContentLengthWithoutABody) {
    OutgoingRequest request;
    request.method = "GET";
    request.target = "/";
    const Result<std::string> wire = encode_request({true, "a.test", 443, ""}, request);
    ASSERT_TRUE(wire) << wire.error().detail;
    EXPECT_EQ(*wire, "GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
}

struct Broken {
    std::string what;
    OutgoingRequest request;
};

std::vector<Broken> broken_requests() {
    std::vector<Broken> all;
    for (const char* method : {"", "PO ST", "GET / HTTP/1.1\r\nX:"}) {
        all.push_back({"the method", post()});
        all.back().request.method = method;
    }
    for (const char* target : {"", "x", "/a b", "/a\r\nX: y", "/a\x7f"}) {
        all.push_back({"the target", post()});
        all.back().request.target = target;
    }
    for (const char* name : {"", "A B", "A:", "A\r\nB", "\xc3\xa4"}) {
        all.push_back({"a header's name", post()});
        all.back().request.headers.push_back({name, "v"});
    }
    for (const std::string value : {"a\rb", "a\nb", "a\r\nX: y", "\x01", "\x7f"}) {
        all.push_back({"header X-Test holds", post()});
        all.back().request.headers.push_back({"X-Test", value});
    }
    all.push_back({"header X-Test holds", post()});
    all.back().request.headers.push_back({"X-Test", std::string("a\0b", 3)});
    for (const char* name : {"host", "Content-Length", "TRANSFER-ENCODING", "connection"}) {
        all.push_back({"is not the caller's to set", post()});
        all.back().request.headers.push_back({name, "1"});
    }
    return all;
}

TEST(Wire, RefusesWhateverWouldBreakTheFraming) {
    for (const Broken& broken : broken_requests()) {
        const Result<std::string> wire = encode_request({true, "a.test", 443, ""}, broken.request);
        ASSERT_FALSE(wire) << *wire;
        EXPECT_EQ(wire.error().code, Errc::bad_input);
        EXPECT_THAT(wire.error().detail, HasSubstr(broken.what));
    }
}

}  // namespace
}  // namespace holdfast::transport
