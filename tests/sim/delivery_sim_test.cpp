// The whole delivery side of one destination against thousands of random worlds.
//
//   HOLDFAST_SEED=42    runs that one alone and tells what happens in it
//   HOLDFAST_SEEDS=N    runs N instead of 4000
#include "run.hpp"

#include <gtest/gtest.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <string>

namespace holdfast::sim {
namespace {

constexpr std::uint64_t kSeeds = 4000;

// A sanitizer takes thirty times as long; what it finds it finds in few worlds.
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HOLDFAST_SANITIZED
#endif
#endif
#ifdef HOLDFAST_SANITIZED
constexpr std::uint64_t kSeedsRun = 300;
#else
constexpr std::uint64_t kSeedsRun = kSeeds;
#endif
constexpr std::uint64_t kSeedsForABug = 200;

std::optional<std::uint64_t> number_from_environment(const char* name) {
    const char* text = std::getenv(name);
    if (text == nullptr) return std::nullopt;
    return std::strtoull(text, nullptr, 10);
}

volatile std::sig_atomic_t current_seed = 0;

// A broken invariant ends the process: the seed is said first.
extern "C" void say_the_seed(int) {
    std::fprintf(stderr, "HOLDFAST_SEED=%ld\n", static_cast<long>(current_seed));
}

Report run_seed(std::uint64_t seed, Bug bug = Bug::none) {
    current_seed = static_cast<std::sig_atomic_t>(seed);
    Plan plan = plan_for(seed, bug);
    plan.tells = bug == Bug::none && std::getenv("HOLDFAST_SEED") != nullptr;
    return run(plan);
}

constexpr std::string_view kMustHappen[] = {
    "delivered",
    "transient",
    "throttled",
    "auth",
    "poison",
    "ambiguous",
    "repeats",
    "parked",
    "cancelled attempts",
    "crashes",
    "power cuts",
    "attempts side by side",
    "slow answers",
    "shared requests",
    "trimmed requests",
    "bisected requests",
    "refused within a request",
    "answers that cannot be read",
    "requests that were cut short",
    "barriers",
    "barriers of three lanes",
    "barriers that share a request",
    "essential ones first",
    "turns of the oldest",
    "attempts at essential_only",
    "held by the level",
    "refused alone",
    "waiting for a pardon",
    "dead: in doubt",
    "dead: ambiguous",
    "dead: gave up",
    "dead: gave up by count",
    "dead: poison",
    "dead: damaged",
    "dead: shed",
    "results with an open breaker",
    "results at a lowered rate",
    "restarts with an open breaker",
    "restarts within Retry-After",
    "restarts in an auth hold",
    "restarts with a lowered rate",
    "restarts with a retry to come",
    "restarts at another level",
};

TEST(DeliverySimTest, KeepsItsPromisesInEveryWorld) {
    std::signal(SIGABRT, say_the_seed);
    const auto only = number_from_environment("HOLDFAST_SEED");
    const std::uint64_t first = only.value_or(1);
    const std::uint64_t count =
        only ? 1 : number_from_environment("HOLDFAST_SEEDS").value_or(kSeedsRun);
    std::map<std::string_view, std::uint64_t> seen;
    for (std::uint64_t seed = first; seed < first + count; ++seed) {
        const Report report = run_seed(seed);
        ASSERT_FALSE(report.violation)
            << *report.violation << "; again with HOLDFAST_SEED=" << seed;
        for (const auto& [what, times] : report.seen) seen[what] += times;
    }
    std::signal(SIGABRT, SIG_DFL);
    for (const auto& [what, times] : seen) {
        std::printf("%10llu %.*s\n",
                    static_cast<unsigned long long>(times),
                    static_cast<int>(what.size()),
                    what.data());
    }
    if (count < kSeeds) return;
    for (const std::string_view what : kMustHappen) {
        EXPECT_GT(seen[what], 0U) << what << " never happened: these worlds prove nothing about it";
    }
}

TEST(DeliverySimTest, TheSameSeedIsTheSameRun) {
    for (std::uint64_t seed = 1; seed <= 10; ++seed) {
        EXPECT_EQ(run_seed(seed).digest, run_seed(seed).digest) << seed;
    }
}

// Whoever believes a checker wants to see it bite.
struct Planted {
    Bug bug;
    std::string name;
    std::string_view noticed;  // what some world says to it
};

class PlantedBugTest : public testing::TestWithParam<Planted> {};

TEST_P(PlantedBugTest, IsNoticed) {
    std::string others;
    for (std::uint64_t seed = 1; seed <= kSeedsForABug; ++seed) {
        const Report report = run_seed(seed, GetParam().bug);
        if (!report.violation) continue;
        if (report.violation->starts_with(GetParam().noticed)) return;
        others += *report.violation + "\n";
    }
    FAIL() << "in " << kSeedsForABug << " worlds nobody said: " << GetParam().noticed << "; but:\n"
           << others;
}

INSTANTIATE_TEST_SUITE_P(
    ,
    PlantedBugTest,
    testing::Values(
        Planted{Bug::settles_before_the_answer, "SettlingEarly", "accepted and never delivered"},
        Planted{
            Bug::settles_all_as_the_first, "OneForAll", "settled as complete what did not arrive"},
        Planted{Bug::takes_partly_for_done, "PartlyIsDone", "refused for good, and not failed"},
        Planted{Bug::reverses_the_request, "Reversed", "delivered out of order"},
        Planted{Bug::sheds_silently, "ShedSilently", "held although it is to be shed"},
        Planted{Bug::skips_the_intent, "NoIntent", "an e-mail was sent twice"},
        Planted{Bug::forgets_the_fence, "NoFence", "sent although it is not the first of its lane"},
        Planted{Bug::forgets_the_retry, "NoRetryState", "tried again too early"},
        Planted{Bug::forgets_the_barriers,
                "NoBarriers",
                "a barrier was sent although it is not the first of all its lanes"},
        Planted{Bug::forgets_the_gates, "NoGates", "sent while the breaker is open"},
        Planted{Bug::forgets_the_factor, "NoRateFactor", "the rate moved without an answer"},
        Planted{Bug::forgets_the_level, "NoLevel", "sent although the level holds it"},
        Planted{Bug::keeps_the_lease, "LeaseKept", "accepted and never delivered"}),
    [](const testing::TestParamInfo<Planted>& planted) { return planted.param.name; });

}  // namespace
}  // namespace holdfast::sim
