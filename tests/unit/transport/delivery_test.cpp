// What is sent in which order, and what becomes of it.
#include "delivery_fixture.hpp"

namespace holdfast::transport {
namespace {

using namespace std::chrono_literals;
using Seqs = std::vector<std::uint64_t>;

class DeliveryTest : public DeliveryFixture {};

TEST_F(DeliveryTest, AnEntryIsSentAndDone) {
    add(1, kAda);
    const std::optional<Attempt> attempt = delivery.next(now);
    ASSERT_TRUE(attempt);
    EXPECT_EQ(attempt->seqs, std::vector{Seq{1}});
    EXPECT_EQ(attempt->operation, Operation::event);
    EXPECT_EQ(attempt->number, 1U);
    EXPECT_FALSE(attempt->must_be_intended);
    EXPECT_EQ(delivery.in_flight(), std::set{Seq{1}});
    EXPECT_TRUE(done(answer(1, 200)));
    EXPECT_TRUE(delivery.in_flight().empty());
    EXPECT_EQ(next(), 0U);
    EXPECT_FALSE(delivery.wake_at(now)) << "idle costs nothing";
}

TEST_F(DeliveryTest, APersonsEntriesGoOneAfterTheOther) {
    add(1, kAda);
    add(2, kAda);
    EXPECT_EQ(all_next(), Seqs{1});
    answer(1, 200);
    EXPECT_EQ(all_next(), Seqs{2});
}

TEST_F(DeliveryTest, AFailedEntryIsTriedAgainBeforeThoseBehindIt) {
    add(1, kAda);
    add(2, kAda);
    add(3, kAda);
    EXPECT_EQ(next(), 1U);
    for (int i = 0; i < 3; ++i) {
        again(answer(1, 503));
        EXPECT_EQ(next(), 0U) << "those behind it must not overtake";
        sleep();
        EXPECT_EQ(next(), 1U);
    }
    EXPECT_TRUE(done(answer(1, 200)));
    EXPECT_EQ(next(), 2U);
    answer(2, 200);
    EXPECT_EQ(next(), 3U);
}

TEST_F(DeliveryTest, OnlyTheFailingPersonWaits) {
    add(1, kAda);
    EXPECT_EQ(next(), 1U);
    again(answer(1, 503));
    add(2, kAda);
    add(3, kBob);
    add(4, kCyd);
    EXPECT_EQ(all_next(), (Seqs{3, 4}));
}

TEST_F(DeliveryTest, TheOldestGoesFirst) {
    set_concurrency(1);
    restart(policy);
    add(1, kAda);
    add(2, kAda);
    add(3, kBob);
    add(4, kCyd, Operation::send_email);
    Seqs sent;
    while (const std::uint64_t seq = next()) {
        sent.push_back(seq);
        answer(seq, 200);
    }
    EXPECT_EQ(sent, (Seqs{1, 2, 3, 4}));
}

TEST_F(DeliveryTest, WhatIsDueAgainGoesBeforeWhatIsYounger) {
    set_concurrency(1);
    restart(policy);
    add(1, kAda);
    add(2, kBob);
    add(3, kCyd);
    EXPECT_EQ(next(), 1U);
    again(answer(1, 503));
    EXPECT_EQ(next(), 2U);
    pass(1s);
    answer(2, 200);
    EXPECT_EQ(next(), 1U);
}

TEST_F(DeliveryTest, NoMoreThanTheConcurrencyAreUnderWay) {
    set_concurrency(2);
    restart(policy);
    add(1, kAda);
    add(2, kBob);
    add(3, kCyd);
    EXPECT_EQ(all_next(), (Seqs{1, 2}));
    answer(2, 200);
    EXPECT_EQ(all_next(), Seqs{3});
}

TEST_F(DeliveryTest, ARefusedTrackCredentialDoesNotHoldUpTheEmails) {
    add(1, kAda);
    EXPECT_EQ(next(), 1U);
    again(answer(1, 401));
    add(2, kBob);
    add(3, kCyd, Operation::send_email);
    EXPECT_EQ(all_next(), Seqs{3});
}

TEST_F(DeliveryTest, ANewCredentialIsTriedAtOnce) {
    add(1, kAda);
    EXPECT_EQ(next(), 1U);
    again(answer(1, 403));
    EXPECT_EQ(next(), 0U);
    delivery.on_credential_changed(Endpoint::app);
    EXPECT_EQ(next(), 0U) << "of the other endpoint";
    delivery.on_credential_changed(Endpoint::track);
    EXPECT_EQ(next(), 1U);
}

// A proxy that refuses one body must not stop everybody else.
TEST_F(DeliveryTest, AnEntryThatAloneIsRefusedWaitsAlone) {
    add(1, kAda);
    add(2, kBob);
    EXPECT_EQ(next(), 1U);
    again(answer(1, 403));
    EXPECT_EQ(next(), 0U) << "the credential may be wrong: all wait";
    EXPECT_EQ(sleep_until_next(), 2U) << "the probe is another lane's";
    EXPECT_TRUE(done(answer(2, 200)));
    EXPECT_EQ(next(), 1U) << "it waited for nothing but the credential";
    again(answer(1, 403));
    add(3, kBob);
    EXPECT_EQ(next(), 3U) << "others passed meanwhile: it is refused alone, and waits alone";
}

TEST_F(DeliveryTest, PoisonIsDeadAtOnceAndTheLaneGoesOn) {
    add(1, kAda);
    add(2, kAda);
    EXPECT_EQ(next(), 1U);
    AttemptResult result;
    result.phase = Phase::answered;
    result.status = 400;
    result.body = R"({"meta":{"error":"invalid email address"}})";
    const Dead end = dead(tell(1, result));
    EXPECT_EQ(end.status, 400U);
    EXPECT_EQ(end.attempts, 1U);
    EXPECT_EQ(end.reason, "400 Bad Request");
    EXPECT_EQ(end.answer, result.body) << "as much as the client kept of it";
    EXPECT_EQ(next(), 2U);
}

TEST_F(DeliveryTest, AnEmailMustBeIntended) {
    add(1, kAda, Operation::send_email);
    const std::optional<Attempt> attempt = delivery.next(now);
    ASSERT_TRUE(attempt);
    EXPECT_TRUE(attempt->must_be_intended);
}

TEST_F(DeliveryTest, AnEmailWithoutAnAnswerIsDeadAndTheLaneGoesOn) {
    add(1, kAda, Operation::send_email);
    add(2, kAda);
    EXPECT_EQ(next(), 1U);
    const Dead end = dead(silence(1));
    EXPECT_TRUE(end.reason.starts_with("ambiguous: ")) << end.reason;
    EXPECT_EQ(end.attempts, 1U);
    EXPECT_EQ(end.status, 0U);
    EXPECT_EQ(next(), 2U);
}

TEST_F(DeliveryTest, AnEmailThatWasRefusedIsTriedAgain) {
    add(1, kAda, Operation::send_email);
    EXPECT_EQ(next(), 1U);
    again(answer(1, 503));
    sleep();
    EXPECT_EQ(next(), 1U);
}

TEST_F(DeliveryTest, AnEventWithoutAnAnswerIsTriedAgain) {
    add(1, kAda);
    EXPECT_EQ(next(), 1U);
    EXPECT_EQ(again(silence(1)).status, 0U);
}

TEST_F(DeliveryTest, AnEmailInDoubtAfterARestartIsDead) {
    Item email = item(1, kAda, Operation::send_email);
    email.in_doubt = true;
    email.attempts = 2;
    const std::optional<Dead> end = delivery.add(email);
    ASSERT_TRUE(end);
    EXPECT_TRUE(end->reason.starts_with("ambiguous: ")) << end->reason;
    EXPECT_EQ(end->attempts, 2U);
    EXPECT_EQ(next(), 0U);
    EXPECT_EQ(delivery.room(), policy.window_max) << "it is not held";
}

TEST_F(DeliveryTest, WhateverElseIsInDoubtIsSentAgain) {
    static constexpr Operation kOthers[] = {
        Operation::identify, Operation::event, Operation::delete_person};
    std::uint64_t seq = 0;
    for (const Operation operation : kOthers) {
        ++seq;
        Item other = item(seq, Lane{seq}, operation);
        other.in_doubt = true;
        EXPECT_FALSE(delivery.add(other));
        EXPECT_EQ(next(), seq);
    }
}

TEST_F(DeliveryTest, AgainSaysWhenAndHowOften) {
    add(1, kAda);
    const WallTime first_attempt_at = wall;
    for (std::uint32_t attempt = 1; attempt <= 3; ++attempt) {
        EXPECT_EQ(next(), 1U);
        const Again decision = again(answer(1, 503));
        EXPECT_EQ(decision.attempts, attempt);
        EXPECT_EQ(decision.first_attempt_at, first_attempt_at);
        EXPECT_EQ(decision.status, 503U);
        EXPECT_EQ(decision.reason, "503 Service Unavailable");
        const Duration wait = decision.next_attempt_at - wall;
        EXPECT_GE(wait, 500ms * (1 << (attempt - 1)));
        EXPECT_LE(wait, 1001ms * (1 << (attempt - 1)));
        sleep();
        EXPECT_LE(wall, decision.next_attempt_at);
        EXPECT_GE(wall + 1ms, decision.next_attempt_at);
    }
}

TEST_F(DeliveryTest, AttemptsGoOnWhereTheProcessBeforeStopped) {
    Item known = item(1, kAda, Operation::event);
    known.attempts = 4;
    known.first_attempt_at = wall - 1min;
    known.not_before = now + 7s;
    EXPECT_FALSE(delivery.add(known));
    EXPECT_EQ(delivery.retrying(), 1U);
    EXPECT_EQ(next(), 0U);
    EXPECT_EQ(delivery.wake_at(now), now + 7s);
    sleep();
    const std::optional<Attempt> attempt = delivery.next(now);
    ASSERT_TRUE(attempt);
    EXPECT_EQ(attempt->number, 5U);
    const Again decision = again(answer(1, 503));
    EXPECT_EQ(decision.attempts, 5U);
    EXPECT_EQ(decision.first_attempt_at, known.first_attempt_at);
}

TEST_F(DeliveryTest, WhatStandsBehindARetryWaitsForItAfterARestartToo) {
    Item first = item(1, kAda, Operation::event);
    first.attempts = 1;
    first.not_before = now + 7s;
    EXPECT_FALSE(delivery.add(first));
    add(2, kAda);
    EXPECT_EQ(next(), 0U);
    pass(7s);
    EXPECT_EQ(all_next(), Seqs{1});
}

TEST_F(DeliveryTest, GivesUpWhenItIsTooOldAndNotBefore) {
    policy.give_up_after = 1h;
    restart(policy);
    add(1, kAda);
    pass(1h);
    EXPECT_EQ(next(), 1U);
    again(answer(1, 503));
    sleep();
    EXPECT_EQ(next(), 1U);
    const Dead end = dead(answer(1, 503));
    EXPECT_EQ(end.reason, "gave up, too old: 503 Service Unavailable");
    EXPECT_EQ(end.attempts, 2U);
}

TEST_F(DeliveryTest, TheLastAttemptMayStillDeliverWhatIsTooOld) {
    policy.give_up_after = 1h;
    restart(policy);
    add(1, kAda);
    pass(24h);
    EXPECT_EQ(next(), 1U);
    EXPECT_TRUE(done(answer(1, 200)));
}

TEST_F(DeliveryTest, NeverGivesUpForARefusedCredential) {
    policy.give_up_after = 1h;
    restart(policy);
    add(1, kAda);
    for (int day = 0; day < 30; ++day) {
        pass(24h);
        EXPECT_EQ(next(), 1U);
        EXPECT_EQ(again(answer(1, day % 2 == 0 ? 401 : 403)).attempts,
                  static_cast<std::uint32_t>(day + 1));
    }
}

TEST_F(DeliveryTest, WithoutALimitItNeverGivesUp) {
    policy.give_up_after.reset();
    restart(policy);
    add(1, kAda);
    pass(24h * 365);
    EXPECT_EQ(next(), 1U);
    again(answer(1, 503));
}

TEST_F(DeliveryTest, AThrottledEntryIsDueWithItsGate) {
    add(1, kAda);
    add(2, kBob);
    EXPECT_EQ(next(), 1U);
    AttemptResult result;
    result.phase = Phase::answered;
    result.status = 429;
    result.retry_after = "20";
    EXPECT_EQ(again(tell(1, result)).next_attempt_at, wall);
    EXPECT_EQ(next(), 0U) << "the gate closes for all";
    pass(20s - 1ns);
    EXPECT_EQ(next(), 0U);
    pass(2s + 1ns);
    EXPECT_EQ(next(), 1U);
}

TEST_F(DeliveryTest, WhatCouldNotBeMadeIsBackAtTheHeadAndNotAnAttempt) {
    add(1, kAda);
    add(2, kAda);
    add(3, kBob);
    EXPECT_EQ(all_next(), (Seqs{1, 3}));
    delivery.on_cancelled(Seq{1}, now);
    EXPECT_EQ(delivery.in_flight(), std::set{Seq{3}});
    const std::optional<Attempt> attempt = delivery.next(now);
    ASSERT_TRUE(attempt);
    EXPECT_EQ(attempt->seqs, std::vector{Seq{1}});
    EXPECT_EQ(attempt->number, 1U);
}

TEST_F(DeliveryTest, AProbeThatCouldNotBeMadeKeepsNobodyOut) {
    add(1, kAda);
    add(2, kBob);
    for (int i = 0; i < 5; ++i) again(answer(sleep_until_next(), 503));
    const std::uint64_t probe = sleep_until_next();
    EXPECT_EQ(next(), 0U) << "one probe at a time";
    delivery.on_cancelled(Seq{probe}, now);
    EXPECT_NE(next(), 0U);
}

TEST_F(DeliveryTest, RetryingCountsWhatHasAnAttemptBehindIt) {
    add(1, kAda);
    add(2, kBob);
    EXPECT_EQ(delivery.retrying(), 0U);
    EXPECT_EQ(all_next(), (Seqs{1, 2}));
    again(answer(1, 503));
    again(answer(2, 503));
    EXPECT_EQ(delivery.retrying(), 2U);
    pass(1s);
    EXPECT_EQ(all_next(), (Seqs{1, 2}));
    answer(1, 200);
    EXPECT_EQ(delivery.retrying(), 1U);
    dead(answer(2, 400));
    EXPECT_EQ(delivery.retrying(), 0U);
}

TEST_F(DeliveryTest, TheLastEntryOfAnEndpointClosesItsBreaker) {
    add(1, kAda);
    for (int i = 0; i < 5; ++i) {
        EXPECT_EQ(sleep_until_next(), 1U);
        again(answer(1, 503));
    }
    EXPECT_EQ(delivery.gates(Endpoint::track).breaker().state(now), Breaker::State::open);
    EXPECT_EQ(sleep_until_next(), 1U);
    answer(1, 200);
    EXPECT_EQ(delivery.gates(Endpoint::track).breaker().state(now), Breaker::State::closed)
        << "nothing is left to probe with";
}

TEST_F(DeliveryTest, GivesUpAfterSoManyAttemptsOnlyWhenToldTo) {
    policy.give_up_attempts = 2;
    restart(policy);
    add(1, kAda);
    EXPECT_EQ(next(), 1U);
    again(answer(1, 503));
    sleep();
    EXPECT_EQ(next(), 1U);
    const Dead end = dead(answer(1, 503));
    EXPECT_EQ(end.cause, FailureCause::too_many);
    EXPECT_EQ(end.reason, "gave up after 2 attempts: 503 Service Unavailable");
}

TEST_F(DeliveryTest, AnAmbiguousResultIsTriedAgainOnlyWhenToldTo) {
    policy.retries_ambiguous = true;
    restart(policy);
    Item in_doubt = item(1, kAda, Operation::send_email);
    in_doubt.in_doubt = true;
    EXPECT_FALSE(delivery.add(in_doubt));
    const std::optional<Attempt> attempt = delivery.next(now);
    ASSERT_TRUE(attempt);
    EXPECT_FALSE(attempt->must_be_intended) << "nobody will ask";
    again(silence(1));
}

}  // namespace
}  // namespace holdfast::transport
