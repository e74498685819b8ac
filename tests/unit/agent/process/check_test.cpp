// `holdfast check` and `holdfast repair` with the agent's own log: events go in through the agent,
// its files are damaged, and it goes on with what there is.
#include "tests/unit/agent/process/child.hpp"
#include "tests/unit/agent/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>

namespace holdfast::agent {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uid_t kOther = 4242;  // of nobody
constexpr int kEntries = 60;

std::string read(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string person(int number) {
    return "p" + std::to_string(10000 + number);
}

// Of many bytes that cannot be compressed.
std::string identify_long(int number) {
    std::mt19937 random(static_cast<unsigned>(number));
    std::string body = "{\"plan\":\"basic\"";
    for (const char* const attribute : {"one", "two"}) {
        std::string text;
        for (int i = 0; i < 900; ++i) text += static_cast<char>('a' + random() % 26);
        body.append(",\"").append(attribute).append("\":\"").append(text).append("\"");
    }
    return request("PUT", "/api/v1/customers/" + person(number), body + "}");
}

class HoldfastCheck : public testing::Test {
protected:
    HoldfastCheck() {
        dir_.write("key", "secret\n", 0644);
        write_config("refuse");
    }

    void write_config(const std::string& on_corruption) {
        config_ =
            dir_.write("holdfast.toml",
                       "[ingest]\nsocket = \"" + dir_.path("s/ingest.sock") +
                           "\"\n[admin]\nsocket = \"" + admin() + "\"\n[wal]\ndirectory = \"" +
                           log() + "\"\non_corruption = \"" + on_corruption +
                           "\"\n[agent]\ndrain_timeout = \"100ms\"\n[[destination]]\n"
                           "name = \"main\"\ntype = \"customerio\"\nsite_id = \"site\"\n"
                           "api_key_file = \"" +
                           dir_.path("key") + "\"\ntrack_url = \"http://127.0.0.1:1\"\n",
                       0644);
        fs::create_directories(dir_.path("s"));
    }

    [[nodiscard]] std::string log() const { return dir_.path("log"); }

    [[nodiscard]] std::string admin() const { return dir_.path("s/admin.sock"); }

    [[nodiscard]] fs::path db() const { return log() + "/db"; }

    [[nodiscard]] Child::Options agent() const {
        return {.arguments = {"--config", config_}, .user = user_};
    }

    static void stop(Child& agent) {
        agent.signal(SIGTERM);
        EXPECT_EQ(agent.exit_code(), 0) << agent.output();
    }

    // Acknowledged, and the agent stopped. Its target is down: all stay pending.
    void store(int first, int last) {
        Child running(agent());
        ASSERT_TRUE(running.says("ready")) << running.output();
        App app = App::on_unix(dir_.path("s/ingest.sock"));
        for (int i = first; i <= last; ++i) {  // each with a write of its own
            app.send(identify_long(i));
            const auto count = static_cast<std::size_t>(i - first + 1);
            ASSERT_TRUE(wait_until([&] {
                app.pump();
                return app.answers().size() == count;
            }));
            ASSERT_EQ(app.answers().back().status, 200U) << app.answers().back().body;
        }
        stop(running);
    }

    struct Outcome {
        int code;
        std::string out;
        json document;
    };

    [[nodiscard]] Outcome holdfast(std::vector<std::string> arguments, uid_t user = 0) const {
        Child child({.arguments = std::move(arguments), .program = HOLDFAST, .user = user});
        const int code = child.exit_code();
        return {code, child.output(), json::parse(child.output(), nullptr, false)};
    }

    [[nodiscard]] Outcome check() const {
        return holdfast({"check", "--directory", log(), "--json"});
    }

    static std::vector<std::string> codes(const json& report) {
        std::vector<std::string> all;
        for (const json& finding : report["findings"]) {
            if (finding["severity"] == "damage") all.push_back(finding["code"]);
        }
        return all;
    }

    [[nodiscard]] fs::path largest(const std::string& part) const {
        fs::path found;
        for (const auto& file : fs::directory_iterator(db())) {
            if (file.path().filename().string().find(part) == std::string::npos) continue;
            if (found.empty() || file.file_size() > fs::file_size(found)) found = file.path();
        }
        return found;
    }

    static void flip(const fs::path& file, std::size_t at) {
        std::string bytes = read(file);
        ASSERT_LT(at, bytes.size());
        bytes[at] = static_cast<char>(bytes[at] ^ 1);
        std::ofstream(file, std::ios::binary | std::ios::in) << bytes;
    }

    // The agent starts with on_corruption = "refuse" and has all but these, which it counts as
    // lost.
    void expect_all_but(const std::set<std::uint64_t>& lost) {
        Child running(agent());
        ASSERT_TRUE(running.says("ready")) << running.output();
        const json status = ask("/v1/status");
        EXPECT_EQ(status["log"]["lost"], lost.size());
        EXPECT_EQ(status["log"]["head"], kEntries);
        const json page = ask("/v1/entries?limit=1000");
        std::set<std::uint64_t> there;
        for (const json& entry : page["entries"]) there.insert(entry["seq"].get<std::uint64_t>());
        for (std::uint64_t seq = 1; seq <= kEntries; ++seq) {
            EXPECT_EQ(there.contains(seq), !lost.contains(seq)) << seq;
        }
        const Outcome online = holdfast({"check", "--config", config_, "--json"});
        EXPECT_EQ(online.code, 0) << online.out;
        EXPECT_EQ(online.document["mode"], "online");
        EXPECT_EQ(online.document["entries"], kEntries - lost.size());
        stop(running);
    }

    [[nodiscard]] json ask(const std::string& target) const {
        App app = App::on_unix(admin());
        app.send(request("GET", target));
        EXPECT_TRUE(wait_until([&] {
            app.pump();
            return !app.answers().empty();
        }));
        return json::parse(app.answers().at(0).body);
    }

    static std::set<std::uint64_t> seqs(const json& ranges) {
        std::set<std::uint64_t> all;
        for (const json& range : ranges) {
            for (std::uint64_t seq = range["first"]; seq <= range["last"]; ++seq) all.insert(seq);
        }
        return all;
    }

    TempDir dir_;
    std::string config_;
    uid_t user_ = 0;
};

TEST_F(HoldfastCheck, FindsNothingInALogThatIsWell) {
    store(1, kEntries);
    const Outcome outcome = check();
    EXPECT_EQ(outcome.code, 0) << outcome.out;
    EXPECT_EQ(outcome.document["mode"], "offline");
    EXPECT_EQ(outcome.document["directory"], log());
    EXPECT_EQ(outcome.document["tail"], 1);
    EXPECT_EQ(outcome.document["head"], kEntries);
    EXPECT_EQ(outcome.document["acknowledged"], kEntries);
    EXPECT_EQ(outcome.document["entries"], kEntries);
    EXPECT_EQ(outcome.document["damaged"], false);
    EXPECT_THAT(codes(outcome.document), IsEmpty());
    const Outcome text = holdfast({"check", "--config", config_});
    EXPECT_EQ(text.code, 0);
    EXPECT_THAT(text.out, HasSubstr(log() + ": entries 1 to 60, no agent runs\n"));
    EXPECT_THAT(text.out, HasSubstr("No damage found.\n"));
    EXPECT_EQ(holdfast({"repair", "--config", config_}).code, 0);
}

TEST_F(HoldfastCheck, AsksTheAgentWhileItRuns) {
    store(1, kEntries);
    Child running(agent());
    ASSERT_TRUE(running.says("ready"));
    const Outcome by_config = holdfast({"check", "--config", config_, "--json"});
    EXPECT_EQ(by_config.code, 0) << by_config.out;
    EXPECT_EQ(by_config.document["mode"], "online");
    EXPECT_EQ(by_config.document["entries"], kEntries);
    EXPECT_EQ(by_config.document["directory"], log());
    const Outcome by_socket = holdfast({"--socket", admin(), "check", "--json"});
    EXPECT_EQ(by_socket.code, 0);
    EXPECT_EQ(by_socket.document, by_config.document);
    const Outcome elsewhere =
        holdfast({"check", "--directory", log(), "--socket", dir_.path("nobody")});
    EXPECT_EQ(elsewhere.code, 69);
    EXPECT_THAT(elsewhere.out, HasSubstr("an agent uses the log in " + log()));
    EXPECT_THAT(elsewhere.out,
                HasSubstr("; say with --socket or --config where that agent listens\n"));
}

TEST_F(HoldfastCheck, DoesNotTakeAnotherAgentsWordForIt) {
    store(1, 2);
    Child running(agent());
    ASSERT_TRUE(running.says("ready"));
    const std::string other = dir_.path("other");
    const std::string second = read(config_);
    std::string moved = second;
    for (const std::string& part : {log(), dir_.path("s/")}) {
        for (std::size_t at = 0; (at = moved.find(part, at)) != std::string::npos;) {
            const std::string to = part == log() ? other : dir_.path("t/");
            moved.replace(at, part.size(), to);
            at += to.size();
        }
    }
    fs::create_directories(dir_.path("t"));
    Child another({.arguments = {"--config", dir_.write("other.toml", moved)}});
    ASSERT_TRUE(another.says("ready")) << another.output();
    const Outcome outcome = holdfast({"check", "--directory", other, "--socket", admin()});
    EXPECT_EQ(outcome.code, 75);
    EXPECT_THAT(outcome.out,
                HasSubstr("has its log in " + log() +
                          "; say with --socket or --config where that agent listens\n"));
}

TEST_F(HoldfastCheck, RepairsOnlyWhileNoAgentRuns) {
    store(1, 2);
    Child running(agent());
    ASSERT_TRUE(running.says("ready"));
    for (const bool dry : {false, true}) {
        std::vector<std::string> arguments{"repair", "--directory", log()};
        if (dry) arguments.emplace_back("--dry-run");
        const Outcome outcome = holdfast(arguments);
        EXPECT_EQ(outcome.code, 75);
        EXPECT_THAT(outcome.out, HasSubstr("stop it first"));
    }
}

TEST_F(HoldfastCheck, SaysWhatIsWrongWithItsArguments) {
    const Outcome nowhere = holdfast({"check", "--directory", dir_.path("nowhere")});
    EXPECT_EQ(nowhere.code, 1);
    EXPECT_THAT(nowhere.out, HasSubstr("No such file or directory"));
    fs::create_directories(dir_.path("empty"));
    const Outcome empty = holdfast({"check", "--directory", dir_.path("empty")});
    EXPECT_EQ(empty.code, 1);
    EXPECT_THAT(empty.out, HasSubstr("there is no log in"));
    EXPECT_TRUE(fs::is_empty(dir_.path("empty")));
    EXPECT_EQ(holdfast({"check", "--config", dir_.path("none")}).code, 1);
    EXPECT_EQ(holdfast({"check", "--config", "a", "--directory", "b"}).code, 2);
    EXPECT_EQ(holdfast({"check", "--dry-run"}).code, 2);
    EXPECT_EQ(holdfast({"repair", "--socket", admin()}).code, 2) << "it is of files";
}

TEST_F(HoldfastCheck, JsonHasAlwaysTheSameKeys) {
    store(1, kEntries);
    flip(largest(".log"), read(largest(".log")).find(person(30)));
    const json report = check().document;
    std::vector<std::string> keys;
    for (const auto& [key, value] : report.items()) keys.push_back(key);
    EXPECT_THAT(keys,
                ElementsAre("acknowledged",
                            "bytes",
                            "damaged",
                            "directory",
                            "entries",
                            "findings",
                            "head",
                            "marks",
                            "mode",
                            "tables",
                            "tail"));
    keys.clear();
    for (const auto& [key, value] : report["findings"][0].items()) keys.push_back(key);
    EXPECT_THAT(
        keys,
        ElementsAre("advice", "code", "count", "meaning", "seqs", "severity", "subject", "what"));
}

TEST_F(HoldfastCheck, AFlippedBitInTheLogIsFoundAndMended) {
    store(1, kEntries);
    flip(largest(".log"), read(largest(".log")).find(person(30)));
    {
        Child refused(agent());
        EXPECT_EQ(refused.exit_code(), 74);
    }
    const Outcome found = check();
    EXPECT_EQ(found.code, 3);
    EXPECT_THAT(codes(found.document), ElementsAre("log_rot", "entry_missing"));
    const std::set<std::uint64_t> missing = seqs(found.document["findings"][1]["seqs"]);
    EXPECT_TRUE(missing.contains(30));
    const Outcome dry = holdfast({"repair", "--directory", log(), "--dry-run", "--json"});
    EXPECT_EQ(dry.code, 3);
    EXPECT_EQ(dry.document["action"], "rebuild");
    EXPECT_TRUE(dry.document["lost"].is_null()) << "only a repair tells";
    EXPECT_EQ(check().document, found.document);
    const Outcome repaired = holdfast({"repair", "--directory", log(), "--json"});
    EXPECT_EQ(repaired.code, 3) << "what is lost must be seen";
    EXPECT_EQ(seqs(repaired.document["lost_ranges"]), missing);
    EXPECT_TRUE(fs::exists(repaired.document["kept_in"].get<std::string>() + "/db"));
    EXPECT_EQ(repaired.document["after"]["damaged"], false);
    expect_all_but(missing);
    EXPECT_EQ(holdfast({"repair", "--directory", log()}).code, 0) << "it is well now";
}

TEST_F(HoldfastCheck, ABadBlockOfATableIsFoundAndMended) {
    store(1, kEntries / 2);
    store(kEntries / 2 + 1, kEntries);  // what was in the log before is in a table now
    const fs::path table = largest(".sst");
    flip(table, fs::file_size(table) / 4);
    const Outcome found = check();
    EXPECT_EQ(found.code, 3);
    EXPECT_THAT(codes(found.document), ElementsAre("table_damaged", "entry_unreadable"));
    const std::set<std::uint64_t> missing = seqs(found.document["findings"][1]["seqs"]);
    {
        Child running(agent());  // RocksDB opens it without a word
        ASSERT_TRUE(running.says("ready")) << running.output();
        const Outcome online = holdfast({"check", "--config", config_, "--json"});
        EXPECT_EQ(online.code, 3);
        EXPECT_EQ(online.document["damaged"], true);
        const std::vector<std::string> all = codes(online.document);
        EXPECT_THAT(all, testing::Contains("table_damaged"));
        running.signal(SIGKILL);
        (void)running.exit_code();
    }
    const Outcome repaired = holdfast({"repair", "--directory", log()});
    EXPECT_EQ(repaired.code, 3) << repaired.out;
    EXPECT_THAT(repaired.out,
                HasSubstr(std::to_string(missing.size()) + " acknowledged entries are gone"));
    EXPECT_THAT(repaired.out, HasSubstr("To undo this"));
    expect_all_but(missing);
}

TEST_F(HoldfastCheck, MissingHeadsAndListsAreMendedWithoutLoss) {
    store(1, kEntries);
    fs::remove(db() / "CURRENT");
    EXPECT_THAT(codes(check().document), ElementsAre("current_missing"));
    EXPECT_EQ(holdfast({"repair", "--directory", log()}).code, 0);
    flip(largest("MANIFEST-"), 40);
    EXPECT_THAT(codes(check().document), ElementsAre("table_list_damaged"));
    EXPECT_EQ(holdfast({"repair", "--directory", log()}).code, 0);
    expect_all_but({});
}

// An operator works as root; the agent has a user of its own.
TEST_F(HoldfastCheck, WhatRootRepairsStaysTheAgents) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    fs::permissions(dir_.path(""), fs::perms(0755));
    fs::create_directories(log());
    for (const std::string& path : {log(), dir_.path("s")}) {
        ASSERT_EQ(::chown(path.c_str(), kOther, kOther), 0);
    }
    user_ = kOther;
    store(1, kEntries);
    flip(largest(".log"), read(largest(".log")).find(person(30)));
    fs::remove(log() + "/lock");
    EXPECT_EQ(holdfast({"check", "--directory", log()}).code, 3);
    const Outcome repaired = holdfast({"repair", "--directory", log(), "--json"});
    EXPECT_EQ(repaired.code, 3) << repaired.out;
    for (const auto& file : fs::recursive_directory_iterator(log())) {
        struct stat status {};

        ASSERT_EQ(::lstat(file.path().c_str(), &status), 0);
        EXPECT_EQ(status.st_uid, kOther) << file.path();
        EXPECT_EQ(status.st_gid, kOther) << file.path();
        EXPECT_EQ(status.st_mode & 0007, 0U) << file.path();
    }
    expect_all_but(seqs(repaired.document["lost_ranges"]));
}

TEST_F(HoldfastCheck, WhoMayNotLookIsToldSo) {
    if (::geteuid() != 0) GTEST_SKIP() << "needs root";
    store(1, 1);
    fs::permissions(dir_.path(""), fs::perms(0755));
    const Outcome outcome = holdfast({"check", "--directory", log()}, kOther);
    EXPECT_EQ(outcome.code, 1);
    EXPECT_THAT(outcome.out, HasSubstr("are you root, or its owner?"));
}

}  // namespace
}  // namespace holdfast::agent
