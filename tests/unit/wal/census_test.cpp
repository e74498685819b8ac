#include "wal/census.hpp"

#include <gtest/gtest.h>

namespace holdfast::wal {
namespace {

// Has read up to 100; 40 is not settled.
Cursor cursor(Counts counts) {
    Cursor made(Seq{1});
    for (Seq seq{1}; seq <= Seq{100}; seq = seq.next()) made.take(seq);
    for (Seq seq{1}; seq <= Seq{100}; seq = seq.next()) {
        if (seq != Seq{40}) made.settle(seq);
    }
    made.counts = counts;
    made.counted_to = Seq{120};
    return made;
}

TEST(Census, MissesNothingWhereAllThatWasCountedIsThere) {
    Census census;
    census.add_cursor("crm", cursor({.pending = 22, .complete = 96, .failed = 2}));
    census.add_parked("crm", Seq{7});
    for (const std::uint64_t seq : {8U, 9U}) census.add_dead(Seq{seq});
    for (Seq seq{30}; seq <= Seq{130}; seq = seq.next()) census.add_entry("crm", seq);
    EXPECT_EQ(census.missing({}), 0U);
    EXPECT_TRUE(census.is_complete());
    EXPECT_EQ(census.parked_of("crm"), 1U);
    EXPECT_EQ(census.parked_of("other"), 0U);
}

TEST(Census, MissesWhatWasKeptAside) {
    Census census;
    census.add_cursor("crm", cursor({.pending = 25, .complete = 0, .failed = 5}));
    census.add_dead(Seq{8});
    for (Seq seq{30}; seq <= Seq{120}; seq = seq.next()) census.add_entry("crm", seq);
    EXPECT_EQ(census.missing({}), 8U);
}

TEST(Census, ADeadLetterThatWaitsAgainIsThere) {
    Census census;
    census.add_cursor("crm", cursor({.pending = 21, .complete = 0, .failed = 2}));
    census.add_dead(Seq{8});
    census.add_parked("crm", Seq{9});
    for (Seq seq{30}; seq <= Seq{120}; seq = seq.next()) census.add_entry("crm", seq);
    EXPECT_EQ(census.missing({}), 0U);
}

TEST(Census, CountsOneThatWaitsInPlaceAndIsParkedOnce) {
    Census census;
    census.add_cursor("crm", cursor({.pending = 22, .complete = 0, .failed = 0}));
    census.add_parked("crm", Seq{40});
    for (Seq seq{30}; seq <= Seq{120}; seq = seq.next()) census.add_entry("crm", seq);
    EXPECT_EQ(census.missing({}), 1U);
}

// Complete ones in a gap must not hide those that were kept aside.
TEST(Census, OfAGapCountsWhatIsKnownToHaveWaited) {
    Census census;
    census.add_cursor("crm", cursor({.pending = 31, .complete = 0, .failed = 0}));
    for (Seq seq{1}; seq <= Seq{29}; seq = seq.next()) census.add_entry("crm", seq);
    EXPECT_EQ(census.missing({{{30}, {130}}}), 10U);
}

TEST(Census, WithoutACursorOfEveryDestinationIsNotComplete) {
    Census census;
    EXPECT_FALSE(census.is_complete());
    census.add_cursor("crm", Cursor());
    census.add_entry("crm", Seq{1});
    EXPECT_TRUE(census.is_complete());
    census.add_entry("other", Seq{2});
    EXPECT_FALSE(census.is_complete());
}

}  // namespace
}  // namespace holdfast::wal
