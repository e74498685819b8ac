#include "transport/policy/lanes.hpp"

#include <gtest/gtest.h>
#include <malloc.h>

#include <map>
#include <vector>

namespace holdfast::transport {
namespace {

using Seqs = std::vector<std::uint64_t>;

constexpr Instant kStart{std::chrono::seconds(1000)};

class LanesTest : public testing::Test {
protected:
    bool add(std::uint64_t seq,
             std::uint64_t lane,
             Operation operation = Operation::event,
             const Seqs& also = {},
             bool is_essential = false) {
        Held entry{};
        entry.seq = Seq{seq};
        entry.lane = Lane{lane};
        entry.operation = operation;
        entry.is_essential = is_essential;
        AlsoLanes others;
        for (const std::uint64_t other : also) others.push_back(Lane{other});
        Held& held = lanes_.add(entry, others);
        held_[seq] = &held;
        return lanes_.is_first(held);
    }

    // Returns those that are first now, and were not.
    Seqs pop(std::uint64_t seq) {
        Seqs freed;
        for (const Held* const next : lanes_.pop(held(seq))) freed.push_back(next->seq.value);
        held_.erase(seq);
        return freed;
    }

    Held& held(std::uint64_t seq) { return *held_.at(seq); }

    void wait(std::uint64_t seq, std::chrono::seconds time) {
        held(seq).not_before = kStart + time;
        lanes_.wait(held(seq));
    }

    Seqs due(std::chrono::seconds time) {
        Seqs seqs;
        while (const Held* const one = lanes_.take_due(kStart + time)) {
            seqs.push_back(one->seq.value);
        }
        return seqs;
    }

    Seqs ready(Kind kind, bool urgent) {
        Seqs seqs;
        for (const Held& one : lanes_.ready(kind, urgent)) seqs.push_back(one.seq.value);
        return seqs;
    }

    Lanes lanes_;
    std::map<std::uint64_t, Held*> held_;
};

TEST_F(LanesTest, EachIsFirstInFirstOut) {
    EXPECT_TRUE(add(1, 7));
    EXPECT_TRUE(add(2, 8));
    EXPECT_FALSE(add(3, 7));
    EXPECT_FALSE(add(4, 7));
    EXPECT_EQ(pop(1), Seqs{3});
    EXPECT_FALSE(add(5, 7));
    EXPECT_EQ(pop(3), Seqs{4});
    EXPECT_EQ(pop(2), Seqs{});
    EXPECT_EQ(pop(4), Seqs{5});
    EXPECT_EQ(pop(5), Seqs{});
    EXPECT_EQ(lanes_.size(), 0U);
    EXPECT_TRUE(add(6, 7));
}

TEST_F(LanesTest, ABarrierWaitsForAllItsLanesAndHoldsUpEachOfThem) {
    EXPECT_TRUE(add(1, 7));
    EXPECT_TRUE(add(2, 8));
    EXPECT_FALSE(add(3, 7, Operation::delete_person, {8, 9}));
    EXPECT_FALSE(add(4, 8));
    EXPECT_FALSE(add(5, 9)) << "nobody was in lane 9 but the barrier";
    EXPECT_FALSE(add(6, 7));
    EXPECT_EQ(pop(1), Seqs{}) << "one is in front of it in lane 8";
    EXPECT_FALSE(lanes_.is_first(held(3)));
    EXPECT_EQ(pop(2), Seqs{3});
    EXPECT_TRUE(lanes_.is_first(held(3)));
    EXPECT_EQ(pop(3), (Seqs{6, 4, 5}));
}

TEST_F(LanesTest, BarriersBehindOneAnother) {
    EXPECT_TRUE(add(1, 7, Operation::delete_person, {8}));
    EXPECT_FALSE(add(2, 8, Operation::delete_person, {7}));
    EXPECT_FALSE(add(3, 8, Operation::delete_person, {9}));
    EXPECT_EQ(pop(1), Seqs{2});
    EXPECT_EQ(pop(2), Seqs{3});
    EXPECT_EQ(pop(3), Seqs{});
}

TEST_F(LanesTest, TheOneBehindIsKnownUnlessABarrierStandsBetween) {
    add(1, 7);
    add(2, 7);
    add(3, 8, Operation::delete_person, {7});
    add(4, 7);
    EXPECT_EQ(lanes_.after(held(1)), &held(2));
    EXPECT_EQ(lanes_.after(held(2)), nullptr);
    EXPECT_EQ(lanes_.after(held(3)), nullptr);
    EXPECT_EQ(lanes_.after(held(4)), nullptr);
    EXPECT_TRUE(add(5, 9, Operation::delete_person, {10}));
    add(6, 9);
    EXPECT_EQ(lanes_.after(held(5)), nullptr) << "it may have to wait in its other lane";
}

TEST_F(LanesTest, ALaneIsUrgentUpToItsLastEssentialEntry) {
    add(1, 7);
    lanes_.make_ready(held(1));
    EXPECT_EQ(ready(Kind::events, false), Seqs{1});
    add(2, 7, Operation::event, {}, true);
    add(3, 7);
    EXPECT_EQ(ready(Kind::events, false), Seqs{});
    EXPECT_EQ(ready(Kind::events, true), Seqs{1}) << "it stands in front of an essential one";
    lanes_.take_ready(held(1));
    EXPECT_EQ(pop(1), Seqs{2});
    lanes_.make_ready(held(2));
    EXPECT_EQ(ready(Kind::events, true), Seqs{2});
    lanes_.take_ready(held(2));
    EXPECT_EQ(pop(2), Seqs{3});
    lanes_.make_ready(held(3));
    EXPECT_EQ(ready(Kind::events, true), Seqs{});
}

TEST_F(LanesTest, AnEssentialBarrierMakesAllItsLanesUrgent) {
    add(1, 7);
    add(2, 8);
    lanes_.make_ready(held(1));
    lanes_.make_ready(held(2));
    add(3, 9, Operation::delete_person, {7, 8}, true);
    EXPECT_EQ(ready(Kind::events, true), (Seqs{1, 2}));
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

TEST_F(LanesTest, ThoseThatAreReadyAreTheirKindsAndTheOldestIsFirst) {
    for (std::uint64_t seq = 1; seq <= 4; ++seq) {
        add(seq, seq, seq == 2 ? Operation::send_email : Operation::event);
    }
    EXPECT_EQ(ready(Kind::events, false), Seqs{});
    for (const std::uint64_t seq : Seqs{3, 2, 1, 4}) lanes_.make_ready(held(seq));
    EXPECT_EQ(ready(Kind::events, false), (Seqs{1, 3, 4}));
    EXPECT_EQ(ready(Kind::sends, false), Seqs{2});
    lanes_.take_ready(held(1));
    EXPECT_EQ(ready(Kind::events, false), (Seqs{3, 4}));
}

TEST_F(LanesTest, OneMillionTakeNoMoreThanTheHeaderSaysAndGiveItBack) {
    constexpr std::uint64_t kCount = 1'000'000;
    const std::size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    Held entry{};
    std::vector<Held*> all(kCount);
    const std::size_t without = mallinfo2().uordblks + mallinfo2().hblkhd - before;
    for (std::uint64_t i = 1; i <= kCount; ++i) {
        entry.seq = Seq{i};
        entry.lane = Lane{i * 0x9e3779b97f4a7c15U};
        all[i - 1] = &lanes_.add(entry);
        lanes_.wait(*all[i - 1]);
    }
    EXPECT_LE(mallinfo2().uordblks + mallinfo2().hblkhd, before + without + kCount * 125);
    EXPECT_EQ(due(std::chrono::seconds(0)).size(), kCount);
    for (Held* const one : all) ASSERT_TRUE(lanes_.pop(*one).empty());
    EXPECT_LE(mallinfo2().uordblks + mallinfo2().hblkhd, before + without + 100'000);
}

}  // namespace
}  // namespace holdfast::transport
