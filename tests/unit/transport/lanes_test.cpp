#include "transport/policy/lanes.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <vector>

namespace holdfast::transport {
namespace {

using Seqs = std::vector<std::uint64_t>;

constexpr Instant kStart{std::chrono::seconds(1000)};

class LanesTest : public testing::Test {
protected:
    bool add(std::uint64_t seq, std::uint64_t lane, Operation operation = Operation::event) {
        Held entry{};
        entry.seq = Seq{seq};
        entry.lane = Lane{lane};
        entry.operation = operation;
        return lanes_.add(entry);
    }

    std::uint64_t pop(std::uint64_t lane) {
        const Held* const next = lanes_.pop(Lane{lane});
        return next == nullptr ? 0 : next->seq.value;
    }

    Held& first(std::uint64_t lane) { return lanes_.first(Lane{lane}); }

    void wait(std::uint64_t lane, std::chrono::seconds time) {
        first(lane).not_before = kStart + time;
        lanes_.wait(first(lane));
    }

    Seqs due(std::chrono::seconds time) {
        Seqs seqs;
        while (const Held* const one = lanes_.take_due(kStart + time)) {
            seqs.push_back(one->seq.value);
        }
        return seqs;
    }

    Lanes lanes_;
};

TEST_F(LanesTest, EachIsFirstInFirstOut) {
    EXPECT_TRUE(add(1, 7));
    EXPECT_TRUE(add(2, 8));
    EXPECT_FALSE(add(3, 7));
    EXPECT_FALSE(add(4, 7));
    EXPECT_EQ(first(7).seq, Seq{1});
    EXPECT_EQ(first(8).seq, Seq{2});
    EXPECT_EQ(pop(7), 3U);
    EXPECT_FALSE(add(5, 7));
    EXPECT_EQ(pop(7), 4U);
    EXPECT_EQ(pop(8), 0U);
    EXPECT_EQ(pop(7), 5U);
    EXPECT_EQ(pop(7), 0U);
    EXPECT_TRUE(add(6, 7));
}

TEST_F(LanesTest, ThoseThatWaitAreDueInTheOrderOfTheirTimesThenOfTheLog) {
    using std::chrono_literals::operator""s;
    for (std::uint64_t i = 1; i <= 4; ++i) ASSERT_TRUE(add(i, i));
    EXPECT_EQ(lanes_.next_due(), std::nullopt);
    wait(1, 3s);
    wait(2, 1s);
    wait(4, 2s);
    wait(3, 2s);
    EXPECT_EQ(lanes_.next_due(), kStart + 1s);
    EXPECT_EQ(due(0s), Seqs{});
    EXPECT_EQ(due(2s), (Seqs{2, 3, 4}));
    lanes_.stop_waiting([](const Held&) { return false; });
    EXPECT_EQ(due(2s), Seqs{});
    lanes_.stop_waiting([](const Held&) { return true; });
    EXPECT_EQ(due(2s), (Seqs{1}));
}

TEST_F(LanesTest, TheOldestThatIsReadyIsOfItsEndpoint) {
    ASSERT_TRUE(add(1, 1));
    ASSERT_TRUE(add(2, 2, Operation::send_email));
    ASSERT_TRUE(add(3, 3));
    EXPECT_EQ(lanes_.oldest_ready(Endpoint::track), nullptr);
    for (const std::uint64_t lane : Seqs{3, 2, 1}) lanes_.make_ready(first(lane));
    EXPECT_EQ(lanes_.oldest_ready(Endpoint::track)->seq, Seq{1});
    EXPECT_EQ(lanes_.oldest_ready(Endpoint::app)->seq, Seq{2});
    lanes_.take_ready(first(1));
    EXPECT_EQ(lanes_.oldest_ready(Endpoint::track)->seq, Seq{3});
    lanes_.take_ready(first(2));
    EXPECT_EQ(lanes_.oldest_ready(Endpoint::app), nullptr);
}

TEST_F(LanesTest, OneMillionTakeNoMoreThanTheHeaderSaysAndGiveItBack) {
    constexpr std::uint64_t kCount = 1'000'000;
    const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    for (std::uint64_t i = 1; i <= kCount; ++i) {
        ASSERT_TRUE(add(i, i * 0x9e3779b97f4a7c15U));
        lanes_.wait(first(i * 0x9e3779b97f4a7c15U));
    }
    EXPECT_LE(mallinfo2().uordblks + mallinfo2().hblkhd, before + kCount * 125);
    EXPECT_EQ(due(std::chrono::seconds(0)).size(), kCount);
    for (std::uint64_t i = 1; i <= kCount; ++i) ASSERT_EQ(pop(i * 0x9e3779b97f4a7c15U), 0U);
    EXPECT_LE(mallinfo2().uordblks + mallinfo2().hblkhd, before + 100'000);
}

}  // namespace
}  // namespace holdfast::transport
