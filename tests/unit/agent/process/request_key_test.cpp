#include "agent/ingest/request_key.hpp"

#include <gtest/gtest.h>

#include <vector>

namespace holdfast::agent {
namespace {

TEST(RequestKey, IsAQuotedTextOrABareWord) {
    const std::vector<std::pair<std::string, std::string>> table = {
        {"\"8e03978e-40d5\"", "8e03978e-40d5"},
        {"8e03978e-40d5", "8e03978e-40d5"},
        {R"("a \"b\" \\ c")", R"(a "b" \ c)"},
        {"a;b=c/d+e==", "a;b=c/d+e=="},
        {std::string(255, 'x'), std::string(255, 'x')},
        {"\"" + std::string(255, 'x') + "\"", std::string(255, 'x')}};
    for (const auto& [value, key] : table) EXPECT_EQ(parse_request_key(value), key) << value;
}

TEST(RequestKey, IsRefusedInAnyOtherForm) {
    for (const std::string& value : {std::string(),
                                     std::string("\"\""),
                                     std::string("\""),
                                     std::string("\"a"),
                                     std::string("a\""),
                                     std::string(R"("a\")"),
                                     std::string(R"("a\b")"),
                                     std::string(R"("a"b")"),
                                     std::string(R"("a";p=1)"),
                                     std::string("a b"),
                                     std::string("a,b"),
                                     std::string("a\tb"),
                                     std::string("\"a\x01\""),
                                     std::string("\xc3\xbc"),
                                     std::string(256, 'x'),
                                     "\"" + std::string(256, 'x') + "\""}) {
        EXPECT_EQ(parse_request_key(value), std::nullopt) << value;
    }
}

}  // namespace
}  // namespace holdfast::agent
