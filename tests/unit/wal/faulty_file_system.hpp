// A file system that fails on request and forgets on a power cut what was not synced: put it behind
// RocksDB with rocksdb::NewCompositeEnv. It wraps any other, in memory or real.
//
// What it models, on the severe side of what disks and Linux do:
// - bytes count as durable only after a sync of their file that succeeded, a new or renamed name
//   only after a sync of its directory;
// - after a cut the tail that was not synced is there in part, not at all, with a hole, or as zeros
//   or junk;
// - what was written in place and not synced is there, or not, or up to some sector, or any of its
//   sectors;
// - after a sync that failed the bytes are readable, but no later sync of that file makes them
//   durable, though it says so.
// Not modelled: deletions that are undone, damage to durable bytes. What lies below is never
// synced: only the power of this one fails.
//
// Threads: any.
#pragma once

#include "tests/unit/wal/unsynced.hpp"

#include <rocksdb/file_system.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <string>

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

    // A file with this name cannot be opened for reading, as without descriptors. Empty: all can.
    void refuse_to_open(std::string name);

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

    struct Fault {
        unsigned ops;
        std::uint64_t skip;
        std::uint64_t count;
        rocksdb::IOStatus status;
    };

    [[nodiscard]] rocksdb::IOStatus before(Op op, const std::string& file);
    [[nodiscard]] bool is_refused(const std::string& path) const;

    Unsynced unsynced_;
    std::atomic<std::uint64_t> operations_ = 0;
    std::atomic<bool> table_reads_fail_ = false;
    mutable std::mutex mutex_;  // guards all below
    std::string refused_;
    std::shared_ptr<const Observer> observer_;
    std::optional<Fault> fault_;
    std::optional<std::uint64_t> power_left_;  // operations until the cut; 0: the power is off
};

}  // namespace holdfast::test
