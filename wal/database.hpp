// An open RocksDB with its two column families: entries, and everything else ("marks").
//
// Entries are apart because they come in the order of their keys and are never overwritten: no
// table of theirs overlaps another, so that compacting only moves files from level to level, and
// space comes back by whole files. Together with marks, every entry would be rewritten two or three
// times.
//
// Threads: as RocksDB's own: any, but for opening and destroying.
#pragma once

#include "wal/rocks_options.hpp"

#include <rocksdb/db.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::wal {

class Database {
public:
    // Makes what is missing. An error leaves nothing open.
    [[nodiscard]] static rocksdb::Status open(const RocksOptions& options,
                                              const std::string& directory,
                                              std::unique_ptr<Database>& opened);

    // Without changing a byte; what is only in RocksDB's logs is read into memory. Of schema 1
    // there may be one family: it then stands for both.
    [[nodiscard]] static rocksdb::Status open_read_only(const RocksOptions& options,
                                                        const std::string& directory,
                                                        std::unique_ptr<Database>& opened);
    ~Database();
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    rocksdb::DB* operator->() const { return db_.get(); }

    // By the first byte of the key, also for the bounds of a range.
    [[nodiscard]] rocksdb::ColumnFamilyHandle* family_of(std::string_view key) const;

    [[nodiscard]] const std::array<rocksdb::ColumnFamilyHandle*, 2>& families() const {
        return families_;
    }

    void put(rocksdb::WriteBatch& batch, std::string_view key, std::string_view value) const;

    // The names of the table files in use, in order.
    [[nodiscard]] std::vector<std::string> tables() const;

    [[nodiscard]] LogFiles& logs() const { return *logs_; }

    // Closes RocksDB and says how that went; the destructor does it too.
    rocksdb::Status close();

private:
    Database(const RocksOptions& options, rocksdb::DB* db);

    std::shared_ptr<LogFiles> logs_;
    std::shared_ptr<rocksdb::Env> env_;  // as long as db_
    std::unique_ptr<rocksdb::DB> db_;
    std::array<rocksdb::ColumnFamilyHandle*, 2> families_{};
};

// Schema 1 had entries among the marks: puts them where they belong, a few megabytes at a time. A
// crash on the way leaves the rest for the next time. True: there were some.
[[nodiscard]] rocksdb::Status move_entries(Database& database,
                                           const rocksdb::WriteOptions& options,
                                           bool& moved);

}  // namespace holdfast::wal
