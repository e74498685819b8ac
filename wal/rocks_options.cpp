#include "wal/rocks_options.hpp"

#include "wal/log.hpp"
#include "wal/table_files.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/env.h>
#include <rocksdb/listener.h>
#include <rocksdb/slice_transform.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/table_properties_collectors.h>

#include <array>
#include <cstdarg>
#include <cstdio>
#include <utility>

namespace holdfast::wal {
namespace {

// RocksDB's default logger writes a LOG file beside the data; when the disk is full its second
// write trips an assertion and aborts the process. This one never touches the disk.
class NoteLogger : public rocksdb::Logger {
public:
    explicit NoteLogger(Note note)
        : rocksdb::Logger(rocksdb::InfoLogLevel::WARN_LEVEL), note_(std::move(note)) {}

    using rocksdb::Logger::Logv;

    [[gnu::format(printf, 2, 0)]] void Logv(const char* format, va_list arguments) override {
        std::array<char, 1024> line{};
        const int size = std::vsnprintf(line.data(), line.size(), format, arguments);
        if (size > 0) note_("rocksdb: " + std::string(line.data()));
    }

private:
    Note note_;
};

// RocksDB's own recovery from a full disk trips an assertion too. We close and reopen instead.
class NoAutoRecovery : public rocksdb::EventListener {
public:
    explicit NoAutoRecovery(Note note) : note_(std::move(note)) {}

    void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason,
                              rocksdb::Status,
                              bool* auto_recovery) override {
        *auto_recovery = false;
    }

    void OnBackgroundError(rocksdb::BackgroundErrorReason, rocksdb::Status* status) override {
        note_("rocksdb: background error: " + status->ToString());
    }

private:
    Note note_;
};

rocksdb::BlockBasedTableOptions table_options() {
    rocksdb::BlockBasedTableOptions table;
    // One bounded cache for data, index and filters: memory stays flat however long the backlog.
    table.block_cache = rocksdb::NewLRUCache(32U << 20U);
    table.cache_index_and_filter_blocks = true;
    table.block_size = std::size_t{16} * 1024;  // the backlog is read in order
    table.format_version = 5;                   // as TableFiles knows it
    return table;
}

rocksdb::ColumnFamilyOptions family_options(const std::shared_ptr<rocksdb::TableFactory>& tables,
                                            std::size_t write_buffer_bytes) {
    rocksdb::ColumnFamilyOptions options;
    // Small buffers: little to recover after a crash, little space reserved ahead on a small disk.
    options.write_buffer_size = write_buffer_bytes;
    options.max_write_buffer_number = 3;
    // With the full write buffer these are RocksDB's defaults.
    options.target_file_size_base = 4 * write_buffer_bytes;
    options.max_bytes_for_level_base = 16 * write_buffer_bytes;
    options.disable_auto_compactions = true;  // until there is known to be room for them
    options.ttl = 0;                          // nothing is rewritten for its age:
    options.periodic_compaction_seconds = 0;  // a table only moves to the next level
    options.compression = rocksdb::kLZ4Compression;
    options.table_factory = tables;
    return options;
}

rocksdb::ColumnFamilyOptions entry_options(const std::shared_ptr<rocksdb::TableFactory>& tables,
                                           std::size_t write_buffer_bytes) {
    rocksdb::ColumnFamilyOptions options = family_options(tables, write_buffer_bytes);
    // Each entry goes behind the one before it: no search through the buffer for its place. Not for
    // a family with deleted ranges: 7.8.3 takes the hint of a prefix for its list of pairs and for
    // that of deleted ranges, links them into one another, and aborts.
    options.memtable_insert_with_hint_prefix_extractor.reset(rocksdb::NewFixedPrefixTransform(1));
    return options;
}

rocksdb::ColumnFamilyOptions mark_options(const std::shared_ptr<rocksdb::TableFactory>& tables,
                                          std::size_t write_buffer_bytes) {
    rocksdb::ColumnFamilyOptions options = family_options(tables, write_buffer_bytes);
    options.write_buffer_size = write_buffer_bytes / 4;
    // Ranges of deleted marks are compacted away soon.
    options.table_properties_collector_factories = {
        rocksdb::NewCompactOnDeletionCollectorFactory(1024, 512, 0.5)};
    return options;
}

}  // namespace

RocksOptions rocks_options(rocksdb::Env* env,
                           const Note& note,
                           std::size_t write_buffer_bytes,
                           LogFiles::Writes writes) {
    rocksdb::Env* const below = env != nullptr ? env : rocksdb::Env::Default();
    const auto logs = std::make_shared<LogFiles>(below->GetFileSystem(), writes);
    const std::shared_ptr<rocksdb::Env> with_files =
        rocksdb::NewCompositeEnv(std::make_shared<TableFiles>(logs));
    rocksdb::DBOptions options;
    options.env = with_files.get();
    options.create_if_missing = true;
    options.create_missing_column_families = true;
    // Without it a failed sync is reported once and then forgotten while writes go on.
    options.paranoid_checks = true;
    // Opens after an honest torn tail; damage in the middle is for our own checks to find.
    options.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
    // Recovered records go into a synced table file, so that nothing lives in the page cache only.
    options.avoid_flush_during_recovery = false;
    options.info_log = std::make_shared<NoteLogger>(note);
    options.info_log_level = rocksdb::InfoLogLevel::WARN_LEVEL;
    options.listeners = {std::make_shared<NoAutoRecovery>(note)};
    // Marks are few: without this limit their buffer would keep every log since it was begun.
    options.max_total_wal_size = 2 * std::uint64_t{write_buffer_bytes};
    options.max_background_jobs = 2;         // 7.8.2 fixed a flush reorder that needs eight
    options.max_open_files = kOpenFilesMax;  // running out of descriptors is fatal until reopened
    options.max_file_opening_threads = 1;    // else sixteen are started for each opening and flush
    options.manifest_preallocation_size = write_buffer_bytes / 4;
    options.max_manifest_file_size = std::size_t{4} << 20U;
    // A table goes to the disk while it is written, not all at its end: syncs of the log wait less.
    options.bytes_per_sync = std::uint64_t{1} << 20U;
    options.keep_log_file_num = 1;
    options.stats_dump_period_sec = 0;  // idle costs nothing
    options.stats_persist_period_sec = 0;
    options.recycle_log_file_num = 0;  // LogFiles does it: RocksDB's own crashes with two families
    options.manual_wal_flush = false;  // an acknowledged record is in the file
    const std::shared_ptr<rocksdb::TableFactory> tables(
        rocksdb::NewBlockBasedTableFactory(table_options()));
    return {logs,
            with_files,
            options,
            {{rocksdb::kDefaultColumnFamilyName, mark_options(tables, write_buffer_bytes)},
             {std::string(kEntriesFamily), entry_options(tables, write_buffer_bytes)}}};
}

rocksdb::WriteOptions synced_write() {
    rocksdb::WriteOptions write = unsynced_write();
    write.sync = true;
    return write;
}

rocksdb::WriteOptions unsynced_write() {
    rocksdb::WriteOptions write;
    write.no_slowdown = true;  // a stall comes back as Incomplete instead of a frozen thread
    return write;
}

rocksdb::WriteOptions unlogged_write() {
    rocksdb::WriteOptions write;
    write.disableWAL = true;
    return write;
}

}  // namespace holdfast::wal
