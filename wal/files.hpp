// Files beside RocksDB's own, through the same rocksdb::FileSystem, so that a test's faulty disk
// covers them too. Paths are absolute. Errors: storage_failed, disk_full.
#pragma once

#include "proto/result.hpp"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::wal {

// "directory/name"
[[nodiscard]] std::string join(std::string_view directory, std::string_view name);

class Files {
public:
    // nullptr: the real ones.
    explicit Files(rocksdb::Env* env);

    [[nodiscard]] bool exists(const std::string& path) const;
    [[nodiscard]] Result<void> make_directory(const std::string& path) const;

    // Names without the directory, sorted; none when there is no such directory.
    [[nodiscard]] Result<std::vector<std::string>> list(const std::string& directory) const;

    [[nodiscard]] Result<std::string> read(const std::string& path) const;

    // In bytes; of a directory with all that is in it. 0 for what is not there.
    [[nodiscard]] std::uint64_t size(const std::string& path) const;

    // Synced; its name only with sync_directory().
    [[nodiscard]] Result<void> write(const std::string& path, std::string_view bytes) const;

    // In place, synced. The file must be there and long enough.
    [[nodiscard]] Result<void> overwrite(const std::string& path,
                                         std::uint64_t offset,
                                         std::string_view bytes) const;

    // A hard link, or a copy where the file system has no links.
    [[nodiscard]] Result<void> link(const std::string& from, const std::string& to) const;
    [[nodiscard]] Result<void> rename(const std::string& from, const std::string& to) const;
    [[nodiscard]] Result<void> remove(const std::string& path) const;
    [[nodiscard]] Result<void> remove_directory(const std::string& path) const;  // with its files
    [[nodiscard]] Result<void> sync_directory(const std::string& path) const;

private:
    std::shared_ptr<rocksdb::FileSystem> files_;
};

// While it lives no other process, nor another log of this one, has the directory.
class DirectoryLock {
public:
    explicit DirectoryLock(rocksdb::Env* env);
    ~DirectoryLock();
    DirectoryLock(const DirectoryLock&) = delete;
    DirectoryLock& operator=(const DirectoryLock&) = delete;

    // Does nothing when it is ours already. Errors: busy, storage_failed, disk_full.
    [[nodiscard]] Result<void> take(const std::string& directory);
    void release();

private:
    std::shared_ptr<rocksdb::FileSystem> files_;
    rocksdb::FileLock* held_ = nullptr;
};

// By another process, by this one, or in a file system in memory.
[[nodiscard]] bool is_lock_held(const rocksdb::Status& status);

}  // namespace holdfast::wal
