#include "tests/unit/agent/config_under_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

namespace holdfast::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

using ConfigKeys = ConfigUnderTest;

TEST_F(ConfigKeys, ReadsACredentialFromTheDirectoryOfSystemd) {
    const std::string directory = dir_.path("credentials");
    std::filesystem::create_directory(directory);
    const std::string app_key = dir_.write("credentials/app", "a-456\n", 0400);
    const Result<Config> config =
        parse_config(with("app_key_credential = \"app\""), "f.toml", directory);
    ASSERT_TRUE(config) << config.error().detail;
    EXPECT_EQ(config->destinations[0].endpoint(Endpoint::app).key, Secret("a-456"));
}

TEST_F(ConfigKeys, RefusesAKeyFileThatHoldsNoCredential) {
    const std::string allowed =
        "; allowed: a file with one credential of visible ASCII characters, writable by its owner "
        "only";
    const std::vector<std::pair<std::string, std::string>> files = {
        {dir_.path("missing"), " cannot be read: No such file or directory"},
        {dir_.write("empty", ""), " is empty"},
        {dir_.write("newline", "\n"), " is empty"},
        {dir_.write("lines", "one\ntwo\n"), " holds a character that no credential has"},
        {dir_.write("space", "one \n"), " holds a character that no credential has"},
        {dir_.write("crlf", "one\r\n"), " holds a character that no credential has"},
        {dir_.write("utf8", "schl\xc3\xbcssel"), " holds a character that no credential has"},
        {dir_.write("long", std::string(1025, 'x')), " is too long for a credential"},
        {dir_.write("group", "key", 0660), " may be written by its group or by others"},
        {dir_.write("others", "key", 0602), " may be written by its group or by others"},
        {"/dev/null", " is not a regular file"},
    };
    for (const auto& [file, what] : files) {
        EXPECT_EQ(errors_of(with("app_key_file = \"" + file + "\"")),
                  "f.toml:6: destination.app_key_file: " + file + what + allowed);
    }
}

TEST_F(ConfigKeys, TakesTheLongestCredential) {
    const std::string file = dir_.write("long", std::string(1024, 'x') + "\n");
    EXPECT_EQ(errors_of(with("app_key_file = \"" + file + "\"")), "");
}

TEST_F(ConfigKeys, WarnsOfAKeyFileThatEverybodyMayRead) {
    const std::string file = dir_.write("open", "key", 0644);
    const Result<Config> config = parse_config(with("app_key_file = \"" + file + "\""), "f.toml");
    ASSERT_TRUE(config) << config.error().detail;
    EXPECT_THAT(config->warnings,
                ElementsAre("f.toml:6: destination.app_key_file: " + file +
                            " may be read by every user of this machine"));
}

TEST_F(ConfigKeys, NeverShowsAKeyThatWasPastedIntoTheFile) {
    for (const char* key :
         {"api_key", "app_key", "app_key_file", "app_key_credential", "track_rate"}) {
        EXPECT_THAT(errors_of(with(std::string(key) + " = \"s3cret/\"")),
                    testing::AllOf(HasSubstr("f.toml:6"), testing::Not(HasSubstr("s3cret"))));
    }
}

}  // namespace
}  // namespace holdfast::agent
