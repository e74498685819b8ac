#include "wal/seq_set.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

namespace holdfast::wal {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

SeqRange range(std::uint64_t first, std::uint64_t last) {
    return {{first}, {last}};
}

TEST(SeqSetTest, OfNothingHasOneGap) {
    const SeqSet none;
    EXPECT_TRUE(none.empty());
    EXPECT_EQ(none.last(), Seq{0});
    EXPECT_THAT(none.gaps({3}, {5}), ElementsAre(range(3, 5)));
    EXPECT_THAT(none.gaps({3}, {2}), IsEmpty());
}

TEST(SeqSetTest, JoinsNeighbours) {
    SeqSet set;
    set.add(Seq{5});
    set.add(Seq{3});
    EXPECT_THAT(set.ranges(), ElementsAre(range(3, 3), range(5, 5)));
    set.add(Seq{4});
    EXPECT_THAT(set.ranges(), ElementsAre(range(3, 5)));
    set.add(range(1, 10));
    EXPECT_THAT(set.ranges(), ElementsAre(range(1, 10)));
}

TEST(SeqSetTest, IsAsASetOfSingleSeqs) {
    std::mt19937 random(1);
    for (int round = 0; round < 200; ++round) {
        SeqSet set;
        std::set<std::uint64_t> all;
        for (int i = 0; i < 12; ++i) {
            const std::uint64_t first = 1 + random() % 40;
            const std::uint64_t last = first + random() % 4;
            set.add(range(first, last));
            for (std::uint64_t seq = first; seq <= last; ++seq) all.insert(seq);
        }
        std::set<std::uint64_t> missing;
        for (const SeqRange& gap : set.gaps({1}, {45})) {
            for (std::uint64_t seq = gap.first.value; seq <= gap.last.value; ++seq) {
                missing.insert(seq);
            }
        }
        for (std::uint64_t seq = 1; seq <= 45; ++seq) {
            EXPECT_EQ(set.find({seq}).has_value(), all.contains(seq));
            EXPECT_EQ(missing.contains(seq), !all.contains(seq));
        }
        EXPECT_EQ(set.last().value, *all.rbegin());
    }
}

}  // namespace
}  // namespace holdfast::wal
