#include "tests/unit/agent/config_under_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::agent {
namespace {

using namespace std::chrono_literals;
using testing::IsEmpty;

constexpr auto kDay = 24h;

constexpr const char* kCertificate = R"(-----BEGIN CERTIFICATE-----
MIIBdTCCARugAwIBAgIUP1ce3tnnHIdftd9TQ/1E5ARZcOkwCgYIKoZIzj0EAwIw
DzENMAsGA1UEAwwEdGVzdDAgFw0yNjExMjExMjEwMjdaGA8yMTI2MTAyODEyMTAy
N1owDzENMAsGA1UEAwwEdGVzdDBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABLdc
uvrWR9QuQ+HOZJadddT+UUJCIkq+x+waCXUkkVPpraO5HHVEmgTyCnxyoMiCxAej
dvtPA20A+zV5RbQOs1CjUzBRMB0GA1UdDgQWBBQPLr5eo1GIQvjJYV7fnakz3hws
MzAfBgNVHSMEGDAWgBQPLr5eo1GIQvjJYV7fnakz3hwsMzAPBgNVHRMBAf8EBTAD
AQH/MAoGCCqGSM49BAMCA0gAMEUCICjl76cCf6/KpFHyxb1jGwvUKyWYsl1+XQeJ
lI8VEspYAiEAqbSRkPXwDKSnNMJ9byuaYK6EBUsAohIjESSOS2ez/GE=
-----END CERTIFICATE-----
)";

using ConfigTest = ConfigUnderTest;

TEST_F(ConfigTest, GivesEveryKeyThatIsNotThereItsDefault) {
    const Result<Config> config = parse_config(with(""), "f.toml");
    ASSERT_TRUE(config) << config.error().detail;
    EXPECT_EQ(config->ingest.socket, "/run/holdfast/ingest.sock");
    EXPECT_EQ(config->ingest.socket_mode, 0660U);
    EXPECT_EQ(config->ingest.http, std::nullopt);
    EXPECT_EQ(config->ingest.connections_max, 1024U);
    EXPECT_EQ(config->admin.socket, "/run/holdfast/admin.sock");
    EXPECT_EQ(config->wal.directory, "/var/lib/holdfast");
    EXPECT_EQ(config->wal.history, 24h);
    EXPECT_EQ(config->wal.history_bytes, std::uint64_t{1} << 30);
    EXPECT_EQ(config->wal.durability, Durability::synced);
    EXPECT_EQ(config->wal.on_corruption, wal::OnCorruption::quarantine);
    EXPECT_EQ(config->agent.drain_timeout, 10s);
    EXPECT_THAT(config->warnings, IsEmpty());

    ASSERT_EQ(config->destinations.size(), 1U);
    const DestinationConfig& destination = config->destinations[0];
    EXPECT_EQ(destination.name, "a");
    EXPECT_EQ(destination.type, "customerio");
    EXPECT_EQ(destination.site_id, "site");
    EXPECT_EQ(destination.ca_file, "");
    EXPECT_EQ(destination.concurrency, 10U);
    EXPECT_EQ(destination.backoff_base, 1s);
    EXPECT_EQ(destination.backoff_cap, 5min);
    EXPECT_EQ(destination.breaker_open, 30s);
    EXPECT_EQ(destination.breaker_open_cap, 5min);
    EXPECT_EQ(destination.give_up_after, Duration(7 * kDay));
    EXPECT_EQ(destination.connect_timeout, 5s);
    EXPECT_EQ(destination.answer_timeout, 10s);

    const EndpointConfig& track = destination.endpoint(Endpoint::track);
    EXPECT_EQ(track.url, "https://track.customer.io");
    EXPECT_EQ(track.origin.host, "track.customer.io");
    EXPECT_EQ(track.rate, 100U);
    ASSERT_TRUE(track.key);
    EXPECT_EQ(track.key->reveal(), "k-123");
    const EndpointConfig& app = destination.endpoint(Endpoint::app);
    EXPECT_EQ(app.url, "https://api.customer.io");
    EXPECT_EQ(app.origin.host, "api.customer.io");
    EXPECT_EQ(app.rate, 100U);
    EXPECT_FALSE(app.key);
}

TEST_F(ConfigTest, ReadsEveryKey) {
    const std::string app_key = dir_.write("app", "a-456");
    const std::string ca = dir_.write("ca.pem", kCertificate);
    const Result<Config> config = parse_config(
        with("region = \"eu\"\napp_key_file = \"" + app_key + "\"\nca_file = \"" + ca + "\"\n" +
             R"(track_url = "http://127.0.0.1:8080/track"
                app_url = "https://proxy.example:8443"
                track_rate = 1000
                app_rate = 1
                concurrency = 256
                backoff_base = "250ms"
                backoff_cap = "1h"
                breaker_open = "2s"
                breaker_open_cap = "3s"
                give_up_after = "never"
                connect_timeout = "1s"
                answer_timeout = "2s"
                [ingest]
                socket = "/tmp/i.sock"
                socket_mode = "0600"
                http = "[::1]:0"
                connections_max = 7
                idempotency_window = "30d"
                [admin]
                socket = "/tmp/a.sock"
                [wal]
                directory = "/tmp/wal"
                history = "0s"
                history_bytes = 1048576
                durability = "buffered"
                on_corruption = "refuse"
                max_bytes = "10GB"
                min_free = "1GiB"
                [agent]
                drain_timeout = "1m")"),
        "f.toml");
    ASSERT_TRUE(config) << config.error().detail;
    EXPECT_EQ(config->ingest.socket, "/tmp/i.sock");
    EXPECT_EQ(config->ingest.socket_mode, 0600U);
    ASSERT_TRUE(config->ingest.http);
    EXPECT_EQ(config->ingest.http->address().to_string(), "::1");
    EXPECT_EQ(config->ingest.http->port(), 0);
    EXPECT_EQ(config->ingest.connections_max, 7U);
    EXPECT_EQ(config->ingest.idempotency_window, 30 * kDay);
    EXPECT_EQ(config->admin.socket, "/tmp/a.sock");
    EXPECT_EQ(config->wal.directory, "/tmp/wal");
    EXPECT_EQ(config->wal.history, 0s);
    EXPECT_EQ(config->wal.history_bytes, 1048576U);
    EXPECT_EQ(config->wal.durability, Durability::buffered);
    EXPECT_EQ(config->wal.on_corruption, wal::OnCorruption::refuse);
    EXPECT_EQ(config->wal.max_bytes, 10'000'000'000U);
    EXPECT_EQ(config->wal.min_free, std::uint64_t{1} << 30U);
    EXPECT_EQ(config->agent.drain_timeout, 1min);

    const DestinationConfig& destination = config->destinations.at(0);
    EXPECT_EQ(destination.ca_file, ca);
    EXPECT_EQ(destination.concurrency, 256U);
    EXPECT_EQ(destination.backoff_base, 250ms);
    EXPECT_EQ(destination.backoff_cap, 1h);
    EXPECT_EQ(destination.breaker_open, 2s);
    EXPECT_EQ(destination.breaker_open_cap, 3s);
    EXPECT_EQ(destination.give_up_after, std::nullopt);
    EXPECT_EQ(destination.connect_timeout, 1s);
    EXPECT_EQ(destination.answer_timeout, 2s);
    const EndpointConfig& track = destination.endpoint(Endpoint::track);
    EXPECT_EQ(track.origin, (transport::Origin{false, "127.0.0.1", 8080, "/track"}));
    EXPECT_EQ(track.rate, 1000U);
    const EndpointConfig& app = destination.endpoint(Endpoint::app);
    EXPECT_EQ(app.origin, (transport::Origin{true, "proxy.example", 8443, ""}));
    EXPECT_EQ(app.rate, 1U);
    ASSERT_TRUE(app.key);
    EXPECT_EQ(app.key->reveal(), "a-456");
}

TEST_F(ConfigTest, SendsTheDataOfAnEuropeanWorkspaceToEuropeanHosts) {
    const Result<Config> config = parse_config(with("region = \"eu\""), "f.toml");
    ASSERT_TRUE(config) << config.error().detail;
    EXPECT_EQ(config->destinations[0].endpoint(Endpoint::track).url,
              "https://track-eu.customer.io");
    EXPECT_EQ(config->destinations[0].endpoint(Endpoint::app).url, "https://api-eu.customer.io");
}

TEST_F(ConfigTest, LoadsAFileAndNamesOneThatIsNotThere) {
    const std::string file = dir_.write("holdfast.toml", with(""));
    EXPECT_TRUE(load_config(file));
    const Result<Config> missing = load_config(file + "x");
    ASSERT_FALSE(missing);
    EXPECT_EQ(missing.error().code, Errc::bad_config);
    EXPECT_EQ(missing.error().detail, file + "x: cannot be read: No such file or directory");
}

TEST_F(ConfigTest, NamesADirectoryThatIsGivenAsAFile) {
    const Result<Config> directory = load_config("/tmp");
    ASSERT_FALSE(directory);
    EXPECT_EQ(directory.error().detail, "/tmp: cannot be read: Is a directory");
}

TEST_F(ConfigTest, RefusesAFileOfMoreThanAMebibyte) {
    const std::string comment = "#" + std::string((1 << 20) - with("").size() - 1, 'x');
    EXPECT_TRUE(load_config(dir_.write("fits", with(comment))));
    const std::string larger = dir_.write("larger", with(comment + "x"));
    const Result<Config> config = load_config(larger);
    ASSERT_FALSE(config);
    EXPECT_EQ(config.error().detail, larger + ": is too large; allowed: 1MiB");
}

}  // namespace
}  // namespace holdfast::agent
