// The program: exit codes, sockets, signals, and what it tells systemd.
#include "agent/clock.hpp"
#include "proto/ulid.hpp"
#include "tests/unit/agent/process/child.hpp"
#include "tests/unit/agent/temp_dir.hpp"
#include "wal/log.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <nlohmann/json.hpp>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

namespace holdfast::agent {
namespace {

using testing::HasSubstr;

mode_t mode_of(const std::string& path) {
    struct stat status {};

    EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
    return status.st_mode & 0777;
}

// A bound Unix socket.
int bound(const std::string& path, int type) {
    const int descriptor = ::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    EXPECT_EQ(::bind(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    return descriptor;
}

// A far side that takes connections and requests and never answers.
class SilentServer {
public:
    SilentServer() : descriptor_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
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

    ~SilentServer() { ::close(descriptor_); }

    SilentServer(const SilentServer&) = delete;
    SilentServer& operator=(const SilentServer&) = delete;

    [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

private:
    int descriptor_;
    std::uint16_t port_ = 0;
};

// A small disk of its own.
class SmallDisk {
public:
    explicit SmallDisk(std::string path) : path_(std::move(path)) {
        std::filesystem::create_directories(path_);
        mounted_ = ::mount("none", path_.c_str(), "tmpfs", 0, "size=32m") == 0;
    }

    ~SmallDisk() {
        if (mounted_) ::umount2(path_.c_str(), MNT_DETACH);
    }

    SmallDisk(const SmallDisk&) = delete;
    SmallDisk& operator=(const SmallDisk&) = delete;

    [[nodiscard]] bool is_there() const { return mounted_; }

    // To the last byte.
    void fill() const {
        std::ofstream filler(path_ + "/filler", std::ios::binary | std::ios::app);
        const std::string block(4096, 'x');
        while (filler.write(block.data(), static_cast<std::streamsize>(block.size())).flush()) {
        }
    }

    void empty() const { std::filesystem::remove(path_ + "/filler"); }

private:
    std::string path_;
    bool mounted_ = false;
};

// As an agent leaves them that has stopped.
void store_dead_letters(const std::string& directory, std::size_t count, std::string_view body) {
    std::atomic<std::size_t> stored = 0;
    wal::LogOptions options;
    options.directory = directory;
    options.note = [](const std::string&) {};
    options.on_commit = [&](const wal::Commit& commit) { stored += commit.appended.size(); };
    options.wall_now = wall_now;
    options.open_batch_bytes_max = count * body.size() * 2;
    const Result<std::unique_ptr<wal::Log>> log = wal::Log::open(std::move(options));
    ASSERT_TRUE(log);
    (*log)->add_destination("main");
    UlidFactory ids(1);
    for (std::size_t i = 0; i < count; ++i) {
        Event event;
        event.id = ids.make(wall_now());
        event.accepted_at = wall_now();
        event.destination = "main";
        event.person = "id:5";
        event.target = "/api/v1/customers/5/events";
        event.body = body;
        ASSERT_TRUE((*log)->append(event, i));
    }
    ASSERT_TRUE(wait_until([&] { return stored == count; }));
    const Result<wal::Taken> taken = (*log)->take("main", count);
    ASSERT_TRUE(taken);
    for (const wal::Pending& one : taken->entries) (*log)->fail("main", one.seq, {});
    (*log)->close();
}

class Holdfastd : public testing::Test {
protected:
    // Writes a configuration and returns its path.
    std::string configure(const std::string& name,
                          const std::string& url = "http://127.0.0.1:1",
                          const std::string& more = {}) {
        const std::string key = dir_.write("key", "secret\n", 0600);
        return dir_.write(name + ".toml",
                          "[ingest]\nsocket = \"" + ingest() + "\"\n[admin]\nsocket = \"" +
                              admin() + "\"\n[wal]\ndirectory = \"" + dir_.path(name) +
                              "\"\n[agent]\ndrain_timeout = \"300ms\"\n" + more +
                              "[[destination]]\nname = \"main\"\ntype = \"customerio\"\n"
                              "site_id = \"site\"\napi_key_file = \"" +
                              key + "\"\ntrack_url = \"" + url + "\"\n");
    }

    [[nodiscard]] std::string ingest() const { return dir_.path("ingest.sock"); }

    [[nodiscard]] std::string admin() const { return dir_.path("admin.sock"); }

    static Child::Options with(const std::string& config) {
        return {.arguments = {"--config", config}};
    }

    static Reply call(const std::string& socket, const std::string& bytes) {
        App app = App::on_unix(socket);
        app.send(bytes);
        EXPECT_TRUE(wait_until([&] {
            app.pump();
            return !app.answers().empty() || app.ended();
        }));
        return app.answers().empty() ? Reply{} : app.answers()[0];
    }

    [[nodiscard]] unsigned send_event() const { return call(ingest(), identify("5")).status; }

    [[nodiscard]] nlohmann::json look(const std::string& target) const {
        return nlohmann::json::parse(call(admin(), request("GET", target)).body);
    }

    TempDir dir_;
};

TEST_F(Holdfastd, SaysThatAConfigurationIsRight) {
    const std::string config = configure("a");
    Child child({.arguments = {"--check-config", config}});
    EXPECT_EQ(child.exit_code(), 0);
    EXPECT_EQ(child.output(), config + ": ok\n");
}

TEST_F(Holdfastd, SaysWhereAConfigurationIsWrong) {
    const std::string config = configure("a", "http://127.0.0.1:1", "drain = 1\n");
    for (const char* option : {"--check-config", "--config"}) {
        Child child({.arguments = {option, config}});
        EXPECT_EQ(child.exit_code(), 78);
        EXPECT_THAT(child.output(), HasSubstr(config + ":9: agent.drain: "));
    }
}

TEST_F(Holdfastd, SaysWhichCredentialIsMissing) {
    const std::string config = configure("a");
    ::unlink(dir_.path("key").c_str());
    Child child(with(config));
    EXPECT_EQ(child.exit_code(), 78);
    EXPECT_THAT(child.output(), HasSubstr(config + ":13: destination.api_key_file: "));
}

// A log that runs out of descriptors fails: better not to start.
TEST_F(Holdfastd, CountsTheDescriptorsThatItMayNeed) {
    Child::Options options = with(configure("a"));
    options.open_files = {.rlim_cur = 64, .rlim_max = 1500};
    {
        Child child(options);
        ASSERT_TRUE(child.says("ready")) << child.output();
    }
    options.open_files->rlim_max = 1300;
    Child child(options);
    EXPECT_EQ(child.exit_code(), 78);
    EXPECT_THAT(child.output(),
                HasSubstr("ingest.connections_max = 1024 needs 1404 open files in all, and this "
                          "process may have 1300"));
}

TEST_F(Holdfastd, RefusesArgumentsThatItDoesNotKnow) {
    for (const char* argument : {"--colour", "start", "--config"}) {
        Child child({.arguments = {argument}});
        EXPECT_EQ(child.exit_code(), 64) << argument;
    }
}

TEST_F(Holdfastd, ShowsHelpAndVersion) {
    Child help({.arguments = {"--help"}});
    EXPECT_EQ(help.exit_code(), 0);
    EXPECT_THAT(help.output(), HasSubstr("--check-config"));
    Child version({.arguments = {"--version"}});
    EXPECT_EQ(version.exit_code(), 0);
    EXPECT_EQ(version.output(), "holdfastd " HOLDFAST_VERSION "\n");
}

TEST_F(Holdfastd, SocketsHaveTheirModes) {
    Child child(with(configure("a")));
    ASSERT_TRUE(child.says("ready")) << child.output();
    EXPECT_EQ(mode_of(ingest()), 0660U);
    EXPECT_EQ(mode_of(admin()), 0600U);
    EXPECT_EQ(mode_of(dir_.path("a")), 0700U);
}

TEST_F(Holdfastd, ASecondAgentOnTheSameLogLeavesTheFirstAlone) {
    const std::string config = configure("a");
    Child first(with(config));
    ASSERT_TRUE(first.says("ready"));
    Child second(with(config));
    EXPECT_EQ(second.exit_code(), 75);
    EXPECT_THAT(second.output(),
                HasSubstr("error log: another process uses the log in " + dir_.path("a")));
    EXPECT_EQ(send_event(), 200U);
}

TEST_F(Holdfastd, ASecondAgentOnTheSameSocketLeavesTheFirstAlone) {
    Child first(with(configure("a")));
    ASSERT_TRUE(first.says("ready"));
    Child second(with(configure("b")));
    EXPECT_EQ(second.exit_code(), 75);
    EXPECT_THAT(second.output(), HasSubstr("another process listens on " + ingest()));
    EXPECT_EQ(send_event(), 200U);
    EXPECT_EQ(look("/v1/status")["log"]["head"], 1);
}

TEST_F(Holdfastd, TakesOverTheSocketsOfAnAgentThatWasKilledAndItsLog) {
    const std::string config = configure("a");
    {
        Child first(with(config));
        ASSERT_TRUE(first.says("ready"));
        EXPECT_EQ(send_event(), 200U);
        first.signal(SIGKILL);
        EXPECT_EQ(first.exit_code(), -SIGKILL);
    }
    ASSERT_EQ(::access(ingest().c_str(), F_OK), 0);
    Child second(with(config));
    ASSERT_TRUE(second.says("ready")) << second.output();
    EXPECT_EQ(send_event(), 200U);
    EXPECT_EQ(look("/v1/status")["destinations"][0]["pending"], 2);
}

TEST_F(Holdfastd, DoesNotTakeAFileForASocket) {
    const std::string config = configure("a");
    dir_.write("ingest.sock", "precious");
    Child child(with(config));
    EXPECT_EQ(child.exit_code(), 78);
    EXPECT_THAT(child.output(), HasSubstr(ingest() + " exists and is not a socket"));
    EXPECT_EQ(::access(ingest().c_str(), F_OK), 0);
}

TEST_F(Holdfastd, DrainsOnASignalAndFindsEverythingAgain) {
    const std::string config = configure("a");
    for (const int signal : {SIGTERM, SIGINT}) {
        Child child(with(config));
        ASSERT_TRUE(child.says("ready")) << child.output();
        EXPECT_EQ(send_event(), 200U);
        child.signal(signal);
        EXPECT_EQ(child.exit_code(), 0);
        EXPECT_THAT(child.output(), HasSubstr("stopped"));
        EXPECT_NE(::access(ingest().c_str(), F_OK), 0);
        EXPECT_NE(::access(admin().c_str(), F_OK), 0);
    }
    Child child(with(config));
    ASSERT_TRUE(child.says("ready"));
    EXPECT_EQ(look("/v1/status")["destinations"][0]["pending"], 2);
    EXPECT_EQ(look("/v1/entries/1")["person"], "id:5");
}

// All of them are more than the log writes at once.
TEST_F(Holdfastd, ReplaysAllHoweverLargeTheyAre) {
    constexpr std::size_t kLarge = 300;
    const std::string config = configure("a");
    store_dead_letters(dir_.path("a"), kLarge, std::string(40'000, 'x'));
    Child child(with(config));
    ASSERT_TRUE(child.says("ready")) << child.output();
    const Reply reply = call(admin(), request("POST", "/v1/replay", R"({"all":true})"));
    const auto answer = nlohmann::json::parse(reply.body);
    EXPECT_EQ(answer["replayed"].size(), kLarge);
    EXPECT_TRUE(answer["skipped"].empty()) << answer["skipped"];
}

TEST_F(Holdfastd, DropsAndEditsDeadLettersAndSaysByWhom) {
    const std::string config = configure("a");
    store_dead_letters(dir_.path("a"), 3, std::string(1'000, 'x'));
    const std::string body = R"({"name":"purchase","id":"7","timestamp":1700000000})";
    const std::string who = "uid " + std::to_string(::getuid());
    {
        Child child(with(config));
        ASSERT_TRUE(child.says("ready")) << child.output();
        const Reply dropped =
            call(admin(), request("POST", "/v1/drop", R"({"entries":["1","3","7"]})"));
        const auto answer = nlohmann::json::parse(dropped.body);
        EXPECT_EQ(answer["dropped"].size(), 2U) << answer;
        EXPECT_EQ(answer["remaining"], 1);
        EXPECT_EQ(call(admin(), request("POST", "/v1/entries/2/edit", "[")).status, 400U);
        const Reply edited = call(admin(), request("POST", "/v1/entries/2/edit", body));
        ASSERT_EQ(edited.status, 200U) << edited.body;
        EXPECT_EQ(nlohmann::json::parse(edited.body)["new_seq"], 4);
        child.signal(SIGTERM);
        EXPECT_EQ(child.exit_code(), 0);
        EXPECT_THAT(child.output(), HasSubstr(who + " dropped 2 dead letters: 1, 3"));
        EXPECT_THAT(child.output(), HasSubstr("entry 2 is edited by " + who));
    }
    Child child(with(config));
    ASSERT_TRUE(child.says("ready")) << child.output();
    EXPECT_EQ(look("/v1/status")["destinations"][0]["dropped"], 2);
    EXPECT_EQ(look("/v1/status")["destinations"][0]["failed"], 0);
    EXPECT_EQ(look("/v1/entries/4?body=1")["body"], body);
    EXPECT_EQ(look("/v1/entries/2")["child"]["seq"], 4);
}

TEST_F(Holdfastd, AnAttemptThatHangsEndsWithTheDrainTimeout) {
    const SilentServer far_side;
    const std::string config = configure("a", far_side.url());
    {
        Child child(with(config));
        ASSERT_TRUE(child.says("ready"));
        EXPECT_EQ(send_event(), 200U);
        ASSERT_TRUE(
            wait_until([&] { return look("/v1/status")["destinations"][0]["in_flight"] == 1; }));
        const auto begin = std::chrono::steady_clock::now();
        child.signal(SIGTERM);
        EXPECT_EQ(child.exit_code(), 0);
        const auto took = std::chrono::steady_clock::now() - begin;
        EXPECT_GE(took, std::chrono::milliseconds(300));
        EXPECT_LT(took, std::chrono::seconds(8)) << "the attempt itself takes ten";
    }
    Child child(with(config));
    ASSERT_TRUE(child.says("ready"));
    // Our own stop is no attempt of the far side's.
    EXPECT_EQ(look("/v1/entries/1")["attempts"], 0);
}

TEST_F(Holdfastd, AnAppThatStaysConnectedDoesNotHoldTheDrainUp) {
    Child child(with(configure("a")));
    ASSERT_TRUE(child.says("ready"));
    App idle = App::on_unix(ingest());
    idle.send(identify("1"));
    ASSERT_TRUE(wait_until([&] {
        idle.pump();
        return !idle.answers().empty();
    }));
    child.signal(SIGTERM);
    EXPECT_EQ(child.exit_code(), 0);
    idle.pump();
    EXPECT_TRUE(idle.ended());
}

TEST_F(Holdfastd, TellsSystemdThatItIsReadyLivesAndStops) {
    const std::string path = dir_.path("notify");
    const int notifications = bound(path, SOCK_DGRAM);
    Child child({.arguments = {"--config", configure("a")},
                 .environment = {"NOTIFY_SOCKET=" + path, "WATCHDOG_USEC=50000"}});
    std::string told;
    const auto hears = [&](const std::string& text) {
        return wait_until([&] {
            std::array<char, 256> buffer{};
            const ssize_t size = ::recv(notifications, buffer.data(), buffer.size(), 0);
            if (size > 0) told += std::string(buffer.data(), static_cast<std::size_t>(size)) + "\n";
            return told.find(text) != std::string::npos;
        });
    };
    EXPECT_TRUE(hears("READY=1\n"));
    EXPECT_TRUE(hears("WATCHDOG=1\nWATCHDOG=1\n")) << told;
    child.signal(SIGTERM);
    EXPECT_TRUE(hears("STOPPING=1\n")) << told;
    EXPECT_EQ(child.exit_code(), 0);
    ::close(notifications);
}

TEST_F(Holdfastd, ServesTheSocketsThatSystemdOpenedAndLeavesThemThere) {
    const std::string ingest_path = dir_.path("i");
    const std::string admin_path = dir_.path("o");
    const int sockets[] = {bound(ingest_path, SOCK_STREAM), bound(admin_path, SOCK_STREAM)};
    for (const int socket : sockets) ASSERT_EQ(::listen(socket, 16), 0);
    {
        Child child({.arguments = {"--config", configure("a")},
                     .sockets = {sockets[1], sockets[0]},
                     .socket_names = "admin:ingest"});
        EXPECT_EQ(call(ingest_path, identify("1")).status, 200U);
        EXPECT_EQ(call(admin_path, request("GET", "/v1/entries/1")).status, 200U);
        EXPECT_NE(::access(ingest().c_str(), F_OK), 0);
        EXPECT_NE(::access(admin().c_str(), F_OK), 0);
        child.signal(SIGTERM);
        EXPECT_EQ(child.exit_code(), 0);
    }
    EXPECT_EQ(::access(ingest_path.c_str(), F_OK), 0);
    EXPECT_EQ(::access(admin_path.c_str(), F_OK), 0);
    for (const int socket : sockets) ::close(socket);
}

TEST_F(Holdfastd, WithAFullDiskItStartsSaysSoAndTakesEventsOnceThereIsRoom) {
    const SmallDisk disk(dir_.path("a"));
    if (!disk.is_there()) GTEST_SKIP() << "no right to mount";
    const std::string config = configure("a");
    {
        Child child(with(config));
        ASSERT_TRUE(child.says("ready")) << child.output();
        EXPECT_EQ(send_event(), 200U);
        child.signal(SIGKILL);
        (void)child.exit_code();
    }
    std::filesystem::remove(dir_.path("a/ballast"));
    disk.fill();
    Child child(with(config));
    ASSERT_TRUE(child.says("ready")) << child.output();
    const nlohmann::json log = look("/v1/status")["log"];
    EXPECT_EQ(log["state"], "failed");
    EXPECT_EQ(log["space"]["level"], "full");
    EXPECT_THAT(log["reason"], HasSubstr("the disk has 0 left"));
    EXPECT_THAT(child.output(), HasSubstr("log in " + dir_.path("a") + " is not open yet\n"));
    EXPECT_EQ(log["head"], nullptr);
    EXPECT_EQ(look("/v1/status")["destinations"][0]["pending"], nullptr);
    EXPECT_EQ(call(admin(), request("GET", "/v1/entries/1")).status, 503U);
    EXPECT_EQ(send_event(), 507U);

    disk.empty();
    EXPECT_TRUE(wait_until([&] { return look("/v1/status")["log"]["state"] == "ok"; }));
    EXPECT_TRUE(wait_until([&] { return send_event() == 200U; }));
    EXPECT_EQ(look("/v1/status")["destinations"][0]["pending"], 2);
    EXPECT_GT(look("/v1/status")["log"]["space"]["ballast"], 0);
    child.signal(SIGTERM);
    EXPECT_EQ(child.exit_code(), 0);
}

TEST_F(Holdfastd, WithAFullDiskTheBallastLetsItOpenTheLog) {
    const SmallDisk disk(dir_.path("a"));
    if (!disk.is_there()) GTEST_SKIP() << "no right to mount";
    const std::string config = configure("a");
    {
        Child child(with(config));
        ASSERT_TRUE(child.says("ready")) << child.output();
        EXPECT_EQ(send_event(), 200U);
        child.signal(SIGKILL);
        (void)child.exit_code();
    }
    disk.fill();
    Child child(with(config));
    ASSERT_TRUE(child.says("the ballast is given up")) << child.output();
    ASSERT_TRUE(child.says("ready")) << child.output();
    EXPECT_EQ(look("/v1/status")["log"]["state"], "ok");
    EXPECT_EQ(look("/v1/entries/1")["person"], "id:5");
    EXPECT_EQ(send_event(), 507U);
    disk.empty();
    EXPECT_TRUE(wait_until([&] { return send_event() == 200U; }));
    EXPECT_TRUE(wait_until([&] { return look("/v1/status")["log"]["space"]["ballast"] > 0; }));
}

// The variable is inherited by everything that is started from a service.
TEST_F(Holdfastd, WritesLevelsForTheJournalOnlyIntoTheJournal) {
    Child child({.arguments = {"--config", configure("a")}, .environment = {"JOURNAL_STREAM=1:2"}});
    ASSERT_TRUE(child.says("info ready")) << child.output();
}

}  // namespace
}  // namespace holdfast::agent
