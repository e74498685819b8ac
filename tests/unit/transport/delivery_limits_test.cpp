// The limits of kinds, and barriers.
#include "delivery_fixture.hpp"

namespace holdfast::transport {
namespace {

using namespace std::chrono_literals;
using Seqs = std::vector<std::uint64_t>;

class DeliveryLimitsTest : public DeliveryFixture {
protected:
    KindPolicy& kind(Kind which) { return policy.kinds[static_cast<std::size_t>(which)]; }
};

TEST_F(DeliveryLimitsTest, EachKindHasItsOwnConcurrency) {
    kind(Kind::events).concurrency_max = 1;
    kind(Kind::people).concurrency_max = 2;
    restart(policy);
    for (std::uint64_t seq = 1; seq <= 3; ++seq) add(seq, Lane{seq});
    for (std::uint64_t seq = 4; seq <= 6; ++seq) add(seq, Lane{seq}, Operation::identify);
    EXPECT_EQ(all_next(), (Seqs{1, 4, 5}));
    answer(1, 200);
    EXPECT_EQ(all_next(), Seqs{2});
    answer(4, 200);
    EXPECT_EQ(all_next(), Seqs{6});
}

TEST_F(DeliveryLimitsTest, AKindsRateHoldsUpNoOther) {
    kind(Kind::sends).rate = LimiterPolicy{1, 10s, 1};
    restart(policy);
    add(1, kAda, Operation::send_email);
    add(2, kBob, Operation::send_email);
    add(3, kCyd);
    EXPECT_EQ(all_next(), (Seqs{1, 3}));
    EXPECT_EQ(delivery.wake_at(now), now + 10s);
    pass(10s);
    EXPECT_EQ(all_next(), Seqs{2});
}

TEST_F(DeliveryLimitsTest, TheConcurrencyOfAnEndpointIsLearnt) {
    for (GatesPolicy& gates : policy.gates) gates.concurrency = {.max = 5, .is_adaptive = true};
    restart(policy);
    for (std::uint64_t seq = 1; seq <= 500; ++seq) add(seq, Lane{seq});
    EXPECT_EQ(all_next(), Seqs{1}) << "a restart is not a stampede";
    Seqs under_way{1};
    for (int i = 0; i < 50; ++i) {
        pass(100ms);
        AttemptResult result;
        result.phase = Phase::answered;
        result.status = 200;
        result.latency = 100ms;
        for (const std::uint64_t seq : under_way) tell(seq, result);
        under_way = all_next();
    }
    EXPECT_EQ(under_way.size(), 5U);
}

TEST_F(DeliveryLimitsTest, ABarrierWaitsForAllItNamesAndTheyForIt) {
    add(1, kAda);
    add(2, kBob);
    Item merge = item(3, kAda, Operation::delete_person);
    merge.also = {kBob};
    EXPECT_FALSE(delivery.add(merge));
    add(4, kBob);
    add(5, kCyd);
    EXPECT_EQ(all_next(), (Seqs{1, 2, 5}));
    answer(1, 200);
    EXPECT_EQ(next(), 0U);
    again(answer(2, 503));
    EXPECT_EQ(next(), 0U) << "who fails holds up the barrier";
    sleep();
    EXPECT_EQ(next(), 2U);
    answer(2, 200);
    EXPECT_EQ(all_next(), Seqs{3});
    answer(3, 200);
    EXPECT_EQ(all_next(), Seqs{4});
}

TEST_F(DeliveryLimitsTest, ASlowAnswerSpeaksAgainstTheFarSide) {
    AttemptResult slow;
    slow.phase = Phase::answered;
    slow.status = 200;
    slow.latency = 6s;
    for (std::uint64_t seq = 1; seq <= 6; ++seq) add(seq, Lane{seq});
    for (std::uint64_t seq = 1; seq <= 5; ++seq) {
        ASSERT_EQ(next(), seq == 1 ? 1U : seq);
        EXPECT_TRUE(done(tell(seq, slow))) << "but it is delivered";
    }
    EXPECT_EQ(delivery.gates(Endpoint::track).breaker().state(now), Breaker::State::open);
    EXPECT_EQ(delivery.gates(Endpoint::track).breaker().reason(),
              "5 failures in a row, the last: 200 OK, after 6 s");
}

}  // namespace
}  // namespace holdfast::transport
