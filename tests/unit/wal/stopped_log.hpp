// A log that nobody has open, and its files, to be damaged.
#pragma once

#include "tests/unit/wal/log_under_test.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::wal {

inline const Failure kFailure{
    .attempts = 1, .failed_at = wall_from_ms(1), .status = 400, .reason = "400", .answer = {}};

inline Retry retry_once() {
    Retry retry;
    retry.attempts = 1;
    return retry;
}

inline std::string body_of(std::uint64_t seq) {
    return fmt::format("entry {} {}", seq, std::string(1500, 'x'));
}

// In a real directory: 1 to 40 in a table, 41 to 80 in RocksDB's log. 1 to 10 are complete, 11 is a
// dead letter, 12 is parked, 13 waits for a retry. It was stopped cleanly.
class StoppedLog : public testing::Test {
protected:
    using Path = std::filesystem::path;

    static constexpr std::uint64_t kInTables = 40;
    static constexpr std::uint64_t kEntries = 80;

    StoppedLog() {
        log_.open();
        for (std::uint64_t seq = 1; seq <= kInTables; ++seq) log_.append(body_of(seq));
        log_.take_all();
        for (std::uint64_t seq = 1; seq <= 10; ++seq) log_->complete("crm", Seq{seq});
        log_->fail("crm", Seq{11}, kFailure);
        log_->park("crm", Seq{12});
        log_->retry("crm", Seq{13}, retry_once());
        log_.close();
        log_.open();
        for (std::uint64_t seq = kInTables + 1; seq <= kEntries; ++seq) log_.append(body_of(seq));
        log_.close();
    }

    [[nodiscard]] Path directory() const { return log_.options.directory; }

    [[nodiscard]] Path db() const { return directory() / "db"; }

    // Of the database, with `part` in their names.
    [[nodiscard]] std::vector<Path> files(std::string_view part) const {
        std::vector<Path> found;
        for (const auto& file : std::filesystem::directory_iterator(db())) {
            const std::string name = file.path().filename();
            if (name.find(part) != std::string::npos && file.file_size() > 0) {
                found.push_back(file.path());
            }
        }
        std::sort(found.begin(), found.end());
        return found;
    }

    [[nodiscard]] Path only(std::string_view part) const {
        const std::vector<Path> found = files(part);
        EXPECT_EQ(found.size(), 1U) << part;
        return found.at(0);
    }

    static std::string read(const Path& file) {
        std::ifstream in(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(in), {}};
    }

    static void write(const Path& file, std::string_view bytes) {
        std::ofstream(file, std::ios::binary) << bytes;
    }

    static void flip(const Path& file, std::size_t at, unsigned bit = 0) {
        std::string bytes = read(file);
        bytes.at(at) = static_cast<char>(bytes.at(at) ^ (1 << bit));
        write(file, bytes);
    }

    // The byte in RocksDB's log where the body of this entry begins.
    [[nodiscard]] std::size_t in_log(std::uint64_t seq) const {
        return read(only(".log")).find(fmt::format("entry {} ", seq));
    }

    LogUnderTest log_{true};
};

}  // namespace holdfast::wal
