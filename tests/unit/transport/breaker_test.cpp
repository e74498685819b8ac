#include "transport/policy/breaker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <vector>

namespace holdfast::transport {
namespace {

using namespace std::chrono_literals;
using State = Breaker::State;
using Ticket = Breaker::Ticket;
using Snapshot = Breaker::Snapshot;

constexpr WallTime kWall{1'800'000'000'000ms};

class BreakerTest : public ::testing::Test {
protected:
    Ticket acquire() {
        const std::optional<Ticket> ticket = breaker.try_acquire(now);
        EXPECT_TRUE(ticket) << "the door is shut";
        return ticket.value_or(Ticket{});
    }

    void succeed(Ticket ticket) { breaker.on_success(ticket, now); }

    void fail(Ticket ticket) { breaker.on_failure(ticket, now, seed, "503 Service Unavailable"); }

    void fail(int times) {
        for (int i = 0; i < times; ++i) fail(acquire());
    }

    void succeed(int times) {
        for (int i = 0; i < times; ++i) succeed(acquire());
    }

    [[nodiscard]] State state() const { return breaker.state(now); }

    void open() {
        fail(5);
        ASSERT_EQ(state(), State::open);
    }

    // To the first moment of half_open.
    void half_open() {
        open();
        wait_for_the_door();
        ASSERT_EQ(state(), State::half_open);
    }

    void wait_for_the_door() { now = breaker.next_try_at(now).value_or(now); }

    // How long the breaker stays open from now on.
    [[nodiscard]] Duration open_for() const { return breaker.next_try_at(now).value_or(now) - now; }

    Instant now{1000s};  // moves only when a test says so
    std::uint64_t seed = 42;
    Breaker breaker{BreakerPolicy{}};
};

// --- closed → open

TEST_F(BreakerTest, BeginsClosedAndLetsEverybodyThrough) {
    EXPECT_EQ(state(), State::closed);
    for (int i = 0; i < 1000; ++i) acquire();
    EXPECT_EQ(breaker.next_try_at(now), std::nullopt);
    EXPECT_EQ(breaker.reason(), "");
}

TEST_F(BreakerTest, OpensAtTheFifthFailureInARowAndSaysWhy) {
    fail(4);
    EXPECT_EQ(state(), State::closed);
    fail(1);
    EXPECT_EQ(state(), State::open);
    EXPECT_EQ(breaker.reason(), "5 failures in a row, the last: 503 Service Unavailable");
    EXPECT_FALSE(breaker.try_acquire(now));
}

TEST_F(BreakerTest, ASuccessBreaksTheRow) {
    fail(4);
    succeed(1);
    fail(4);
    EXPECT_EQ(state(), State::closed);
    fail(1);
    EXPECT_EQ(state(), State::open);
}

TEST_F(BreakerTest, PoisonNeitherBreaksTheRowNorLengthensIt) {
    fail(4);
    breaker.on_neutral(acquire(), now);
    EXPECT_EQ(state(), State::closed);
    fail(1);
    EXPECT_EQ(state(), State::open);
}

TEST_F(BreakerTest, OpensWhenHalfOfAtLeastTenCallsFailedWithinTheWindow) {
    for (int i = 0; i < 4; ++i) {
        succeed(1);
        fail(1);
    }
    succeed(1);
    EXPECT_EQ(state(), State::closed) << "four of nine";
    fail(1);
    EXPECT_EQ(state(), State::open) << "five of ten";
    EXPECT_EQ(breaker.reason(),
              "5 of 10 attempts failed within 30 s, the last: 503 Service Unavailable");
}

TEST_F(BreakerTest, StaysClosedWhileFewerThanHalfFail) {
    for (int i = 0; i < 100; ++i) {
        succeed(2);
        fail(1);
    }
    EXPECT_EQ(state(), State::closed);
}

TEST_F(BreakerTest, AShareOfFewCallsMeansNothing) {
    for (int i = 0; i < 2; ++i) {
        fail(3);
        succeed(1);
    }
    EXPECT_EQ(state(), State::closed) << "six of eight";
}

TEST_F(BreakerTest, FailuresThatLeftTheWindowAreForgotten) {
    for (int i = 0; i < 4; ++i) {
        succeed(1);
        fail(1);
    }
    succeed(1);
    now += 30s;
    fail(1);
    EXPECT_EQ(state(), State::closed);
}

// --- open

TEST_F(BreakerTest, StaysOpenUntilTheWaitIsOverToTheNanosecond) {
    open();
    const Instant until = breaker.next_try_at(now).value();
    now = until - 1ns;
    EXPECT_EQ(state(), State::open);
    EXPECT_FALSE(breaker.try_acquire(now));
    now = until;
    EXPECT_EQ(state(), State::half_open);
    EXPECT_EQ(breaker.next_try_at(now), std::nullopt);
    EXPECT_TRUE(breaker.try_acquire(now));
}

TEST_F(BreakerTest, StaysOpenBetweenHalfAndAllOfItsTimeAsChanceHasIt) {
    Duration least = 1h;
    Duration most{};
    for (seed = 0; seed < 200; ++seed) {
        breaker = Breaker(BreakerPolicy{});
        open();
        least = std::min(least, open_for());
        most = std::max(most, open_for());
    }
    EXPECT_GE(least, 15s);
    EXPECT_LT(least, 16s);
    EXPECT_GT(most, 29s);
    EXPECT_LE(most, 30s);
}

TEST_F(BreakerTest, TheTimeDoublesWithEachFailedProbeUpToTheCap) {
    open();
    for (const Duration full : {30s, 60s, 120s, 240s, 300s, 300s}) {
        EXPECT_GE(open_for(), full / 2);
        EXPECT_LE(open_for(), full);
        wait_for_the_door();
        fail(1);
        EXPECT_EQ(state(), State::open);
    }
    EXPECT_EQ(breaker.reason(), "the probe failed: 503 Service Unavailable");
}

TEST_F(BreakerTest, AfterItClosedTheTimeBeginsAtTheBaseAgain) {
    open();
    for (int i = 0; i < 5; ++i) {
        wait_for_the_door();
        fail(1);
    }
    EXPECT_GE(open_for(), 150s);
    wait_for_the_door();
    succeed(3);
    ASSERT_EQ(state(), State::closed);
    open();
    EXPECT_LE(open_for(), 30s);
}

// --- half_open

// opossum #119: half-open let everybody through.
TEST_F(BreakerTest, HalfOpenLetsNoFloodThroughButOneProbeThenTwoThenFour) {
    half_open();
    const Ticket first = acquire();
    EXPECT_FALSE(breaker.try_acquire(now));
    succeed(first);

    const Ticket second = acquire();
    acquire();
    EXPECT_FALSE(breaker.try_acquire(now));
    succeed(second);

    acquire();
    acquire();
    const Ticket third = acquire();
    EXPECT_FALSE(breaker.try_acquire(now)) << "four are out";
    succeed(third);
    EXPECT_EQ(state(), State::closed);
}

TEST_F(BreakerTest, ClosesAfterThreeSuccessesAndForgetsTheOutage) {
    half_open();
    succeed(2);
    EXPECT_EQ(state(), State::half_open);
    EXPECT_EQ(breaker.reason(), "5 failures in a row, the last: 503 Service Unavailable");
    succeed(1);
    EXPECT_EQ(state(), State::closed);
    EXPECT_EQ(breaker.reason(), "");
    succeed(5);
    fail(4);
    EXPECT_EQ(state(), State::closed) << "the failures before the outage are not in the window";
}

TEST_F(BreakerTest, AFailedProbeOpensAgainEvenAfterTwoThatPassed) {
    half_open();
    succeed(2);
    fail(1);
    EXPECT_EQ(state(), State::open);
    wait_for_the_door();
    acquire();
    EXPECT_FALSE(breaker.try_acquire(now)) << "it begins with one probe again";
}

// opossum #276: a minimum of calls that guards opening also guarded re-opening: stuck half-open.
TEST_F(BreakerTest, TheMinimumOfCallsDoesNotKeepItStuckHalfOpen) {
    breaker = Breaker({.failures_in_a_row = 5, .window_calls_min = 1000});
    half_open();
    now += 10min;  // nothing is left in the window
    fail(1);
    EXPECT_EQ(state(), State::open);
}

// resilience4j #544: an ignored result kept the permit, for ever.
TEST_F(BreakerTest, AnIgnoredResultDoesNotLeakThePermit) {
    half_open();
    for (int i = 0; i < 100; ++i) breaker.on_neutral(acquire(), now);
    EXPECT_EQ(state(), State::half_open);
    succeed(3);
    EXPECT_EQ(state(), State::closed);
}

TEST_F(BreakerTest, AProbeThatIsNeverHeardOfAgainCostsOneLeaseAndNoMore) {
    half_open();
    acquire();
    EXPECT_EQ(breaker.next_try_at(now), now + 30s);
    now += 30s - 1ns;
    EXPECT_FALSE(breaker.try_acquire(now));
    now += 1ns;
    EXPECT_EQ(breaker.next_try_at(now), std::nullopt);
    succeed(3);
    EXPECT_EQ(state(), State::closed);
}

TEST_F(BreakerTest, OnlyAsManyAreOutAsLeasesRunWhenOneOfTwoExpires) {
    half_open();
    succeed(1);
    acquire();
    now += 10s;
    acquire();
    EXPECT_EQ(breaker.next_try_at(now), now + 20s) << "the older one ends first";
    now += 20s;
    acquire();
    EXPECT_FALSE(breaker.try_acquire(now));
    EXPECT_EQ(breaker.next_try_at(now), now + 10s);
}

TEST_F(BreakerTest, ATicketThatIsToldTwiceCountsOnce) {
    half_open();
    const Ticket ticket = acquire();
    for (int i = 0; i < 3; ++i) succeed(ticket);
    EXPECT_EQ(state(), State::half_open);
}

// --- late results (Polly #216: calls from before the outage decided the probe's state)

TEST_F(BreakerTest, ALateSuccessDoesNotClose) {
    const Ticket slow = acquire();
    open();
    succeed(slow);
    EXPECT_EQ(state(), State::open);
    wait_for_the_door();
    const Ticket probe = acquire();
    for (int i = 0; i < 3; ++i) succeed(slow);
    EXPECT_EQ(state(), State::half_open) << "only a probe may close it";
    EXPECT_FALSE(breaker.try_acquire(now)) << "nor does it free the probe's place";
    succeed(probe);
}

TEST_F(BreakerTest, ALateFailureDoesNotOpenNorProlong) {
    const Ticket slow = acquire();
    open();
    const Duration left = open_for();
    fail(slow);
    EXPECT_EQ(open_for(), left);
    wait_for_the_door();
    acquire();
    fail(slow);
    EXPECT_EQ(state(), State::half_open) << "only a probe may open it";
}

TEST_F(BreakerTest, LateFailuresAfterItClosedAreCountedButDoNotDecide) {
    std::vector<Ticket> slow(10);
    for (Ticket& ticket : slow) ticket = acquire();
    half_open();
    succeed(3);
    for (const Ticket ticket : slow) fail(ticket);
    EXPECT_EQ(state(), State::closed);
    fail(1);
    EXPECT_EQ(state(), State::open) << "one of now decides, with the others in the window";
    EXPECT_EQ(breaker.reason(),
              "11 of 11 attempts failed within 30 s, the last: 503 Service Unavailable");
}

TEST_F(BreakerTest, AProbeOfAnEarlierRoundIsLate) {
    half_open();
    succeed(1);
    const Ticket slow = acquire();
    fail(1);
    wait_for_the_door();
    const Ticket probe = acquire();
    fail(slow);
    EXPECT_EQ(state(), State::half_open);
    succeed(probe);
}

TEST_F(BreakerTest, AProbeOfAnEarlierRoundTakesNoPlaceInThisOne) {
    breaker = Breaker({.lease_for = 10min});
    half_open();
    succeed(1);
    acquire();
    fail(1);
    wait_for_the_door();
    succeed(1);
    acquire();
    EXPECT_TRUE(breaker.try_acquire(now)) << "two may be out";
}

TEST_F(BreakerTest, AnAnswerAfterItsLeaseEndedIsLate) {
    half_open();
    const Ticket slow = acquire();
    now += 30s;
    fail(slow);
    EXPECT_EQ(state(), State::half_open);
}

TEST_F(BreakerTest, AnInventedTicketDecidesNothing) {
    half_open();
    fail(Ticket{});
    EXPECT_EQ(state(), State::half_open);
}

// --- over a restart

class BreakerRestartTest : public BreakerTest {
protected:
    // Another process, `later` by the wall clock, on a monotonic clock that means nothing to us.
    void restart(std::chrono::milliseconds later) {
        const Snapshot snapshot = breaker.save(now, kWall);
        now = Instant{5s};
        breaker = Breaker(BreakerPolicy{});
        breaker.restore(snapshot, now, kWall + later);
    }
};

TEST_F(BreakerRestartTest, ClosedStaysClosed) {
    fail(1);
    restart(1s);
    EXPECT_EQ(state(), State::closed);
    EXPECT_EQ(breaker.reason(), "");
}

TEST_F(BreakerRestartTest, ClosedBeginsAfresh) {
    fail(4);
    breaker.restore({}, now, kWall);
    fail(4);
    EXPECT_EQ(state(), State::closed);
}

TEST_F(BreakerRestartTest, OpenStaysOpenForTheTimeThatIsLeft) {
    open();
    const Duration left = open_for();
    restart(10s);
    EXPECT_EQ(state(), State::open);
    EXPECT_EQ(breaker.reason(), "5 failures in a row, the last: 503 Service Unavailable");
    EXPECT_GE(open_for(), left - 10s);
    EXPECT_LT(open_for(), left - 10s + 1ms) << "stored in milliseconds, rounded up";
}

TEST_F(BreakerRestartTest, OpenIsDueWhenItsTimePassedMeanwhileAndBeginsWithOneProbe) {
    open();
    restart(1h);
    EXPECT_EQ(state(), State::half_open);
    acquire();
    EXPECT_FALSE(breaker.try_acquire(now)) << "a restart is not a stampede";
}

TEST_F(BreakerRestartTest, AWallClockThatWentBackDoesNotKeepItOpenForLongerThanTheCap) {
    open();
    restart(-24h * 365 * 1000);
    EXPECT_EQ(state(), State::open);
    EXPECT_EQ(open_for(), 5min);
}

TEST_F(BreakerRestartTest, HalfOpenIsDueAtOnceWithOneProbe) {
    half_open();
    succeed(2);
    acquire();
    restart(1ms);
    EXPECT_EQ(state(), State::half_open);
    acquire();
    EXPECT_FALSE(breaker.try_acquire(now));
}

TEST_F(BreakerRestartTest, AFailedProbeAfterwardsGoesOnDoubling) {
    open();
    for (int i = 0; i < 3; ++i) {
        wait_for_the_door();
        fail(1);
    }
    restart(1h);
    fail(1);
    EXPECT_GE(open_for(), 150s) << "the fifth round in a row, at the cap";
}

TEST_F(BreakerRestartTest, TicketsFromBeforeARestoreAreLate) {
    const Ticket before = acquire();
    breaker.restore({.state = State::open, .until = kWall, .reason = ""}, now, kWall);
    acquire();
    fail(before);
    EXPECT_EQ(state(), State::half_open);
}

TEST_F(BreakerRestartTest, TheLargestFiguresFit) {
    constexpr std::uint32_t kMost = std::numeric_limits<std::uint32_t>::max();
    breaker.restore({.state = State::half_open, .opens_in_a_row = kMost, .reason = ""}, now, kWall);
    fail(1);
    EXPECT_EQ(breaker.save(now, kWall).opens_in_a_row, kMost);
    EXPECT_GE(open_for(), 150s);
}

}  // namespace
}  // namespace holdfast::transport
