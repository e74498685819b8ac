#include "transport/policy/outcome.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace holdfast::transport {
namespace {

constexpr Safety kOnce = Safety::once_if_ambiguous;
constexpr Safety kRepeatable[] = {
    Safety::dedup_by_id,
    Safety::idempotent,
    Safety::order_sensitive,
};
constexpr Safety kAll[] = {
    Safety::dedup_by_id,
    Safety::idempotent,
    Safety::order_sensitive,
    Safety::once_if_ambiguous,
};

AttemptResult make(Phase phase, unsigned status, std::string error = "") {
    AttemptResult result;
    result.phase = phase;
    result.status = status;
    result.error = std::move(error);
    return result;
}

AttemptResult answer(unsigned status) {
    return make(Phase::answered, status);
}

AttemptResult not_sent(std::string error) {
    return make(Phase::not_sent, 0, std::move(error));
}

AttemptResult no_answer(std::string error) {
    return make(Phase::no_answer, 0, std::move(error));
}

template <class Safeties>
void expect_outcome(const Safeties& safeties,
                    const std::vector<unsigned>& statuses,
                    Outcome outcome) {
    for (const Safety safety : safeties) {
        for (const unsigned status : statuses) {
            EXPECT_EQ(to_string(classify(safety, answer(status)).outcome), to_string(outcome))
                << to_string(safety) << " answered " << status;
        }
    }
}

std::vector<unsigned> all_of(unsigned first, unsigned last) {
    std::vector<unsigned> statuses;
    for (unsigned status = first; status <= last; ++status) statuses.push_back(status);
    return statuses;
}

std::vector<unsigned> all_of_except(unsigned first,
                                    unsigned last,
                                    const std::vector<unsigned>& not_these) {
    std::vector<unsigned> statuses = all_of(first, last);
    std::erase_if(statuses, [&](unsigned status) {
        return std::find(not_these.begin(), not_these.end(), status) != not_these.end();
    });
    return statuses;
}

TEST(OutcomeTest, ATwoHundredIsDelivered) {
    expect_outcome(kAll, all_of(200, 299), Outcome::delivered);
}

TEST(OutcomeTest, ARedirectIsNeverDroppedBecauseItMeansAWrongRegionOrUrl) {
    expect_outcome(kAll, all_of(300, 399), Outcome::transient);
    EXPECT_EQ(classify(Safety::idempotent, answer(301)).reason,
              "301 Moved Permanently: redirects are not followed; check the destination's region "
              "and URL");
}

TEST(OutcomeTest, ARefusedCredentialIsNotTheEntrysFault) {
    expect_outcome(kAll, {401, 403}, Outcome::auth);
}

TEST(OutcomeTest, TooManyRequestsIsThrottledAndSafeToRepeatForEveryClass) {
    expect_outcome(kAll, {429}, Outcome::throttled);
}

TEST(OutcomeTest, AnyOtherFourHundredIsPoison) {
    expect_outcome(kAll, {400, 404, 405, 409, 413, 422}, Outcome::poison);
    expect_outcome(kAll, all_of_except(400, 499, {401, 403, 408, 429}), Outcome::poison);
}

TEST(OutcomeTest, ATimeoutOrAServersFailureIsTransientWhereARepeatIsHarmless) {
    expect_outcome(kRepeatable, {408}, Outcome::transient);
    expect_outcome(kRepeatable, all_of(500, 599), Outcome::transient);
}

TEST(OutcomeTest, AFailingServerOrGatewayMayHaveDoneWhatMustHappenOnce) {
    const Safety once[] = {kOnce};
    expect_outcome(once, {408, 500, 502, 504}, Outcome::ambiguous);
    expect_outcome(once, all_of(520, 599), Outcome::ambiguous);
}

TEST(OutcomeTest, AServerThatRefusesHasDoneNothingEvenForWhatMustHappenOnce) {
    const Safety once[] = {kOnce};
    expect_outcome(once, {501, 503}, Outcome::transient);
    expect_outcome(once, all_of(505, 519), Outcome::transient);
}

TEST(OutcomeTest, AStatusOutsideOfHttpIsNoAnswer) {
    const Safety once[] = {kOnce};
    expect_outcome(kRepeatable, {0, 99, 100, 101, 199, 600, 999}, Outcome::transient);
    expect_outcome(once, {0, 99, 100, 101, 199, 600, 999}, Outcome::ambiguous);
    EXPECT_EQ(classify(kOnce, answer(600)).reason, "status 600 is not a valid answer");
}

TEST(OutcomeTest, WhatWasNotSentMayBeSentAgainForEveryClass) {
    for (const Safety safety : kAll) {
        const Verdict verdict = classify(safety, not_sent("connection refused"));
        EXPECT_EQ(verdict.outcome, Outcome::transient) << to_string(safety);
        EXPECT_EQ(verdict.reason, "connection refused");
    }
}

TEST(OutcomeTest, WithoutAnAnswerWhatIsHarmlessToRepeatIsTransient) {
    for (const Safety safety : kRepeatable)
        EXPECT_EQ(classify(safety, no_answer("")).outcome, Outcome::transient);
}

TEST(OutcomeTest, WithoutAnAnswerWhatMustHappenOnceIsAmbiguous) {
    const Verdict verdict = classify(kOnce, no_answer("timed out waiting for the answer"));
    EXPECT_EQ(verdict.outcome, Outcome::ambiguous);
    EXPECT_EQ(verdict.reason, "timed out waiting for the answer");
}

TEST(OutcomeTest, AStatusWithoutACompleteAnswerDoesNotCount) {
    EXPECT_EQ(classify(kOnce, make(Phase::no_answer, 200)).outcome, Outcome::ambiguous);
    EXPECT_EQ(classify(kOnce, make(Phase::not_sent, 200)).outcome, Outcome::transient);
}

TEST(OutcomeTest, OnlyWhatMustHappenOnceIsEverAmbiguous) {
    for (const Safety safety : kRepeatable) {
        for (const unsigned status : all_of(0, 1000))
            ASSERT_NE(classify(safety, answer(status)).outcome, Outcome::ambiguous) << status;
    }
}

TEST(OutcomeTest, EachHasAReasonForPeople) {
    struct Row {
        AttemptResult result;
        std::string reason;
    };

    const Row table[] = {
        {answer(200), "200 OK"},
        {answer(401), "401 Unauthorized"},
        {answer(429), "429 Too Many Requests"},
        {answer(503), "503 Service Unavailable"},
        {answer(418), "418"},
        {not_sent(""), "could not be sent"},
        {no_answer(""), "no answer came"},
    };
    for (const Row& row : table)
        EXPECT_EQ(classify(Safety::idempotent, row.result).reason, row.reason);
}

TEST(OutcomeTest, OnlyTransientAndAmbiguousSpeakAgainstTheFarSidesHealth) {
    EXPECT_TRUE(counts_as_failure(Outcome::transient));
    EXPECT_TRUE(counts_as_failure(Outcome::ambiguous));
    EXPECT_FALSE(counts_as_failure(Outcome::delivered));
    EXPECT_FALSE(counts_as_failure(Outcome::throttled));
    EXPECT_FALSE(counts_as_failure(Outcome::auth));
    EXPECT_FALSE(counts_as_failure(Outcome::poison));
}

TEST(OutcomeTest, HasTheNamesThatAreShown) {
    EXPECT_EQ(to_string(Outcome::delivered), "delivered");
    EXPECT_EQ(to_string(Outcome::transient), "transient");
    EXPECT_EQ(to_string(Outcome::throttled), "throttled");
    EXPECT_EQ(to_string(Outcome::auth), "auth");
    EXPECT_EQ(to_string(Outcome::poison), "poison");
    EXPECT_EQ(to_string(Outcome::ambiguous), "ambiguous");
}

}  // namespace
}  // namespace holdfast::transport
