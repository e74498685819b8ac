// Every RocksDB option that is set, each with its reason. Debian 12 ships 7.8.3 as an assert build.
#pragma once

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <functional>
#include <string>
#include <vector>

namespace holdfast::wal {

// A line for the operator's journal. Called from any thread.
using Note = std::function<void(std::string)>;

// The write buffer on anything but a small disk.
inline constexpr std::size_t kWriteBufferBytes = std::size_t{16} << 20U;

// Of the database and of its column families: marks, which is RocksDB's default one, and entries.
struct RocksOptions {
    rocksdb::DBOptions db;
    std::vector<rocksdb::ColumnFamilyDescriptor> families;

    // Of the marks' family, for what wants both in one.
    [[nodiscard]] rocksdb::Options of_marks() const { return {db, families[0].options}; }
};

// `write_buffer_bytes`: of the memtable of entries; all else is in proportion.
[[nodiscard]] RocksOptions rocks_options(rocksdb::Env* env,
                                         const Note& note,
                                         std::size_t write_buffer_bytes = kWriteBufferBytes);

// For a batch that is acknowledged, and for marks that may be lost.
[[nodiscard]] rocksdb::WriteOptions synced_write();
[[nodiscard]] rocksdb::WriteOptions unsynced_write();

}  // namespace holdfast::wal
