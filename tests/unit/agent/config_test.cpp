#include "agent/config.hpp"

#include "tests/unit/agent/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>

namespace holdfast::agent {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
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

class ConfigTest : public testing::Test {
protected:
    // The smallest destination, on lines 1 to 5, with `more` from line 6 on.
    [[nodiscard]] std::string with(const std::string& more) const {
        return "[[destination]]\nname = \"a\"\ntype = \"customerio\"\nsite_id = \"site\"\n"
               "api_key_file = \"" +
               key_ + "\"\n" + more;
    }

    [[nodiscard]] std::string errors_of(const std::string& text,
                                        const std::string& credentials = {}) const {
        const Result<Config> config = parse_config(text, "f.toml", credentials);
        if (config) return "";
        EXPECT_EQ(config.error().code, Errc::bad_config);
        return config.error().detail;
    }

    TempDir dir_;
    std::string key_ = dir_.write("key", "k-123\n");
};

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

// What several messages end with.
constexpr const char* kSeconds = " (units ms, s, m, h, d)";
constexpr const char* kBytes = " (units kB, MB, GB, KiB, MiB, GiB, or none for bytes)";
constexpr const char* kUrl =
    "; allowed: https://HOST[:PORT][/PREFIX], or http:// to a loopback address";

TEST_F(ConfigTest, NamesFileLineKeyAndWhatIsAllowedForEachMistakeOfADestination) {
    const std::vector<std::pair<std::string, std::string>> mistakes = {
        {"track_rate = 0", "track_rate: 0 is out of range; allowed: 1 to 1000"},
        {"track_rate = 1001", "track_rate: 1001 is out of range; allowed: 1 to 1000"},
        {"track_rate = -1", "track_rate: -1 is out of range; allowed: 1 to 1000"},
        {"track_rate = 1.5", "track_rate: is not a whole number; allowed: 1 to 1000"},
        {"app_rate = 101", "app_rate: 101 is out of range; allowed: 1 to 100"},
        {"concurrency = 257", "concurrency: 257 is out of range; allowed: 1 to 256"},
        {"backoff_base = \"1\"",
         std::string("backoff_base: \"1\" is not a duration; allowed: 10ms to 1h") + kSeconds},
        {"backoff_base = \"2h\"",
         std::string("backoff_base: 2h is out of range; allowed: 10ms to 1h") + kSeconds},
        {"backoff_base = 1", "backoff_base: is not a text; allowed: a text in quotes"},
        {"backoff_cap = \"25h\"",
         std::string("backoff_cap: 25h is out of range; allowed: 10ms to 1d") + kSeconds},
        {"backoff_cap = \"500ms\"",
         "backoff_cap: the longest wait is shorter than the first one; allowed: backoff_cap of at "
         "least backoff_base"},
        {"backoff_base = \"6m\"",
         "backoff_base: the longest wait is shorter than the first one; allowed: backoff_cap of at "
         "least backoff_base"},
        {"breaker_open = \"2h\"",
         std::string("breaker_open: 2h is out of range; allowed: 10ms to 1h") + kSeconds},
        {"breaker_open_cap = \"29s\"",
         "breaker_open_cap: the longest wait is shorter than the first one; allowed: "
         "breaker_open_cap of at least breaker_open"},
        {"give_up_after = \"0s\"",
         std::string("give_up_after: 0s is out of range; allowed: 1s to 3650d") + kSeconds +
             ", or \"never\""},
        {"connect_timeout = \"6m\"",
         std::string("connect_timeout: 6m is out of range; allowed: 10ms to 5m") + kSeconds},
        {"answer_timeout = \"0s\"",
         std::string("answer_timeout: 0s is out of range; allowed: 10ms to 10m") + kSeconds},
        {"region = \"mars\"", "region: \"mars\" is not known; allowed: \"eu\", \"us\""},
        {"ca_file = \"/no/such\"",
         "ca_file: /no/such cannot be read: No such file or directory; allowed: a readable file of "
         "PEM certificates"},
        {"ca_file = \"ca.pem\"",
         "ca_file: is not a path; allowed: an absolute path of at most 4095 bytes"},
        {"track_url = \"http://track.example\"",
         std::string("track_url: http is only allowed to this machine (127.0.0.0/8, [::1], "
                     "localhost); use https") +
             kUrl},
        {"app_url = \"ftp://x\"", std::string("app_url: the scheme is not https") + kUrl},
        {"api_key_credential = \"x\"",
         "api_key_credential: there is api_key_file as well; allowed: api_key_file or "
         "api_key_credential, one of the two"},
        {"app_key_credential = \"../x\"",
         "app_key_credential: is not the name of a credential; allowed: the NAME of a "
         "LoadCredential= in the unit"},
        {"app_key_credential = \"x\"",
         "app_key_credential: $CREDENTIALS_DIRECTORY is not set; allowed: a credential only when "
         "systemd starts the agent, with LoadCredential="},
    };
    for (const auto& [written, message] : mistakes) {
        EXPECT_EQ(errors_of(with(written)), "f.toml:6: destination." + message);
    }
}

TEST_F(ConfigTest, NamesFileLineKeyAndWhatIsAllowedForEachMistakeElsewhere) {
    const std::string loopback =
        "; allowed: a loopback address and a port, as in \"127.0.0.1:8480\" or \"[::1]:8480\"";
    const std::string mode = "; allowed: octal permission bits, \"0600\" to \"0777\"";
    const std::string sun_path = "; allowed: an absolute path of at most 107 bytes";
    const std::vector<std::array<std::string, 3>> mistakes = {
        {"ingest", "socket = \"x.sock\"", "socket: is not a path" + sun_path},
        {"ingest",
         "socket = \"/" + std::string(107, 'x') + "\"",
         "socket: is not a path" + sun_path},
        {"ingest", "socket_mode = \"0888\"", "socket_mode: \"0888\" does not fit" + mode},
        {"ingest", "socket_mode = \"0060\"", "socket_mode: \"0060\" does not fit" + mode},
        {"ingest", "socket_mode = \"1777\"", "socket_mode: \"1777\" does not fit" + mode},
        {"ingest",
         "connections_max = 0",
         "connections_max: 0 is out of range; allowed: 1 to 65536"},
        {"ingest",
         "http = \"0.0.0.0:80\"",
         "http: \"0.0.0.0:80\" is not a loopback address" + loopback},
        {"ingest",
         "http = \"10.0.0.1:80\"",
         "http: \"10.0.0.1:80\" is not a loopback address" + loopback},
        {"ingest", "http = \"[::]:80\"", "http: \"[::]:80\" is not a loopback address" + loopback},
        {"ingest", "http = \"127.0.0.1\"", "http: \"127.0.0.1\" does not fit" + loopback},
        {"ingest",
         "http = \"127.0.0.1:99999\"",
         "http: \"127.0.0.1:99999\" does not fit" + loopback},
        {"ingest", "http = \"name:80\"", "http: \"name:80\" does not fit" + loopback},
        {"wal",
         "directory = \"\"",
         "directory: is not a path; allowed: an absolute path of at most 4095 bytes"},
        {"wal",
         "history = \"366d\"",
         std::string("history: 366d is out of range; allowed: 0s to 365d") + kSeconds},
        {"wal",
         "history_bytes = \"2 GB\"",
         std::string("history_bytes: is not a size; allowed: 0 to 1024GiB") + kBytes},
        {"wal",
         "history_bytes = \"1025GiB\"",
         std::string("history_bytes: 1025GiB is out of range; allowed: 0 to 1024GiB") + kBytes},
        {"wal",
         "max_bytes = \"1MB\"",
         std::string("max_bytes: 1MB is out of range; allowed: 32MiB to 65536GiB") + kBytes +
             ", or \"none\""},
        {"wal",
         "min_free = \"10%\"",
         std::string("min_free: is not a size; allowed: 0 to 1024GiB") + kBytes + ", or \"auto\""},
        {"wal",
         "history_bytes = -1",
         std::string("history_bytes: is not a size; allowed: 0 to 1024GiB") + kBytes},
        {"agent",
         "drain_timeout = \"11m\"",
         std::string("drain_timeout: 11m is out of range; allowed: 0s to 10m") + kSeconds},
        {"wal",
         "histroy = \"1h\"",
         "histroy: unknown key, did you mean \"history\"?; allowed: directory, history, "
         "history_bytes, max_bytes, min_free, on_corruption"},
        {"admin", "mode = \"0600\"", "mode: unknown key; allowed: socket"},
    };
    for (const auto& [section, written, message] : mistakes) {
        EXPECT_EQ(errors_of(with("[" + section + "]\n" + written)),
                  "f.toml:7: " + section + "." + message);
    }
}

TEST_F(ConfigTest, ReportsEveryMistakeAtOnceInTheOrderOfTheFile) {
    EXPECT_EQ(
        errors_of("[wal]\nhistory = 1\n\n[[destination]]\nname = \"A\"\n\n[ingress]\nx = 1\n"),
        "f.toml:2: wal.history: is not a text; allowed: a text in quotes\n"
        "f.toml:4: destination.type: is missing; allowed: \"customerio\"\n"
        "f.toml:4: destination.site_id: is missing; allowed: 1 to 128 visible ASCII characters "
        "but ':'\n"
        "f.toml:4: destination.api_key_file: is missing; allowed: api_key_file or "
        "api_key_credential, one of the two\n"
        "f.toml:5: destination.name: \"A\" does not fit; allowed: 1 to 64 of a-z, 0-9 and '-'\n"
        "f.toml:7: ingress: unknown key, did you mean \"ingest\"?; allowed: admin, agent, "
        "destination, ingest, wal");
}

TEST_F(ConfigTest, NeedsADestination) {
    EXPECT_EQ(errors_of(""), "f.toml:1: destination: there is none; allowed: [[destination]]");
}

TEST_F(ConfigTest, RefusesSectionsOfTheWrongKind) {
    EXPECT_EQ(errors_of("destination = 1\n[[wal]]\n"),
              "f.toml:1: destination: is not a list of tables; allowed: [[destination]]\n"
              "f.toml:2: wal: is not a table; allowed: [wal]");
}

TEST_F(ConfigTest, RefusesTwoDestinationsOfOneNameOrSiteId) {
    EXPECT_EQ(
        errors_of(with("\n" + with(""))),
        "f.toml:8: destination.name: \"a\" is the name of another destination; allowed: a "
        "name of its own\n"
        "f.toml:10: destination.site_id: \"site\" is the site id of another destination; allowed: "
        "a site id of its own");
}

TEST_F(ConfigTest, RefusesACaFileWithoutACertificate) {
    const std::string junk = dir_.write("junk.pem", "no certificate");
    EXPECT_EQ(errors_of(with("ca_file = \"" + junk + "\"\n")),
              "f.toml:6: destination.ca_file: " + junk +
                  " holds no certificate; allowed: a readable file of PEM certificates");
}

TEST_F(ConfigTest, RefusesOneSocketForIngestAndAdmin) {
    EXPECT_EQ(errors_of(with("[ingest]\nsocket = \"/s\"\n[admin]\nsocket = \"/s\"\n")),
              "f.toml:8: admin: its socket is the ingest socket; allowed: a path of its own");
}

TEST_F(ConfigTest, NamesTheLineAtWhichTheFileStopsBeingToml) {
    EXPECT_THAT(errors_of("[wal]\nhistory = \n"), HasSubstr("f.toml:2: not TOML: "));
}

TEST_F(ConfigTest, TakesNamesOf64CharactersAtMost) {
    const std::string fits(64, 'x');
    const auto named = [&](const std::string& name) {
        return std::regex_replace(with(""), std::regex("\"a\""), "\"" + name + "\"");
    };
    EXPECT_EQ(errors_of(named(fits)), "");
    EXPECT_THAT(errors_of(named(fits + "x")), HasSubstr("1 to 64 of a-z, 0-9 and '-'"));
}

TEST_F(ConfigTest, ReadsACredentialFromTheDirectoryOfSystemd) {
    const std::string directory = dir_.path("credentials");
    std::filesystem::create_directory(directory);
    const std::string app_key = dir_.write("credentials/app", "a-456\n", 0400);
    const Result<Config> config =
        parse_config(with("app_key_credential = \"app\""), "f.toml", directory);
    ASSERT_TRUE(config) << config.error().detail;
    EXPECT_EQ(config->destinations[0].endpoint(Endpoint::app).key, Secret("a-456"));
}

TEST_F(ConfigTest, RefusesAKeyFileThatHoldsNoCredential) {
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

TEST_F(ConfigTest, TakesTheLongestCredential) {
    const std::string file = dir_.write("long", std::string(1024, 'x') + "\n");
    EXPECT_EQ(errors_of(with("app_key_file = \"" + file + "\"")), "");
}

TEST_F(ConfigTest, WarnsOfAKeyFileThatEverybodyMayRead) {
    const std::string file = dir_.write("open", "key", 0644);
    const Result<Config> config = parse_config(with("app_key_file = \"" + file + "\""), "f.toml");
    ASSERT_TRUE(config) << config.error().detail;
    EXPECT_THAT(config->warnings,
                ElementsAre("f.toml:6: destination.app_key_file: " + file +
                            " may be read by every user of this machine"));
}

TEST_F(ConfigTest, NeverShowsAKeyThatWasPastedIntoTheFile) {
    for (const char* key :
         {"api_key", "app_key", "app_key_file", "app_key_credential", "track_rate"}) {
        EXPECT_THAT(errors_of(with(std::string(key) + " = \"s3cret/\"")),
                    testing::AllOf(HasSubstr("f.toml:6"), testing::Not(HasSubstr("s3cret"))));
    }
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

// The file that is installed, with key files that exist. Commented keys are the defaults.
class PackagedConfigTest : public ConfigTest {
protected:
    [[nodiscard]] std::string packaged() const {
        std::ifstream in(HOLDFAST_SOURCE_DIR "/packaging/holdfast.toml");
        EXPECT_TRUE(in);
        std::stringstream text;
        text << in.rdbuf();
        return std::regex_replace(text.str(), std::regex("/etc/holdfast/customerio-a.*-key"), key_);
    }
};

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
}

TEST_F(PackagedConfigTest, MentionsEveryKeyThatThereIs) {
    // The message about an unknown key lists all that are known: ask it of each section.
    std::string asking = packaged();
    asking = std::regex_replace(asking, std::regex("(\\[[a-z]+\\]\n)"), "$1zzzzzzzz = 1\n");
    asking =
        std::regex_replace(asking, std::regex("(\\[\\[destination\\]\\]\n)"), "$1zzzzzzzz = 1\n");
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
