#include "tests/bench/drain.hpp"

#include "agent/cli/client.hpp"
#include "tests/bench/cpu_time.hpp"
#include "tests/bench/fail.hpp"

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <numeric>
#include <thread>

namespace holdfast::bench {
namespace {

constexpr auto kPatience = std::chrono::seconds(30);
constexpr auto kBetweenLooks = std::chrono::milliseconds(20);

// So many microseconds of CPU for each event, of the agent and of the far side.
struct CpuTimes {
    double agent = 0;
    double far_side = 0;

    static CpuTimes of(const Drain& given) {
        CpuTimes times{cpu_time_of(given.agent), 0};
        for (const pid_t pid : given.far_side) times.far_side += cpu_time_of(pid);
        return times;
    }
};

std::string report(const DrainWindow& window, const CpuTimes& before, const CpuTimes& after) {
    const auto events = static_cast<double>(window.delivered());
    const auto micros = [&](double used) { return events > 0 ? used * 1e6 / events : 0; };
    return fmt::format(
        R"({{"seconds":{:.2f},"events":{},"events_per_s":{:.0f},"cpu_us":{:.2f},"far_side_cpu_us":{:.2f}}})",
        window.seconds(),
        window.delivered(),
        events / window.seconds(),
        micros(after.agent - before.agent),
        micros(after.far_side - before.far_side));
}

}  // namespace

DrainWindow::Step DrainWindow::observe(std::uint64_t delivered, Clock::time_point now) {
    if (!counting_) {
        if (delivered < std::max<std::uint64_t>(events_ / 10, 1)) return Step::warming_up;
        counting_ = true;
        begin_ = now;
        first_ = delivered;
        return Step::begun;
    }
    end_ = now;
    last_ = delivered;
    return delivered >= events_ || now - begin_ >= longest_ ? Step::over : Step::counting;
}

std::uint64_t delivered_in(std::string_view status) {
    std::uint64_t sum = 0;
    const auto json = nlohmann::json::parse(status);
    for (const auto& destination : json.at("destinations")) {
        for (const auto& endpoint : destination.at("endpoints")) {
            sum += endpoint.at("delivered").get<std::uint64_t>();
        }
    }
    return sum;
}

std::string drain(const Drain& given) {
    const cli::Client agent(given.socket, std::chrono::seconds(10));
    DrainWindow window(given.events, std::chrono::duration_cast<Clock::duration>(given.longest));
    CpuTimes before;
    std::uint64_t last = 0;
    std::string status = "it does not answer";
    auto moved_at = Clock::now();
    for (;; std::this_thread::sleep_for(kBetweenLooks)) {
        const auto answer = agent.get("/v1/status");
        const auto now = Clock::now();
        if (answer && answer->status == 200) status = answer->body;
        const std::uint64_t delivered =
            answer && answer->status == 200 ? delivered_in(status) : last;
        if (delivered > last) moved_at = now;
        if (now - moved_at > kPatience) fail("30 s without a delivery: " + status);
        last = delivered;
        const auto step = window.observe(delivered, now);
        if (step == DrainWindow::Step::begun) before = CpuTimes::of(given);
        if (step == DrainWindow::Step::over) return report(window, before, CpuTimes::of(given));
    }
}

}  // namespace holdfast::bench
