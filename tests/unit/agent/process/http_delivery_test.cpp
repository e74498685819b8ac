// From the ingest socket to an endpoint that is not the vendor's: the program with a server.
#include "agent/delivery/webhook_signature.hpp"
#include "proto/ulid.hpp"
#include "tests/unit/agent/process/child.hpp"
#include "tests/unit/agent/temp_dir.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <deque>

namespace holdfast::agent {
namespace {

// Takes requests, one a connection, and answers with the statuses it was given, then with 200.
class FarSide {
public:
    FarSide() : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t size = sizeof(address);
        auto* any = reinterpret_cast<sockaddr*>(&address);
        EXPECT_EQ(::bind(descriptor_, any, size), 0);
        EXPECT_EQ(::listen(descriptor_, 16), 0);
        EXPECT_EQ(::getsockname(descriptor_, any, &size), 0);
        port_ = ntohs(address.sin_port);
    }

    ~FarSide() { ::close(descriptor_); }

    FarSide(const FarSide&) = delete;
    FarSide& operator=(const FarSide&) = delete;

    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

    void answer_with(std::initializer_list<int> statuses) { statuses_.assign(statuses); }

    // The head and the body of each request so far.
    [[nodiscard]] const std::vector<Reply>& requests() const { return requests_; }

    void pump() {
        const int app = ::accept4(descriptor_, nullptr, nullptr, SOCK_CLOEXEC);
        if (app < 0) return;
        requests_.push_back(read(app));
        const int status = statuses_.empty() ? 200 : statuses_.front();
        if (!statuses_.empty()) statuses_.pop_front();
        const std::string answer = "HTTP/1.1 " + std::to_string(status) +
                                   " X\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
        EXPECT_EQ(::send(app, answer.data(), answer.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(answer.size()));
        ::close(app);
    }

private:
    static Reply read(int app) {
        std::string bytes;
        std::array<char, 4096> buffer{};
        for (;;) {
            const std::size_t end = bytes.find("\r\n\r\n");
            if (end != std::string::npos) {
                Reply request;
                request.head = bytes.substr(0, end + 2);
                request.body = bytes.substr(end + 4);
                if (request.body.size() >= std::stoul(request.field("Content-Length"))) {
                    return request;
                }
            }
            const ssize_t size = ::recv(app, buffer.data(), buffer.size(), 0);
            if (size <= 0) return {};
            bytes.append(buffer.data(), static_cast<std::size_t>(size));
        }
    }

    int descriptor_;
    std::uint16_t port_ = 0;
    std::deque<int> statuses_;
    std::vector<Reply> requests_;
};

class HttpDelivery : public testing::Test {
protected:
    [[nodiscard]] Child::Options agent(const std::string& more = {}) const {
        const std::string config = dir_.write(
            "config.toml",
            "[ingest]\nsocket = \"" + ingest() + "\"\n[admin]\nsocket = \"" + admin() +
                "\"\n[wal]\ndirectory = \"" + dir_.path("log") +
                "\"\n[agent]\ndrain_timeout = \"300ms\"\n[[destination]]\nname = \"orders\"\n"
                "type = \"http\"\nbackoff_base = \"10ms\"\nbackoff_cap = \"20ms\"\nurl = \"" +
                far_side_.url() + "/in?code=1\"\n" + more);
        return {.arguments = {"--config", config}};
    }

    [[nodiscard]] std::string ingest() const { return dir_.path("ingest.sock"); }

    [[nodiscard]] std::string admin() const { return dir_.path("admin.sock"); }

    static Reply call(const std::string& socket, const std::string& bytes) {
        App app = App::on_unix(socket);
        app.send(bytes);
        EXPECT_TRUE(wait_until([&] {
            app.pump();
            return !app.answers().empty() || app.ended();
        }));
        return app.answers().empty() ? Reply{} : app.answers()[0];
    }

    [[nodiscard]] nlohmann::json look(const std::string& target) const {
        return nlohmann::json::parse(call(admin(), request("GET", target)).body);
    }

    [[nodiscard]] bool arrive(std::size_t count) {
        return wait_until([&] {
            far_side_.pump();
            return far_side_.requests().size() >= count;
        });
    }

    TempDir dir_;
    FarSide far_side_;
};

constexpr const char* kSecret = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3";
constexpr const char* kKey = "0123456789abcdef01234567";

TEST_F(HttpDelivery, AnEventArrivesSignedAndWithOneIdInEveryAttemptRestartAndReplay) {
    const Child::Options options =
        agent("signing_secret_file = \"" + dir_.write("sign", kSecret) + "\"\nauth_file = \"" +
              dir_.write("auth", "Bearer 1234") +
              "\"\nheaders = { X-About = \"{{name}} {{key}} {{attempt}}\" }\n");
    far_side_.answer_with({503, 400});
    std::string id;
    {
        Child child(options);
        ASSERT_TRUE(child.says("ready"));
        const Reply yes = call(ingest(),
                               request("POST",
                                       "/destinations/orders/events?key=5",
                                       "any \xff body",
                                       "Holdfast-Event: placed\r\n"));
        EXPECT_EQ(yes.status, 200U);
        id = yes.field("X-Holdfast-Id");
        ASSERT_TRUE(arrive(2));
        ASSERT_TRUE(
            wait_until([&] { return look("/v1/status")["destinations"][0]["failed"] == 1; }));
        child.signal(SIGTERM);
        EXPECT_EQ(child.exit_code(), 0);
    }
    Child child(options);
    ASSERT_TRUE(child.says("ready"));
    const Reply replay = call(admin(), request("POST", "/v1/replay", R"({"entries":["1"]})"));
    const nlohmann::json replayed = nlohmann::json::parse(replay.body)["replayed"].at(0);
    ASSERT_TRUE(arrive(3));
    ASSERT_TRUE(wait_until([&] { return look("/v1/status")["destinations"][0]["complete"] == 1; }));

    const std::array<const char*, 3> about = {"placed 5 1", "placed 5 2", "placed 5 1"};
    for (std::size_t i = 0; i < about.size(); ++i) {
        const Reply& seen = far_side_.requests()[i];
        EXPECT_THAT(seen.head, testing::StartsWith("POST /in?code=1 HTTP/1.1\r\n"));
        EXPECT_EQ(seen.body, "any \xff body");
        EXPECT_EQ(seen.field("Content-Type"), "application/json");
        EXPECT_EQ(seen.field("Authorization"), "Bearer 1234");
        EXPECT_EQ(seen.field("X-About"), about[i]);
        EXPECT_EQ(seen.field("Idempotency-Key"), id);
        EXPECT_EQ(seen.field("webhook-id"), id);
        EXPECT_EQ(seen.field("webhook-signature"),
                  webhook_signature(kKey, id, seen.field("webhook-timestamp"), seen.body));
    }
    EXPECT_NE(replayed["new_id"], id);
    const nlohmann::json entry = look("/v1/entries/" + replayed["new_id"].get<std::string>());
    EXPECT_EQ(entry["operation"], "request");
    EXPECT_EQ(entry["person"], "key:5");
    EXPECT_EQ(entry["endpoint"], "http");
}

TEST_F(HttpDelivery, WhatMustHappenOnceIsNotRepeatedAfterAFailureThatSaysNothing) {
    Child child(agent("safety = \"once_if_ambiguous\"\nmethod = \"put\"\n"));
    ASSERT_TRUE(child.says("ready"));
    far_side_.answer_with({500});
    EXPECT_EQ(call(ingest(), request("POST", "/destinations/orders/events", "x")).status, 200U);
    ASSERT_TRUE(arrive(1));
    ASSERT_TRUE(wait_until([&] { return look("/v1/status")["destinations"][0]["failed"] == 1; }));
    EXPECT_EQ(look("/v1/entries/1")["cause"], "ambiguous");
    EXPECT_THAT(far_side_.requests()[0].head, testing::StartsWith("PUT /in?code=1 HTTP/1.1\r\n"));
    EXPECT_EQ(far_side_.requests()[0].field("webhook-id"), "");
}

TEST_F(HttpDelivery, ANewKeyIsTriedAtOnce) {
    const std::string key = dir_.write("auth", "Bearer old");
    Child child(agent("auth_file = \"" + key + "\"\nauth_probe_every = \"1h\"\n"));
    ASSERT_TRUE(child.says("ready"));
    far_side_.answer_with({401});
    EXPECT_EQ(call(ingest(), request("POST", "/destinations/orders/events", "x")).status, 200U);
    ASSERT_TRUE(arrive(1));
    EXPECT_EQ(far_side_.requests()[0].field("Authorization"), "Bearer old");
    ASSERT_TRUE(wait_until([&] {
        const nlohmann::json gates = look("/v1/status")["destinations"][0]["endpoints"][0]["gates"];
        return gates.size() == 1 && gates[0]["gate"] == "auth_hold";
    }));
    // As most tools do it: a new file is put in the place of the old one.
    const std::string other = dir_.write("auth.new", "Bearer new");
    ASSERT_EQ(::rename(other.c_str(), key.c_str()), 0);
    ASSERT_TRUE(arrive(2));
    EXPECT_EQ(far_side_.requests()[1].field("Authorization"), "Bearer new");
    ASSERT_TRUE(wait_until([&] { return look("/v1/status")["destinations"][0]["complete"] == 1; }));
}

TEST_F(HttpDelivery, ALevelHoldsWhatIsNotEssentialAndOutlivesTheAgent) {
    const Child::Options options = agent("essential_events = [\"paid\"]\n");
    const auto send = [&](const std::string& name) {
        return call(ingest(),
                    request("POST",
                            "/destinations/orders/events",
                            name,
                            "Holdfast-Event: " + name + "\r\n"))
            .status;
    };
    {
        Child child(options);
        ASSERT_TRUE(child.says("ready"));
        EXPECT_EQ(
            call(admin(), request("POST", "/v1/level", R"({"level":"essential_only"})")).status,
            200U);
        child.signal(SIGTERM);
        EXPECT_EQ(child.exit_code(), 0);
    }
    Child child(options);
    ASSERT_TRUE(child.says("ready"));
    EXPECT_EQ(send("seen"), 200U);
    EXPECT_EQ(send("paid"), 200U);
    ASSERT_TRUE(arrive(1));
    EXPECT_EQ(far_side_.requests()[0].body, "paid");
    const nlohmann::json status = look("/v1/status")["destinations"][0];
    EXPECT_EQ(status["degradation"]["level"], "essential_only");
    EXPECT_EQ(status["pending"], 1);
    EXPECT_EQ(call(admin(), request("POST", "/v1/level", R"({"level":"full"})")).status, 200U);
    ASSERT_TRUE(arrive(2));
    EXPECT_EQ(far_side_.requests()[1].body, "seen");
}

// Somebody changed the type of a destination that still had entries.
TEST_F(HttpDelivery, AnEntryOfTheOtherTypeWaitsAndStopsNobody) {
    const std::string workspace = "type = \"customerio\"\nsite_id = \"s\"\napi_key_file = \"" +
                                  dir_.write("key", "secret") + "\"\ntrack_url = \"" +
                                  far_side_.url() + "\"\n";
    {
        // Nobody answers.
        Child child(agent());
        ASSERT_TRUE(child.says("ready"));
        EXPECT_EQ(call(ingest(), request("POST", "/destinations/orders/events", "x")).status, 200U);
    }
    const std::string config = dir_.write(
        "config.toml",
        "[ingest]\nsocket = \"" + ingest() + "\"\n[admin]\nsocket = \"" + admin() +
            "\"\n[wal]\ndirectory = \"" + dir_.path("log") +
            "\"\n[[destination]]\nname = \"orders\"\nbackoff_base = \"10ms\"\n" + workspace);
    Child child({.arguments = {"--config", config}});
    ASSERT_TRUE(child.says("ready"));
    EXPECT_EQ(call(ingest(), identify("5")).status, 200U);
    ASSERT_TRUE(wait_until([&] {
        far_side_.pump();
        const nlohmann::json entry = look("/v1/entries/1");
        return entry["attempts"] >= 1 && look("/v1/entries/2")["state"] == "complete";
    }));
    EXPECT_THAT(look("/v1/entries/1")["reason"].get<std::string>(),
                testing::HasSubstr("not of the type"));
    EXPECT_EQ(look("/v1/entries/1")["state"], "retrying");
}

}  // namespace
}  // namespace holdfast::agent
