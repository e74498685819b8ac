#include "transport/policy/failure_window.hpp"

#include <gtest/gtest.h>

#include <deque>
#include <random>

namespace holdfast::transport {
namespace {

using namespace std::chrono_literals;
using Counts = FailureWindow::Counts;

constexpr Instant kStart{1000s};

TEST(FailureWindowTest, CountsCallsAndFailures) {
    FailureWindow window(30s);
    EXPECT_EQ(window.counts(kStart), (Counts{0, 0}));
    window.add(kStart, true);
    window.add(kStart + 4s, false);
    EXPECT_EQ(window.counts(kStart + 4s), (Counts{2, 1}));
}

TEST(FailureWindowTest, StartsEmptyAtTheVeryBeginningOfTheClock) {
    FailureWindow window(30s);
    EXPECT_EQ(window.counts(Instant{}), (Counts{0, 0}));
    window.add(Instant{}, true);
    EXPECT_EQ(window.counts(Instant{}), (Counts{1, 1}));
}

TEST(FailureWindowTest, ForgetsWhatIsOlderThanItsLength) {
    FailureWindow window(30s);
    window.add(Instant{999s}, true);  // the first of a bucket of 3 s
    EXPECT_EQ(window.counts(Instant{999s + 30s - 1ns}), (Counts{1, 1}));
    EXPECT_EQ(window.counts(Instant{999s + 30s}), (Counts{0, 0}));
}

TEST(FailureWindowTest, AFullTurnLaterTheBucketBeginsAfresh) {
    FailureWindow window(30s);
    window.add(kStart, true);
    window.add(kStart + 30s, false);
    EXPECT_EQ(window.counts(kStart + 30s), (Counts{1, 0}));
}

TEST(FailureWindowTest, ClearForgetsEverything) {
    FailureWindow window(30s);
    window.add(kStart, true);
    window.clear();
    EXPECT_EQ(window.counts(kStart), (Counts{0, 0}));
}

// Against a list of all calls: the window may lack at most its oldest tenth.
TEST(FailureWindowTest, AgreesWithAListOfAllCalls) {
    struct Call {
        Instant at;
        bool failed;
    };

    for (std::uint64_t seed = 0; seed < 1000; ++seed) {
        std::mt19937_64 random(seed);
        FailureWindow window(30s);
        std::deque<Call> calls;
        Instant now = kStart;
        for (int i = 0; i < 100; ++i) {
            now += Duration(static_cast<Duration::rep>(random() % 2'000'000'000));
            calls.push_back({now, random() % 2 == 0});
            window.add(now, calls.back().failed);
            const Instant begin{(now.time_since_epoch() / 3s - 9) * 3s};
            Counts expected;
            for (const Call& call : calls) {
                if (call.at < begin) continue;
                ++expected.calls;
                if (call.failed) ++expected.failures;
            }
            ASSERT_EQ(window.counts(now), expected) << "seed " << seed << " call " << i;
        }
    }
}

}  // namespace
}  // namespace holdfast::transport
