// How a destination is delivered to: what each key means, and each mistake with its line and what
// is allowed.
#include "tests/unit/agent/config_under_test.hpp"

#include <gmock/gmock.h>

namespace holdfast::agent {
namespace {

using namespace std::chrono_literals;

class ConfigPolicyTest : public ConfigUnderTest {
protected:
    [[nodiscard]] PolicyConfig policy(const std::string& more) const {
        const Result<Config> config = parse_config(with(more), "f.toml");
        EXPECT_TRUE(config) << (config ? "" : config.error().detail);
        return config ? config->destinations[0].policy : PolicyConfig{};
    }

    static const transport::KindPolicy& of(const PolicyConfig& policy, Kind kind) {
        return policy.kinds[static_cast<std::size_t>(kind)];
    }

    [[nodiscard]] std::vector<std::string> warnings(const std::string& more) const {
        const Result<Config> config = parse_config(with(more), "f.toml");
        EXPECT_TRUE(config);
        return config ? config->warnings : std::vector<std::string>{};
    }
};

TEST_F(ConfigPolicyTest, TheDefaultsAreThoseOfTheReference) {
    const PolicyConfig config = policy("");
    EXPECT_TRUE(config.is_adaptive);
    EXPECT_EQ(of(config, Kind::people).concurrency_max, 10U);
    EXPECT_EQ(of(config, Kind::events).concurrency_max, 10U);
    EXPECT_EQ(of(config, Kind::sends).concurrency_max, 5U);
    EXPECT_EQ(of(config, Kind::broadcasts).concurrency_max, 1U);
    EXPECT_FALSE(of(config, Kind::sends).rate);
    ASSERT_TRUE(of(config, Kind::broadcasts).rate);
    EXPECT_EQ(of(config, Kind::broadcasts).rate->per, 10s);
    EXPECT_EQ(config.breaker.failures_in_a_row, 5U);
    EXPECT_EQ(config.breaker.successes_to_close, 3U);
    EXPECT_EQ(config.breaker.window_failure_percent, 50U);
    EXPECT_EQ(config.breaker.window_calls_min, 10U);
    EXPECT_EQ(config.breaker.window, 30s);
    EXPECT_EQ(config.breaker.slow_answer, 5s);
    EXPECT_EQ(config.retry_after_cap, 1h);
    EXPECT_EQ(config.auth_probe_every, 1min);
    EXPECT_FALSE(config.give_up_attempts);
    EXPECT_FALSE(config.retries_ambiguous);
    EXPECT_EQ(config.degradation.by_age, 15min);
    EXPECT_TRUE(config.degradation.by_disk);
    EXPECT_EQ(config.essential_events,
              (std::vector<std::string>{"signup", "purchase", "subscription_changed"}));
    EXPECT_TRUE(config.shed_events.empty());
    EXPECT_FALSE(config.identifiers) << "nobody guesses";
    EXPECT_TRUE(config.shares_requests);
    EXPECT_EQ(config.share.bytes_max, 500'000U);
    EXPECT_EQ(config.share.count_max, 1000U);
}

TEST_F(ConfigPolicyTest, EachKeyIsRead) {
    const PolicyConfig config = policy(
        "concurrency = 50\nconcurrency_mode = \"fixed\"\npeople_concurrency = 11\n"
        "events_rate = \"500/s\"\nsends_concurrency = 6\nsends_rate = \"3/2s\"\n"
        "broadcasts_rate = \"none\"\nbreaker_failures = 0\nbreaker_percent = 80\n"
        "give_up_attempts = 9\nambiguous = \"retry\"\ndegrade_after = \"never\"\n"
        "degrade_on_disk = \"no\"\nessential_events = [\"paid\"]\nshed_events = [\"seen\"]\n"
        "identifiers = \"email\"\nbatch_bytes = \"100kB\"\nbatch_count = 2\n");
    EXPECT_FALSE(config.is_adaptive);
    EXPECT_EQ(of(config, Kind::people).concurrency_max, 11U);
    EXPECT_EQ(of(config, Kind::events).concurrency_max, 50U);
    EXPECT_EQ(of(config, Kind::events).rate->count, 500U);
    EXPECT_EQ(of(config, Kind::events).rate->per, 1s);
    EXPECT_EQ(of(config, Kind::sends).concurrency_max, 6U);
    EXPECT_EQ(of(config, Kind::sends).rate->count, 3U);
    EXPECT_EQ(of(config, Kind::sends).rate->per, 2s);
    EXPECT_FALSE(of(config, Kind::broadcasts).rate);
    EXPECT_EQ(config.breaker.failures_in_a_row, 0U);
    EXPECT_EQ(config.breaker.window_failure_percent, 80U);
    EXPECT_EQ(config.give_up_attempts, 9U);
    EXPECT_TRUE(config.retries_ambiguous);
    EXPECT_FALSE(config.degradation.by_age);
    EXPECT_FALSE(config.degradation.by_disk);
    EXPECT_EQ(config.essential_events, std::vector<std::string>{"paid"});
    EXPECT_EQ(config.shed_events, std::vector<std::string>{"seen"});
    EXPECT_EQ(config.identifiers, customerio::PathIdentifier::email);
    EXPECT_EQ(config.share.bytes_max, 100'000U);
    EXPECT_EQ(config.share.count_max, 2U);
}

TEST_F(ConfigPolicyTest, EachMistakeSaysItsLineAndWhatIsAllowed) {
    const std::string seconds = " (units ms, s, m, h, d)";
    const std::string rate =
        "; allowed: a count of 1 to 1000 and a time of 1s to 1h, as in \"100/s\" or \"1/10s\", or "
        "\"none\"";
    const std::vector<std::pair<std::string, std::string>> mistakes = {
        {"concurrency_mode = \"auto\"",
         "concurrency_mode: \"auto\" is not known; allowed: \"adaptive\", \"fixed\""},
        {"people_concurrency = 0", "people_concurrency: 0 is out of range; allowed: 1 to 256"},
        {"sends_rate = \"0/s\"", "sends_rate: \"0/s\" is not a rate" + rate},
        {"sends_rate = \"1001/s\"", "sends_rate: \"1001/s\" is not a rate" + rate},
        {"sends_rate = \"1/ms\"", "sends_rate: \"1/ms\" is not a rate" + rate},
        {"sends_rate = \"1/2h\"", "sends_rate: \"1/2h\" is not a rate" + rate},
        {"sends_rate = \"fast\"", "sends_rate: \"fast\" is not a rate" + rate},
        {"breaker_failures = 1001", "breaker_failures: 1001 is out of range; allowed: 0 to 1000"},
        {"breaker_successes = 0", "breaker_successes: 0 is out of range; allowed: 1 to 1000"},
        {"breaker_percent = 101", "breaker_percent: 101 is out of range; allowed: 0 to 100"},
        {"breaker_calls_min = 0", "breaker_calls_min: 0 is out of range; allowed: 1 to 1000"},
        {"breaker_window = \"500ms\"",
         "breaker_window: 500ms is out of range; allowed: 1s to 1h" + seconds},
        {"breaker_slow_answer = \"1ms\"",
         "breaker_slow_answer: 1ms is out of range; allowed: 10ms to 10m" + seconds},
        {"retry_after_cap = \"25h\"",
         "retry_after_cap: 25h is out of range; allowed: 1s to 1d" + seconds},
        {"auth_probe_every = \"0s\"",
         "auth_probe_every: 0s is out of range; allowed: 1s to 1h" + seconds},
        {"give_up_attempts = 1000001",
         "give_up_attempts: 1000001 is out of range; allowed: 0 to 1000000"},
        {"ambiguous = \"drop\"", "ambiguous: \"drop\" is not known; allowed: \"fail\", \"retry\""},
        {"degrade_after = \"0s\"",
         "degrade_after: 0s is out of range; allowed: 1s to 365d" + seconds + ", or \"never\""},
        {"essential_events = \"signup\"",
         "essential_events: is not a list of texts; allowed: [\"one\", \"another\"]"},
        {"essential_events = [1]",
         "essential_events: is not a list of texts; allowed: [\"one\", \"another\"]"},
        {"shed_events = [\"\"]",
         "shed_events: has a name that no event has; allowed: up to 1000 names of 1 to 100 bytes"},
        {"identifiers = \"phone\"",
         "identifiers: \"phone\" is not known; allowed: \"email\", \"id\", \"unknown\""},
        {"batch_bytes = \"1MB\"",
         "batch_bytes: 1MB is out of range; allowed: 1kB to 500kB (units kB, MB, GB, KiB, MiB, "
         "GiB, or none for bytes)"},
        {"batch_count = 1", "batch_count: 1 is out of range; allowed: 2 to 1000"},
    };
    for (const auto& [written, message] : mistakes) {
        EXPECT_EQ(errors_of(with(written)), "f.toml:6: destination." + message);
    }
}

TEST_F(ConfigPolicyTest, ContradictionsAreExplained) {
    const std::vector<std::pair<std::string, std::string>> mistakes = {
        {"people_concurrency = 11",
         "people_concurrency: 11 is more than concurrency, which is 10 and bounds all kinds "
         "together; allowed: 1 to 10, or a higher concurrency"},
        {"breaker_percent = 0\nbreaker_failures = 0",
         "breaker_percent: with breaker_failures = 0 nothing would ever open the breaker; allowed: "
         "breaker_failures or breaker_percent above 0"},
        {"give_up_after = \"5s\"\nbackoff_base = \"10s\"",
         "give_up_after: entries would be given up before their first retry; allowed: "
         "give_up_after of at least backoff_base"},
        {"shed_events = [\"signup\"]",
         "shed_events: \"signup\" is an essential event as well, and those are always sent; "
         "allowed: names that are not in essential_events"},
        {"identifiers = \"id\"\nbatch = \"off\"",
         "identifiers: says what v1 calls become in a batch, and batch is \"off\"; allowed: batch "
         "= \"on\", or no identifiers"},
    };
    for (const auto& [written, message] : mistakes) {
        EXPECT_EQ(errors_of(with(written)), "f.toml:6: destination." + message);
    }
}

TEST_F(ConfigPolicyTest, AFewThingsAreOnlyWarnedOf) {
    EXPECT_TRUE(warnings("").empty());
    EXPECT_THAT(warnings("breaker_slow_answer = \"25s\""),
                testing::ElementsAre(testing::HasSubstr(
                    "f.toml:6: destination.breaker_slow_answer: no answer can be that slow: an "
                    "attempt ends after 25s")));
    EXPECT_TRUE(warnings("connect_timeout = \"10ms\"\nanswer_timeout = \"10ms\"").empty())
        << "a default that means nothing then is nobody's mistake";
}

TEST_F(ConfigPolicyTest, AKindHasNoMoreThanTheWhole) {
    EXPECT_EQ(of(policy("concurrency = 2"), Kind::sends).concurrency_max, 2U);
}

}  // namespace
}  // namespace holdfast::agent
