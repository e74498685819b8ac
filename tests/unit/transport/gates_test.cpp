#include "transport/policy/gates.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

namespace holdfast::transport {
namespace {

using namespace std::chrono_literals;
using Pass = Gates::Pass;

class GatesTest : public ::testing::Test {
protected:
    Pass enter() {
        const std::optional<Pass> given = gates.try_enter(now);
        EXPECT_TRUE(given) << "a gate is closed";
        return given.value_or(Pass{});
    }

    void answer(const Pass& given,
                unsigned status,
                std::optional<std::string> retry_after = std::nullopt) {
        AttemptResult result;
        result.phase = Phase::answered;
        result.status = status;
        result.retry_after = std::move(retry_after);
        const Verdict verdict = classify(Safety::dedup_by_id, result);
        gates.on_result(given, verdict, result, seed, now, wall);
    }

    void answer(unsigned status, std::optional<std::string> retry_after = std::nullopt) {
        answer(enter(), status, std::move(retry_after));
    }

    void pass(Duration time) {
        now += time;
        wall += std::chrono::floor<std::chrono::milliseconds>(time);
    }

    void wait_for_the_door() { pass(gates.opens_at(now) - now); }

    [[nodiscard]] Duration closed_for() const { return gates.opens_at(now) - now; }

    [[nodiscard]] std::vector<GateKind> kinds() const {
        std::vector<GateKind> closed;
        for (const ClosedGate& gate : gates.closed(now)) closed.push_back(gate.kind);
        return closed;
    }

    // Another process, which has what was saved, `later` by the clock on the wall.
    void restart(std::chrono::milliseconds later = 0ms) {
        const Gates::Snapshot saved = gates.save(now, wall);
        now = Instant(5s);  // its monotonic clock is another
        wall += later;
        gates = Gates(policy);
        gates.restore(saved, now, wall);
    }

    using Kinds = std::vector<GateKind>;

    Instant now{1000s};
    WallTime wall{1'800'000'000'000ms};
    std::uint64_t seed = 42;

    static GatesPolicy roomy() {
        GatesPolicy policy;
        policy.concurrency = {.max = 1000, .is_adaptive = false};
        return policy;
    }

    GatesPolicy policy = roomy();
    Gates gates{policy};
};

TEST_F(GatesTest, AreOpenAtFirst) {
    EXPECT_TRUE(gates.closed(now).empty());
    EXPECT_EQ(gates.opens_at(now), now);
    enter();
}

// --- Retry-After ---

TEST_F(GatesTest, RetryAfterClosesForWhatItSaysAndAtMostATenthMore) {
    answer(429, "30");
    EXPECT_EQ(kinds(), Kinds{GateKind::retry_after});
    EXPECT_EQ(gates.closed(now).front().reason, "429 Too Many Requests");
    EXPECT_GE(closed_for(), 30s);
    EXPECT_LE(closed_for(), 33s);
    pass(30s - 1ns);
    EXPECT_FALSE(gates.try_enter(now));
    wait_for_the_door();
    EXPECT_TRUE(gates.closed(now).empty());
    enter();
}

TEST_F(GatesTest, RetryAfterIsNeverShortened) {
    const Pass early = enter();
    const Pass late = enter();
    answer(early, 429, "60");
    const Instant until = gates.opens_at(now);
    answer(late, 429, "1");
    EXPECT_EQ(gates.opens_at(now), until);
}

TEST_F(GatesTest, RetryAfterCountsWithAServersFailureToo) {
    answer(503, "30");
    EXPECT_GE(closed_for(), 30s);
}

TEST_F(GatesTest, RetryAfterOfAnAnswerThatSaysAnythingElseIsNotHeeded) {
    answer(200, "30");
    EXPECT_EQ(closed_for(), 0s);
    answer(400, "30");
    EXPECT_EQ(closed_for(), 0s);
}

TEST_F(GatesTest, RetryAfterIsCutAtTheMaximum) {
    answer(429, "1000000");
    EXPECT_GE(closed_for(), 1h);
    EXPECT_LE(closed_for(), 1h + 6min);
}

TEST_F(GatesTest, WithoutRetryAfterA429BacksOffAndGrows) {
    for (const Duration full : {1s, 2s, 4s, 8s, 16s}) {
        answer(429);
        EXPECT_GE(closed_for(), full / 2);
        EXPECT_LE(closed_for(), full);
        wait_for_the_door();
    }
    answer(200);
    answer(429);
    EXPECT_LE(closed_for(), 1s) << "a success begins anew";
}

TEST_F(GatesTest, A429ThatSaysAtOnceIsNotBelieved) {
    answer(429, "0");
    EXPECT_GE(closed_for(), 500ms);
    wait_for_the_door();
    answer(429, "0");
    EXPECT_GE(closed_for(), 1s);
}

TEST_F(GatesTest, ManyThatAreThrottledTogetherAreOneReasonToWait) {
    std::vector<Pass> under_way;
    for (int i = 0; i < 10; ++i) under_way.push_back(enter());
    for (const Pass& given : under_way) answer(given, 429);
    EXPECT_LE(closed_for(), 1s) << "not 2^9 s";
    wait_for_the_door();
    answer(429);
    EXPECT_GE(closed_for(), 1s);
    EXPECT_LE(closed_for(), 2s);
}

TEST_F(GatesTest, RetryAfterOutlivesTheProcess) {
    answer(429, "30");
    const Duration left = closed_for();
    restart(10s);
    EXPECT_EQ(kinds(), Kinds{GateKind::retry_after});
    EXPECT_EQ(gates.closed(now).front().reason, "429 Too Many Requests");
    EXPECT_GE(closed_for(), left - 10s);
    EXPECT_LE(closed_for(), left - 10s + 1ms);
}

TEST_F(GatesTest, TheBackoffOf429OutlivesTheProcess) {
    for (int i = 0; i < 4; ++i) {
        answer(429);
        wait_for_the_door();
    }
    restart();
    answer(429);
    EXPECT_GE(closed_for(), 8s);
}

TEST_F(GatesTest, AClockThatWentBackDoesNotCloseForLongerThanEverAsked) {
    answer(429, "30");
    restart(-24h * 365);
    EXPECT_LE(closed_for(), 1h + 6min);
}

TEST_F(GatesTest, AClockThatWentForwardOpens) {
    answer(429, "30");
    restart(24h * 365);
    EXPECT_EQ(closed_for(), 0s);
    EXPECT_TRUE(gates.closed(now).empty());
}

// --- auth hold ---

TEST_F(GatesTest, ARefusedCredentialIsTriedOnceAMinute) {
    answer(401);
    for (int minute = 0; minute < 3; ++minute) {
        EXPECT_EQ(kinds(), Kinds{GateKind::auth_hold});
        EXPECT_EQ(gates.closed(now).front().reason, "401 Unauthorized");
        EXPECT_EQ(closed_for(), 1min);
        pass(1min - 1ns);
        EXPECT_FALSE(gates.try_enter(now));
        pass(1ns);
        const Pass probe = enter();
        EXPECT_FALSE(gates.try_enter(now)) << "one at a time";
        answer(probe, 401);
    }
}

TEST_F(GatesTest, AProbeThatIsLostCostsAMinute) {
    answer(403);
    pass(1min);
    enter();
    pass(1min - 1ns);
    EXPECT_FALSE(gates.try_enter(now));
    pass(1ns);
    enter();
}

TEST_F(GatesTest, TheHoldIsLiftedByWhoeverIsJudged) {
    for (const unsigned status : {200U, 400U, 404U}) {
        answer(401);
        pass(1min);
        answer(status);
        EXPECT_TRUE(gates.closed(now).empty()) << status;
        EXPECT_EQ(closed_for(), 0s) << status;
    }
}

TEST_F(GatesTest, TheHoldIsNotLiftedByAnAnswerThatSaysNothingOfTheCredential) {
    answer(401);
    pass(1min);
    answer(503);
    EXPECT_EQ(closed_for(), 1min);
}

TEST_F(GatesTest, AnotherCredentialLiftsTheHoldAtOnce) {
    answer(401);
    gates.on_credential_changed();
    EXPECT_TRUE(gates.closed(now).empty());
    enter();
    enter();
}

TEST_F(GatesTest, AHoldOutlivesTheProcessAndIsTriedOnceAtOnce) {
    answer(403);
    restart(1s);
    enter();
    EXPECT_FALSE(gates.try_enter(now));
    EXPECT_EQ(kinds(), Kinds{GateKind::auth_hold});
    EXPECT_EQ(gates.closed(now).front().reason, "403 Forbidden");
    EXPECT_EQ(closed_for(), 1min);
}

// --- rate and breaker ---

TEST_F(GatesTest, TheRateIsKept) {
    policy.rate = {.count = 2, .per = 1s, .burst = 3};
    gates = Gates(policy);
    for (int i = 0; i < 3; ++i) enter();
    EXPECT_EQ(kinds(), Kinds{GateKind::rate});
    EXPECT_EQ(closed_for(), 500ms);
    EXPECT_FALSE(gates.try_enter(now));
    pass(500ms);
    enter();
    EXPECT_FALSE(gates.try_enter(now));
}

TEST_F(GatesTest, TheBreakerOpensAndProbes) {
    for (int i = 0; i < 5; ++i) answer(503);
    EXPECT_EQ(kinds(), Kinds{GateKind::breaker});
    EXPECT_GE(closed_for(), 15s);
    EXPECT_NE(gates.closed(now).front().reason, "");
    EXPECT_FALSE(gates.try_enter(now));
    wait_for_the_door();
    const Pass probe = enter();
    EXPECT_FALSE(gates.try_enter(now)) << "one probe";
    answer(probe, 200);
    enter();
    enter();
    EXPECT_FALSE(gates.try_enter(now)) << "two probes";
}

TEST_F(GatesTest, AProbeThatWasNotMadeGivesItsLeaseBack) {
    for (int i = 0; i < 5; ++i) answer(503);
    wait_for_the_door();
    const Pass probe = enter();
    gates.on_cancelled(probe, now);
    enter();
}

TEST_F(GatesTest, WhatIsThrottledOrRefusedSaysNothingToTheBreaker) {
    for (int i = 0; i < 20; ++i) {
        answer(i % 2 == 0 ? 429 : 401);
        wait_for_the_door();
    }
    EXPECT_EQ(gates.breaker().state(now), Breaker::State::closed);
}

TEST_F(GatesTest, AnOpenBreakerOutlivesTheProcess) {
    for (int i = 0; i < 5; ++i) answer(503);
    const Duration left = closed_for();
    restart(5s);
    EXPECT_EQ(kinds(), Kinds{GateKind::breaker});
    EXPECT_GE(closed_for(), left - 5s);
    EXPECT_LE(closed_for(), left - 5s + 1ms);
    restart(24h);
    enter();
    EXPECT_FALSE(gates.try_enter(now)) << "a restart is not a stampede";
}

TEST_F(GatesTest, TheLastEntryClosesTheBreakerThatItProbed) {
    for (int i = 0; i < 5; ++i) answer(503);
    wait_for_the_door();
    answer(200);
    const std::uint64_t version = gates.version();
    gates.on_drained();
    EXPECT_EQ(gates.breaker().state(now), Breaker::State::closed);
    EXPECT_NE(gates.version(), version) << "to be saved";
    gates.on_drained();
    EXPECT_EQ(gates.version(), version + 1) << "nothing new";
}

TEST_F(GatesTest, OpenWhenAllAreOpen) {
    const Pass other = enter();
    answer(429, "30");
    answer(other, 401);
    EXPECT_EQ(kinds(), (Kinds{GateKind::auth_hold, GateKind::retry_after}));
    EXPECT_EQ(closed_for(), 1min);
    gates.on_credential_changed();
    EXPECT_EQ(kinds(), Kinds{GateKind::retry_after});
    EXPECT_LE(closed_for(), 33s);
}

// --- the version, by which is known what must be saved ---

TEST_F(GatesTest, TheVersionMovesWithEverythingThatIsSaved) {
    std::uint64_t seen = gates.version();
    const auto moved = [&] { return std::exchange(seen, gates.version()) != gates.version(); };
    answer(200);
    EXPECT_FALSE(moved()) << "the happy path saves nothing";
    const Pass other = enter();
    EXPECT_FALSE(moved());
    answer(429, "30");
    EXPECT_TRUE(moved());
    answer(other, 200);
    EXPECT_TRUE(moved()) << "no longer throttled";
    wait_for_the_door();
    answer(401);
    EXPECT_TRUE(moved());
    gates.on_credential_changed();
    EXPECT_TRUE(moved());
    for (int i = 0; i < 5; ++i) answer(500);
    EXPECT_TRUE(moved()) << "the breaker opened";
    wait_for_the_door();
    answer(200);
    EXPECT_TRUE(moved()) << "half of what came in the last window of the rate was a 429";
    for (int i = 0; i < 2; ++i) {
        wait_for_the_door();
        EXPECT_FALSE(moved());
        answer(200);
    }
    EXPECT_TRUE(moved()) << "the breaker closed";
    answer(400);
    EXPECT_FALSE(moved());
}

}  // namespace
}  // namespace holdfast::transport
