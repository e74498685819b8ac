#include "tests/unit/agent/config_under_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <regex>

namespace holdfast::agent {
namespace {

using testing::HasSubstr;

using ConfigMistakes = ConfigUnderTest;

// What several messages end with.
constexpr const char* kSeconds = " (units ms, s, m, h, d)";
constexpr const char* kBytes = " (units kB, MB, GB, KiB, MiB, GiB, or none for bytes)";
constexpr const char* kUrl =
    "; allowed: https://HOST[:PORT][/PREFIX], or http:// to a loopback address";

TEST_F(ConfigMistakes, NamesFileLineKeyAndWhatIsAllowedForEachMistakeOfADestination) {
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

TEST_F(ConfigMistakes, NamesFileLineKeyAndWhatIsAllowedForEachMistakeElsewhere) {
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
         "histroy: unknown key, did you mean \"history\"?; allowed: directory, durability, "
         "history, history_bytes, max_bytes, min_free, on_corruption"},
        {"admin", "mode = \"0600\"", "mode: unknown key; allowed: socket"},
    };
    for (const auto& [section, written, message] : mistakes) {
        EXPECT_EQ(errors_of(with("[" + section + "]\n" + written)),
                  "f.toml:7: " + section + "." + message);
    }
}

TEST_F(ConfigMistakes, ReportsEveryMistakeAtOnceInTheOrderOfTheFile) {
    EXPECT_EQ(
        errors_of("[wal]\nhistory = 1\n\n[[destination]]\nname = \"A\"\n\n[ingress]\nx = 1\n"),
        "f.toml:2: wal.history: is not a text; allowed: a text in quotes\n"
        "f.toml:4: destination.type: is missing; allowed: \"customerio\", \"http\"\n"
        "f.toml:4: destination.site_id: is missing; allowed: 1 to 128 visible ASCII characters "
        "but ':'\n"
        "f.toml:4: destination.api_key_file: is missing; allowed: api_key_file or "
        "api_key_credential, one of the two\n"
        "f.toml:5: destination.name: \"A\" does not fit; allowed: 1 to 64 of a-z, 0-9 and '-'\n"
        "f.toml:7: ingress: unknown key, did you mean \"ingest\"?; allowed: admin, agent, "
        "destination, ingest, wal");
}

TEST_F(ConfigMistakes, NeedsADestination) {
    EXPECT_EQ(errors_of(""), "f.toml:1: destination: there is none; allowed: [[destination]]");
}

TEST_F(ConfigMistakes, RefusesSectionsOfTheWrongKind) {
    EXPECT_EQ(errors_of("destination = 1\n[[wal]]\n"),
              "f.toml:1: destination: is not a list of tables; allowed: [[destination]]\n"
              "f.toml:2: wal: is not a table; allowed: [wal]");
}

TEST_F(ConfigMistakes, RefusesTwoDestinationsOfOneNameOrSiteId) {
    EXPECT_EQ(
        errors_of(with("\n" + with(""))),
        "f.toml:8: destination.name: \"a\" is the name of another destination; allowed: a "
        "name of its own\n"
        "f.toml:10: destination.site_id: \"site\" is the site id of another destination; allowed: "
        "a site id of its own");
}

TEST_F(ConfigMistakes, RefusesACaFileWithoutACertificate) {
    const std::string junk = dir_.write("junk.pem", "no certificate");
    EXPECT_EQ(errors_of(with("ca_file = \"" + junk + "\"\n")),
              "f.toml:6: destination.ca_file: " + junk +
                  " holds no certificate; allowed: a readable file of PEM certificates");
}

TEST_F(ConfigMistakes, RefusesOneSocketForIngestAndAdmin) {
    EXPECT_EQ(errors_of(with("[ingest]\nsocket = \"/s\"\n[admin]\nsocket = \"/s\"\n")),
              "f.toml:8: admin: its socket is the ingest socket; allowed: a path of its own");
}

TEST_F(ConfigMistakes, NamesTheLineAtWhichTheFileStopsBeingToml) {
    EXPECT_THAT(errors_of("[wal]\nhistory = \n"), HasSubstr("f.toml:2: not TOML: "));
}

TEST_F(ConfigMistakes, TakesNamesOf64CharactersAtMost) {
    const std::string fits(64, 'x');
    const auto named = [&](const std::string& name) {
        return std::regex_replace(with(""), std::regex("\"a\""), "\"" + name + "\"");
    };
    EXPECT_EQ(errors_of(named(fits)), "");
    EXPECT_THAT(errors_of(named(fits + "x")), HasSubstr("1 to 64 of a-z, 0-9 and '-'"));
}

}  // namespace
}  // namespace holdfast::agent
