// Checking a log while it is open, step by step.
#include "proto/record.hpp"
#include "tests/unit/wal/checked_log.hpp"
#include "wal/keys.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::wal {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::IsEmpty;

class OpenLog : public CheckedLog {
protected:
    std::vector<Finding> walk() {
        Findings found;
        std::string from;
        counts_ = {};
        do {
            const Result<CheckStep> step = log_->check(from);
            EXPECT_TRUE(step) << step.error().detail;
            if (!step) break;
            EXPECT_NE(step->next, from);
            from = step->next;
            counts_.tables += step->counts.tables;
            counts_.entries += step->counts.entries;
            counts_.marks += step->counts.marks;
            for (const Finding& one : step->findings) {
                found.add(one.kind, one.subject);
                for (const SeqRange& range : one.seqs) found.add(one.kind, one.subject, range);
            }
        } while (!from.empty());
        return found.all();
    }

    CheckCounts counts_;
};

TEST_F(OpenLog, ThatIsWellHasNoFindings) {
    log_.open();
    for (std::uint64_t i = 0; i < 5000; ++i) ASSERT_TRUE(log_.try_append("more"));
    log_.append("last");
    EXPECT_THAT(walk(), IsEmpty());
    EXPECT_EQ(counts_.entries, kEntries + 5001);
    EXPECT_GE(counts_.tables, 2U);
    EXPECT_GE(counts_.marks, 5U);
}

TEST_F(OpenLog, WithADamagedTableSaysWhichEntriesCannotBeRead) {
    const fs::path table = largest_table();
    flip(table, fs::file_size(table) / 3);
    const std::vector<Finding> before = damage();
    ASSERT_EQ(before.size(), 2U);
    log_.open();
    const std::vector<Finding> found = walk();
    ASSERT_THAT(found, ElementsAre(IsKind(Kind::table_damaged), IsKind(Kind::entry_unreadable)));
    EXPECT_EQ(found[1].seqs, before[1].seqs);
}

TEST_F(OpenLog, DoesNotFindWhatIsKnownToBeLost) {
    flip(only(".log"), in_log(60));
    log_.open();
    EXPECT_THAT(walk(), ElementsAre(IsAbout(Kind::lost_before, "60")));
    log_->lost_is_seen();
    EXPECT_THAT(walk(), IsEmpty());
}

TEST_F(OpenLog, NamesRecordsThatWereWrittenWrong) {
    log_.put_raw(seq_key(Space::entry, Seq{50}), "x");
    log_.put_raw(seq_key(Space::failed, Seq{90}), encode(kFailure));
    log_.open();
    EXPECT_THAT(walk(),
                ElementsAre(IsAbout(Kind::entry_damaged, "50"),
                            IsAbout(Kind::dead_letter_without_record, "90")));
}

TEST_F(OpenLog, RefusesAPlaceThatIsNone) {
    log_.open();
    for (const char* const place : {"x", "e", "ex", "e-1", "m1", "mxx"}) {
        const Result<CheckStep> step = log_->check(place);
        ASSERT_FALSE(step) << place;
        EXPECT_EQ(step.error().code, Errc::bad_input);
    }
}

}  // namespace
}  // namespace holdfast::wal
