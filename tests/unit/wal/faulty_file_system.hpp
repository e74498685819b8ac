// A file system that fails on request and forgets on a power cut what was not synced: put it behind
// RocksDB with rocksdb::NewCompositeEnv. It wraps any other, in memory or real.
//
// What it models, on the severe side of what disks and Linux do:
// - bytes count as durable only after a sync of their file that succeeded, a new or renamed name
//   only after a sync of its directory;
// - after a cut the tail that was not synced is there in part, not at all, with a hole, or as zeros
//   or junk;
// - what was written in place and not synced is there, or not, or up to some sector, or any of its
//   pages;
// - after a sync that failed the bytes are readable, but no later sync of that file makes them
//   durable, though it says so.
// Not modelled: deletions that are undone, damage to durable bytes.
//
// Threads: any.
#pragma once

#include <rocksdb/file_system.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace holdfast::test {

class FaultyFileSystem : public rocksdb::FileSystemWrapper {
public:
    // The operations that are counted and can fail.
    enum class Op : unsigned {
        create = 1,
        append = 2,
        sync = 4,
        sync_directory = 8,
        rename = 16,
        overwrite = 32,  // in place, and the sync of that
    };

    static constexpr unsigned kAnyOp = 63;
    static constexpr std::uint64_t kForEver = ~std::uint64_t{0};

    explicit FaultyFileSystem(std::shared_ptr<rocksdb::FileSystem> base);

    static const char* kClassName() { return "FaultyFileSystem"; }

    const char* Name() const override { return kClassName(); }

    // After `skip` more of `ops` (a sum of Op) the next `count` fail with `status`. Replaces an
    // earlier call. An append that fails may have written a part.
    void fail(unsigned ops, std::uint64_t skip, std::uint64_t count, rocksdb::IOStatus status);

    // Nothing fails any more, unless the power is off.
    void heal();

    [[nodiscard]] std::uint64_t operations() const { return operations_.load(); }

    // After `skip` more operations nothing reaches the disk: everything fails until
    // restore_power().
    void cut_power(std::uint64_t skip = 0);
    [[nodiscard]] bool power_is_off() const;

    // Makes the files as a cut leaves them, and works again. All files must be closed.
    void restore_power(std::mt19937_64& random);

    // With true a sync succeeds and does nothing: the control that a checker must catch.
    void lie_about_sync(bool lie);

    // Reads of table files fail, or no longer do.
    void fail_reads_of_tables(bool fail);

    // Called before each operation, on the thread that does it and so from several at once; may
    // wait. Empty: no longer.
    using Observer = std::function<void(Op op, const std::string& file)>;
    void observe(Observer observer);

    // --- rocksdb::FileSystem ---
    rocksdb::IOStatus NewWritableFile(const std::string& name,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSWritableFile>* result,
                                      rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus ReopenWritableFile(const std::string& name,
                                         const rocksdb::FileOptions& options,
                                         std::unique_ptr<rocksdb::FSWritableFile>* result,
                                         rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus ReuseWritableFile(const std::string& name,
                                        const std::string& old_name,
                                        const rocksdb::FileOptions& options,
                                        std::unique_ptr<rocksdb::FSWritableFile>* result,
                                        rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus NewRandomAccessFile(const std::string& name,
                                          const rocksdb::FileOptions& options,
                                          std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                          rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus NewRandomRWFile(const std::string& name,
                                      const rocksdb::FileOptions& options,
                                      std::unique_ptr<rocksdb::FSRandomRWFile>* result,
                                      rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus LinkFile(const std::string& from,
                               const std::string& to,
                               const rocksdb::IOOptions& options,
                               rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus NewDirectory(const std::string& name,
                                   const rocksdb::IOOptions& options,
                                   std::unique_ptr<rocksdb::FSDirectory>* result,
                                   rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus DeleteFile(const std::string& name,
                                 const rocksdb::IOOptions& options,
                                 rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus NumFileLinks(const std::string& name,
                                   const rocksdb::IOOptions& options,
                                   std::uint64_t* count,
                                   rocksdb::IODebugContext* debug) override;
    rocksdb::IOStatus RenameFile(const std::string& from,
                                 const std::string& to,
                                 const rocksdb::IOOptions& options,
                                 rocksdb::IODebugContext* debug) override;

private:
    friend class FaultyFile;
    friend class FaultyDirectory;
    friend class FaultyRandomFile;
    friend class FaultyTable;

    struct FileState {
        std::uint64_t size = 0;
        std::uint64_t durable = 0;
        bool name_is_durable = true;
        bool is_poisoned = false;  // a sync failed: what was not durable then never will be
    };

    struct Rename {
        std::string from;
        std::string to;
        std::optional<std::string> replaced;  // what `to` held before
    };

    struct Overwrite {
        std::string file;
        std::uint64_t offset;
        std::uint64_t size;
        std::string before;       // shorter than `size` where the file ended
        std::uint64_t file_size;  // before
        bool by_sectors;
    };

    struct Fault {
        unsigned ops;
        std::uint64_t skip;
        std::uint64_t count;
        rocksdb::IOStatus status;
    };

    [[nodiscard]] rocksdb::IOStatus before(Op op, const std::string& file);
    [[nodiscard]] rocksdb::IOStatus before_sync(const std::string& file, FileState& state);
    void appended(FileState& state, std::size_t bytes);
    void synced(FileState& state);
    void directory_synced(const std::string& directory);
    [[nodiscard]] std::shared_ptr<FileState> track(const std::string& name, bool is_new);
    [[nodiscard]] std::string read(const std::string& name);
    [[nodiscard]] std::string read(const std::string& name, std::uint64_t offset, std::size_t size);
    void rewrite(const std::string& name, const std::string& content);
    void move_states(const std::string& from, const std::string& to);
    void overwritten(const std::string& name,
                     std::uint64_t offset,
                     std::size_t size,
                     bool by_sectors);
    [[nodiscard]] std::size_t half_of_what_is_new(const std::string& name,
                                                  std::uint64_t offset,
                                                  const rocksdb::Slice& data);
    void overwrites_synced(const std::string& name);
    void undo(const Overwrite& one, std::string& content, std::mt19937_64& random);
    void undo_overwrites(std::mt19937_64& random);
    void undo_renames(std::mt19937_64& random);
    void forget_tail(const std::string& name, const FileState& state, std::mt19937_64& random);

    std::atomic<std::uint64_t> operations_ = 0;
    std::atomic<bool> table_reads_fail_ = false;
    mutable std::mutex mutex_;  // guards all below
    std::shared_ptr<const Observer> observer_;
    std::optional<Fault> fault_;
    std::optional<std::uint64_t> power_left_;  // operations until the cut; 0: the power is off
    bool lies_about_sync_ = false;
    std::map<std::string, std::shared_ptr<FileState>> files_;  // written since the start
    std::vector<Overwrite> overwrites_;                        // not synced yet, oldest first
    std::vector<Rename> renames_;                              // not durable yet, oldest first
};

}  // namespace holdfast::test
