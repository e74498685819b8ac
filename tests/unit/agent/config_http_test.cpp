// Destinations of type "http".
#include "agent/config_http.hpp"

#include "tests/unit/agent/config_under_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <utility>
#include <vector>

namespace holdfast::agent {
namespace {

using namespace std::chrono_literals;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kSecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
constexpr const char* kUrl =
    "; allowed: https://HOST[:PORT][/PATH][?QUERY] of at most 2048 bytes, or http:// to a loopback "
    "address";
constexpr const char* kName =
    "; allowed: the name of a header: 1 to 64 letters, digits and !#$%&'*+-.^_`|~";
constexpr const char* kVariables =
    "; allowed: {{attempt}}, {{destination}}, {{id}}, {{key}}, {{name}}, {{timestamp}}";

class ConfigHttp : public ConfigUnderTest {
protected:
    // The smallest destination, on lines 1 to 4, with `more` from line 5 on.
    [[nodiscard]] static std::string http(const std::string& more,
                                          const std::string& url = "https://h.example/in") {
        return "[[destination]]\nname = \"h\"\ntype = \"http\"\nurl = \"" + url + "\"\n" + more;
    }

    [[nodiscard]] static DestinationConfig destination_of(const std::string& text) {
        const Result<Config> config = parse_config(text, "f.toml");
        EXPECT_TRUE(config) << config.error().detail;
        return config ? config->destinations.at(0) : DestinationConfig{};
    }

    [[nodiscard]] std::string signing_file(const std::string& secret) const {
        return "signing_secret_file = \"" + dir_.write("signing", secret) + "\"\n";
    }
};

TEST_F(ConfigHttp, GivesEveryKeyThatIsNotThereItsDefault) {
    const DestinationConfig config = destination_of(http(""));
    EXPECT_EQ(config.type, "http");
    EXPECT_EQ(config.http.method, Method::post);
    EXPECT_EQ(config.http.target, "/in");
    EXPECT_EQ(config.http.content_type, "application/json");
    EXPECT_EQ(config.http.operation, Operation::request);
    EXPECT_TRUE(config.http.headers.empty());
    EXPECT_FALSE(config.http.signing_key);
    EXPECT_EQ(config.concurrency, 10U);
    EXPECT_EQ(config.backoff_base, 1s);
    const EndpointConfig& endpoint = config.endpoint(Endpoint::http);
    EXPECT_EQ(endpoint.url, "https://h.example/in");
    EXPECT_EQ(endpoint.origin, (transport::Origin{true, "h.example", 443, ""}));
    EXPECT_EQ(endpoint.rate, 100U);
    EXPECT_FALSE(endpoint.key);
    EXPECT_TRUE(config.serves(Endpoint::http));
    EXPECT_FALSE(config.has(Endpoint::track));
    EXPECT_FALSE(config.serves(Endpoint::app));
}

TEST_F(ConfigHttp, ReadsEveryKey) {
    const DestinationConfig config = destination_of(
        http("method = \"put\"\ncontent_type = \"text/csv; charset=utf-8\"\n"
             "safety = \"once_if_ambiguous\"\nrate = 10000\nauth_header = \"X-Api-Key\"\n"
             "auth_file = \"" +
             dir_.write("auth", "Bearer a b\n") + "\"\n" + signing_file(kSecret) +
             "concurrency = 1\nbackoff_base = \"2s\"\n[destination.headers]\n"
             "X-Z = \"{{name}}\"\nX-A = \"a\"\n"));
    EXPECT_EQ(config.http.method, Method::put);
    EXPECT_EQ(config.http.content_type, "text/csv; charset=utf-8");
    EXPECT_EQ(config.http.operation, Operation::request_once);
    EXPECT_EQ(config.http.auth_header, "X-Api-Key");
    EXPECT_EQ(config.http.signing_key->reveal().size(), 24U);
    EXPECT_EQ(config.endpoint(Endpoint::http).rate, 10000U);
    EXPECT_EQ(config.endpoint(Endpoint::http).key, Secret("Bearer a b"));
    EXPECT_EQ(config.concurrency, 1U);
    EXPECT_EQ(config.backoff_base, 2s);
    ASSERT_EQ(config.http.headers.size(), 2U);
    EXPECT_EQ(config.http.headers[0].name, "X-Z");
    EXPECT_EQ(config.http.headers[0].value.render({.name = "n"}), "n");
    EXPECT_EQ(config.http.headers[1].name, "X-A");
}

TEST_F(ConfigHttp, SendsPathAndQueryAsTheyStandInTheUrl) {
    struct Case {
        std::string url;
        std::string shown;
        transport::Origin origin;
        std::string target;
    };

    const std::vector<Case> cases = {
        {"https://H.example", "https://H.example", {true, "h.example", 443, ""}, "/"},
        {"https://h.example/", "https://h.example/", {true, "h.example", 443, ""}, "/"},
        {"https://h.example:8443/a//b/",
         "https://h.example:8443/a//b/",
         {true, "h.example", 8443, ""},
         "/a//b/"},
        {"https://h.example/a?code=%2F/?",
         "https://h.example/a",
         {true, "h.example", 443, ""},
         "/a?code=%2F/?"},
        {"https://h.example?x", "https://h.example", {true, "h.example", 443, ""}, "/?x"},
        {"http://[::1]:80/x", "http://[::1]:80/x", {false, "::1", 80, ""}, "/x"},
    };
    for (const Case& test : cases) {
        const DestinationConfig config = destination_of(http("", test.url));
        EXPECT_EQ(config.endpoint(Endpoint::http).url, test.shown);
        EXPECT_EQ(config.endpoint(Endpoint::http).origin, test.origin) << test.url;
        EXPECT_EQ(config.http.target, test.target);
    }
}

TEST_F(ConfigHttp, RefusesUrlsWithoutShowingThem) {
    const std::vector<std::pair<std::string, std::string>> cases = {
        {"http://h.example/s3cret",
         "http is only allowed to this machine (127.0.0.0/8, [::1], localhost); use https"},
        {"ftp://h.example/s3cret", "the scheme is not https"},
        {"https://u:s3cret@h.example/", "a user or password does not belong in the URL"},
        {"https://h.example/s3cret#x", "a fragment does not belong in the URL"},
        {"https://h.example/?s3cret#x", "the query holds a character that no query has"},
        {"https://h.example/?s3cret x", "the query holds a character that no query has"},
        {"s3cret", "not a URL such as https://host[:port][/prefix]"},
        {"https://h.example/" + std::string(2048, 'x'), "the URL is too long"},
    };
    for (const auto& [url, why] : cases) {
        EXPECT_EQ(errors_of(http("", url)), "f.toml:4: destination.url: " + why + kUrl);
    }
    EXPECT_EQ(errors_of("[[destination]]\nname = \"h\"\ntype = \"http\"\n"),
              std::string("f.toml:1: destination.url: is missing") + kUrl);
}

TEST_F(ConfigHttp, NamesFileLineKeyAndWhatIsAllowedForEachMistake) {
    const std::vector<std::pair<std::string, std::string>> mistakes = {
        {"method = \"patch\"", "method: \"patch\" is not known; allowed: \"post\", \"put\""},
        {"content_type = \"\"", "content_type: does not fit; allowed: 1 to 255 ASCII characters"},
        {"content_type = \"a\\nb\"",
         "content_type: does not fit; allowed: 1 to 255 ASCII characters"},
        {"safety = \"idempotent\"",
         "safety: \"idempotent\" is not known; allowed: \"dedup_by_id\", \"once_if_ambiguous\""},
        {"rate = 100001", "rate: 100001 is out of range; allowed: 1 to 100000"},
        {"rate = 0", "rate: 0 is out of range; allowed: 1 to 100000"},
        {"auth_header = \"X-Key\"",
         "auth_header: there is nothing to put in it; allowed: auth_file or auth_credential"},
        {"headers = 1", "headers: is not a table; allowed: [destination.headers]"},
        {"site_id = \"x\"", "site_id: is for destinations of type \"customerio\" only"},
        {"track_rate = 1", "track_rate: is for destinations of type \"customerio\" only"},
        {"app_key_file = \"/x\"", "app_key_file: is for destinations of type \"customerio\" only"},
    };
    for (const auto& [written, message] : mistakes) {
        EXPECT_EQ(errors_of(http(written)), "f.toml:5: destination." + message);
    }
}

TEST_F(ConfigHttp, RefusesHeadersThatItSetsItselfOrThatBreakTheFraming) {
    const std::string others = "; allowed: other headers";
    const std::vector<std::pair<std::string, std::string>> mistakes = {
        {"Host = \"x\"", "Host: belongs to the connection" + others},
        {"content-length = \"1\"", "content-length: belongs to the connection" + others},
        {"TRANSFER-ENCODING = \"x\"", "TRANSFER-ENCODING: belongs to the connection" + others},
        {"Connection = \"close\"", "Connection: belongs to the connection" + others},
        {"Expect = \"100-continue\"", "Expect: belongs to the connection" + others},
        {"User-Agent = \"x\"", "User-Agent: is set by the agent" + others},
        {"idempotency-key = \"x\"", "idempotency-key: is set by the agent" + others},
        {"Webhook-Id = \"x\"", "Webhook-Id: is set by the agent" + others},
        {"webhook-timestamp = \"x\"", "webhook-timestamp: is set by the agent" + others},
        {"webhook-signature = \"x\"", "webhook-signature: is set by the agent" + others},
        {"Content-Type = \"x\"", "Content-Type: is set by content_type" + others},
        {"Authorization = \"s3cret\"",
         "Authorization: holds a credential, which does not belong here, but in auth_file" +
             others},
        {"\"X Y\" = \"x\"", std::string("X Y: is no name of a header") + kName},
        {"\"\" = \"x\"", std::string(": is no name of a header") + kName},
        {"\"X:Y\" = \"x\"", std::string("X:Y: is no name of a header") + kName},
        {std::string(65, 'x') + " = \"x\"",
         std::string(65, 'x') + ": is no name of a header" + kName},
        {"X-A = 1", "X-A: is not a text; allowed: a text in quotes"},
        {"X-A = \"a\\r\\nX-B: s3cret\"",
         "X-A: does not fit; allowed: 1 to 1024 bytes without control characters"},
        {"X-A = \"\"", "X-A: does not fit; allowed: 1 to 1024 bytes without control characters"},
        {"X-A = \"" + std::string(1025, 'x') + "\"",
         "X-A: does not fit; allowed: 1 to 1024 bytes without control characters"},
        {"X-A = \"{{idd}}\"", std::string("X-A: \"{{idd}}\" is not known") + kVariables},
        {"X-A = \"{{id\"", std::string("X-A: there is a {{ without its }}") + kVariables},
    };
    for (const auto& [written, message] : mistakes) {
        EXPECT_EQ(errors_of(http("[destination.headers]\n" + written)),
                  "f.toml:6: destination.headers." + message);
    }
    EXPECT_EQ(errors_of(http("[destination.headers]\nX-A = \"a\"\nx-a = \"b\"")),
              "f.toml:7: destination.headers.x-a: stands twice, since case does not count; "
              "allowed: one of each name");
}

TEST_F(ConfigHttp, CountsHeaders) {
    std::string text = http("[destination.headers]\n");
    for (int i = 0; i < 32; ++i) text += "X-" + std::to_string(i) + " = \"x\"\n";
    EXPECT_EQ(errors_of(text), "");
    EXPECT_EQ(errors_of(text + "X-32 = \"x\"\n"),
              "f.toml:5: destination.headers: there are 33; allowed: at most 32");
}

TEST_F(ConfigHttp, AHeaderForTheCredentialIsOneOfItsOwn) {
    const std::string auth = "auth_file = \"" + dir_.write("auth", "k") + "\"\nauth_header = ";
    EXPECT_EQ(errors_of(http(auth + "\"authorization\"")), "");
    EXPECT_EQ(errors_of(http(auth + "\"Host\"")),
              "f.toml:6: destination.auth_header: belongs to the connection; allowed: another "
              "header");
    EXPECT_EQ(errors_of(http(auth + "\"X Y\"")),
              std::string("f.toml:6: destination.auth_header: is no name of a header") + kName);
    EXPECT_EQ(errors_of(http(auth + "\"X-Key\"\nheaders = { x-key = \"a\" }")),
              "f.toml:7: destination.headers.x-key: is set by auth_header; allowed: other headers");
}

TEST_F(ConfigHttp, TakesAnAuthorizationOfSeveralWordsOnlyThere) {
    const std::string file = dir_.write("auth", "Bearer abc\n");
    EXPECT_EQ(errors_of(http("auth_file = \"" + file + "\"")), "");
    EXPECT_THAT(errors_of(http("signing_secret_file = \"" + file + "\"")),
                HasSubstr("holds a character that no credential has"));
    for (const char* text : {" a", "a ", "a  b", "a\tb", "a\nb"}) {
        EXPECT_THAT(errors_of(http("auth_file = \"" + dir_.write("bad", text) + "\"")),
                    HasSubstr("holds a character that no credential has"))
            << text;
    }
}

TEST_F(ConfigHttp, ReadsBothSecretsFromTheDirectoryOfSystemd) {
    const std::string directory = dir_.path("credentials");
    std::filesystem::create_directory(directory);
    (void)dir_.write("credentials/auth", "Basic eA==\n", 0400);
    (void)dir_.write("credentials/sign", kSecret, 0400);
    const Result<Config> config =
        parse_config(http("auth_credential = \"auth\"\nsigning_secret_credential = \"sign\"\n"),
                     "f.toml",
                     directory);
    ASSERT_TRUE(config) << config.error().detail;
    EXPECT_EQ(config->destinations[0].endpoint(Endpoint::http).key, Secret("Basic eA=="));
    EXPECT_TRUE(config->destinations[0].http.signing_key);
}

TEST_F(ConfigHttp, RefusesWhatIsNoSigningSecretWithoutShowingIt) {
    const auto secret = [](std::size_t thirds) {
        std::string text = "whsec_";
        for (std::size_t i = 0; i < thirds; ++i) text += "Zm9v";  // three bytes
        return text;
    };
    EXPECT_EQ(errors_of(http(signing_file(secret(8)))), "");
    EXPECT_EQ(errors_of(http(signing_file(secret(21) + "Zg=="))), "");  // 64 bytes
    for (const std::string& text : {secret(7),
                                    secret(22),
                                    secret(8).substr(6),
                                    "whsec_" + std::string(40, '*'),
                                    std::string("s3cret"),
                                    std::string("whsec_")}) {
        const std::string errors = errors_of(http(signing_file(text)));
        EXPECT_EQ(errors,
                  "f.toml:5: destination.signing_secret_file: holds no signing secret; allowed: "
                  "\"whsec_\" and 24 to 64 random bytes in base64, as in Standard Webhooks");
        EXPECT_THAT(errors, Not(HasSubstr("s3cret")));
    }
}

TEST_F(ConfigHttp, KeysOfItAreRefusedForCustomerio) {
    for (const std::string_view key : kHttpKeys) {
        EXPECT_EQ(errors_of(with(std::string(key) + " = 1")),
                  "f.toml:6: destination." + std::string(key) +
                      ": is for destinations of type \"http\" only");
    }
}

TEST_F(ConfigHttp, ItsKeysAreThoseThatAMessageAboutAnUnknownOneLists) {
    const std::string errors = errors_of(http("zzzzzzzz = 1"));
    for (const std::string_view key : kHttpKeys) EXPECT_THAT(errors, HasSubstr(std::string(key)));
    EXPECT_THAT(errors, Not(HasSubstr("site_id")));
}

TEST_F(ConfigHttp, StandsBesideAWorkspace) {
    const Result<Config> config = parse_config(with(http("") + http("").replace(24, 1, "i")), "f");
    ASSERT_TRUE(config) << config.error().detail;
    EXPECT_EQ(config->destinations.size(), 3U);
    EXPECT_THAT(errors_of(with(http("") + http(""))),
                HasSubstr("\"h\" is the name of another destination"));
}

}  // namespace
}  // namespace holdfast::agent
