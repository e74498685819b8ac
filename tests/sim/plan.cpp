#include "plan.hpp"

#include "world.hpp"

namespace holdfast::sim {
namespace {

using namespace std::chrono_literals;

transport::GatesPolicy small_gates(Random& random) {
    transport::GatesPolicy gates;
    gates.concurrency = {.max = random.between(1, 6), .is_adaptive = random.chance(50)};
    gates.retry_after_max = 10min;
    gates.breaker.lease_for = 40s;
    if (random.chance(30)) gates.rate = {.count = 2, .per = 1s, .burst = 2};
    return gates;
}

transport::KindPolicy small_kind(Random& random) {
    transport::KindPolicy kind;
    kind.concurrency_max = random.between(1, 6);
    if (random.chance(20)) kind.rate = {.count = 1, .per = 5s, .burst = 2};
    return kind;
}

transport::DeliveryPolicy small_policy(Random& random) {
    static constexpr std::size_t kWindows[] = {7, 9, 16, 4096};
    static constexpr std::size_t kCounts[] = {2, 3, 8, 1000};
    static constexpr std::size_t kBytes[] = {1000, 4000, 500'000};
    transport::DeliveryPolicy policy;
    policy.window_max = kWindows[random.between(0, 3)];
    policy.parked_max = random.chance(15) ? 8 : 1000;
    policy.give_up_after = random.chance(30) ? 10min : Duration(24h * 7);
    if (random.chance(10)) policy.give_up_after.reset();
    if (random.chance(15)) {
        policy.give_up_attempts = static_cast<std::uint32_t>(random.between(1, 4));
    }
    policy.share = {.bytes_max = kBytes[random.between(0, 2)],
                    .count_max = kCounts[random.between(0, 3)]};
    policy.serves[static_cast<std::size_t>(Endpoint::broadcasts)] = random.chance(50);
    for (transport::GatesPolicy& gates : policy.gates) gates = small_gates(random);
    for (transport::KindPolicy& kind : policy.kinds) kind = small_kind(random);
    return policy;
}

}  // namespace

Plan plan_for(std::uint64_t seed, Bug bug) {
    static constexpr std::uint64_t kShares[] = {0, 5, 20, 50};
    Random random(seed * 2 + 1);  // not the run's own: a new choice here leaves the run alike
    const auto share = [&] { return kShares[random.between(0, 3)]; };
    Plan plan;
    plan.seed = seed;
    plan.bug = bug;
    for (int fault = 0; fault < kFaultCount; ++fault) {
        if (random.chance(50)) plan.faults.insert(static_cast<Fault>(fault));
    }
    plan.policy = small_policy(random);
    plan.fault_percent = share();
    plan.events = random.between(5, 80);
    plan.burst = random.between(1, 20);
    plan.lanes = random.between(1, 8);
    plan.barrier_percent = share();
    plan.share_percent = random.chance(30) ? 0 : random.between(50, 100);
    plan.essential_percent = share();
    plan.sheddable_percent = share();
    plan.trouble = random.between(1min, 30min);
    plan.deadline = 30s;
    return plan;
}

}  // namespace holdfast::sim
