// The client library and `holdfast send` with the agent itself.
#include "agent/cli/command_line.hpp"
#include "agent/client/holdfast/client.hpp"
#include "tests/unit/agent/process/child.hpp"
#include "tests/unit/agent/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <csignal>
#include <map>
#include <sstream>

namespace holdfast::agent {
namespace {

using testing::HasSubstr;

class ClientOfTheAgent : public testing::Test {
protected:
    struct Sent {
        int code;
        std::string out;
        std::string err;
    };

    [[nodiscard]] Child::Options agent() const {
        const std::string key = dir_.write("key", "secret\n");
        const std::string config = dir_.write(
            "config.toml",
            "[ingest]\nsocket = \"" + socket() + "\"\n[admin]\nsocket = \"" + admin() +
                "\"\n[wal]\ndirectory = \"" + dir_.path("log") +
                "\"\n[agent]\ndrain_timeout = \"300ms\"\n"
                "[[destination]]\nname = \"main\"\ntype = \"customerio\"\nsite_id = \"site\"\n"
                "api_key_file = \"" +
                key + "\"\ntrack_url = \"http://127.0.0.1:1\"\n");
        return {.arguments = {"--config", config}};
    }

    [[nodiscard]] std::string socket() const { return dir_.path("ingest.sock"); }

    [[nodiscard]] std::string admin() const { return dir_.path("admin.sock"); }

    [[nodiscard]] nlohmann::json look(const std::string& target) const {
        App app = App::on_unix(admin());
        app.send(request("GET", target));
        EXPECT_TRUE(wait_until([&] {
            app.pump();
            return !app.answers().empty() || app.ended();
        }));
        return nlohmann::json::parse(app.answers().at(0).body);
    }

    [[nodiscard]] Sent send(std::vector<std::string> arguments) const {
        arguments.insert(arguments.begin(), {"holdfast", "send", "--socket", socket()});
        std::vector<const char*> argv;
        for (const std::string& argument : arguments) argv.push_back(argument.c_str());
        std::ostringstream out;
        std::ostringstream err;
        const cli::Surroundings around{.out = out, .err = err, .now = {}};
        const int code = cli::run(static_cast<int>(argv.size()), argv.data(), around);
        return {code, out.str(), err.str()};
    }

    TempDir dir_;
};

client::Event identify(std::string_view key = {}) {
    client::Event event;
    event.method = client::Method::put;
    event.target = "/api/v1/customers/5";
    event.body = R"({"plan":"basic"})";
    event.key = key;
    return event;
}

TEST_F(ClientOfTheAgent, GetsAReceiptOfWhatIsInTheLog) {
    Child child(agent());
    ASSERT_TRUE(child.says("ready")) << child.output();
    client::Client client(socket());
    const auto receipt = client.send(identify("k"));
    ASSERT_TRUE(receipt);
    EXPECT_EQ(receipt->seq, 1U);
    EXPECT_EQ(receipt->durability, client::Durability::synced);
    EXPECT_FALSE(receipt->is_repeat);
    EXPECT_EQ(look("/v1/entries/1")["id"], receipt->id.text());

    const auto again = client.send(identify("k"));
    ASSERT_TRUE(again);
    EXPECT_TRUE(again->is_repeat);
    EXPECT_EQ(again->seq, 1U);
    EXPECT_EQ(again->id, receipt->id);
    EXPECT_EQ(again->accepted_at, receipt->accepted_at);
}

TEST_F(ClientOfTheAgent, LearnsWhatIsWrongWithAnEvent) {
    Child child(agent());
    ASSERT_TRUE(child.says("ready")) << child.output();
    client::Client client(socket());
    const auto refused_with = [&](const client::Event& event, const std::string& reason) {
        const auto outcome = client.send(event);
        ASSERT_FALSE(outcome);
        EXPECT_EQ(outcome.error().code, client::Errc::refused);
        EXPECT_EQ(outcome.error().reason, reason);
        EXPECT_FALSE(outcome.error().message.empty());
    };
    client::Event event = identify();
    event.body = "{";
    refused_with(event, "invalid_json");
    event = identify();
    event.destination = "nowhere";
    refused_with(event, "no_destination");
    event = identify();
    event.target = "/nothing";
    refused_with(event, "not_found");
    ASSERT_TRUE(client.send(identify("k")));
    event = identify("k");
    event.body = "{}";
    refused_with(event, "idempotency_key_reused");
    const std::string large(4'500'000, 'x');
    event = identify();
    event.body = large;
    refused_with(event, "too_large");
    EXPECT_TRUE(client.send(identify()));
}

// What it says of each event must be true, and what it is not sure of is settled by a key.
TEST_F(ClientOfTheAgent, KnowsAfterAKillWhatIsStoredAndWhatMayBe) {
    constexpr std::size_t kEvents = 20'000;
    std::map<std::uint64_t, std::string> acknowledged;  // by seq
    std::size_t again_from = 0;                         // the first without a receipt
    client::Client client(socket());
    {
        Child child(agent());
        ASSERT_TRUE(child.says("ready")) << child.output();
        for (std::size_t i = 0; i < kEvents; ++i) {
            ASSERT_TRUE(client.submit(identify("k" + std::to_string(i))));
            if (client.outstanding() < 256) continue;
            const auto completion = client.receive();
            if (!completion->outcome) {
                again_from = completion->ticket - 1;
                break;
            }
            acknowledged.emplace(completion->outcome->seq, completion->outcome->id.text());
            if (acknowledged.size() == 1000) child.signal(SIGKILL);
        }
        ASSERT_GT(again_from, 0U) << "it was not killed in time";
        while (const auto completion = client.receive()) {
            ASSERT_FALSE(completion->outcome);
            EXPECT_TRUE(completion->outcome.error().may_pass_later());
        }
    }
    Child child(agent());
    ASSERT_TRUE(child.says("ready")) << child.output();
    EXPECT_GE(look("/v1/status")["log"]["head"], acknowledged.size());
    for (const std::size_t i : {std::size_t{0}, again_from / 2, again_from - 1}) {
        const auto repeat = client.send(identify("k" + std::to_string(i)));
        ASSERT_TRUE(repeat) << repeat.error().message;
        EXPECT_TRUE(repeat->is_repeat);
        EXPECT_EQ(acknowledged.at(repeat->seq), repeat->id.text());
    }
    for (std::size_t i = again_from; i < again_from + 300; ++i) {
        const auto receipt = client.send(identify("k" + std::to_string(i)));
        ASSERT_TRUE(receipt);
        EXPECT_TRUE(acknowledged.emplace(receipt->seq, receipt->id.text()).second);
    }
    EXPECT_EQ(look("/v1/status")["log"]["head"], acknowledged.size());
}

TEST_F(ClientOfTheAgent, ConnectsAgainToAnAgentThatWasRestarted) {
    client::Client client(socket());
    EXPECT_EQ(client.send(identify()).error().code, client::Errc::unreachable);
    for (std::uint64_t seq = 1; seq <= 2; ++seq) {
        Child child(agent());
        ASSERT_TRUE(child.says("ready")) << child.output();
        const auto receipt = client.send(identify());
        ASSERT_TRUE(receipt) << receipt.error().message;
        EXPECT_EQ(receipt->seq, seq);
        child.signal(SIGTERM);
        EXPECT_EQ(child.exit_code(), 0);
    }
    EXPECT_EQ(client.send(identify()).error().code, client::Errc::unreachable);
}

TEST_F(ClientOfTheAgent, SendSendsAFileOnceHoweverOftenItIsSent) {
    Child child(agent());
    ASSERT_TRUE(child.says("ready")) << child.output();
    std::string text;
    for (int i = 0; i < 3000; ++i) {
        text += R"({"method":"POST","target":"/api/v1/customers/)" + std::to_string(i % 7) +
                R"(/events","body":{"name":"purchase","data":{"i":)" + std::to_string(i) + "}}}\n";
    }
    const std::string file = dir_.write("events", text);
    const Sent first = send({"--from", file, "--idempotency-key", "monday"});
    EXPECT_EQ(first.code, 0);
    EXPECT_EQ(first.out, "stored 3000\n");
    const Sent second = send({"--from", file, "--idempotency-key", "monday", "--after", "1000"});
    EXPECT_EQ(second.code, 0);
    EXPECT_EQ(second.out, "stored 2000, 2000 of them already before\n");
    EXPECT_EQ(look("/v1/status")["log"]["head"], 3000);
    EXPECT_EQ(look("/v1/entries/8")["person"], "id:0");
}

TEST_F(ClientOfTheAgent, SendTellsWhatIsWrongWithALine) {
    Child child(agent());
    ASSERT_TRUE(child.says("ready")) << child.output();
    const std::string good = R"({"method":"PUT","target":"/api/v1/customers/1","body":{}})"
                             "\n";
    const std::string bad = R"({"method":"PUT","target":"/api/v1/customers/1","body":[]})"
                            "\n";
    const Sent sent = send({"--from", dir_.write("events", good + bad + good), "--continue"});
    EXPECT_EQ(sent.code, 1);
    EXPECT_EQ(sent.out, "stored 2, 1 refused\n");
    EXPECT_THAT(sent.err, HasSubstr("holdfast: line 2: refused: "));
    EXPECT_EQ(send({"DELETE", "/api/v1/customers/1"}).code, 0);
    EXPECT_EQ(look("/v1/entries/3")["operation"], "delete");
}

}  // namespace
}  // namespace holdfast::agent
