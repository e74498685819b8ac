// The files of RocksDB's logs: written in sectors (log_sectors.hpp), past the page cache, and over
// the files of logs that are not needed any more ("spares") instead of into new ones. To RocksDB
// this is a file system like any other; all but its logs goes straight through.
//
// Durability is as with any file: written by Flush, on the disk after Sync. Besides, the beginning
// of a log is synced, and all of it before the next one begins: so a hole there is no power cut's.
// Where the file system below has no direct writes they go through the page cache.
//
// Threads: as any file system: all. Each file has one writer.
#pragma once

#include "proto/result.hpp"
#include "wal/files.hpp"

#include <rocksdb/file_system.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::wal {

// Of the file of a log, with or without its directory; nullopt: of anything else.
[[nodiscard]] std::optional<std::uint64_t> log_number(std::string_view path);

[[nodiscard]] bool is_spare(std::string_view path);

// Spares are kept in RocksDB's directory, so many at most: with the full write buffer that is as
// much as the logs that RocksDB gives back at once when it has written their tables.
inline constexpr std::size_t kSparesMax = 3;

// Those of an earlier process, which nobody writes over any more. Errors: as Files.
[[nodiscard]] Result<void> remove_spares(const Files& files, const std::string& directory);

class LogFiles : public rocksdb::FileSystemWrapper {
public:
    struct Begun;  // a log that is or was written

    // Cached: for logs that are written often and synced seldom.
    enum class Writes : std::uint8_t { direct, cached };

    LogFiles(const std::shared_ptr<rocksdb::FileSystem>& target, Writes writes);

    static const char* kClassName() { return "LogFiles"; }

    const char* Name() const override { return kClassName(); }

    // No: those there are go, and files of logs are deleted.
    void keep_spares(bool yes);

    rocksdb::IOStatus NewWritableFile(const std::string& path,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* result,
                                      rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus NewSequentialFile(const std::string& path,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSSequentialFile>* result,
                                        rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus DeleteFile(const std::string& path,
                                 const rocksdb::IOOptions& options,
                                 rocksdb::IODebugContext* debug) override;

private:
    using File = std::unique_ptr<rocksdb::FSWritableFile>;

    [[nodiscard]] rocksdb::IOStatus open(const std::string& path,
                                         const std::optional<std::string>& spare,
                                         const rocksdb::FileOptions& options,
                                         File& file);
    [[nodiscard]] rocksdb::IOStatus sync_last();
    [[nodiscard]] std::optional<std::string> take_spare();
    [[nodiscard]] bool make_spare(const std::string& path);
    [[nodiscard]] bool is_alone(const std::string& path);
    [[nodiscard]] rocksdb::IOStatus sync_directory_of(const std::string& path);

    const Writes writes_;
    std::atomic<bool> direct_works_ = false;  // here
    std::mutex mutex_;                        // guards what follows
    std::set<std::string> begun_;             // logs that may become spares
    std::vector<std::string> spares_;         // under names that are on the disk
    std::weak_ptr<Begun> last_;
    std::size_t spares_to_come_ = 0;
    bool keeps_spares_ = true;
};

}  // namespace holdfast::wal
