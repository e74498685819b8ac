// What was written to a file system and not synced, and what a power cut makes of it. Is told of
// each write, sync and new name; see faulty_file_system.hpp for what it models.
//
// Threads: any.
#pragma once

#include <rocksdb/file_system.h>

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace holdfast::test {

// What any disk writes whole or not at all.
inline constexpr std::uint64_t kDiskSector = 512;

// What there is of these bytes.
[[nodiscard]] std::string read_part(rocksdb::FileSystem& files,
                                    const std::string& name,
                                    std::uint64_t at,
                                    std::size_t size);

class Unsynced {
public:
    struct File {
        std::uint64_t size = 0;
        std::uint64_t durable = 0;
        bool name_is_durable = true;
        bool is_poisoned = false;  // a sync failed: what was not durable then never will be
    };

    explicit Unsynced(std::shared_ptr<rocksdb::FileSystem> files) : files_(std::move(files)) {}

    // What is synced from now on is not.
    void lie(bool yes);

    [[nodiscard]] std::shared_ptr<File> opened(const std::string& name, bool is_new);
    void reused(File& file);  // what is written from now on is not poisoned
    void appended(File& file, std::size_t bytes);

    // Before it happens. By sectors: a cut may leave some of them.
    void overwrites(const std::string& name, std::uint64_t at, std::size_t size, bool by_sectors);

    void synced(const std::string& name, File& file);
    void sync_failed(File& file);
    void overwrites_synced(const std::string& name);
    void directory_synced(const std::string& directory);

    void linked(const std::string& from, const std::string& to);
    void removed(const std::string& name);

    // `replaced`: what `to` held before.
    void renamed(const std::string& from,
                 const std::string& to,
                 std::optional<std::string> replaced);

    // Makes the files as a power cut leaves them. All must be closed.
    void take_away(std::mt19937_64& random);

private:
    struct Rename {
        std::string from;
        std::string to;
        std::optional<std::string> replaced;
    };

    struct Overwrite {
        std::string file;
        std::uint64_t at;
        std::uint64_t size;
        std::string before;       // shorter than `size` where the file ended
        std::uint64_t file_size;  // before
        bool by_sectors;
    };

    void forget_overwrites_of(const std::string& name);
    void move(const std::string& from, const std::string& to);
    void undo(const Overwrite& one, std::string& content, std::mt19937_64& random);
    void undo_overwrites(std::mt19937_64& random);
    void undo_renames(std::mt19937_64& random);
    void forget_tail(const std::string& name, const File& file, std::mt19937_64& random);
    [[nodiscard]] std::uint64_t size_of(const std::string& name);
    [[nodiscard]] std::string read(const std::string& name);
    void rewrite(const std::string& name, const std::string& content);

    const std::shared_ptr<rocksdb::FileSystem> files_;
    std::mutex mutex_;  // guards all below
    bool lies_ = false;
    std::map<std::string, std::shared_ptr<File>> known_;  // written since the start
    std::vector<Overwrite> overwrites_;                   // oldest first
    std::vector<Rename> renames_;                         // oldest first
};

}  // namespace holdfast::test
