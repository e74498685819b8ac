#include "wal/cursor.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>
#include <vector>

namespace holdfast::wal {
namespace {

Cursor with(std::vector<std::uint64_t> taken, const std::vector<std::uint64_t>& settled) {
    Cursor cursor(Seq{1});
    for (const std::uint64_t seq : taken) cursor.take(Seq{seq});
    for (const std::uint64_t seq : settled) EXPECT_TRUE(cursor.settle(Seq{seq}));
    return cursor;
}

Cursor restarted(const Cursor& cursor) {
    Result<Cursor> decoded = Cursor::decode(cursor.encode());
    EXPECT_TRUE(decoded) << decoded.error().detail;
    return *decoded;
}

TEST(Cursor, LowWaterIsTheFirstThatIsNotSettled) {
    EXPECT_EQ(Cursor(Seq{5}).low_water(), Seq{5});
    EXPECT_EQ(with({1, 2, 3}, {}).low_water(), Seq{1});
    EXPECT_EQ(with({1, 2, 3}, {1, 3}).low_water(), Seq{2});
    EXPECT_EQ(with({1, 2, 3}, {1, 2, 3}).low_water(), Seq{4});
}

TEST(Cursor, SettlesEachOnce) {
    Cursor cursor = with({1, 2}, {1});
    EXPECT_FALSE(cursor.settle(Seq{1}));
    EXPECT_FALSE(cursor.settle(Seq{9}));
    EXPECT_TRUE(cursor.is_outstanding(Seq{2}));
}

TEST(Cursor, ListsOnlyWhatLiesBelowTheHighestSettledOne) {
    const Cursor after = restarted(with({1, 2, 3, 4}, {1, 3}));
    EXPECT_EQ(after.outstanding(), std::set<Seq>{Seq{2}});
    EXPECT_EQ(after.position(), Seq{4});
    EXPECT_EQ(after.low_water(), Seq{2});
}

TEST(Cursor, DoesNotReadPassedOnesAgain) {
    Cursor cursor = with({1}, {});
    cursor.pass(Seq{2});
    const Cursor after = restarted(cursor);
    EXPECT_EQ(after.position(), Seq{3});
    EXPECT_TRUE(after.is_outstanding(Seq{1}));
}

TEST(Cursor, KeepsItsCounts) {
    Cursor cursor = with({1}, {});
    cursor.counts = {.pending = 1, .complete = ~std::uint64_t{0}, .failed = 3, .dropped = 9};
    cursor.counted_to = Seq{77};
    const Cursor after = restarted(cursor);
    EXPECT_EQ(after.counts, cursor.counts);
    EXPECT_EQ(after.counted_to, Seq{77});
}

TEST(Cursor, IsRefusedWhenItIsCutAnywhereOrHasMore) {
    const std::string bytes = with({1, 2, 3, 4, 5}, {2, 5}).encode();
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        const Result<Cursor> cut = Cursor::decode(bytes.substr(0, size));
        ASSERT_FALSE(cut) << size;
        EXPECT_EQ(cut.error().code, Errc::corrupt);
    }
    EXPECT_FALSE(Cursor::decode(bytes + std::string(8, '\0')));
}

TEST(Cursor, OfANewerVersionIsToldApart) {
    std::string bytes = Cursor(Seq{1}).encode();
    bytes[0] = 3;
    EXPECT_EQ(Cursor::decode(bytes).error().code, Errc::too_new);
    bytes[0] = 0;
    EXPECT_EQ(Cursor::decode(bytes).error().code, Errc::corrupt);
}

TEST(Cursor, OfVersion1HasNoCountOfWhatWasDropped) {
    Cursor cursor = with({1, 2, 3}, {1, 3});
    cursor.counts = {.pending = 1, .complete = 2, .failed = 3, .dropped = 0};
    std::string bytes = cursor.encode();
    bytes[0] = 1;
    bytes.erase(1 + 3 * 8, 8);
    const Result<Cursor> old = Cursor::decode(bytes);
    ASSERT_TRUE(old) << old.error().detail;
    EXPECT_EQ(old->counts, cursor.counts);
    EXPECT_EQ(old->outstanding(), std::set<Seq>{Seq{2}});
}

TEST(Cursor, ListedOutOfOrderOrBeyondTheEndIsRefused) {
    const std::string bytes = with({1, 2, 3}, {3}).encode();  // ends with 1 and 2
    std::string swapped = bytes;
    std::swap(swapped[bytes.size() - 16], swapped[bytes.size() - 8]);
    EXPECT_FALSE(Cursor::decode(swapped));
    std::string beyond = bytes;
    beyond[bytes.size() - 8] = 9;
    EXPECT_FALSE(Cursor::decode(beyond));
}

// What the cursor must know, said in the most naive way.
struct NaiveCursor {
    enum class State { unread, others, taken, settled };
    std::map<std::uint64_t, State> entries;

    [[nodiscard]] std::uint64_t resume_at() const {
        std::uint64_t resume = 1;
        for (const auto& [seq, state] : entries) {
            if (state == State::others || state == State::settled) resume = seq + 1;
        }
        return resume;
    }

    // After a restart all that was not settled is handed out, in order.
    [[nodiscard]] std::vector<std::uint64_t> handed_out() const {
        std::vector<std::uint64_t> out;
        for (const auto& [seq, state] : entries) {
            if (state == State::taken) out.push_back(seq);
        }
        return out;
    }
};

TEST(Cursor, HandsOutEveryUnsettledEntryOnceAndInOrderAfterARestart) {
    using State = NaiveCursor::State;
    for (std::uint64_t seed = 0; seed < 500; ++seed) {
        std::mt19937_64 random(seed);
        NaiveCursor naive;
        Cursor cursor(Seq{1});
        std::uint64_t next = 1;
        for (int step = 0; step < 60; ++step) {
            const std::uint64_t what = random() % 10;
            const std::vector<std::uint64_t> open = naive.handed_out();
            if (what < 4) {
                cursor.take(Seq{next});
                naive.entries[next++] = State::taken;
            } else if (what < 5) {
                cursor.pass(Seq{next});
                naive.entries[next++] = State::others;
            } else if (what < 9 && !open.empty()) {
                const std::uint64_t seq = open[random() % open.size()];
                ASSERT_TRUE(cursor.settle(Seq{seq}));
                naive.entries[seq] = State::settled;
            } else {
                cursor = restarted(cursor);
                ASSERT_EQ(cursor.position(), Seq{naive.resume_at()}) << "seed " << seed;
                // Those at and after the position are read again, the others are listed.
                std::vector<std::uint64_t> out;
                for (const Seq seq : cursor.outstanding()) out.push_back(seq.value);
                for (const auto& [seq, state] : naive.entries) {
                    if (Seq{seq} < cursor.position()) continue;
                    ASSERT_EQ(state, State::taken) << "seed " << seed;
                    cursor.take(Seq{seq});
                    out.push_back(seq);
                }
                ASSERT_EQ(out, naive.handed_out()) << "seed " << seed;
            }
            const std::vector<std::uint64_t> left = naive.handed_out();
            ASSERT_EQ(cursor.low_water(), Seq{left.empty() ? next : left.front()})
                << "seed " << seed;
        }
    }
}

}  // namespace
}  // namespace holdfast::wal
