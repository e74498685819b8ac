#include "wal/state.hpp"

#include <gtest/gtest.h>

#include <limits>

namespace holdfast::wal {
namespace {

const Retry kRetry{.attempts = 7,
                   .first_attempt_at = wall_from_ms(1'700'000'000'000),
                   .next_attempt_at = wall_from_ms(1'700'000'090'000),
                   .status = 503,
                   .intended = true,
                   .reason = "503 Service Unavailable"};

const Failure kFailure{.cause = FailureCause::ambiguous,
                       .attempts = 3,
                       .failed_at = wall_from_ms(1'700'000'000'000),
                       .status = 400,
                       .reason = "400 Bad Request",
                       .answer = R"({"errors":[]})"};

const Ending kReplayed{.kind = Ending::Kind::replayed,
                       .at = wall_from_ms(1'700'000'000'000),
                       .child = Seq{77},
                       .child_id = *Ulid::parse("01KDYGA0KE0000000000000018")};

TEST(RetryState, ComesBackAsItWasWritten) {
    Retry extreme;
    extreme.attempts = std::numeric_limits<std::uint32_t>::max();
    extreme.first_attempt_at = wall_from_ms(-1);
    extreme.next_attempt_at = wall_from_ms(std::numeric_limits<std::int64_t>::max());
    extreme.status = 999;
    for (const Retry& retry : {Retry{}, kRetry, extreme}) {
        const Result<Retry> decoded = decode_retry(encode(retry));
        ASSERT_TRUE(decoded) << decoded.error().detail;
        EXPECT_EQ(*decoded, retry);
    }
}

TEST(FailureState, ComesBackAsItWasWritten) {
    for (const Failure& failure : {Failure{}, kFailure}) {
        const Result<Failure> decoded = decode_failure(encode(failure));
        ASSERT_TRUE(decoded) << decoded.error().detail;
        EXPECT_EQ(*decoded, failure);
    }
}

TEST(RetryState, IsRefusedWhenItIsCutAnywhereOrHasMore) {
    const std::string bytes = encode(kRetry);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const Result<Retry> cut = decode_retry(bytes.substr(0, size));
        ASSERT_FALSE(cut) << size;
        EXPECT_EQ(cut.error().code, Errc::corrupt);
    }
    EXPECT_FALSE(decode_retry(bytes + "x"));
}

TEST(FailureState, IsRefusedWhenItIsCutAnywhereOrHasMore) {
    const std::string bytes = encode(kFailure);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const Result<Failure> cut = decode_failure(bytes.substr(0, size));
        ASSERT_FALSE(cut) << size;
        EXPECT_EQ(cut.error().code, Errc::corrupt);
    }
    EXPECT_FALSE(decode_failure(bytes + "x"));
}

TEST(FailureState, OfAnUnknownCauseIsRefused) {
    for (const char cause : {'\0', static_cast<char>(static_cast<int>(kLastFailureCause) + 1)}) {
        std::string bytes = encode(kFailure);
        bytes[1] = cause;
        EXPECT_EQ(decode_failure(bytes).error().code, Errc::corrupt);
    }
}

TEST(State, OfANewerVersionIsToldApart) {
    std::string retry = encode(kRetry);
    std::string failure = encode(kFailure);
    retry[0] = failure[0] = 2;
    EXPECT_EQ(decode_retry(retry).error().code, Errc::too_new);
    EXPECT_EQ(decode_failure(failure).error().code, Errc::too_new);
    retry[0] = failure[0] = 0;
    EXPECT_EQ(decode_retry(retry).error().code, Errc::corrupt);
    EXPECT_EQ(decode_failure(failure).error().code, Errc::corrupt);
}

TEST(State, CutsLongTexts) {
    const Failure long_one{.attempts = 1,
                           .failed_at = {},
                           .status = 0,
                           .reason = std::string(kReasonBytesMax + 1, 'r'),
                           .answer = std::string(kAnswerBytesMax + 1, 'a')};
    const Result<Failure> decoded = decode_failure(encode(long_one));
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->reason, std::string(kReasonBytesMax, 'r'));
    EXPECT_EQ(decoded->answer, std::string(kAnswerBytesMax, 'a'));
}

TEST(EndingState, ComesBackAsItWasWritten) {
    for (const Ending& ending : {Ending{}, kReplayed}) {
        const Result<Ending> decoded = decode_ending(encode(ending));
        ASSERT_TRUE(decoded) << decoded.error().detail;
        EXPECT_EQ(*decoded, ending);
    }
}

TEST(EndingState, IsRefusedWhenItIsCutAnywhereOrHasMoreOrSaysNothingKnown) {
    std::string bytes = encode(kReplayed);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const Result<Ending> cut = decode_ending(bytes.substr(0, size));
        ASSERT_FALSE(cut) << size;
        EXPECT_EQ(cut.error().code, Errc::corrupt);
    }
    EXPECT_FALSE(decode_ending(bytes + "x"));
    bytes[1] = 3;
    EXPECT_EQ(decode_ending(bytes).error().code, Errc::corrupt);
    bytes[0] = 2;
    EXPECT_EQ(decode_ending(bytes).error().code, Errc::too_new);
}

}  // namespace
}  // namespace holdfast::wal
