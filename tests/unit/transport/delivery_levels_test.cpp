// What goes first, and what is held at which degradation level.
#include "delivery_fixture.hpp"

namespace holdfast::transport {
namespace {

using namespace std::chrono_literals;
using Seqs = std::vector<std::uint64_t>;

class DeliveryLevelsTest : public DeliveryFixture {
protected:
    void add_essential(std::uint64_t seq, Lane lane, Operation operation = Operation::event) {
        Item made = item(seq, lane, operation);
        made.is_essential = true;
        EXPECT_FALSE(delivery.add(made));
    }

    Seqs all_in_turn() {
        Seqs sent;
        while (const std::uint64_t seq = next()) {
            sent.push_back(seq);
            answer(seq, 200);
        }
        return sent;
    }
};

TEST_F(DeliveryLevelsTest, EssentialOnesGoFirstAndEachFourthTurnIsOfTheOldest) {
    set_concurrency(1);
    restart(policy);
    for (std::uint64_t seq = 1; seq <= 4; ++seq) add(seq, Lane{seq});
    for (std::uint64_t seq = 5; seq <= 9; ++seq) add_essential(seq, Lane{seq});
    EXPECT_EQ(all_in_turn(), (Seqs{5, 6, 7, 1, 8, 9, 2, 3, 4}));
}

TEST_F(DeliveryLevelsTest, WhatStandsInFrontOfAnEssentialOneGoesWithIt) {
    set_concurrency(1);
    restart(policy);
    add(1, kBob);
    add(2, kAda);
    add_essential(3, kAda);
    add(4, kAda);
    EXPECT_EQ(all_in_turn(), (Seqs{2, 3, 1, 4}));
}

TEST_F(DeliveryLevelsTest, EssentialOnlyHoldsTheOthersAndFullLetsThemGo) {
    delivery.set_level(Level::essential_only);
    add(1, kBob);
    add(2, kAda);
    add_essential(3, kAda);
    add(4, kAda);
    EXPECT_EQ(all_in_turn(), (Seqs{2, 3}));
    EXPECT_FALSE(delivery.wake_at(now)) << "what is held costs nothing";
    EXPECT_EQ(delivery.held(), 2U);
    delivery.set_level(Level::full);
    EXPECT_EQ(all_in_turn(), (Seqs{1, 4}));
}

TEST_F(DeliveryLevelsTest, AnEssentialOneLiftsItsLaneWhileItIsHeld) {
    delivery.set_level(Level::essential_only);
    add(1, kAda);
    EXPECT_EQ(next(), 0U);
    add_essential(2, kAda);
    EXPECT_EQ(all_in_turn(), (Seqs{1, 2}));
}

TEST_F(DeliveryLevelsTest, DisabledHoldsEverything) {
    delivery.set_level(Level::disabled);
    add(1, kBob);
    add_essential(2, kAda);
    EXPECT_EQ(next(), 0U);
    EXPECT_FALSE(delivery.wake_at(now));
    delivery.set_level(Level::full);
    EXPECT_EQ(all_in_turn(), (Seqs{2, 1}));
}

TEST_F(DeliveryLevelsTest, TheHeldOnesAreParkedSoThatEssentialOnesAreRead) {
    policy.window_max = 3;
    restart(policy);
    delivery.set_level(Level::essential_only);
    for (std::uint64_t seq = 1; seq <= 3; ++seq) add(seq, Lane{seq});
    EXPECT_EQ(next(), 0U);
    EXPECT_EQ(delivery.park(now).size(), 3U);
    add_essential(4, kAda);
    EXPECT_EQ(all_in_turn(), (Seqs{1, 4})) << "the first of its lane goes with it";
}

TEST_F(DeliveryLevelsTest, WhatIsToBeShedEndsInItsTurnAndOnlyThen) {
    const auto add_sheddable = [&](std::uint64_t seq, Lane lane) {
        Item made = item(seq, lane, Operation::event);
        made.is_sheddable = true;
        EXPECT_FALSE(delivery.add(made));
    };
    const auto shed = [&] {
        Seqs seqs;
        for (const Settled& one : delivery.shed(now)) {
            EXPECT_EQ(dead(one.decision).cause, FailureCause::shed);
            seqs.push_back(one.seq.value);
        }
        return seqs;
    };
    add_sheddable(1, kAda);
    add_sheddable(2, kAda);
    add(3, kBob);
    add_sheddable(4, kBob);
    add_sheddable(5, kCyd);
    EXPECT_EQ(next(), 1U);
    EXPECT_TRUE(shed().empty()) << "at level full nothing is";
    delivery.set_level(Level::essential_only);
    EXPECT_EQ(shed(), Seqs{5}) << "one is under way, one stands behind what is held";
    again(answer(1, 503));
    EXPECT_TRUE(shed().empty());
    sleep();
    EXPECT_EQ(shed(), (Seqs{1, 2}));
    EXPECT_EQ(next(), 0U);
    EXPECT_EQ(delivery.held(), 2U);
    add_essential(6, kBob);
    EXPECT_EQ(all_in_turn(), (Seqs{3, 4, 6})) << "what an essential one waits for is sent";
}

TEST_F(DeliveryLevelsTest, EssentialFirstReadsOnForThemAndThenLetsTheOthersGo) {
    policy.window_max = 2;
    set_concurrency(1);
    restart(policy);
    delivery.set_essential_first(true);
    delivery.on_read(true);
    add(1, Lane{11});
    add(2, Lane{12});
    EXPECT_EQ(next(), 0U) << "there may be an essential one behind them";
    EXPECT_EQ(delivery.park(now).size(), 2U);
    add(3, Lane{13});
    add_essential(4, Lane{14});
    EXPECT_EQ(next(), 4U);
    answer(4, 200);
    EXPECT_EQ(next(), 0U);
    delivery.on_read(false);
    EXPECT_EQ(all_in_turn(), (Seqs{1, 2, 3}));
}

TEST_F(DeliveryLevelsTest, EssentialFirstHoldsNothingForEver) {
    policy.window_max = 2;
    policy.parked_max = 1;
    restart(policy);
    delivery.set_essential_first(true);
    delivery.on_read(true);
    add(1, kAda);
    add(2, kBob);
    EXPECT_EQ(delivery.park(now).size(), 1U);
    add(3, kCyd);
    EXPECT_EQ(all_next(), (Seqs{1, 2, 3})) << "no more can be held to look behind it";
}

TEST_F(DeliveryLevelsTest, AnEssentialOneThatFailsHoldsUpNobody) {
    set_concurrency(1);
    restart(policy);
    delivery.set_essential_first(true);
    add_essential(1, kAda);
    add(2, kBob);
    EXPECT_EQ(all_next(), Seqs{1}) << "strictly first …";
    again(answer(1, 503));
    EXPECT_EQ(all_next(), Seqs{2}) << "… but it waits alone";
}

TEST_F(DeliveryLevelsTest, EventsBeforeATimeAreCounted) {
    add(1, kAda);
    pass(1h);
    add(2, kAda);
    add(3, kBob, Operation::identify);
    add_essential(4, kBob);
    EXPECT_EQ(delivery.events_before(wall), 1U);
    EXPECT_EQ(delivery.events_before(wall + 1ms), 3U);
}

TEST_F(DeliveryLevelsTest, NothingIsParkedWhileDisabled) {
    policy.window_max = 2;
    restart(policy);
    delivery.set_level(Level::disabled);
    add(1, kAda);
    add(2, kBob);
    EXPECT_TRUE(delivery.park(now).empty()) << "those behind would be held too";
}

}  // namespace
}  // namespace holdfast::transport
