// The keys of the log: a one-byte prefix for each key space, numbers big-endian
// so that key order is log order. README.md in this folder lists what stands behind each.
#pragma once

#include "proto/seq.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace holdfast::wal {

enum class Space : char {
    entry = 'e',   // e|seq: a record (proto/record.hpp), written once
    key = 'k',     // k|end of its bucket|digest: a KeyRecord; an idempotency key
    failed = 'f',  // f|seq: a Failure; the dead letters
    ended = 'd',   // d|seq: an Ending; what became of a dead letter that is still in its place
    kept = 'x',    // x|seq: the record of a failed or parked entry, after e|seq was reclaimed
    meta = 'm',    // m|name: the names below
    cursor = 'c',  // c|destination: a Cursor with its counts
    parked = 'p',  // p|seq: destination; waits outside the cursor
    retry = 'r',   // r|seq: a Retry
    saved = 's',   // s|name: what the agent asked to keep (breaker, gates)
};

// m|schema: how all this is laid out. 1: entries among the marks. 2: apart (database.hpp). 3:
// RocksDB's logs in sectors (log_sectors.hpp). 4: short records (proto/record.hpp, version 2).
inline constexpr std::string_view kSchemaName = "schema";
inline constexpr std::string_view kSchema = "4";
inline constexpr int kSchemaNumber = 4;  // the same, as schema_file.hpp says it
inline constexpr std::string_view kSchemaOfOneFamily = "1";

constexpr bool is_old_schema(std::string_view schema) {
    return schema == kSchemaOfOneFamily || schema == "2" || schema == "3";
}

inline constexpr std::string_view kTailName = "tail";    // m|tail: an entry's key
inline constexpr std::string_view kLostName = "lost";    // m|lost: a Lost
inline constexpr std::string_view kDoubtName = "doubt";  // m|doubt: an entry's key

[[nodiscard]] std::string seq_key(Space space, Seq seq);
[[nodiscard]] std::string name_key(Space space, std::string_view name);

// The first key after the whole space: an upper bound for scans.
[[nodiscard]] std::string end_of(Space space);

// nullopt when the key is not of this space or not of this form.
[[nodiscard]] std::optional<Seq> seq_of(Space space, std::string_view key);
[[nodiscard]] std::optional<std::string_view> name_of(Space space, std::string_view key);

}  // namespace holdfast::wal
