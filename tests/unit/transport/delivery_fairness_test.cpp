// One that never passes holds up nobody but its lane. Each of these was a seed of tests/sim.
#include "delivery_fixture.hpp"

#include <algorithm>
#include <set>

namespace holdfast::transport {
namespace {

using namespace std::chrono_literals;
using Seqs = std::vector<std::uint64_t>;

class DeliveryFairnessTest : public DeliveryFixture {
protected:
    void share(std::uint64_t seq, Lane lane, bool is_essential = false) {
        Item made = item(seq, lane, Operation::event);
        made.size = 100;
        made.is_essential = is_essential;
        EXPECT_FALSE(delivery.add(made));
    }

    Seqs request() {
        Seqs seqs;
        if (const std::optional<Attempt> attempt = delivery.next(now)) {
            for (const Seq seq : attempt->seqs) seqs.push_back(seq.value);
        }
        return seqs;
    }

    std::vector<Settled> settle(std::uint64_t first, unsigned status) {
        AttemptResult result;
        result.phase = Phase::answered;
        result.status = status;
        return delivery.on_result(Seq{first}, result, now, wall);
    }

    // All fail, so many requests long.
    void fail_all(unsigned status, int requests) {
        for (int i = 0; i < requests; ++i) {
            Seqs seqs = request();
            for (; seqs.empty(); seqs = request()) sleep();
            settle(seqs.front(), status);
        }
    }

    // So many requests, of which those with one of these in them fail. What is done then.
    Seqs deliver(const std::set<std::uint64_t>& bad, unsigned status, int requests) {
        Seqs delivered;
        while (requests > 0 && delivery.held() > bad.size()) {
            const Seqs seqs = request();
            if (seqs.empty()) {
                sleep();
                continue;
            }
            --requests;
            const bool fails =
                std::ranges::any_of(seqs, [&](auto seq) { return bad.contains(seq); });
            for (const Settled& one : settle(seqs.front(), fails ? status : 200)) {
                if (done(one.decision)) delivered.push_back(one.seq.value);
            }
        }
        std::ranges::sort(delivered);
        return delivered;
    }
};

TEST_F(DeliveryFairnessTest, OneThatIsRefusedHoldsUpNobodyThatSharedItsRequest) {
    for (std::uint64_t seq = 1; seq <= 5; ++seq) share(seq, Lane{seq});
    EXPECT_EQ(deliver({2}, 403, 20), (Seqs{1, 3, 4, 5}));
}

TEST_F(DeliveryFairnessTest, ThoseThatAreRefusedDoNotTakeTurnsWithoutTheOthers) {
    for (std::uint64_t seq = 1; seq <= 4; ++seq) add(seq, Lane{seq});
    fail_all(401, 8);
    EXPECT_EQ(deliver({1, 2}, 403, 20), (Seqs{3, 4}));
}

// While they keep the breaker open, all the others are due whenever it lets a probe go.
TEST_F(DeliveryFairnessTest, OneThatAlwaysFailsHoldsUpNobodyThatSharedItsRequest) {
    add(1, Lane{1});
    for (std::uint64_t seq = 2; seq <= 5; ++seq) share(seq, Lane{seq});
    fail_all(503, 30);
    EXPECT_EQ(deliver({1, 2}, 500, 40), (Seqs{3, 4, 5}));
}

TEST_F(DeliveryFairnessTest, OneThatAlwaysFailsIsNotAlwaysTheProbe) {
    for (std::uint64_t seq = 1; seq <= 2; ++seq) add(seq, Lane{seq});
    fail_all(503, 30);
    EXPECT_EQ(deliver({1}, 500, 20), Seqs{2});
}

TEST_F(DeliveryFairnessTest, EachEndpointHasItsOwnFourthTurn) {
    set_concurrency(1);
    restart(policy);
    share(1, kAda);
    std::uint64_t seq = 2;
    Seqs events;
    for (int round = 0; round < 10; ++round) {
        Item essential = item(seq, Lane{seq}, Operation::event);
        essential.is_essential = true;
        EXPECT_FALSE(delivery.add(essential));
        add(seq + 1, Lane{seq + 1}, Operation::send_email);
        seq += 2;
        events.push_back(request().front());
        EXPECT_EQ(request().front() % 2, 1U) << "an e-mail goes beside each";
        answer(events.back(), 200);
        answer(seq - 1, 200);
    }
    EXPECT_EQ(std::ranges::count(events, 1U), 1) << "in its turn, whatever the other endpoint does";
}

TEST_F(DeliveryFairnessTest, AtEssentialOnlyARunEndsWithItsLastEssentialOne) {
    delivery.set_level(Level::essential_only);
    share(1, kAda);
    share(2, kAda, true);
    share(3, kAda);
    share(4, kBob, true);
    share(5, kBob);
    EXPECT_EQ(request(), (Seqs{1, 2, 4}));
}

TEST_F(DeliveryFairnessTest, NobodyGivesUpBeforeThoseInFrontOfIt) {
    Item behind = item(2, kAda, Operation::event);
    behind.size = 100;
    behind.accepted_at = wall - 8 * 24h;  // the clock was set back before
    share(1, kAda);
    EXPECT_FALSE(delivery.add(behind));
    ASSERT_EQ(request(), (Seqs{1, 2}));
    const auto settled = settle(1, 503);
    ASSERT_EQ(settled.size(), 2U);
    again(settled[0].decision);
    again(settled[1].decision);
}

TEST_F(DeliveryFairnessTest, WithANewCredentialThoseBehindGoAtOnceToo) {
    share(1, kAda);
    share(2, kAda);
    ASSERT_EQ(request(), (Seqs{1, 2}));
    settle(1, 401);
    delivery.on_credential_changed(Endpoint::track);
    EXPECT_EQ(request(), Seqs{1});
    settle(1, 200);
    EXPECT_EQ(request(), Seqs{2});
}

TEST_F(DeliveryFairnessTest, APartlyRefusedOneThatIsAloneIsNotDone) {
    share(1, kAda);
    ASSERT_EQ(request(), Seqs{1});
    AttemptResult result;
    result.phase = Phase::answered;
    result.status = 207;
    result.rejected = {{0, "name: must be given"}};
    EXPECT_EQ(dead(tell(1, result)).cause, FailureCause::poison);
}

}  // namespace
}  // namespace holdfast::transport
