#include "agent/cli/format.hpp"
#include "tests/unit/agent/cli_documents.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

const WallTime kNow = wall_from_ms(kNowMs);

Json page(std::initializer_list<const char*> entries, const char* next = "null") {
    Json document{{"entries", Json::array()}, {"next", Json::parse(next)}};
    for (const char* entry : entries) document["entries"].push_back(Json::parse(entry));
    return document;
}

TEST(CliFormatTest, ShowsAHealthyAgent) {
    EXPECT_EQ("\n" + format_status(Json::parse(kHealthy), kNow), R"(
agent   0.1.0, pid 812, started 3 h ago
log     ok, /var/lib/holdfast, head 120, tail 17
space   34 MB used, 65 GB free
ingest  1 connection, 119 acknowledged, 0 refused

DESTINATION  TYPE        PENDING  IN FLIGHT  RETRYING  FAILED  COMPLETE  OLDEST PENDING
customerio   customerio        0          0         0       0       119

ENDPOINT          URL                        BREAKER  DELIVERED  ATTEMPTS  LAST ERROR
customerio/track  https://track.customer.io  closed         119       121
)");
}

TEST(CliFormatTest, ShowsWhatHoldsADestinationAndWhatToLookAt) {
    EXPECT_EQ("\n" + format_status(Json::parse(kTroubled), kNow), R"(
agent   0.1.0, pid 812, started 3 h ago
log     failed: sync: No space left on device, /var/lib/holdfast, buffered, head 120, tail 17, 4 failures, 2 damaged, 3 lost
space   9.1 GB used of 10 GB, 999 B free, critical
ingest  3 connections, 119 acknowledged, 4 refused, 7 failed

DESTINATION  TYPE        PENDING  IN FLIGHT  RETRYING  FAILED  COMPLETE  OLDEST PENDING
customerio   customerio       12          1         2       1       104  3 min ago
second       customerio        0          0         0       2         0

ENDPOINT          URL                        BREAKER              DELIVERED  ATTEMPTS  LAST ERROR
customerio/track  https://track.customer.io  open, probe in 12 s        104       130  503
customerio/app    https://api.customer.io    closed                       0         1  401
second/track      http://127.0.0.1:8080      half_open                    0         0

HELD              GATE         OPENS    REASON
customerio/track  breaker      in 12 s  5 failures in a row
customerio/track  retry_after  in 24 s  429
customerio/app    auth_hold             401 \x1b[31m
second/track      paused                by root

Please look at
  log: failed: sync: No space left on device
  log: space is critical, only deletes, merges, suppressions and messages are taken: 9.1 GB used of 10 GB, 999 B free
  log: 2 damaged entries
  log: 3 acknowledged entries are gone, see `holdfast lost`
  customerio: 1 dead letter, see `holdfast dead`
  customerio/track: breaker open: 5 failures in a row
  customerio/app: auth_hold: 401 \x1b[31m
  second: 2 dead letters, see `holdfast dead`
  second/track: breaker half_open
  second/track: paused: by root
)");
}

TEST(CliFormatTest, ShowsThatNothingIsKnownOfALogThatWasNeverOpen) {
    Json status = Json::parse(kHealthy);
    status["log"].update(
        {{"state", "failed"}, {"reason", "no room"}, {"head", nullptr}, {"lost", nullptr}});
    for (const char* key : {"pending", "retrying", "failed", "complete"}) {
        status["destinations"][0][key] = nullptr;
    }
    const std::string text = format_status(status, kNow);
    EXPECT_THAT(text,
                HasSubstr("failed: no room, /var/lib/holdfast, what is in it is unknown until it "
                          "is open\n"));
    EXPECT_THAT(text, HasSubstr(R"(
DESTINATION  TYPE        PENDING  IN FLIGHT  RETRYING  FAILED  COMPLETE  OLDEST PENDING
customerio   customerio        -          0         -       -         -
)"));
    EXPECT_EQ(format_lost(status), "unknown until the log is open\n");
    EXPECT_THAT(findings(status), ElementsAre("log: failed: no room"));
}

TEST(CliFormatTest, ShowsWhatIsLost) {
    EXPECT_EQ(format_lost(Json::parse(kHealthy)), "nothing is lost\n");
    Json unnamed = Json::parse(kHealthy);
    unnamed["log"]["lost_unnamed"] = 2U;
    EXPECT_THAT(
        format_lost(unnamed),
        StartsWith("up to 2 entries that waited for another attempt, or were dead letters, are "
                   "gone; which they were cannot be told.\n"));
    EXPECT_THAT(findings(unnamed), ElementsAre(HasSubstr("see `holdfast lost`")));
    unnamed["log"]["lost_unnamed"] = nullptr;
    EXPECT_THAT(format_lost(unnamed), StartsWith("entries that waited for another attempt, and"));
    EXPECT_EQ(format_lost(Json::parse(kTroubled)), R"(3 acknowledged entries are gone:
FIRST  LAST
  101   102
    7     7
`holdfast lost --seen` takes them off the status.
)");
}

TEST(CliFormatTest, FindsNothingToLookAtInAHealthyAgent) {
    EXPECT_THAT(findings(Json::parse(kHealthy)), IsEmpty());
}

TEST(CliFormatTest, FindsWhatSomebodyShouldLookAt) {
    EXPECT_THAT(findings(Json::parse(kTroubled)),
                ElementsAre("log: failed: sync: No space left on device",
                            "log: space is critical, only deletes, merges, suppressions and "
                            "messages are taken: 9.1 GB used of 10 GB, 999 B free",
                            "log: 2 damaged entries",
                            "log: 3 acknowledged entries are gone, see `holdfast lost`",
                            "customerio: 1 dead letter, see `holdfast dead`",
                            "customerio/track: breaker open: 5 failures in a row",
                            "customerio/app: auth_hold: 401 \x1b[31m",
                            "second: 2 dead letters, see `holdfast dead`",
                            "second/track: breaker half_open",
                            "second/track: paused: by root"));
}

TEST(CliFormatTest, ListsEntries) {
    EXPECT_EQ("\n" + format_entries(page({kRetrying, kFailed}, "1018"), kNow), R"(
 SEQ  ID                          STATE     ACCEPTED   DESTINATION  OPERATION   PERSON                    NAME      ATTEMPTS  NEXT ATTEMPT
  17  01KDYGA0KE0000000000000017  retrying  3 min ago  customerio   event       id:42                     purchase         3  in 12 s
1018  01KDYGA0KE0000000000000018  failed    24 h ago   customerio   send_email  email:jürgen@example.com                   1
There are more: --after 1018
)");
}

TEST(CliFormatTest, ListsDeadLetters) {
    EXPECT_EQ("\n" + format_dead(page({kFailed}), kNow), R"(
 SEQ  ID                          FAILED      DESTINATION  OPERATION   PERSON                    NAME  ATTEMPTS  STATUS  REASON
1018  01KDYGA0KE0000000000000018  60 min ago  customerio   send_email  email:jürgen@example.com               1     400  400: bad \x1b[2Jtemplate
)");
}

TEST(CliFormatTest, SaysThatThereIsNothingToList) {
    EXPECT_EQ(format_entries(page({}), kNow), "No entries.\n");
    EXPECT_EQ(format_dead(page({}), kNow), "No dead letters.\n");
    EXPECT_EQ(format_dead(page({}, "7"), kNow), "No dead letters.\nThere are more: --after 7\n");
}

TEST(CliFormatTest, ShowsAnEntryWithoutItsBody) {
    Json entry = Json::parse(kRetrying);
    entry.update(Json::parse(kDetails));
    EXPECT_EQ("\n" + format_entry(entry, kNow), R"(
seq           17
id            01KDYGA0KE0000000000000017
state         retrying
destination   customerio
endpoint      track
operation     event
safety        dedup_by_id
person        id:42
name          purchase
request       POST /api/v1/customers/42/events
bytes         123
accepted      2026-01-02T03:01:05.000Z (3 min ago)
attempts      3
next attempt  2026-01-02T03:04:18.000Z (in 12 s)
status        503
reason        503 Service Unavailable
answer        {"meta":{}}
peer          uid 1000, gid 1001, pid 99
parent        01KDYGA0KE0000000000000009
body          hidden, --body shows it
)");
}

TEST(CliFormatTest, ShowsTheBodyThatItIsGiven) {
    Json entry = Json::parse(kFailed);
    entry["body"] = "{\"to\":\"\x1b\"}";
    EXPECT_EQ("\n" + format_entry(entry, kNow), R"(
seq          1018
id           01KDYGA0KE0000000000000018
state        failed
destination  customerio
operation    send_email
person       email:jürgen@example.com
bytes        1234
accepted     2026-01-01T03:04:05.000Z (24 h ago)
attempts     1
failed       2026-01-02T02:04:05.000Z (60 min ago)
status       400
reason       400: bad \x1b[2Jtemplate
body         {"to":"\x1b"}
)");
}

TEST(CliFormatTest, ShowsOfADamagedEntryWhatIsKnown) {
    EXPECT_EQ("\n" + format_entries(page({kDamaged}), kNow), R"(
 SEQ  ID  STATE   ACCEPTED  DESTINATION  OPERATION  PERSON  NAME  ATTEMPTS  NEXT ATTEMPT
1019  -   failed  -         -            -          -       -            0
)");
    EXPECT_EQ("\n" + format_dead(page({kDamaged}), kNow), R"(
 SEQ  ID  FAILED      DESTINATION  OPERATION  PERSON  NAME  ATTEMPTS  STATUS  REASON
1019  -   60 min ago  -            -          -       -            0          damaged: a checksum
)");
    Json entry = Json::parse(kDamaged);
    entry.update(Json::parse(kDamagedDetails));
    const std::string shown = R"(
seq          1019
id           -
state        failed
destination  -
endpoint     -
operation    -
safety       -
person       -
name         -
request      -
bytes        -
accepted     -
attempts     0
failed       2026-01-02T02:04:05.000Z (60 min ago)
reason       damaged: a checksum
body         -
)";
    EXPECT_EQ("\n" + format_entry(entry, kNow), shown);
    entry["body"] = nullptr;
    EXPECT_EQ("\n" + format_entry(entry, kNow), shown);
}

TEST(CliFormatTest, ShowsWhatWasReplayedAndWhatWasNot) {
    const Json report = Json::parse(R"({"replayed": [{"seq": 9, "id": "01KDYGA0KE0000000000000009",
        "new_seq": 1020, "new_id": "01KDYGA0KE0000000000001020"}],
        "skipped": [{"entry": "10", "reason": "it is complete"}], "remaining": 3})");
    EXPECT_EQ(format_ended(report, "replayed", true),
              "1 entry replayed.\n"
              "SEQ  ID                          NEW SEQ  NEW ID\n"
              "  9  01KDYGA0KE0000000000000009     1020  01KDYGA0KE0000000000001020\n"
              "SKIPPED  REASON\n"
              "10       it is complete\n"
              "3 dead letters left.\n");
    EXPECT_EQ(format_ended(report, "replayed", false),
              "1 entry replayed.\n"
              "SKIPPED  REASON\n"
              "10       it is complete\n"
              "3 dead letters left.\n");
}

TEST(CliFormatTest, TakesDocumentsOfAnotherShape) {
    for (const char* text : {"{}",
                             "[]",
                             "null",
                             R"({"log": 1, "destinations": {"a": 1}, "entries": 7})",
                             R"({"destinations": [1, {"endpoints": [2]}], "entries": [null]})"}) {
        const Json document = Json::parse(text);
        EXPECT_NO_THROW({
            (void)format_status(document, kNow);
            (void)format_entries(document, kNow);
            (void)format_dead(document, kNow);
            (void)format_entry(document, kNow);
            (void)format_ended(document, "replayed", true);
        }) << text;
    }
}

}  // namespace
}  // namespace holdfast::cli
