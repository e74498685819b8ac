// Every RocksDB option that is set, each with its reason. Debian 12 ships 7.8.3 as an assert build.
#pragma once

#include <rocksdb/options.h>

#include <functional>
#include <string>

namespace holdfast::wal {

// A line for the operator's journal. Called from any thread.
using Note = std::function<void(std::string)>;

// The write buffer on anything but a small disk.
inline constexpr std::size_t kWriteBufferBytes = std::size_t{16} << 20U;

// `write_buffer_bytes`: of one memtable; tables and levels are in proportion.
[[nodiscard]] rocksdb::Options rocks_options(rocksdb::Env* env,
                                             const Note& note,
                                             std::size_t write_buffer_bytes = kWriteBufferBytes);

// For a batch that is acknowledged, and for marks that may be lost.
[[nodiscard]] rocksdb::WriteOptions synced_write();
[[nodiscard]] rocksdb::WriteOptions unsynced_write();

}  // namespace holdfast::wal
