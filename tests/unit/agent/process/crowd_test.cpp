// Very many apps at once, as a process of its own sees them.
#include "tests/unit/agent/process/child.hpp"
#include "tests/unit/agent/temp_dir.hpp"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::agent {
namespace {

constexpr std::size_t kApps = 10'000;
constexpr std::size_t kAtOnce = 100;
constexpr rlim_t kOpenFiles = kApps + 1000;

bool may_open(rlim_t files) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max < files) return false;
    limit.rlim_cur = std::max(limit.rlim_cur, files);
    return ::setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

class Crowd : public testing::Test {
protected:
    void start() {
        const std::string config = dir_.write(
            "crowd.toml",
            "[ingest]\nsocket = \"" + socket() + "\"\nconnections_max = " + std::to_string(kApps) +
                "\n[admin]\nsocket = \"" + dir_.path("admin.sock") + "\"\n[wal]\ndirectory = \"" +
                dir_.path("wal") +
                "\"\n[[destination]]\nname = \"main\"\ntype = \"customerio\"\n"
                "site_id = \"site\"\napi_key_file = \"" +
                dir_.write("key", "secret\n", 0600) + "\"\ntrack_url = \"http://127.0.0.1:1\"\n");
        agent_.emplace(Child::Options{.arguments = {"--config", config}});
        ASSERT_TRUE(agent_->says("ready: ")) << agent_->output();
    }

    [[nodiscard]] std::string socket() const { return dir_.path("ingest.sock"); }

    [[nodiscard]] App connected() const { return App::on_unix(socket()); }

    // The kernel lets so many wait to be accepted (net.core.somaxconn); they are accepted in order.
    void gather() {
        for (std::size_t i = 1; i <= kApps; ++i) {
            apps_.push_back(connected());
            if (i % kAtOnce == 0) {
                EXPECT_TRUE(is_answered(apps_.back()));
            }
        }
    }

    [[nodiscard]] static bool is_answered(App& app) {
        app.send(identify("5"));
        return wait_until([&] { return count(app) == 1; });
    }

    [[nodiscard]] static std::size_t count(App& app) {
        app.pump();
        const std::vector<Reply> answers = app.answers();
        return static_cast<std::size_t>(std::count_if(
            answers.begin(), answers.end(), [](const Reply& one) { return one.status == 200; }));
    }

    TempDir dir_;
    std::optional<Child> agent_;
    std::deque<App> apps_;
};

TEST_F(Crowd, OfTenThousandAppsEachGetsItsAnswer) {
    if (!may_open(kOpenFiles)) GTEST_SKIP() << "needs " << kOpenFiles << " open files (ulimit -n)";
    start();
    gather();
    for (App& app : apps_) {
        app.send(identify("5"));
        app.pump();
    }
    for (std::size_t i = 1; i <= kApps; ++i) {
        const std::size_t sent = i % kAtOnce == 0 ? 2 : 1;
        EXPECT_TRUE(wait_until([&] { return count(apps_[i - 1]) == sent; })) << i;
    }
    apps_.clear();
    App one = connected();
    EXPECT_TRUE(is_answered(one));
    agent_->signal(SIGTERM);
    EXPECT_EQ(agent_->exit_code(), 0) << agent_->output();
}

}  // namespace
}  // namespace holdfast::agent
