// What is held, when it wants to be woken, and what is parked so that others can be read.
#include "delivery_fixture.hpp"

#include <malloc.h>

#include <random>

namespace holdfast::transport {
namespace {

using namespace std::chrono_literals;
using Seqs = std::vector<std::uint64_t>;

class DeliveryWindowTest : public DeliveryFixture {
protected:
    void fill(std::size_t window) {
        policy.window_max = window;
        restart(policy);
    }

    Seqs park() {
        Seqs seqs;
        for (const Seq seq : delivery.park(now)) seqs.push_back(seq.value);
        return seqs;
    }

    void close(Endpoint endpoint, std::string seconds) {
        AttemptResult result;
        result.phase = Phase::answered;
        result.status = 429;
        result.retry_after = std::move(seconds);
        const auto pass = delivery.gates(endpoint).try_enter(now);
        ASSERT_TRUE(pass);
        delivery.gates(endpoint).on_result(
            *pass, {Outcome::throttled, "429 Too Many Requests"}, result, 0, now, wall);
    }
};

TEST_F(DeliveryWindowTest, RoomIsWhatMayStillBeHeld) {
    fill(2);
    EXPECT_EQ(delivery.room(), 2U);
    add(1, kAda);
    EXPECT_EQ(delivery.room(), 1U);
    add(2, kAda);
    EXPECT_EQ(delivery.room(), 0U);
    EXPECT_EQ(next(), 1U);
    EXPECT_EQ(delivery.room(), 0U) << "what is under way is held";
    answer(1, 200);
    EXPECT_EQ(delivery.room(), 1U);
}

TEST_F(DeliveryWindowTest, WakesForTheEarliestRetry) {
    add(1, kAda);
    add(2, kBob);
    EXPECT_EQ(all_next(), (Seqs{1, 2}));
    const Instant first = now + again(answer(1, 503)).attempts * 500ms;
    again(answer(2, 503));
    const auto at = delivery.wake_at(now);
    ASSERT_TRUE(at);
    EXPECT_GE(*at, first);
    sleep();
    const std::uint64_t earlier = next();
    EXPECT_NE(earlier, 0U) << "woken for nothing";
    sleep();
    EXPECT_EQ(earlier + next(), 3U);
}

TEST_F(DeliveryWindowTest, WakesWhenTheGateOfWhatIsReadyOpens) {
    close(Endpoint::track, "30");
    close(Endpoint::app, "10");
    add(1, kAda);
    EXPECT_EQ(next(), 0U);
    EXPECT_EQ(delivery.wake_at(now), delivery.gates(Endpoint::track).opens_at(now));
    add(2, kBob, Operation::send_email);
    EXPECT_EQ(next(), 0U);
    EXPECT_EQ(delivery.wake_at(now), delivery.gates(Endpoint::app).opens_at(now));
    sleep();
    EXPECT_EQ(next(), 2U);
}

TEST_F(DeliveryWindowTest, WithAllPlacesTakenOnlyAResultChangesAnything) {
    set_concurrency(1);
    restart(policy);
    add(1, kAda);
    add(2, kBob);
    add(3, kCyd);
    EXPECT_EQ(next(), 1U);
    again(answer(1, 503));
    EXPECT_EQ(next(), 2U);
    EXPECT_EQ(next(), 0U);
    sleep();  // until 1 is due, which changes nothing
    EXPECT_EQ(next(), 0U);
    EXPECT_FALSE(delivery.wake_at(now));
    answer(2, 200);
    EXPECT_EQ(next(), 1U);
}

// Whatever happens: who sleeps until wake_at() and asks again gets something or sleeps longer, and
// in the end everything was sent.
TEST_F(DeliveryWindowTest, SleepingUntilItWantsToBeWokenIsEnough) {
    static constexpr unsigned kStatuses[] = {200, 200, 400, 401, 429, 500, 503};
    for (std::uint64_t seed = 1; seed <= 100; ++seed) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        set_concurrency(random() % 3 + 1);
        for (GatesPolicy& gates : policy.gates) gates.rate = {.count = 3, .per = 1s, .burst = 2};
        restart(policy);
        for (std::uint64_t seq = 1; seq <= 20; ++seq) {
            add(seq,
                Lane{random() % 5},
                random() % 3 == 0 ? Operation::send_email : Operation::event);
        }
        for (int step = 0; delivery.room() < policy.window_max; ++step) {
            ASSERT_LT(step, 10'000) << "it does not come to an end";
            const Seqs under_way = all_next();
            if (under_way.empty()) {
                ASSERT_NO_FATAL_FAILURE(sleep());
                continue;
            }
            for (const std::uint64_t seq : under_way) {
                pass(std::chrono::milliseconds(random() % 100));
                answer(seq, kStatuses[random() % std::size(kStatuses)]);
            }
        }
        EXPECT_FALSE(delivery.wake_at(now));
    }
}

TEST_F(DeliveryWindowTest, ParksNothingWhileThereIsRoom) {
    fill(3);
    add(1, kAda);
    add(2, kAda);
    EXPECT_EQ(next(), 1U);
    again(answer(1, 503));
    EXPECT_EQ(park(), Seqs{});
}

TEST_F(DeliveryWindowTest, ParksNothingThatMayGo) {
    fill(2);
    add(1, kAda);
    add(2, kBob);
    EXPECT_EQ(park(), Seqs{}) << "just read, and due";
    EXPECT_EQ(next(), 1U);
    EXPECT_EQ(park(), Seqs{});
}

TEST_F(DeliveryWindowTest, ParksAFailingPersonsEntriesSoThatOthersGoOn) {
    fill(3);
    add(1, kAda);
    add(2, kAda);
    add(3, kAda);
    EXPECT_EQ(next(), 1U);
    again(answer(1, 503));
    EXPECT_EQ(park(), (Seqs{1, 2, 3}));
    EXPECT_EQ(delivery.room(), 3U);
    EXPECT_EQ(park(), Seqs{});
    add(4, kBob);
    EXPECT_EQ(next(), 4U);
    answer(4, 200);
    add(5, kAda);
    for (const std::uint64_t seq : {1U, 2U, 3U, 5U}) {
        if (seq == 1) sleep();
        EXPECT_EQ(next(), seq) << "parked or not, in order";
        answer(seq, 200);
    }
    EXPECT_EQ(delivery.room(), 3U);
}

TEST_F(DeliveryWindowTest, ParksWhatStandsBehindOneThatIsUnderWay) {
    fill(3);
    add(1, kAda);
    add(2, kAda);
    add(3, kAda);
    EXPECT_EQ(next(), 1U);
    EXPECT_EQ(park(), (Seqs{2, 3})) << "a busy person must not keep the others out";
    add(4, kBob);
    EXPECT_EQ(next(), 4U);
}

TEST_F(DeliveryWindowTest, ParksNothingWhenAllPlacesAreTaken) {
    set_concurrency(1);
    policy.serves = {true, false};
    fill(3);
    add(1, kAda);
    add(2, kAda);
    add(3, kAda);
    EXPECT_EQ(next(), 1U);
    EXPECT_EQ(park(), Seqs{});
}

TEST_F(DeliveryWindowTest, ParksNothingForAnEndpointThatHasNoEntries) {
    policy.serves = {true, false};
    fill(2);
    close(Endpoint::track, "60");
    add(1, kAda);
    add(2, kBob);
    EXPECT_EQ(next(), 0U);
    EXPECT_EQ(park(), Seqs{});
}

TEST_F(DeliveryWindowTest, AnEndpointWithAllItsPlacesTakenDoesNotHoldUpTheOther) {
    set_concurrency(1);
    restart(policy);
    add(1, kAda, Operation::send_email);
    add(2, kBob, Operation::send_email);
    add(3, kCyd);
    EXPECT_EQ(next(), 1U);
    EXPECT_EQ(next(), 3U);
    EXPECT_EQ(next(), 0U);
    EXPECT_FALSE(delivery.wake_at(now));
}

TEST_F(DeliveryWindowTest, ParksWhatAnEndpointThatStaysClosedKeeps) {
    fill(2);
    close(Endpoint::track, "60");
    add(1, kAda);
    add(2, kBob);
    EXPECT_EQ(next(), 0U);
    EXPECT_EQ(park(), (Seqs{1, 2}));
    add(3, kCyd, Operation::send_email);
    EXPECT_EQ(next(), 3U);
}

TEST_F(DeliveryWindowTest, ParksNothingForAnEndpointThatOpensSoon) {
    fill(2);
    close(Endpoint::track, "5");
    add(1, kAda);
    add(2, kBob);
    EXPECT_EQ(park(), Seqs{});
}

// An endpoint that only waits for its next token has a place all the same.
TEST_F(DeliveryWindowTest, ParksForAnEndpointAtItsRate) {
    policy.serves = {true, false};
    for (GatesPolicy& gates : policy.gates) gates.rate = {.count = 1, .per = 1s, .burst = 1};
    fill(2);
    add(1, kAda);
    add(2, kAda);
    EXPECT_EQ(next(), 1U);
    again(answer(1, 503));
    ASSERT_GT(delivery.gates(Endpoint::track).opens_at(now), now);
    EXPECT_EQ(park(), (Seqs{1, 2}));
    add(3, kBob);
    EXPECT_EQ(next(), 0U);
    EXPECT_LE(*delivery.wake_at(now), delivery.gates(Endpoint::track).opens_at(now));
}

TEST_F(DeliveryWindowTest, ParksWhatAnEndpointKeepsThatIsRefusedAgainAndAgain) {
    fill(2);
    close(Endpoint::track, "5");
    add(1, kAda);
    add(2, kBob);
    EXPECT_EQ(park(), Seqs{}) << "once is nothing";
    pass(6s);
    close(Endpoint::track, "5");
    EXPECT_EQ(next(), 0U);
    EXPECT_EQ(park(), (Seqs{1, 2}));
}

TEST_F(DeliveryWindowTest, ParksNothingThatMayGoToAnEndpointThatWasRefusedAgainAndAgain) {
    fill(2);
    for (int i = 0; i < 2; ++i) {
        close(Endpoint::track, "5");
        pass(6s);
    }
    add(1, kAda);
    add(2, kBob);
    EXPECT_EQ(park(), Seqs{});
    EXPECT_EQ(next(), 1U);
}

// Else what it could send then would be read only when something else happens.
TEST_F(DeliveryWindowTest, WakesToMakeRoomForAnEndpointThatOpens) {
    fill(2);
    close(Endpoint::app, "60");
    close(Endpoint::track, "600");
    add(1, kAda);
    add(2, kBob);
    EXPECT_EQ(next(), 0U);
    EXPECT_EQ(park(), Seqs{});
    const Instant opens_at = delivery.gates(Endpoint::app).opens_at(now);
    EXPECT_EQ(delivery.wake_at(now), opens_at - policy.long_wait);
    sleep();
    EXPECT_EQ(park(), (Seqs{1, 2}));
    add(3, kCyd, Operation::send_email);
    EXPECT_EQ(sleep_until_next(), 3U);
}

TEST_F(DeliveryWindowTest, ParksNothingWhenNobodyCouldGoOn) {
    fill(2);
    close(Endpoint::track, "60");
    close(Endpoint::app, "60");
    add(1, kAda);
    add(2, kBob);
    EXPECT_EQ(park(), Seqs{});
}

TEST_F(DeliveryWindowTest, ParksNoMoreThanItMay) {
    policy.parked_max = 3;
    fill(2);
    close(Endpoint::track, "60");
    add(1, kAda);
    add(2, kBob);
    EXPECT_EQ(park(), (Seqs{1, 2}));
    add(3, kAda);
    add(4, kBob);
    EXPECT_EQ(park(), Seqs{3});
    add(5, kCyd);
    EXPECT_EQ(park(), Seqs{});
    EXPECT_EQ(sleep_until_next(), 1U);
    answer(1, 200);
    close(Endpoint::track, "60");
    EXPECT_EQ(park(), Seqs{4}) << "one place among the parked came free";
}

TEST_F(DeliveryWindowTest, WhatWasParkedBeforeARestartTakesNoRoom) {
    fill(2);
    Item parked = item(1, kAda, Operation::event);
    parked.parked = true;
    EXPECT_FALSE(delivery.add(parked));
    EXPECT_EQ(delivery.room(), 2U);
    EXPECT_EQ(next(), 1U);
    answer(1, 200);
    EXPECT_EQ(delivery.room(), 2U);
}

TEST_F(DeliveryWindowTest, LanesThatAreDoneLeaveNothingBehind) {
    for (GatesPolicy& gates : policy.gates)
        gates.rate = {.count = 1'000'000, .per = 1s, .burst = 1000};
    restart(policy);
    const auto deliver = [this](std::uint64_t from, std::uint64_t count) {
        for (std::uint64_t seq = from; seq < from + count; ++seq) {
            pass(1ms);
            add(seq, Lane{seq});
            ASSERT_EQ(next(), seq);
            ASSERT_TRUE(done(answer(seq, 200)));
        }
    };
    deliver(1, 1000);
    const std::size_t before = mallinfo2().uordblks;
    deliver(1001, 20'000);
    EXPECT_LT(mallinfo2().uordblks, before + 64 * 1024);
}

}  // namespace
}  // namespace holdfast::transport
