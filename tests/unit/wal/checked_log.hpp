// A log that nobody has open, to be checked and mended, and what is found there.
#pragma once

#include "tests/unit/wal/stopped_log.hpp"
#include "wal/check.hpp"
#include "wal/repair.hpp"
#include "wal/seq_set.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <ostream>
#include <set>

namespace holdfast::wal {

inline void PrintTo(const Finding& finding, std::ostream* out) {
    *out << info(finding.kind).code << " " << finding.subject << " " << text_of(finding.seqs);
    for (const std::string& what : finding.what) *out << " | " << what;
}

class CheckedLog : public StoppedLog {
protected:
    // Of the entries; that of the marks is much smaller.
    [[nodiscard]] std::filesystem::path largest_table() const {
        std::vector<std::filesystem::path> tables = files(".sst");
        return *std::max_element(tables.begin(), tables.end(), [](const auto& a, const auto& b) {
            return std::filesystem::file_size(a) < std::filesystem::file_size(b);
        });
    }

    [[nodiscard]] std::map<std::string, std::string> bytes_of_all() const {
        std::map<std::string, std::string> all;
        for (const auto& file : std::filesystem::recursive_directory_iterator(directory())) {
            if (file.is_regular_file() && file.path().filename() != "ballast") {
                all[file.path()] = read(file.path());
            }
        }
        return all;
    }

    [[nodiscard]] CheckOptions options() const {
        CheckOptions options;
        options.directory = directory();
        options.now = log_.now();
        return options;
    }

    // Also proves that nothing was changed.
    [[nodiscard]] CheckReport check() const {
        const auto before = bytes_of_all();
        Result<CheckReport> report = wal::check(options());
        EXPECT_TRUE(report) << report.error().detail;
        EXPECT_TRUE(before == bytes_of_all()) << "a check has changed something";
        return report ? std::move(*report) : CheckReport();
    }

    [[nodiscard]] std::vector<Finding> damage() const {
        std::vector<Finding> found = check().findings;
        std::erase_if(found, [](const Finding& one) { return !one.is_damage(); });
        return found;
    }

    [[nodiscard]] std::vector<Finding> notices() const {
        std::vector<Finding> found = check().findings;
        std::erase_if(found, [](const Finding& one) {
            return one.is_damage() || one.kind == Kind::ballast_missing;
        });
        return found;
    }

    [[nodiscard]] RepairReport repair() const {
        Result<RepairReport> report = wal::repair(options(), false);
        EXPECT_TRUE(report) << report.error().detail;
        return report ? std::move(*report) : RepairReport();
    }

    // The agent starts with the strict policy, has everything but these, and goes on.
    void expect_all_but(const std::vector<SeqRange>& lost) {
        log_.options.on_corruption = OnCorruption::refuse;
        const Result<void> opened = log_.try_open();
        ASSERT_TRUE(opened) << opened.error().detail;
        SeqSet gone;
        for (const SeqRange& range : lost) gone.add(range);
        EXPECT_THAT(log_->health().lost, lost);
        for (Seq seq{1}; seq <= Seq{kEntries}; seq = seq.next()) {
            const Result<Entry> one = log_->get(seq);
            ASSERT_EQ(one.has_value(), !gone.find(seq)) << seq.value;
            if (one) {
                EXPECT_EQ(one->event().body, body_of(seq.value));
            }
        }
        std::set<Seq> taken;
        for (const Pending& one : log_.take_all()) taken.insert(one.seq);
        for (Seq seq{12}; seq <= Seq{kEntries}; seq = seq.next()) {
            EXPECT_EQ(taken.contains(seq), !gone.find(seq)) << seq.value;
        }
        EXPECT_EQ(log_.append("after"), Seq{kEntries + 1});
    }
};

MATCHER_P(IsKind, kind, "") {
    return arg.kind == kind;
}

MATCHER_P2(IsAbout, kind, seqs, "") {
    return arg.kind == kind && text_of(arg.seqs) == seqs;
}

MATCHER_P2(IsOf, kind, subject, "") {
    return arg.kind == kind && arg.subject == subject;
}

}  // namespace holdfast::wal
