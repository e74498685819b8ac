#include "wal/table_files.hpp"

#include "tests/unit/wal/log_under_test.hpp"
#include "wal/keys.hpp"
#include "wal/rocks_options.hpp"
#include "wal/table_reader.hpp"

#include <gtest/gtest.h>
#include <rocksdb/sst_file_writer.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

namespace holdfast::wal {
namespace {

using Pairs = std::map<std::string, std::string, std::less<>>;

class TableFilesTest : public testing::Test {
protected:
    TableFilesTest() {
        const RocksOptions options = rocks_options(nullptr, [](const std::string&) {});
        rocksdb::SstFileWriter writer({}, options.of_marks());
        EXPECT_TRUE(writer.Open(path_).ok());
        for (std::uint64_t seq = 1; seq <= 60; ++seq) {
            const std::string key = seq_key(Space::kept, Seq{seq});
            const std::string value(100 + seq, static_cast<char>('a' + seq % 26));
            EXPECT_TRUE(writer.Put(key, value).ok());
            pairs_.emplace(key, value);
        }
        EXPECT_TRUE(writer.Finish().ok());
        std::ifstream in(path_, std::ios::binary);
        bytes_.assign(std::istreambuf_iterator<char>(in), {});
    }

    [[nodiscard]] std::string footer() const {
        return bytes_.substr(bytes_.size() - kTableFooterBytes);
    }

    void write(const std::string& bytes) { std::ofstream(path_, std::ios::binary) << bytes; }

    [[nodiscard]] std::string flipped(std::size_t at, unsigned bit) const {
        std::string bad = bytes_;
        bad.at(at) = static_cast<char>(static_cast<unsigned char>(bad.at(at)) ^ 1U << bit);
        return bad;
    }

    // Whether it is read as it was; nothing is read that is not in it.
    bool is_whole(const std::string& bytes) {
        write(bytes);
        const RocksOptions anew = rocks_options(nullptr, [](const std::string&) {});  // no cache
        Pairs seen;
        const Result<TableRead> read =
            read_table(anew.of_marks(), path_, [&](std::string_view key, std::string_view value) {
                seen.emplace(key, value);
            });
        EXPECT_TRUE(read);
        if (!read) return false;
        for (const auto& [key, value] : seen) {
            const auto written = pairs_.find(key);
            EXPECT_TRUE(written != pairs_.end() && written->second == value);
        }
        const bool is_whole = *read == TableRead::whole;
        EXPECT_TRUE(!is_whole || seen.size() == pairs_.size());
        return is_whole;
    }

    const TempDirectory directory_;
    const std::string path_ = (directory_.path() / "000009.sst").string();
    Pairs pairs_;
    std::string bytes_;
};

TEST_F(TableFilesTest, TheBitThatRocksDbAbortsOnIsReadAsUnset) {
    const auto end = last_byte_of_properties(footer(), bytes_.size());
    ASSERT_TRUE(end);
    EXPECT_TRUE(is_whole(flipped(*end, 7)));
    EXPECT_FALSE(is_whole(flipped(*end, 6)));
}

// That may be in what says where it is.
TEST_F(TableFilesTest, NoBitOfTheEndOfATableAborts) {
    const std::size_t end = last_byte_of_properties(footer(), bytes_.size()).value();
    for (std::size_t at = end - 200; at < bytes_.size(); ++at) {
        for (unsigned bit = 0; bit < 8; ++bit) {
            SCOPED_TRACE(testing::Message() << at << " of " << bytes_.size() << ", bit " << bit);
            (void)is_whole(flipped(at, bit));
        }
    }
}

TEST_F(TableFilesTest, WhatIsNoEndOfATableIsLeftAlone) {
    const std::string good = footer();
    const std::uint64_t size = bytes_.size();
    const std::uint64_t end = last_byte_of_properties(good, size).value();
    EXPECT_FALSE(last_byte_of_properties(good, size + 1));
    EXPECT_FALSE(last_byte_of_properties(good, size - 1));
    EXPECT_FALSE(last_byte_of_properties(good, 0));
    EXPECT_FALSE(last_byte_of_properties("", size));
    EXPECT_FALSE(last_byte_of_properties(good.substr(1), size));
    EXPECT_FALSE(last_byte_of_properties(std::string(kTableFooterBytes, '\xff'), size));
    for (std::size_t at = 1; at < good.size(); ++at) {
        std::string bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 1);
        EXPECT_EQ(last_byte_of_properties(bad, size).value_or(end), end) << at;
    }
}

}  // namespace
}  // namespace holdfast::wal
