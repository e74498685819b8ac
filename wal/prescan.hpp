// Reads a file of RocksDB's write-ahead log without RocksDB, before RocksDB opens it: its recovery
// stops at the first damage, says nothing, and deletes the file. The format: blocks of 32 KiB, in
// them records of [masked CRC32C, 4][length, 2][type, 1][payload]; a batch is one record or several
// (first, middle, last).
//
// Pure: bytes in, findings out.
#pragma once

#include "proto/seq.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::wal {

enum class LogBytes : std::uint8_t {
    clean,  // every byte is accounted for
    torn,   // damage at the end and nothing after it that proves more: what a power cut leaves
    rot,    // damage with something after it that was written later: it went bad
};

// What a power cut leaves of writes that were not synced may have holes: they reach the disk in any
// order. So a batch that is not synced, or is the first that is again, says how far all had been
// synced: behind a hole it proves that this is rot only if what is missing was. RocksDB keeps such
// a record in its log alone (WriteBatch::PutLogData).
struct Foregoing {
    std::uint64_t synced_to = 0;  // the number of the last record, or above
    Seq head;                     // the last entry before this batch; 0: it does not say
};

// `batch` with that record before its own.
[[nodiscard]] std::string after(const Foregoing& foregoing, std::string_view batch);

// `batch` as the first that is written after an opening, in a log of its own: the opening has read
// the logs before it, and all that was in them is in tables. RocksDB deletes them only with its
// next table if it found nothing in them.
[[nodiscard]] std::string first_of_opening(std::string_view batch);

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

    [[nodiscard]] std::uint64_t number() const;  // of its first record; 0: too short to say
    [[nodiscard]] std::uint32_t count() const;   // of its records

    // nullopt: all before it was synced, or it is too short to say.
    [[nodiscard]] std::optional<Foregoing> foregoing() const;

    [[nodiscard]] bool is_first_of_opening() const;

    // Behind damage that ends before the record `next_number`: that it was whole.
    [[nodiscard]] bool proves_rot(std::uint64_t next_number) const;
};

// Whether a whole record, or piece of a batch, is there.
[[nodiscard]] bool begins_with_record(std::string_view file);

using VisitBatch = std::function<void(const LoggedBatch&)>;

// `next_number`: of the record that this file begins with, if it goes on where another ended.
[[nodiscard]] Prescan prescan(std::string_view file,
                              const VisitBatch& visit = {},
                              std::uint64_t next_number = 0);

}  // namespace holdfast::wal
