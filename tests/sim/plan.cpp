#include "plan.hpp"

#include "world.hpp"

namespace holdfast::sim {
namespace {

using namespace std::chrono_literals;

transport::DeliveryPolicy small_policy(Random& random) {
    static constexpr std::size_t kWindows[] = {7, 9, 16, 4096};
    transport::DeliveryPolicy policy;
    policy.concurrency_max = random.between(1, 6);
    policy.window_max = kWindows[random.between(0, 3)];
    policy.parked_max = random.chance(15) ? 8 : 1000;
    policy.give_up_after = random.chance(30) ? 10min : Duration(24h * 7);
    if (random.chance(10)) policy.give_up_after.reset();
    for (transport::GatesPolicy& gates : policy.gates) {
        gates.retry_after_max = 10min;
        gates.breaker.lease_for = 40s;
        if (random.chance(30)) gates.rate = {.per_second = 2, .burst = 2};
    }
    return policy;
}

}  // namespace

Plan plan_for(std::uint64_t seed, Bug bug) {
    static constexpr std::uint64_t kShares[] = {0, 5, 20, 50};
    Random random(seed * 2 + 1);  // not the run's own: a new choice here leaves the run alike
    Plan plan;
    plan.seed = seed;
    plan.bug = bug;
    for (int fault = 0; fault < kFaultCount; ++fault) {
        if (random.chance(50)) plan.faults.insert(static_cast<Fault>(fault));
    }
    plan.policy = small_policy(random);
    plan.fault_percent = kShares[random.between(0, 3)];
    plan.events = random.between(5, 60);
    plan.lanes = random.between(1, 8);
    plan.trouble = random.between(1min, 30min);
    plan.deadline = 30s;
    return plan;
}

}  // namespace holdfast::sim
