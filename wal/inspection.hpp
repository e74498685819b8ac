// What can be seen of a database without opening it: its logs and its list of tables, read byte by
// byte. Changes nothing.
//
// Thread: any, while no database is open there.
#pragma once

#include "proto/result.hpp"
#include "wal/files.hpp"
#include "wal/prescan.hpp"

#include <rocksdb/write_batch.h>

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast::wal {

struct Inspection {
    bool headless = false;          // there are files and no CURRENT: RocksDB would begin afresh
    bool rot = false;               // a log lost something that had been written
    bool dropped = false;           // rot, or bytes at the end that cannot be read
    bool more_behind = false;       // entries or intents behind damage: RocksDB would drop them
    bool tables = false;            // the list of the tables is damaged
    bool tables_torn = false;       // or its end alone: by a power cut, or it went bad
    std::uint64_t listed_to = 0;    // no later record was in a table; 0: unknown
    std::uint64_t first_log = 0;    // all that was in those before it is in tables
    Seq last_entry = {};            // in the logs since the last opening, before any damage
    std::uint64_t last_record = 0;  // in the logs before any damage, or in tables; 0: unknown
    std::vector<std::string> what;  // each of them, for people

    // The end is missing: `last` was the last record.
    [[nodiscard]] bool lacks_records(std::uint64_t last) const {
        return last_record > 0 && last_record < last;
    }

    [[nodiscard]] std::string text() const;
    [[nodiscard]] std::string text_of_missing_end(std::uint64_t last) const;
};

// `acknowledged`: the last entry that is known to have been.
[[nodiscard]] Result<Inspection> inspect(const Files& files,
                                         const std::string& database,
                                         Seq acknowledged);

// The first start of all was cut off before there was anything to lose: what lacks a head is no
// damage then. `directory`: of the log.
[[nodiscard]] bool is_unborn(const Files& files, const std::string& directory);

// Finds `headless`, `tables`, `tables_torn`, `listed_to` and `first_log`.
[[nodiscard]] Result<Inspection> inspect_list_of_tables(const Files& files,
                                                        const std::string& database);

// The file in the database that CURRENT names.
[[nodiscard]] Result<std::string> name_of_list_of_tables(const Files& files,
                                                         const std::string& database);

struct ReadFrom {
    std::uint64_t log = 0;  // those before it are in tables: not deleted in time, in any order
    Seq acknowledged;       // the last entry that is known to have been on the disk
    std::uint64_t listed_to = 0;  // as in Inspection
};

// Finds the rest. Reads the logs one after the other as one. `after_damage` counts from the first
// damage in any of them, but for what a crash left at the end of one log and the next opening has
// dropped: the next log then continues with the number after the last batch that is whole. An entry
// behind damage that had been acknowledged proves rot, and so does a first log that does not go on
// where the list of tables ends: the one before it is gone, or the end of the list is, at the
// border of two records (`tables_torn`).
[[nodiscard]] Result<Inspection> read_logs(const Files& files,
                                           const std::string& database,
                                           const ReadFrom& from,
                                           const VisitBatch& visit);

// Of a pair: that an attempt was about to be made.
[[nodiscard]] bool is_intent(std::string_view key, std::string_view value);

// The pairs that a batch writes.
class PutsOfBatch : public rocksdb::WriteBatch::Handler {
public:
    using Visit = std::function<void(std::string_view key, std::string_view value)>;

    explicit PutsOfBatch(Visit visit) : visit_(std::move(visit)) {}

    rocksdb::Status PutCF(std::uint32_t family,
                          const rocksdb::Slice& key,
                          const rocksdb::Slice& value) override;
    rocksdb::Status DeleteCF(std::uint32_t family, const rocksdb::Slice& key) override;
    rocksdb::Status DeleteRangeCF(std::uint32_t family,
                                  const rocksdb::Slice& begin,
                                  const rocksdb::Slice& end) override;

private:
    Visit visit_;
};

}  // namespace holdfast::wal
