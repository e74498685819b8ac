#include "wal/lost.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::wal {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

SeqRange range(std::uint64_t first, std::uint64_t last) {
    return {{first}, {last}};
}

TEST(Lost, FindsWhatIsInARange) {
    Lost lost;
    lost.add(range(5, 7));
    EXPECT_EQ(lost.find({4}), std::nullopt);
    EXPECT_EQ(lost.find({5}), range(5, 7));
    EXPECT_EQ(lost.find({7}), range(5, 7));
    EXPECT_EQ(lost.find({8}), std::nullopt);
    EXPECT_EQ(lost.last(), Seq{7});
}

TEST(Lost, CountsNothingTwice) {
    Lost lost;
    lost.add(range(5, 7));
    lost.add(range(1, 10));
    lost.add(range(6, 6));
    EXPECT_EQ(count_of(lost.unseen()), 10U);
    EXPECT_THAT(lost.unseen(), ElementsAre(range(1, 4), range(5, 7), range(8, 10)));
}

TEST(Lost, WhatWasSeenStaysAGap) {
    Lost lost;
    lost.add(range(5, 7));
    lost.seen();
    lost.add(range(6, 8));
    EXPECT_THAT(lost.unseen(), ElementsAre(range(8, 8)));
    EXPECT_TRUE(lost.find({5}));
    EXPECT_THAT(lost.forget_before({8}), ElementsAre(range(5, 7)));
    EXPECT_FALSE(lost.find({5}));
    EXPECT_THAT(lost.forget_before({9}), ElementsAre());
    EXPECT_THAT(lost.unseen(), ElementsAre(range(8, 8)));  // nobody has seen it
}

TEST(Lost, CountsWhatHasNoNameUntilItIsSeen) {
    Lost lost;
    EXPECT_TRUE(lost.is_all_seen());
    lost.add_unnamed(3);
    lost.add_unnamed(4);
    EXPECT_EQ(lost.unnamed(), 7U);
    EXPECT_EQ(Lost::decode(lost.encode())->unnamed(), 7U);
    EXPECT_FALSE(lost.is_all_seen());
    lost.add_unnamed(std::nullopt);
    EXPECT_EQ(lost.unnamed(), std::nullopt);
    EXPECT_EQ(Lost::decode(lost.encode())->unnamed(), std::nullopt);
    lost.seen();
    EXPECT_TRUE(lost.is_all_seen());
}

TEST(Lost, OfTheFirstVersionHasNothingWithoutAName) {
    Lost lost;
    lost.add(range(5, 7));
    std::string bytes = lost.encode();
    bytes[0] = 1;
    bytes.resize(bytes.size() - 8);
    const Result<Lost> decoded = Lost::decode(bytes);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->unnamed(), 0U);
    EXPECT_THAT(decoded->unseen(), ElementsAre(range(5, 7)));
}

TEST(Lost, ComesBackFromItsEncoding) {
    Lost lost;
    lost.add(range(5, 7));
    lost.seen();
    lost.add(range(9, 9));
    const std::string bytes = lost.encode();
    const Result<Lost> decoded = Lost::decode(bytes);
    ASSERT_TRUE(decoded);
    EXPECT_EQ(decoded->encode(), bytes);
    EXPECT_THAT(decoded->unseen(), ElementsAre(range(9, 9)));
    EXPECT_EQ(Lost::decode(bytes.substr(0, 9)).error().code, Errc::corrupt);
    EXPECT_EQ(Lost::decode("").error().code, Errc::corrupt);
    EXPECT_EQ(Lost::decode("\3" + bytes.substr(1)).error().code, Errc::too_new);
}

TEST(Lost, IsTextForPeople) {
    EXPECT_EQ(text_of({range(7, 7), range(901, 1000)}), "7, 901-1000");
    std::vector<SeqRange> many;
    for (std::uint64_t i = 0; i < 22; ++i) many.push_back(range(2 * i + 1, 2 * i + 1));
    EXPECT_TRUE(text_of(many).ends_with(", 39 and 2 more ranges"));
    EXPECT_THAT(text_of({}), IsEmpty());
}

}  // namespace
}  // namespace holdfast::wal
