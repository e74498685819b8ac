// `check` and `repair`: the agent's steps as one report, and what an operator reads.
#include "agent/cli/command_line.hpp"
#include "agent/cli/log_place.hpp"
#include "agent/cli/log_report.hpp"
#include "tests/unit/agent/admin_server.hpp"
#include "tests/unit/agent/cli_documents.hpp"
#include "tests/unit/agent/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace holdfast::cli {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

constexpr const char* kTables =
    R"({"tail":17,"head":120,"tables":1,"marks":0,"entries":0,"bytes":0,"findings":[],"next":"t1"})";
constexpr const char* kFirstEntries =
    R"({"tail":17,"head":120,"tables":0,"marks":3,"entries":52,"bytes":900,"findings":[
        {"code":"entry_unreadable","severity":"damage","subject":null,"count":2,
         "seqs":[{"first":20,"last":20},{"first":30,"last":30}],"what":["a","b"],
         "meaning":"entries lie in damaged blocks","advice":"repair"}],"next":"e70"})";
constexpr const char* kLastEntries =
    R"({"tail":17,"head":120,"tables":0,"marks":0,"entries":52,"bytes":100,"findings":[
        {"code":"entry_unreadable","severity":"damage","subject":null,"count":2,
         "seqs":[{"first":31,"last":32}],"what":["a"],
         "meaning":"entries lie in damaged blocks","advice":"repair"}],"next":null})";

class CliCheck : public testing::Test {
protected:
    struct Outcome {
        int code;
        std::string out;
        std::string err;
        std::vector<std::string> requests;
    };

    [[nodiscard]] Outcome check(std::vector<AdminServer::Canned> answers, bool json = false) const {
        const AdminServer server(socket_, std::move(answers));
        std::vector<const char*> arguments{"holdfast", "--socket", socket_.c_str(), "check"};
        if (json) arguments.push_back("--json");
        std::ostringstream out;
        std::ostringstream err;
        const Surroundings around{.out = out, .err = err, .now = wall_from_ms(kNowMs), .tty = tty_};
        const int code = run(static_cast<int>(arguments.size()), arguments.data(), around);
        Outcome outcome{code, out.str(), err.str(), server.requests()};
        std::filesystem::remove(socket_);
        return outcome;
    }

    TempDir dir_;
    std::string socket_ = dir_.path("admin.sock");
    bool tty_ = false;
};

TEST_F(CliCheck, GoesOnUntilTheAgentHasReadAll) {
    const Outcome outcome =
        check({{200, kHealthy}, {200, kTables}, {200, kFirstEntries}, {200, kLastEntries}});
    EXPECT_THAT(outcome.requests,
                ElementsAre("GET /v1/status",
                            "GET /v1/check?from=",
                            "GET /v1/check?from=t1",
                            "GET /v1/check?from=e70"));
    EXPECT_EQ(outcome.code, 3);
    EXPECT_EQ(outcome.out,
              "/var/lib/holdfast: entries 17 to 120, while the agent runs\n"
              "read 104 entries, 3 marks and 1 table, 1 kB\n"
              "DAMAGE  entries lie in damaged blocks (4: 20, 30-32)\n"
              "        a\n"
              "        b\n"
              "        to do: repair\n"
              "It is damaged.\n");
    EXPECT_EQ(outcome.err, "");
}

TEST_F(CliCheck, JoinsTheStepsToOneDocument) {
    const Outcome outcome =
        check({{200, kHealthy}, {200, kTables}, {200, kFirstEntries}, {200, kLastEntries}}, true);
    EXPECT_EQ(Json::parse(outcome.out),
              Json::parse(
                  R"({"mode":"online","directory":"/var/lib/holdfast","tail":17,"head":120,
                "acknowledged":120,"tables":1,"marks":3,"entries":104,"bytes":1000,"damaged":true,
                "findings":[{"code":"entry_unreadable","severity":"damage","subject":null,
                  "count":4,"seqs":[{"first":20,"last":20},{"first":30,"last":32}],
                  "what":["a","b"],"meaning":"entries lie in damaged blocks",
                  "advice":"repair"}]})"));
}

TEST_F(CliCheck, ShowsOnATerminalHowFarItIs) {
    tty_ = true;
    const Outcome outcome =
        check({{200, kHealthy}, {200, kTables}, {200, kFirstEntries}, {200, kLastEntries}});
    EXPECT_THAT(outcome.err, HasSubstr("] 50 %"));
    EXPECT_THAT(outcome.err, HasSubstr("] 100 %"));
    EXPECT_TRUE(outcome.err.ends_with("\r")) << "the line is cleared";
}

TEST_F(CliCheck, EndsWhenTheAgentsCheckDoesNotGoOn) {
    EXPECT_EQ(check({{200, kHealthy}, {200, kTables}, {200, kTables}}).code, 69);
}

TEST_F(CliCheck, SaysWhatTheAgentSays) {
    const Outcome outcome =
        check({{200, kHealthy}, {503, R"({"error":{"code":"storage_failed","message":"no"}})"}});
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.err, "holdfast: no\n");
}

TEST_F(CliCheck, IsOfTheAgentAloneWhenOnlyASocketIsGiven) {
    const Result<LogPlace> place = find_log({"", "", "/s"});
    ASSERT_TRUE(place);
    EXPECT_EQ(place->directory, "");
    EXPECT_EQ(place->socket, "/s");
}

TEST_F(CliCheck, FindsTheLogThroughTheConfigurationWithoutItsKeys) {
    const std::string file =
        dir_.write("a.toml",
                   "[admin]\nsocket = \"/run/a.sock\"\n[wal]\ndirectory = \"/srv/log/\"\n"
                   "[[destination]]\napi_key_credential = \"not-here\"\n");
    const Result<LogPlace> place = find_log({"", file, ""});
    ASSERT_TRUE(place);
    EXPECT_EQ(place->directory, "/srv/log");
    EXPECT_EQ(place->socket, "/run/a.sock");
    EXPECT_EQ(find_log({"", file, "/s"})->socket, "/s");
    const Result<LogPlace> defaults = find_log({"", dir_.write("b.toml", ""), ""});
    ASSERT_TRUE(defaults);
    EXPECT_EQ(defaults->directory, "/var/lib/holdfast");
    EXPECT_EQ(defaults->socket, kAdminSocket);
    const Result<LogPlace> wrong = find_log({"", dir_.write("c.toml", "a = \n"), ""});
    ASSERT_FALSE(wrong);
    EXPECT_THAT(wrong.error().detail, HasSubstr("c.toml:1: not TOML"));
}

TEST_F(CliCheck, ARepairTellsWhatIsGoneWhereTheRestIsAndHowToUndoIt) {
    wal::RepairReport report;
    report.before.findings = {{wal::Kind::table_damaged, "000015.sst", {}, {"checksum"}},
                              {wal::Kind::entry_unreadable, "", {{{21}, {30}}}, {}}};
    report.mended = wal::Mend::rebuild;
    report.kept_in = "/d/quarantine/T";
    report.lost = {{{21}, {30}}};
    const std::string text = format_repair(repair_report("/d", report, false));
    EXPECT_THAT(text, HasSubstr("DAMAGE  000015.sst: a table file does not match"));
    EXPECT_THAT(text, HasSubstr("10 acknowledged entries are gone, with the seqs: 21-30\n"));
    EXPECT_THAT(text, HasSubstr("kept in /d/quarantine/T;"));
    EXPECT_THAT(text, HasSubstr("\n  mv /d/db /d/db.repaired && mv /d/quarantine/T/db /d/db\n"));
    EXPECT_THAT(text, Not(HasSubstr("And ")));
    report.unnamed = 1;
    EXPECT_THAT(format_repair(repair_report("/d", report, false)),
                HasSubstr("And up to 1 entry that waited for another attempt"));
    EXPECT_THAT(format_repair(repair_report("/d", report, true)), HasSubstr("Nothing was changed"));
    report.mended = wal::Mend::nothing;
    EXPECT_THAT(format_repair(repair_report("/d", report, false)),
                HasSubstr("Nothing was changed"));
}

TEST(Findings, HaveACodeAMeaningAndAnAdviceEach) {
    std::set<std::string_view> codes;
    for (int i = 0; i <= static_cast<int>(wal::kLastKind); ++i) {
        const wal::KindInfo& kind = wal::info(static_cast<wal::Kind>(i));
        EXPECT_TRUE(codes.insert(kind.code).second) << kind.code;
        EXPECT_FALSE(kind.meaning.empty());
        EXPECT_FALSE(kind.advice.empty());
    }
}

}  // namespace
}  // namespace holdfast::cli
