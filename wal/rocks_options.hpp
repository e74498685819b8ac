// Every RocksDB option that is set, each with its reason. Debian 12 ships 7.8.3 as an assert build.
#pragma once

#include "wal/log_files.hpp"

#include <rocksdb/db.h>
#include <rocksdb/options.h>

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::wal {

// A line for the operator's journal. Called from any thread.
using Note = std::function<void(std::string)>;

// The write buffer on anything but a small disk.
inline constexpr std::size_t kWriteBufferBytes = std::size_t{16} << 20U;

inline constexpr std::string_view kEntriesFamily = "entries";

// Of the database and of its column families: marks, which is RocksDB's default one, and entries.
struct RocksOptions {
    std::shared_ptr<LogFiles> logs;
    std::shared_ptr<rocksdb::Env> env;  // what `db` uses; as long as anything is open
    rocksdb::DBOptions db;
    std::vector<rocksdb::ColumnFamilyDescriptor> families;

    // Of the marks' family, for what wants both in one.
    [[nodiscard]] rocksdb::Options of_marks() const { return {db, families[0].options}; }
};

// `env`: nullptr is the real one. `write_buffer_bytes`: of the memtable of entries; all else is in
// proportion.
[[nodiscard]] RocksOptions rocks_options(rocksdb::Env* env,
                                         const Note& note,
                                         std::size_t write_buffer_bytes = kWriteBufferBytes,
                                         LogFiles::Writes writes = LogFiles::Writes::direct);

// For a batch that is acknowledged, and for marks that may be lost.
[[nodiscard]] rocksdb::WriteOptions synced_write();
[[nodiscard]] rocksdb::WriteOptions unsynced_write();

// For a database that is flushed before anybody relies on it, and made anew if that fails.
[[nodiscard]] rocksdb::WriteOptions unlogged_write();

}  // namespace holdfast::wal
