#include "agent/header_template.hpp"

#include "agent/base64.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace holdfast::agent {
namespace {

constexpr HeaderValues kValues{.id = "ID",
                               .name = "NAME",
                               .key = "KEY",
                               .timestamp = "TIMESTAMP",
                               .destination = "DESTINATION",
                               .attempt = "ATTEMPT"};

TEST(HeaderTemplateTest, PutsInWhatIsNamed) {
    const std::vector<std::pair<std::string, std::string>> table = {
        {"", ""},
        {"plain", "plain"},
        {"{{id}}", "ID"},
        {"{{name}}{{key}}", "NAMEKEY"},
        {"at {{timestamp}}, to {{destination}}", "at TIMESTAMP, to DESTINATION"},
        {"{{ attempt }}.", "ATTEMPT."},
        {"{id}", "{id}"},
        {"}}{{id}}}}", "}}ID}}"},
        {"{ {id} }", "{ {id} }"},
    };
    for (const auto& [text, value] : table) {
        const Result<HeaderTemplate> made = HeaderTemplate::parse(text);
        ASSERT_TRUE(made) << text;
        EXPECT_EQ(made->render(kValues), value) << text;
    }
}

TEST(HeaderTemplateTest, DoesNotReadWhatIsPutIn) {
    const Result<HeaderTemplate> made = HeaderTemplate::parse("{{name}}");
    ASSERT_TRUE(made);
    EXPECT_EQ(made->render({.name = "{{id}}"}), "{{id}}");
}

TEST(HeaderTemplateTest, RefusesWhatItDoesNotKnow) {
    const std::vector<std::pair<std::string, std::string>> table = {
        {"s3cret {{idd}}", "\"{{idd}}\" is not known"},
        {"{{}}", "\"{{}}\" is not known"},
        {"{{ID}}", "\"{{ID}}\" is not known"},
        {"{{{id}}}", "\"{{{id}}\" is not known"},
        {"s3cret {{id", "there is a {{ without its }}"},
        {"{{id}} {{", "there is a {{ without its }}"},
    };
    for (const auto& [text, message] : table) {
        const Result<HeaderTemplate> made = HeaderTemplate::parse(text);
        ASSERT_FALSE(made) << text;
        EXPECT_EQ(made.error().detail, message);
    }
}

TEST(Base64, GoesBothWays) {
    const std::vector<std::pair<std::string, std::string>> table = {
        {"", ""},
        {"f", "Zg=="},
        {"fo", "Zm8="},
        {"foo", "Zm9v"},
        {"\xfb\xff", "+/8="},
    };
    for (const auto& [bytes, text] : table) {
        EXPECT_EQ(encode_base64(bytes), text);
        EXPECT_EQ(decode_base64(text), bytes);
    }
    EXPECT_EQ(decode_base64("-_8"), "\xfb\xff");
    EXPECT_EQ(decode_base64("Zm 9v"), std::nullopt);
}

}  // namespace
}  // namespace holdfast::agent
