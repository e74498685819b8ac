// The command line against an admin socket with made-up answers.
#include "agent/cli/command_line.hpp"
#include "agent/cli/dead_letters.hpp"
#include "agent/cli/send_line.hpp"
#include "tests/unit/agent/admin_server.hpp"
#include "tests/unit/agent/cli_documents.hpp"
#include "tests/unit/agent/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <sstream>

namespace holdfast::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

using Answers = std::vector<AdminServer::Canned>;

constexpr const char* kUlid = "01KDYGA0KE0000000000000017";

class CliTest : public testing::Test {
protected:
    // Also what was asked of the agent.
    struct Outcome {
        int code;
        std::string out;
        std::string err;
        std::vector<std::string> requests;
    };

    [[nodiscard]] Outcome run_alone(std::vector<const char*> arguments) const {
        arguments.insert(arguments.begin(), {"holdfast", "--socket", socket_.c_str()});
        return run_exactly(arguments);
    }

    [[nodiscard]] Outcome run_exactly(const std::vector<const char*>& arguments) const {
        std::ostringstream out;
        std::ostringstream err;
        std::istringstream in(in_);
        const Surroundings around{.out = out,
                                  .err = err,
                                  .now = wall_from_ms(kNowMs),
                                  .tty = tty_,
                                  .timeout = timeout_,
                                  .in = &in,
                                  .in_tty = in_tty_,
                                  .pause = pause_};
        const int code = run(static_cast<int>(arguments.size()), arguments.data(), around);
        return {code, out.str(), err.str(), {}};
    }

    [[nodiscard]] Outcome run_with(Answers answers, std::vector<const char*> arguments) const {
        const AdminServer server(socket_, std::move(answers));
        Outcome outcome = run_alone(std::move(arguments));
        outcome.requests = server.requests();
        std::filesystem::remove(socket_);
        return outcome;
    }

    TempDir dir_;
    std::string socket_ = dir_.path("admin.sock");
    bool tty_ = false;
    std::string in_;  // standard input
    bool in_tty_ = false;
    std::function<bool(Duration)> pause_;
    Duration timeout_ = std::chrono::seconds(10);
};

std::string page(std::initializer_list<int> seqs, const std::string& next) {
    std::string entries;
    for (const int seq : seqs) {
        entries +=
            (entries.empty() ? "" : ",") + std::string("{\"seq\":") + std::to_string(seq) + "}";
    }
    return "{\"entries\":[" + entries + "],\"next\":" + next + "}";
}

TEST_F(CliTest, ShowsTheStatus) {
    const Outcome outcome = run_with({{200, kHealthy}}, {"status"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, format_status(Json::parse(kHealthy), wall_from_ms(kNowMs)));
    EXPECT_EQ(outcome.err, "");
    EXPECT_THAT(outcome.requests, ElementsAre("GET /v1/status"));
}

TEST_F(CliTest, WritesJsonAsItCameBeforeAndBehindTheCommand) {
    const std::string odd = "{\"z\": 1.50,\n \"a\":  \"\\u00fc\"}";
    EXPECT_EQ(run_with({{200, odd}}, {"--json", "status"}).out, odd + "\n");
    EXPECT_EQ(run_with({{200, odd + "\n"}}, {"status", "--json"}).out, odd + "\n");
    EXPECT_EQ(run_with({{200, odd}}, {"show", "1", "--json"}).out, odd + "\n");
    EXPECT_EQ(run_with({{200, odd}}, {"replay", "1", "--json"}).out, odd + "\n");
}

TEST_F(CliTest, TakesTheSocketFromTheEnvironmentUnlessItIsGiven) {
    const AdminServer server(socket_, {{200, kHealthy}});
    ASSERT_EQ(::setenv("HOLDFAST_SOCKET", socket_.c_str(), 1), 0);
    const Outcome from_environment = run_exactly({"holdfast", "status"});
    const Outcome given = run_exactly({"holdfast", "status", "--socket", "/no/such"});
    ASSERT_EQ(::unsetenv("HOLDFAST_SOCKET"), 0);
    EXPECT_EQ(from_environment.code, 0);
    EXPECT_EQ(given.code, 69);
}

TEST_F(CliTest, EndsWith3OnlyWhenACheckFindsSomething) {
    EXPECT_EQ(run_with({{200, kTroubled}}, {"status"}).code, 0);
    EXPECT_EQ(run_with({{200, kTroubled}}, {"lost"}).out, format_lost(Json::parse(kTroubled)));
    const Outcome seen = run_with({{200, R"({"seen": 3})"}}, {"lost", "--seen"});
    EXPECT_EQ(seen.out, "taken off the status: 3\n");
    EXPECT_EQ(seen.requests.at(0).substr(0, 18), "POST /v1/lost/seen");
    EXPECT_EQ(run_with({{200, kHealthy}}, {"status", "--check"}).code, 0);
    EXPECT_EQ(run_with({{200, kTroubled}}, {"status", "--check"}).code, 3);
    EXPECT_EQ(run_with({{200, kTroubled}}, {"status", "--check", "--json"}).code, 3);
}

TEST_F(CliTest, ShowsAndSetsTheLevel) {
    const std::string degraded = R"({"destinations": [
        {"name": "main", "degradation": {"level": "essential_only", "essential_first": false,
                                         "reason": "an operator chose it"}},
        {"name": "other", "degradation": {"level": "full", "essential_first": true,
                                          "reason": "entries have waited for long"}},
        {"name": "gone", "degradation": null}]})";
    EXPECT_EQ(run_with({{200, degraded}}, {"level"}).out,
              "DESTINATION  LEVEL           FIRST      REASON\n"
              "main         essential_only  oldest     an operator chose it\n"
              "other        full            essential  entries have waited for long\n");
    EXPECT_EQ(run_with({{200, degraded}}, {"level", "--destination", "other"}).out,
              "DESTINATION  LEVEL  FIRST      REASON\n"
              "other        full   essential  entries have waited for long\n");
    const std::string done = R"({"level": "disabled", "destinations": ["main", "other"]})";
    const Outcome set = run_with({{200, done}}, {"level", "disabled"});
    EXPECT_EQ(set.out, "main: level disabled\nother: level disabled\n");
    EXPECT_TRUE(set.requests.at(0).starts_with("POST /v1/level "));
    EXPECT_TRUE(set.requests.at(0).ends_with(R"({"level":"disabled"})"));
    const Outcome one = run_with({{200, done}}, {"level", "full", "--destination", "main"});
    EXPECT_TRUE(one.requests.at(0).ends_with(R"({"level":"full","destination":"main"})"));
    EXPECT_EQ(run_with({}, {"level", "half"}).code, 2);
    EXPECT_EQ(run_with({{200, degraded}}, {"status", "--check"}).code, 3) << "something is held";
}

TEST_F(CliTest, AsksForEntriesWithAllFilters) {
    const Outcome outcome = run_with({{200, page({}, "null")}},
                                     {"ls",
                                      "--state",
                                      "retrying",
                                      "--destination",
                                      "a",
                                      "--person",
                                      "email:a+b@c.d&x=y",
                                      "--operation",
                                      "event",
                                      "--after",
                                      "7",
                                      "--limit",
                                      "3"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "No entries.\n");
    EXPECT_THAT(
        outcome.requests,
        ElementsAre("GET /v1/entries?state=retrying&destination=a&person=email%3Aa%2Bb%40c.d%"
                    "26x%3Dy&operation=event&after=7&limit=3"));
}

TEST_F(CliTest, AsksForDeadLetters) {
    const Outcome outcome = run_with({{200, page({}, "null")}}, {"dead"});
    EXPECT_EQ(outcome.out, "No dead letters.\n");
    EXPECT_THAT(outcome.requests, ElementsAre("GET /v1/entries?state=failed&limit=50"));
}

TEST_F(CliTest, JoinsPagesUntilThereIsNoNext) {
    const Outcome outcome =
        run_with({{200, page({1, 2}, "5")}, {200, page({}, "9")}, {200, page({10}, "null")}},
                 {"ls", "--json"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, page({1, 2, 10}, "null") + "\n");
    EXPECT_THAT(outcome.requests,
                ElementsAre("GET /v1/entries?state=all&limit=50",
                            "GET /v1/entries?state=all&after=5&limit=48",
                            "GET /v1/entries?state=all&after=9&limit=48"));
}

TEST_F(CliTest, JoinsPagesUntilTheLimit) {
    const Outcome outcome = run_with({{200, page({1, 2}, "2")}, {200, page({3}, "3")}},
                                     {"dead", "--json", "--limit", "3"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, page({1, 2, 3}, "3") + "\n");
    EXPECT_EQ(outcome.requests.back(), "GET /v1/entries?state=failed&after=2&limit=1");
}

TEST_F(CliTest, AsksForAThousandEntriesAtATime) {
    const Outcome outcome = run_with({{200, page({}, "null")}}, {"ls", "--limit", "2500"});
    EXPECT_THAT(outcome.requests, ElementsAre("GET /v1/entries?state=all&limit=1000"));
}

TEST_F(CliTest, EndsWhenPagesDoNotAdvance) {
    const Outcome outcome = run_with({{200, page({1}, "5")}, {200, page({}, "5")}}, {"ls"});
    EXPECT_EQ(outcome.code, 69);
    EXPECT_EQ(outcome.err,
              "holdfast: what answers on the socket is not holdfastd, or of another version\n");
}

TEST_F(CliTest, ShowsAnEntryByNumberAndById) {
    Json entry = Json::parse(kRetrying);
    entry.update(Json::parse(kDetails));
    const Outcome outcome = run_with({{200, entry.dump()}}, {"show", "17"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, format_entry(entry, wall_from_ms(kNowMs)));
    EXPECT_THAT(outcome.requests, ElementsAre("GET /v1/entries/17"));
    EXPECT_THAT(run_with({{200, entry.dump()}}, {"show", kUlid}).requests,
                ElementsAre(std::string("GET /v1/entries/") + kUlid));
}

TEST_F(CliTest, AsksForABodyOnlyWhenItIsToldTo) {
    const char* entry = R"({"seq":17,"body":"{\"a\":1}"})";
    const Outcome outcome = run_with({{200, entry}}, {"show", "17", "--body"});
    EXPECT_THAT(outcome.out, HasSubstr("{\"a\":1}"));
    EXPECT_THAT(outcome.requests, ElementsAre("GET /v1/entries/17?body=1"));
}

TEST_F(CliTest, EndsWith1WhenThereIsNoSuchEntry) {
    const Outcome outcome = run_with(
        {{404, R"({"error":{"code":"not_found","message":"there is no entry 17\u001b"}})"}},
        {"show", "17", "--json"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err, "holdfast: there is no entry 17\\x1b\n");
}

TEST_F(CliTest, EndsWith1WhenTheAgentRefusesWithoutAWord) {
    const Outcome outcome = run_with({{503, "{}"}}, {"status"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.err, "holdfast: status 503\n");
}

TEST_F(CliTest, ReplaysEntries) {
    const Outcome outcome = run_with(
        {{200,
          R"({"replayed":[{"seq":17,"id":"A","new_seq":20,"new_id":"B"}],"skipped":[],"remaining":0})"}},
        {"replay", "17", kUlid});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out,
              "1 entry replayed.\n"
              "SEQ  ID  NEW SEQ  NEW ID\n"
              " 17  A        20  B\n");
    EXPECT_THAT(
        outcome.requests,
        ElementsAre(std::string("POST /v1/replay {\"entries\":[\"17\",\"") + kUlid + "\"]}"));
}

TEST_F(CliTest, EndsWith1WhenAnEntryWasSkipped) {
    const Outcome outcome = run_with(
        {{200,
          R"({"replayed":[],"skipped":[{"entry":"17","reason":"it is complete"}],"remaining":0})"}},
        {"replay", "17"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out, "0 entries replayed.\nSKIPPED  REASON\n17       it is complete\n");
}

constexpr const char* kFirstOfTwo =
    R"({"replayed":[{"seq":1},{"seq":2}],"skipped":[],"remaining":1,"next":2,"up_to":9})";

TEST_F(CliTest, ReplaysAllUntilNothingRemains) {
    const Outcome outcome = run_with(
        {{200, kFirstOfTwo}, {200, R"({"replayed":[{"seq":3}],"skipped":[],"remaining":0})"}},
        {"replay", "--all"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "3 entries replayed.\n");
    EXPECT_EQ(outcome.err, "");
    EXPECT_THAT(outcome.requests,
                ElementsAre("POST /v1/replay {\"all\":true}",
                            "POST /v1/replay {\"all\":true,\"after\":2,\"up_to\":9}"));
}

TEST_F(CliTest, JoinsTheReportsOfAReplayOfAll) {
    const Outcome outcome = run_with(
        {{200, kFirstOfTwo}, {200, R"({"replayed":[{"seq":3}],"skipped":[],"remaining":0})"}},
        {"replay", "--all", "--json"});
    EXPECT_EQ(
        outcome.out,
        "{\"replayed\":[{\"seq\":1},{\"seq\":2},{\"seq\":3}],\"skipped\":[],\"remaining\":0}\n");
}

TEST_F(CliTest, ShowsTheProgressOfAReplayOnATerminal) {
    tty_ = true;
    const Outcome outcome = run_with(
        {{200, kFirstOfTwo}, {200, R"({"replayed":[{"seq":3}],"skipped":[],"remaining":0})"}},
        {"replay", "--all"});
    EXPECT_EQ(outcome.err, "replayed 2 of 3\nreplayed 3 of 3\n");
}

TEST_F(CliTest, ReplaysNoMoreThanThereWereEvenIfAllFailAgain) {
    const Outcome outcome =
        run_with({{200, kFirstOfTwo},
                  {200, R"({"replayed":[{"seq":3}],"skipped":[],"remaining":3,"next":null})"}},
                 {"replay", "--all"});
    EXPECT_EQ(outcome.code, 0) << "what is left has failed since";
    EXPECT_EQ(outcome.out, "3 entries replayed.\n3 dead letters left.\n");
}

TEST_F(CliTest, GoesOnBehindEntriesThatCannotBeReplayed) {
    const Outcome outcome = run_with(
        {{200,
          R"({"replayed":[],"skipped":[{"entry":"1","reason":"no such destination"}],)"
          R"("remaining":3,"next":1,"up_to":9})"},
         {200, R"({"replayed":[{"seq":3}],"skipped":[],"remaining":2,"next":3,"up_to":9})"},
         {200, R"({"replayed":[{"seq":4}],"skipped":[],"remaining":1,"next":null})"}},
        {"replay", "--all"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out,
              "2 entries replayed.\nSKIPPED  REASON\n1        no such destination\n1 dead letter "
              "left.\n");
    EXPECT_EQ(outcome.requests.size(), 3U);
}

TEST_F(CliTest, SaysWhatWasReplayedBeforeTheAgentRefused) {
    const Outcome outcome =
        run_with({{200, kFirstOfTwo},
                  {503, R"({"error":{"code":"storage_failed","message":"log failed"}})"}},
                 {"replay", "--all"});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out, "2 entries replayed.\n1 dead letter left.\n");
    EXPECT_EQ(outcome.err, "holdfast: log failed\n");
}

constexpr const char* kGroupsStep1 =
    R"({"groups":[{"group":"a1","count":2,"oldest":"2026-01-02T03:00:05.678Z",)"
    R"("newest":"2026-01-02T03:01:05.678Z","destination":"main","operation":"event","name":"buy",)"
    R"("cause":"poison","status":400,"reason":"400 no","example":{"seq":7,"id":"X"}}],"next":9})";
constexpr const char* kGroupsStep2 =
    R"({"groups":[{"group":"b2","count":4,"cause":"ambiguous","reason":"ambiguous"},)"
    R"({"group":"a1","count":1,"oldest":"2026-01-02T03:02:05.678Z",)"
    R"("newest":"2026-01-02T03:02:05.678Z"}],"next":null})";

TEST_F(CliTest, JoinsTheStepsOfCountingDeadLetters) {
    const Answers answers = {{200, kGroupsStep1}, {200, kGroupsStep2}};
    const Outcome outcome = run_with(answers, {"dead", "--groups", "--name", "buy", "--json"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.requests,
                ElementsAre("GET /v1/groups?after=0&name=buy", "GET /v1/groups?after=9&name=buy"));
    const Json document = Json::parse(outcome.out);
    EXPECT_EQ(document["total"], 7);
    EXPECT_EQ(document["other"], 0);
    ASSERT_EQ(document["groups"].size(), 2U);
    EXPECT_EQ(document["groups"][0]["group"], "b2") << "the most first";
    EXPECT_EQ(document["groups"][1]["count"], 3);
    EXPECT_EQ(document["groups"][1]["oldest"], "2026-01-02T03:00:05.678Z");
    EXPECT_EQ(document["groups"][1]["newest"], "2026-01-02T03:02:05.678Z");
    EXPECT_THAT(run_with(answers, {"dead", "--groups"}).out,
                HasSubstr("a1         3  4 min ago  2 min ago  main         event      buy"));
}

TEST_F(CliTest, CountsThoseOfTooManyGroupsTogether) {
    std::string groups;
    for (std::size_t i = 0; i < kGroupsMax + 2; ++i) {
        groups += (i == 0 ? "" : ",") + std::string("{\"group\":\"") + std::to_string(i) +
                  "\",\"count\":3}";
    }
    const std::string step = "{\"groups\":[" + groups + "],\"next\":null}";
    const Json document = Json::parse(run_with({{200, step}}, {"dead", "--groups", "--json"}).out);
    EXPECT_EQ(document["groups"].size(), kGroupsMax);
    EXPECT_EQ(document["other"], 6);
    EXPECT_EQ(document["total"], 3 * (kGroupsMax + 2));
}

TEST_F(CliTest, ReplaysASelectionWithARate) {
    std::vector<Duration> pauses;
    pause_ = [&](Duration pause) {
        if (pause > Duration::zero()) pauses.push_back(pause);
        return true;
    };
    const Outcome outcome = run_with(
        {{200, kFirstOfTwo}, {200, R"({"replayed":[{"seq":3}],"skipped":[],"next":null})"}},
        {"replay", "--name", "buy", "--since", "2h", "--ambiguous", "--rate", "20"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "3 entries replayed.\n");
    const std::string where =
        R"({"where":{"name":"buy","since":"2026-01-02T01:04:05.678Z"},"ambiguous":true,"limit":2)";
    EXPECT_THAT(outcome.requests,
                ElementsAre("POST /v1/replay " + where + "}",
                            "POST /v1/replay " + where + ",\"after\":2,\"up_to\":9}"));
    EXPECT_THAT(pauses, ElementsAre(Duration(std::chrono::milliseconds(100))));
}

TEST_F(CliTest, StopsBetweenTwoCallsAndSaysWhatWasDone) {
    int calls = 0;
    pause_ = [&](Duration) { return ++calls < 2; };
    const Outcome outcome = run_with({{200, kFirstOfTwo}}, {"replay", "--all"});
    EXPECT_EQ(outcome.code, 130);
    EXPECT_EQ(outcome.out, "2 entries replayed.\n1 dead letter left.\n");
    EXPECT_THAT(outcome.err, HasSubstr("interrupted, 2 were replayed"));
    EXPECT_EQ(outcome.requests.size(), 1U);
}

TEST_F(CliTest, ADryRunOnlyReads) {
    const Outcome outcome =
        run_with({{200, kGroupsStep1}, {200, kGroupsStep2}, {200, page({7}, "7")}},
                 {"replay", "--destination", "main", "--dry-run"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_THAT(outcome.out, HasSubstr("3 entries would be replayed.\n4 more are left out"));
    EXPECT_THAT(outcome.out, HasSubstr("The first:\nSEQ"));
    for (const std::string& request : outcome.requests) EXPECT_EQ(request.substr(0, 4), "GET ");
    const Outcome drop = run_with({{200, kFailed}, {404, "{}"}}, {"drop", "1", "2", "--dry-run"});
    EXPECT_EQ(drop.code, 1);
    EXPECT_THAT(drop.out, HasSubstr("1 entry would be dropped."));
}

TEST_F(CliTest, DropsOneAtOnceAndMoreWhenThatIsConfirmed) {
    constexpr const char* kDropped = R"({"dropped":[{"seq":7,"id":"X"}],"skipped":[],"next":null})";
    const Outcome one = run_with({{200, kDropped}}, {"drop", "7"});
    EXPECT_EQ(one.code, 0);
    EXPECT_EQ(one.out, "1 entry dropped.\nSEQ  ID\n  7  X\n");
    EXPECT_THAT(one.requests, ElementsAre("POST /v1/drop {\"entries\":[\"7\"]}"));

    const Outcome unasked = run_with({}, {"drop", "--all"});
    EXPECT_EQ(unasked.code, 2);
    EXPECT_THAT(unasked.requests, testing::IsEmpty());
    EXPECT_EQ(run_with({{200, kDropped}}, {"drop", "--all", "--yes"}).code, 0);

    in_tty_ = true;
    in_ = "n\n";
    const Outcome no = run_with({{200, kGroupsStep2}}, {"drop", "--group", "b2"});
    EXPECT_EQ(no.code, 1);
    EXPECT_THAT(no.err, HasSubstr("Drop 5 dead letters for good? [y/N] "));
    EXPECT_EQ(no.requests.size(), 1U);
    in_ = "y\n";
    const Outcome yes = run_with({{200, kGroupsStep2}, {200, kDropped}}, {"drop", "--group", "b2"});
    EXPECT_EQ(yes.code, 0);
    EXPECT_EQ(yes.requests.at(1), R"(POST /v1/drop {"where":{"group":"b2"}})");
}

constexpr const char* kEdited = R"({"seq":7,"id":"X","new_seq":9,"new_id":"Y"})";

TEST_F(CliTest, EditsWithABodyFromStandardInput) {
    in_ = "{\"a\":1}\n";
    const Outcome outcome = run_with({{200, kEdited}}, {"edit", "7", "--body", "-"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "1 entry replayed.\nSEQ  ID  NEW SEQ  NEW ID\n  7  X         9  Y\n");
    EXPECT_THAT(outcome.requests, ElementsAre("POST /v1/entries/7/edit {\"a\":1}\n"));
    EXPECT_EQ(run_with({}, {"edit", "7", "--body", "/no/such"}).code, 1);
    EXPECT_EQ(run_with({}, {"edit", "7"}).code, 2) << "there is no terminal";
}

TEST_F(CliTest, EditsInTheUsersEditorAndKeepsWhatIsRefused) {
    in_tty_ = true;
    ASSERT_EQ(::setenv("VISUAL", "sed -i s/1/2/", 1), 0);
    ASSERT_EQ(::setenv("TMPDIR", dir_.path("").c_str(), 1), 0);
    constexpr const char* kOld = R"({"seq":7,"body":"{\"a\":1}"})";
    const Outcome done = run_with({{200, kOld}, {200, kEdited}}, {"edit", "7"});
    const Outcome refused =
        run_with({{200, kOld}, {400, R"({"error":{"message":"bad body"}})"}}, {"edit", "7"});
    ASSERT_EQ(::setenv("VISUAL", "true", 1), 0);
    const Outcome unchanged = run_with({{200, kOld}}, {"edit", "7"});
    ASSERT_EQ(::unsetenv("VISUAL"), 0);
    ASSERT_EQ(::unsetenv("TMPDIR"), 0);
    EXPECT_EQ(done.code, 0) << done.err;
    EXPECT_EQ(done.requests.at(1), "POST /v1/entries/7/edit {\"a\":2}");
    EXPECT_EQ(refused.code, 1);
    EXPECT_THAT(refused.err, HasSubstr("bad body\nholdfast: the edited body is kept in "));
    EXPECT_EQ(unchanged.code, 1);
    EXPECT_THAT(unchanged.err, HasSubstr("nothing was changed"));
}

TEST_F(CliTest, ExportsLinesThatCanBeSent) {
    const std::string entry =
        R"({"seq":7,"state":"failed","destination":"main","reason":"400","method":"POST",)"
        R"("target":"/api/v1/customers/1/events","answer":"no","body":"{\"name\":\"a\"}"})";
    const Outcome outcome =
        run_with({{200, "{\"entries\":[" + entry + "],\"next\":8}"},
                  {200, R"({"entries":[{"seq":9,"method":null}],"next":null})"}},
                 {"export", "--name", "a"});
    EXPECT_EQ(outcome.code, 1) << "one is damaged";
    EXPECT_THAT(outcome.err, HasSubstr("1 entries are damaged"));
    EXPECT_EQ(outcome.out,
              R"({"method":"POST","target":"/api/v1/customers/1/events",)"
              R"("body":"{\"name\":\"a\"}","destination":"main",)"
              R"("entry":{"seq":7,"state":"failed","reason":"400","answer":"no"}})"
              "\n");
    EXPECT_THAT(outcome.requests,
                ElementsAre("GET /v1/entries?state=failed&body=1&name=a&after=0&limit=200",
                            "GET /v1/entries?state=failed&body=1&name=a&after=8&limit=200"));
    const Result<SendLine> line = parse_send_line(outcome.out);
    ASSERT_TRUE(line) << line.error().detail;
    EXPECT_EQ(line->body, R"({"name":"a"})");
    EXPECT_EQ(line->destination, "main");
}

TEST_F(CliTest, SaysWhichSocketCannotBeReached) {
    const Outcome outcome = run_alone({"status"});
    EXPECT_EQ(outcome.code, 69);
    EXPECT_EQ(outcome.out, "");
    EXPECT_EQ(outcome.err,
              "holdfast: cannot reach the agent at " + socket_ +
                  ": No such file or directory; is holdfastd running?\n");
}

TEST_F(CliTest, GivesUpOnAnAgentThatDoesNotAnswer) {
    timeout_ = std::chrono::milliseconds(20);
    const Outcome outcome = run_with({}, {"status"});
    EXPECT_EQ(outcome.code, 69);
    EXPECT_THAT(outcome.err, HasSubstr("; it does not answer in time, see its log\n"));
}

TEST_F(CliTest, EndsWith69WhenSomethingElseAnswers) {
    for (const char* body : {"", "hello", "[]", "{\"a\":"}) {
        const Outcome outcome = run_with({{200, body}}, {"status"});
        EXPECT_EQ(outcome.code, 69) << body;
        EXPECT_THAT(outcome.err, HasSubstr("is not holdfastd")) << body;
    }
}

TEST_F(CliTest, EndsWith2AndOneLineForAWrongCommandLine) {
    const std::vector<std::vector<const char*>> wrong = {
        {},
        {"bogus"},
        {"status", "ls"},
        {"status", "extra"},
        {"status", "--bogus"},
        {"show"},
        {"show", "seventeen"},
        {"show", "-1"},
        {"show", "../status"},
        {"show", "99999999999999999999"},
        {"show", "1", "2"},
        {"ls", "--state", "lost"},
        {"ls", "--limit", "0"},
        {"ls", "--limit", "1000001"},
        {"ls", "--after", "x"},
        {"replay"},
        {"replay", "--all", "1"},
        {"replay", "--name", "a", "1"},
        {"replay", "--name", "a", "--all"},
        {"replay", "--dry-run"},
        {"replay", "--name", "a", "--since", "yesterday"},
        {"replay", "--all", "--rate", "0"},
        {"drop"},
        {"edit"},
        {"replay", "x"},
        {"status", "--socket", ""},
    };
    for (const auto& arguments : wrong) {
        const Outcome outcome = run_alone(arguments);
        const std::string shown = testing::PrintToString(arguments);
        EXPECT_EQ(outcome.code, 2) << shown;
        EXPECT_EQ(outcome.out, "") << shown;
        EXPECT_THAT(outcome.err, testing::MatchesRegex("holdfast: [^\n]+; see holdfast --help\n"))
            << shown;
    }
}

TEST_F(CliTest, NamesACommandThatThereIsNot) {
    for (const std::vector<const char*>& arguments : {std::vector<const char*>{"stat"},
                                                      std::vector<const char*>{"stat", "--json"},
                                                      std::vector<const char*>{"--json", "stat"},
                                                      std::vector<const char*>{"stat", "7"}}) {
        const Outcome outcome = run_alone(arguments);
        EXPECT_EQ(outcome.code, 2);
        EXPECT_EQ(outcome.err, "holdfast: there is no command \"stat\"; see holdfast --help\n");
    }
    EXPECT_THAT(run_alone({""}).err, HasSubstr("there is no command \"\""));
    EXPECT_THAT(run_alone({}).err, HasSubstr("A subcommand is required"));
    EXPECT_THAT(run_alone({"--bogus"}).err, Not(HasSubstr("there is no command")));
    EXPECT_THAT(run_alone({"status", "extra"}).err, HasSubstr("extra"));
}

TEST_F(CliTest, RefusesASocketPathThatTheKernelCannotTake) {
    const std::string path = "/" + std::string(107, 'x');
    EXPECT_EQ(run_alone({"status", "--socket", path.c_str()}).code, 2);
}

TEST_F(CliTest, DocumentsTheExitCodesInItsHelp) {
    for (const std::vector<const char*>& arguments :
         {std::vector<const char*>{"--help"}, std::vector<const char*>{"replay", "--help"}}) {
        const Outcome outcome = run_alone(arguments);
        EXPECT_EQ(outcome.code, 0);
        EXPECT_THAT(outcome.out, HasSubstr("69  the agent cannot be reached"));
        EXPECT_EQ(outcome.err, "");
    }
}

TEST_F(CliTest, SaysItsVersion) {
    EXPECT_EQ(run_alone({"--version"}).out, "holdfast " HOLDFAST_VERSION "\n");
}

}  // namespace
}  // namespace holdfast::cli
