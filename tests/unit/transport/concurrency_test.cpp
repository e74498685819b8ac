// The limit against simulated links: what they bear, with how much noise.
#include "transport/policy/concurrency.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <queue>
#include <random>
#include <vector>

namespace holdfast::transport {
namespace {

using namespace std::chrono_literals;

constexpr Instant kStart{1000s};

// What comes of an attempt that begins with so many under way.
struct Answer {
    Duration took;
    bool pushed_back = false;
};

using Link = std::function<Answer(std::size_t in_flight, std::mt19937_64& random)>;

// The limits seen in the second half of a run of `count` attempts with always more to send.
struct Range {
    std::size_t least;
    std::size_t most;
};

Range run(ConcurrencyPolicy policy, const Link& link, int count = 4000) {
    struct UnderWay {
        Instant ends_at;
        Answer answer;

        bool operator>(const UnderWay& other) const { return ends_at > other.ends_at; }
    };

    std::mt19937_64 random(1);
    Concurrency concurrency(policy);
    std::priority_queue<UnderWay, std::vector<UnderWay>, std::greater<>> under_way;
    Instant now = kStart;
    Range range{policy.max, 0};
    for (int ended = 0; ended < count; ++ended) {
        while (under_way.size() < concurrency.limit()) {
            const Answer answer = link(under_way.size() + 1, random);
            concurrency.on_start(under_way.size() + 1);
            under_way.push({now + answer.took, answer});
        }
        const UnderWay first = under_way.top();
        under_way.pop();
        now = first.ends_at;
        if (first.answer.pushed_back) {
            concurrency.on_push_back(now);
        } else {
            concurrency.on_answer(first.answer.took, now);
        }
        if (ended < count / 2) continue;
        range.least = std::min(range.least, concurrency.limit());
        range.most = std::max(range.most, concurrency.limit());
    }
    return range;
}

Duration noisy(Duration mean, std::mt19937_64& random) {
    return mean * (900 + static_cast<int>(random() % 200)) / 1000;
}

TEST(ConcurrencyTest, AFixedOneStaysWhatItIs) {
    Concurrency concurrency({.max = 7, .is_adaptive = false});
    EXPECT_EQ(concurrency.limit(), 7U);
    for (int i = 0; i < 100; ++i) concurrency.on_push_back(kStart + i * 1s);
    EXPECT_EQ(concurrency.limit(), 7U);
}

TEST(ConcurrencyTest, BeginsWithOneAndDoesNotMoveBeforeAnythingSucceeded) {
    Concurrency concurrency({.max = 10, .is_adaptive = true});
    EXPECT_EQ(concurrency.limit(), 1U);
    for (int i = 0; i < 100; ++i) {
        concurrency.on_start(1);
        concurrency.on_push_back(kStart + i * 1s);
    }
    EXPECT_EQ(concurrency.limit(), 1U);
}

TEST(ConcurrencyTest, GrowsOnlyWhenTheLimitWasReached) {
    Concurrency concurrency({.max = 10, .is_adaptive = true});
    Instant now = kStart;
    for (int i = 0; i < 100; ++i) concurrency.on_answer(10ms, now += 10ms);
    EXPECT_EQ(concurrency.limit(), 1U);
    for (int i = 0; i < 100; ++i) {
        concurrency.on_start(concurrency.limit());
        concurrency.on_answer(10ms, now += 10ms);
    }
    EXPECT_EQ(concurrency.limit(), 10U);
}

TEST(ConcurrencyTest, AConstantLinkGetsAllThereIs) {
    const Range range =
        run({.max = 50}, [](std::size_t, std::mt19937_64&) { return Answer{100ms}; });
    EXPECT_EQ(range.least, 50U);
}

TEST(ConcurrencyTest, AJitteryLinkGetsMost) {
    const Range range = run({.max = 50}, [](std::size_t, std::mt19937_64& random) {
        return Answer{noisy(100ms, random)};
    });
    EXPECT_GE(range.least, 25U);
}

TEST(ConcurrencyTest, ALinkThatPushesBackIsKeptAboutWhereItDoes) {
    const Range range = run({.max = 200}, [](std::size_t in_flight, std::mt19937_64& random) {
        return Answer{noisy(100ms, random), in_flight > 20};
    });
    EXPECT_GE(range.least, 10U);
    EXPECT_LE(range.most, 25U);
}

TEST(ConcurrencyTest, ALinkThatSlowsDownIsNotFlooded) {
    const Range range = run({.max = 200}, [](std::size_t in_flight, std::mt19937_64& random) {
        const auto over = in_flight > 20 ? in_flight - 20 : 0;
        return Answer{noisy(100ms + over * 50ms, random)};
    });
    EXPECT_GE(range.least, 3U);
    EXPECT_LE(range.most, 60U);
}

TEST(ConcurrencyTest, NeverBelowOne) {
    const Range range = run({.max = 10}, [first = true](std::size_t, std::mt19937_64&) mutable {
        return Answer{10ms, !std::exchange(first, false)};
    });
    EXPECT_EQ(range.least, 1U);
    EXPECT_EQ(range.most, 1U);
}

}  // namespace
}  // namespace holdfast::transport
