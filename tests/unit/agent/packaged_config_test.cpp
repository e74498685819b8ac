#include "agent/config_http.hpp"
#include "tests/unit/agent/config_under_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>

namespace holdfast::agent {
namespace {

using testing::IsEmpty;

// The file that is installed, with key files that exist. Commented keys are the defaults.
class PackagedConfigTest : public ConfigUnderTest {
protected:
    [[nodiscard]] std::string packaged() const {
        std::ifstream in(HOLDFAST_SOURCE_DIR "/packaging/holdfast.toml");
        EXPECT_TRUE(in);
        std::stringstream text;
        text << in.rdbuf();
        return std::regex_replace(text.str(), std::regex("/etc/holdfast/customerio-a.*-key"), key_);
    }
};

// The block of type "http", which is commented out, with the marks taken off.
std::string http_block(const std::string& packaged) {
    const std::string mark = "#    ";
    std::istringstream lines(packaged);
    std::string block;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with(mark)) block += line.substr(mark.size()) + "\n";
    }
    return block;
}

TEST_F(PackagedConfigTest, HasABlockOfTypeHttpThatShowsItsDefaults) {
    const std::string block = http_block(packaged());
    const Result<Config> defaults = parse_config(block, "f.toml");
    ASSERT_TRUE(defaults) << defaults.error().detail;
    std::string all = std::regex_replace(
        block, std::regex("#(auth|signing_secret)_[a-z]+ = .*"), "");  // these have none
    all = std::regex_replace(all, std::regex("\n#([a-z_]+ = )"), "\n$1");
    const Result<Config> shown = parse_config(all, "f.toml");
    ASSERT_TRUE(shown) << shown.error().detail;
    const DestinationConfig& a = shown->destinations.at(0);
    const DestinationConfig& b = defaults->destinations.at(0);
    EXPECT_EQ(a.http.method, b.http.method);
    EXPECT_EQ(a.http.content_type, b.http.content_type);
    EXPECT_EQ(a.http.operation, b.http.operation);
    EXPECT_EQ(a.endpoint(Endpoint::http).rate, b.endpoint(Endpoint::http).rate);
    EXPECT_EQ(a.http.headers.size(), 2U);
    for (const std::string_view key : kHttpKeys) {
        EXPECT_THAT(block, testing::ContainsRegex("\n#?" + std::string(key) + " = ")) << key;
    }
}

TEST_F(PackagedConfigTest, ParsesWithoutAWarning) {
    const Result<Config> config = parse_config(packaged(), "holdfast.toml");
    ASSERT_TRUE(config) << config.error().detail;
    EXPECT_THAT(config->warnings, IsEmpty());
}

TEST_F(PackagedConfigTest, ShowsTheDefaultInEachCommentedKey) {
    std::string all = packaged();
    // These have no default; and of two ways to give a key, one.
    all = std::regex_replace(
        all, std::regex("#(http|a.._key_credential|app_key_file|ca_file) = .*"), "");
    all = std::regex_replace(all, std::regex("\n#([a-z_]+ = )"), "\n$1");
    const Result<Config> shown = parse_config(all, "holdfast.toml");
    ASSERT_TRUE(shown) << shown.error().detail;
    const Result<Config> defaults = parse_config(packaged(), "holdfast.toml");
    ASSERT_TRUE(defaults) << defaults.error().detail;

    EXPECT_EQ(shown->ingest.socket, defaults->ingest.socket);
    EXPECT_EQ(shown->ingest.socket_mode, defaults->ingest.socket_mode);
    EXPECT_EQ(shown->ingest.connections_max, defaults->ingest.connections_max);
    EXPECT_EQ(shown->ingest.idempotency_window, defaults->ingest.idempotency_window);
    EXPECT_EQ(shown->admin.socket, defaults->admin.socket);
    EXPECT_EQ(shown->wal.directory, defaults->wal.directory);
    EXPECT_EQ(shown->wal.history, defaults->wal.history);
    EXPECT_EQ(shown->wal.history_bytes, defaults->wal.history_bytes);
    EXPECT_EQ(shown->wal.durability, defaults->wal.durability);
    EXPECT_EQ(shown->wal.on_corruption, defaults->wal.on_corruption);
    EXPECT_EQ(shown->wal.max_bytes, defaults->wal.max_bytes);
    EXPECT_EQ(shown->wal.min_free, defaults->wal.min_free);
    EXPECT_EQ(shown->agent.drain_timeout, defaults->agent.drain_timeout);
    const DestinationConfig& a = shown->destinations.at(0);
    const DestinationConfig& b = defaults->destinations.at(0);
    for (const Endpoint endpoint : {Endpoint::track, Endpoint::app}) {
        EXPECT_EQ(a.endpoint(endpoint).url, b.endpoint(endpoint).url);
        EXPECT_EQ(a.endpoint(endpoint).rate, b.endpoint(endpoint).rate);
    }
    EXPECT_EQ(a.concurrency, b.concurrency);
    EXPECT_EQ(a.backoff_base, b.backoff_base);
    EXPECT_EQ(a.backoff_cap, b.backoff_cap);
    EXPECT_EQ(a.breaker_open, b.breaker_open);
    EXPECT_EQ(a.breaker_open_cap, b.breaker_open_cap);
    EXPECT_EQ(a.give_up_after, b.give_up_after);
    EXPECT_EQ(a.connect_timeout, b.connect_timeout);
    EXPECT_EQ(a.answer_timeout, b.answer_timeout);
    EXPECT_EQ(a.policy, b.policy);
}

TEST_F(PackagedConfigTest, MentionsEveryKeyThatThereIs) {
    // The message about an unknown key lists all that are known: ask it of each section.
    std::string asking = packaged();
    asking = std::regex_replace(asking, std::regex("(\\[[a-z]+\\]\n)"), "$1zzzzzzzz = 1\n");
    asking =
        std::regex_replace(asking, std::regex("(\n\\[\\[destination\\]\\]\n)"), "$1zzzzzzzz = 1\n");
    const std::string errors = errors_of(asking);
    const std::regex key("[a-z_]+");
    std::istringstream lines(errors);
    int sections = 0;
    for (std::string line; std::getline(lines, line); ++sections) {
        const std::string allowed = line.substr(line.find("allowed: ") + 9);
        for (std::sregex_iterator it(allowed.begin(), allowed.end(), key), end; it != end; ++it) {
            EXPECT_THAT(packaged(), testing::ContainsRegex("\n#?" + it->str() + " = ")) << line;
        }
    }
    EXPECT_EQ(sections, 5);
}

}  // namespace
}  // namespace holdfast::agent
