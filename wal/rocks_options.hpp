// Every RocksDB option that is set, each with its reason. Debian 12 ships 7.8.3 as an assert build.
#pragma once

#include <rocksdb/options.h>

#include <functional>
#include <string>

namespace holdfast::wal {

// A line for the operator's journal. Called from any thread.
using Note = std::function<void(std::string)>;

[[nodiscard]] rocksdb::Options rocks_options(rocksdb::Env* env, const Note& note);

// For a batch that is acknowledged, and for marks that may be lost.
[[nodiscard]] rocksdb::WriteOptions synced_write();
[[nodiscard]] rocksdb::WriteOptions unsynced_write();

}  // namespace holdfast::wal
