// RocksDB behind five calls: open, close, write, get, scan. Knows keys and bytes, nothing of
// entries.
//
// Threads: get, last and scan from any; open, close and write from the committer (or before it
// runs). While the store is being opened or closed, reads fail at once with storage_failed: nobody
// waits. Errors: storage_failed for what RocksDB reports, but corrupt where it found damage; busy
// when another process has the directory; overloaded when a write would have to wait for RocksDB's
// own flushes; disk_full.
#pragma once

#include "proto/result.hpp"
#include "proto/seq.hpp"
#include "wal/database.hpp"
#include "wal/rocks_options.hpp"

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <shared_mutex>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::wal {

struct KeyValue {
    std::string key;
    std::string value;
};

class Store {
public:
    Store(std::filesystem::path directory,
          rocksdb::Env* env,
          Note note,
          std::size_t write_buffer_bytes = kWriteBufferBytes,
          LogFiles::Writes writes = LogFiles::Writes::direct);
    ~Store();
    Store(const Store&) = delete;
    Store& operator=(const Store&) = delete;

    // Without compacting, which may take the last bytes of a full disk: let_compact() follows.
    [[nodiscard]] Result<void> open();

    // For reading alone; changes no byte. Errors: corrupt, storage_failed.
    [[nodiscard]] Result<void> open_read_only();

    void let_compact(bool yes);

    // Of files of logs, to write over: no where there is little room.
    void keep_spares(bool yes);

    // Waits for reads that are under way. What a failed store says on closing is no second failure.
    void close();

    // RocksDB's number of the last record that was synced; 0: it is not open. For who writes.
    [[nodiscard]] std::uint64_t last_record() const;

    // While the store is open, and into a batch that is written before it is closed.
    void put(rocksdb::WriteBatch& batch, std::string_view key, std::string_view value) const;

    // Unsynced it is in the kernel's hands. Where not all before it is synced, or it is not itself,
    // the batch says so in RocksDB's log (prescan.hpp). `head`: the last entry there is. The first
    // one after opening is synced.
    [[nodiscard]] Result<void> write(rocksdb::WriteBatch& batch, bool sync, Seq head = {});

    // nullopt: there is no such key. Of records it reads what can be read: 7.8.3 gives an error
    // also where the damage is in a table that does not hold the key.
    [[nodiscard]] Result<std::optional<std::string>> get(std::string_view key) const;

    // The last pair before `upper` that is not before `lower`.
    [[nodiscard]] Result<std::optional<KeyValue>> last(std::string_view lower,
                                                       std::string_view upper) const;

    // Visits [lower, upper) in order until `visit` returns false. The bounds are required: a scan
    // from the beginning walks over everything that was deleted. 7.8.3 may end a scan early with an
    // OK status on a damaged table file: who must not miss anything counts. Without `fill_cache`
    // what others read often stays in memory.
    using Visit = std::function<bool(std::string_view key, std::string_view value)>;
    [[nodiscard]] Result<void> scan(std::string_view lower,
                                    std::string_view upper,
                                    const Visit& visit,
                                    bool fill_cache = true) const;

    // Reads a whole table file and checks it against its checksums. Errors: corrupt, also when it
    // is missing; storage_failed.
    [[nodiscard]] Result<void> check_table(const std::string& name) const;

    // The names of those in use, in order; none while the store is not open.
    [[nodiscard]] std::vector<std::string> tables() const;

    // Gives the space of whole table files inside [lower, upper) back at once, but for the newest.
    void drop_files(std::string_view lower, std::string_view upper);

    // Entries that an older version kept elsewhere.
    [[nodiscard]] Result<void> move_entries();

    [[nodiscard]] std::uint64_t approximate_bytes(std::string_view lower,
                                                  std::string_view upper) const;

private:
    [[nodiscard]] std::shared_lock<std::shared_mutex> reading() const;
    [[nodiscard]] Result<std::optional<std::string>> get_apart(std::string_view key) const;

    const std::filesystem::path directory_;
    rocksdb::Env* const env_;
    const Note note_;
    const std::size_t write_buffer_bytes_;
    const LogFiles::Writes writes_;
    mutable std::shared_mutex mutex_;  // held exclusively while db_ is made or destroyed
    std::unique_ptr<Database> db_;
    bool compacts_ = false;        // the committer's
    bool is_first_ = true;         // nothing was written since it was opened; the writer's
    std::uint64_t synced_to_ = 0;  // RocksDB's number of the last record on the disk; the writer's
};

}  // namespace holdfast::wal
