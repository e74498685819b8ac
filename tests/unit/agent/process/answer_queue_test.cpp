#include "agent/ingest/answer_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

void make_ready(AnswerQueue& queue, AnswerQueue::Slot slot, unsigned status) {
    queue.find(slot)->status = status;
}

std::vector<unsigned> take_ready(AnswerQueue& queue) {
    std::vector<unsigned> out;
    for (; queue.ready() != nullptr; queue.drop_first()) out.push_back(queue.ready()->status);
    return out;
}

TEST(AnswerQueueTest, HandsOutInTheOrderOfTheRequests) {
    AnswerQueue queue;
    const auto a = queue.add({});
    const auto b = queue.add({});
    const auto c = queue.add({});
    make_ready(queue, c, 3);
    make_ready(queue, b, 2);
    EXPECT_THAT(take_ready(queue), IsEmpty());
    EXPECT_EQ(queue.size(), 3U);
    make_ready(queue, a, 1);
    EXPECT_THAT(take_ready(queue), ElementsAre(1, 2, 3));
    EXPECT_EQ(queue.size(), 0U);
}

TEST(AnswerQueueTest, APlaceThatIsGivenBackIsGivenAgain) {
    AnswerQueue queue;
    const auto a = queue.add({});
    const auto b = queue.add({});
    queue.drop_last();
    EXPECT_EQ(queue.add({}), b);
    make_ready(queue, a, 1);
    make_ready(queue, b, 2);
    EXPECT_THAT(take_ready(queue), ElementsAre(1, 2));
}

TEST(AnswerQueueTest, APlaceThatIsGoneIsNotFound) {
    AnswerQueue queue;
    const auto a = queue.add({});
    const auto b = queue.add({});
    make_ready(queue, a, 1);
    EXPECT_THAT(take_ready(queue), ElementsAre(1));
    EXPECT_EQ(queue.find(a), nullptr);
    EXPECT_EQ(queue.find(b + 1), nullptr);
    EXPECT_NE(queue.find(b), nullptr);
}

TEST(AnswerQueueTest, NumbersWrapAroundAndMemoryIsUsedAgain) {
    AnswerQueue queue(0xffffffff - 100);
    std::vector<AnswerQueue::Slot> slots;
    for (unsigned i = 0; i < 3; ++i) slots.push_back(queue.add({}));
    for (unsigned i = 1; i <= 300; ++i) {
        make_ready(queue, slots.at(i - 1), i);
        ASSERT_THAT(take_ready(queue), ElementsAre(i));
        slots.push_back(queue.add({}));
        ASSERT_EQ(queue.size(), 3U);
    }
    EXPECT_EQ(slots.back(), 201U);
}

}  // namespace
}  // namespace holdfast::agent
