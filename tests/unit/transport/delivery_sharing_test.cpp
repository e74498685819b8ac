// Which entries share a request, and what becomes of each.
#include "delivery_fixture.hpp"

#include <algorithm>
#include <map>
#include <random>

namespace holdfast::transport {
namespace {

using namespace std::chrono_literals;
using Seqs = std::vector<std::uint64_t>;

class DeliverySharingTest : public DeliveryFixture {
protected:
    void share(std::uint64_t seq, Lane lane, std::size_t size = 100) {
        Item made = item(seq, lane, Operation::event);
        made.size = size;
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

    static Seqs seqs_of(const std::vector<Settled>& settled) {
        Seqs seqs;
        for (const Settled& one : settled) seqs.push_back(one.seq.value);
        return seqs;
    }
};

TEST_F(DeliverySharingTest, ManyGoInOneRequestAndAllAreDone) {
    for (std::uint64_t seq = 1; seq <= 5; ++seq) share(seq, Lane{seq % 2});
    EXPECT_EQ(request(), (Seqs{1, 3, 5, 2, 4})) << "of each lane in order";
    EXPECT_EQ(delivery.in_flight().size(), 5U);
    const auto settled = settle(1, 200);
    EXPECT_EQ(seqs_of(settled), (Seqs{1, 3, 5, 2, 4}));
    for (const Settled& one : settled) EXPECT_TRUE(done(one.decision));
    EXPECT_EQ(delivery.held(), 0U);
}

TEST_F(DeliverySharingTest, NoMoreThanThereIsRoomFor) {
    policy.share = {.bytes_max = 1000, .count_max = 100};
    restart(policy);
    for (std::uint64_t seq = 1; seq <= 9; ++seq) share(seq, Lane{seq}, 250);
    EXPECT_EQ(request().size(), 3U) << "sizes are rounded up, so that they never fall short";
    policy.share = {.bytes_max = 1'000'000, .count_max = 4};
    restart(policy);
    for (std::uint64_t seq = 1; seq <= 9; ++seq) share(seq, Lane{seq}, 250);
    EXPECT_EQ(request().size(), 4U);
}

TEST_F(DeliverySharingTest, OneLargerThanARequestGoesAlone) {
    policy.share = {.bytes_max = 1000, .count_max = 100};
    restart(policy);
    share(1, kAda, 5000);
    share(2, kBob);
    EXPECT_EQ(request(), Seqs{1});
    EXPECT_EQ(request(), Seqs{2});
}

TEST_F(DeliverySharingTest, WhatCannotShareGoesAloneAndKeepsItsPlaceInItsLane) {
    share(1, kAda);
    add(2, kAda);
    share(3, kAda);
    share(4, kBob);
    EXPECT_EQ(request(), (Seqs{1, 4}));
    EXPECT_EQ(request(), Seqs{});
    settle(1, 200);
    EXPECT_EQ(request(), Seqs{2});
    settle(2, 200);
    EXPECT_EQ(request(), Seqs{3});
}

TEST_F(DeliverySharingTest, AHotPersonLeavesRoomForOthers) {
    policy.share.count_max = 100;
    restart(policy);
    for (std::uint64_t seq = 1; seq <= 500; ++seq) share(seq, kAda);
    for (std::uint64_t seq = 501; seq <= 540; ++seq) share(seq, Lane{seq});
    const Seqs seqs = request();
    EXPECT_EQ(seqs.size(), 100U);
    EXPECT_EQ(std::ranges::count_if(seqs, [](std::uint64_t seq) { return seq > 500; }), 40);
    Seqs hot;
    std::ranges::copy_if(seqs, std::back_inserter(hot), [](auto seq) { return seq <= 500; });
    for (std::size_t i = 0; i < hot.size(); ++i) EXPECT_EQ(hot[i], i + 1) << "in order";
}

TEST_F(DeliverySharingTest, EachItemOfAPartlyRefusedOneIsSettledByItself) {
    for (std::uint64_t seq = 1; seq <= 4; ++seq) share(seq, Lane{seq % 2});
    ASSERT_EQ(request(), (Seqs{1, 3, 2, 4}));
    AttemptResult result;
    result.phase = Phase::answered;
    result.status = 207;
    result.rejected = {{1, "name: must be given"}, {77, "out of range"}};
    const auto settled = delivery.on_result(Seq{1}, result, now, wall);
    ASSERT_EQ(seqs_of(settled), (Seqs{1, 3, 2, 4}));
    EXPECT_TRUE(done(settled[0].decision));
    const Dead refused = dead(settled[1].decision);
    EXPECT_EQ(refused.cause, FailureCause::poison);
    EXPECT_EQ(refused.status, 207U);
    EXPECT_EQ(refused.reason, "207 Multi-Status: name: must be given");
    EXPECT_TRUE(done(settled[2].decision));
    EXPECT_TRUE(done(settled[3].decision));
    EXPECT_EQ(delivery.held(), 0U);
}

TEST_F(DeliverySharingTest, AFailureIsAnAttemptOfEachAndTheLanesStayInOrder) {
    share(1, kAda);
    share(2, kAda);
    ASSERT_EQ(request(), (Seqs{1, 2}));
    const auto settled = settle(1, 503);
    ASSERT_EQ(settled.size(), 2U);
    EXPECT_EQ(again(settled[0].decision).attempts, 1U);
    EXPECT_EQ(again(settled[1].decision).attempts, 1U);
    EXPECT_EQ(request(), Seqs{});
    sleep();
    const Seqs seqs = request();
    EXPECT_EQ(seqs.front(), 1U) << "the second may have to wait longer, never less";
}

TEST_F(DeliverySharingTest, ACancelledOneGoesAgainAsItWas) {
    share(1, kAda);
    share(2, kBob);
    share(3, kAda);
    ASSERT_EQ(request(), (Seqs{1, 3, 2}));
    delivery.on_cancelled(Seq{1}, now);
    EXPECT_EQ(request(), (Seqs{1, 3, 2}));
}

TEST_F(DeliverySharingTest, TheOneThatDoesNotFitInIsSentAloneInItsTurn) {
    for (std::uint64_t seq = 1; seq <= 4; ++seq) share(seq, kAda);
    std::optional<Attempt> attempt = delivery.next(now);
    ASSERT_EQ(attempt->seqs.size(), 4U);
    delivery.trim(*attempt, 2, now);
    EXPECT_EQ(attempt->seqs, (std::vector{Seq{1}, Seq{2}}));
    EXPECT_EQ(settle(1, 200).size(), 2U);
    EXPECT_EQ(request(), Seqs{3});
    settle(3, 200);
    EXPECT_EQ(request(), Seqs{4});
}

TEST_F(DeliverySharingTest, TheFirstMayBeTheOneThatDoesNotFitIn) {
    for (std::uint64_t seq = 1; seq <= 3; ++seq) share(seq, Lane{seq});
    std::optional<Attempt> attempt = delivery.next(now);
    delivery.trim(*attempt, 0, now);
    EXPECT_EQ(attempt->seqs, std::vector{Seq{1}});
    EXPECT_EQ(request(), (Seqs{2, 3}));
    delivery.on_cancelled(Seq{1}, now);
    EXPECT_EQ(request(), Seqs{1}) << "and stays so";
}

// Returns how many requests it took until all were settled.
struct BisectTest : DeliverySharingTest {
    int drain(const std::set<std::uint64_t>& poison, std::uint64_t count) {
        int requests = 0;
        for (; delivery.held() > 0 && requests < 10'000; ++requests) {
            const Seqs seqs = request();
            if (seqs.empty()) {
                sleep();
                continue;
            }
            const bool is_bad =
                std::ranges::any_of(seqs, [&](auto seq) { return poison.contains(seq); });
            for (const Settled& one : settle(seqs.front(), is_bad ? 400 : 200)) {
                const bool died = std::holds_alternative<Dead>(one.decision);
                EXPECT_EQ(died, poison.contains(one.seq.value)) << one.seq.value;
                ++ended[one.seq.value];
            }
        }
        EXPECT_EQ(ended.size(), count);
        for (const auto& [seq, times] : ended) EXPECT_EQ(times, 1) << seq;
        return requests;
    }

    std::map<std::uint64_t, int> ended;
};

TEST_F(BisectTest, AnOpaqueRefusalIsBisectedUntilThePoisonStandsAlone) {
    for (std::uint64_t seq = 1; seq <= 512; ++seq) share(seq, Lane{seq});
    EXPECT_LE(drain({300}, 512), 2 * 9 + 1);
}

TEST_F(BisectTest, WithinOneLaneToo) {
    for (std::uint64_t seq = 1; seq <= 300; ++seq) share(seq, kAda);
    EXPECT_LE(drain({1, 150, 300}, 300), 3 * 2 * 9 + 1);
}

TEST_F(BisectTest, AllOfThemPoison) {
    std::set<std::uint64_t> all;
    for (std::uint64_t seq = 1; seq <= 64; ++seq) {
        share(seq, Lane{seq % 5});
        all.insert(seq);
    }
    drain(all, 64);
}

TEST_F(BisectTest, FreshOnesAreNotMadeSuspects) {
    for (std::uint64_t seq = 1; seq <= 4; ++seq) share(seq, Lane{seq});
    ASSERT_EQ(request().size(), 4U);
    EXPECT_TRUE(settle(1, 400).empty()) << "not an attempt of anybody";
    for (std::uint64_t seq = 5; seq <= 9; ++seq) share(seq, Lane{seq});
    EXPECT_EQ(request(), (Seqs{1, 2}));
    EXPECT_EQ(request(), (Seqs{3, 4}));
    EXPECT_EQ(request(), (Seqs{5, 6, 7, 8, 9}));
}

TEST_F(BisectTest, APartlyRefusedOneThatCannotBeReadIsBisectedToo) {
    share(1, kAda);
    share(2, kBob);
    ASSERT_EQ(request(), (Seqs{1, 2}));
    EXPECT_TRUE(settle(1, 207).empty());
    EXPECT_EQ(request(), Seqs{1});
    EXPECT_EQ(request(), Seqs{2});
    EXPECT_EQ(settle(1, 200).size(), 1U);
}

TEST_F(BisectTest, AnyMixtureEndsAsItMust) {
    for (std::uint64_t seed = 1; seed <= 300; ++seed) {
        std::mt19937_64 random(seed);
        policy.share.count_max = random() % 40 + 1;
        restart(policy);
        ended.clear();
        std::set<std::uint64_t> poison;
        const std::uint64_t count = random() % 60 + 1;
        for (std::uint64_t seq = 1; seq <= count; ++seq) {
            if (random() % 5 == 0) {
                add(seq, Lane{random() % 4});
            } else {
                share(seq, Lane{random() % 4}, random() % 2000 + 1);
            }
            if (random() % 8 == 0) poison.insert(seq);
        }
        drain(poison, count);
        if (HasFailure()) FAIL() << "seed " << seed;
    }
}

}  // namespace
}  // namespace holdfast::transport
