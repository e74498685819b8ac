// Reads a file of RocksDB's write-ahead log without RocksDB, before RocksDB opens it: its recovery
// stops at the first damage, says nothing, and deletes the file. The format: blocks of 32 KiB, in
// them records of [masked CRC32C, 4][length, 2][type, 1][payload]; a batch is one record or several
// (first, middle, last).
//
// Pure: bytes in, findings out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

namespace holdfast::wal {

enum class LogBytes : std::uint8_t {
    clean,  // every byte is accounted for
    torn,   // damage at the end and nothing synced after it: what a power cut leaves
    rot,    // damage with a synced batch after it: it had been written, and went bad later
};

// What a power cut leaves of unsynced writes may have holes: the kernel writes pages in any order.
// So these batches say of themselves that nobody waited for them: their first record is this one,
// which RocksDB keeps in its log alone (WriteBatch::PutLogData).
inline constexpr std::size_t kBatchHeaderBytes = 12;  // number, 8; count, 4
inline constexpr std::string_view kUnsyncedMark{"\3\1u", 3};

struct Damage {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;  // where the next valid record begins, or the end of the file

    bool operator==(const Damage&) const = default;
};

struct Prescan {
    LogBytes found = LogBytes::clean;
    std::uint64_t batches = 0;
    std::vector<Damage> damage;
};

// A whole batch as RocksDB wrote it (rocksdb::WriteBatch takes it). The view ends with the call.
struct LoggedBatch {
    std::uint64_t offset = 0;
    std::string_view bytes;
    bool after_damage = false;

    [[nodiscard]] bool is_unsynced() const;
};

using VisitBatch = std::function<void(const LoggedBatch&)>;

[[nodiscard]] Prescan prescan(std::string_view file, const VisitBatch& visit = {});

}  // namespace holdfast::wal
