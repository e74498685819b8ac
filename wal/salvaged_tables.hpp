// The tables of a damaged database in a new one: those of RocksDB's own list if that is whole, else
// all that are whole. What the damaged one has in its logs alone is for building.cpp.
//
// Thread: whoever opens the log. No database may be open.
#pragma once

#include "proto/result.hpp"
#include "wal/building.hpp"
#include "wal/database.hpp"
#include "wal/rocks_options.hpp"

#include <rocksdb/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace holdfast::wal {

// Of each family, marks and entries: the number of the last pair that is in its tables.
using FlushedTo = std::array<rocksdb::SequenceNumber, 2>;

struct SalvagedTables {
    std::unique_ptr<Database> database;  // the new one, open
    bool repaired = false;               // by RepairDB: there was no list to follow
    std::set<std::string> replaced;      // by a compaction: among the bad tables
    std::vector<std::string> listed;     // in use before anything was added
    FlushedTo flushed{};                 // 0 when it was repaired: all is to be written again
    std::uint64_t first_log = 0;         // with something that is in no table yet
};

// Where tables are that were taken out as a whole: in the new database, RepairDB's name.
[[nodiscard]] std::string bad_tables_of(const std::string& target);

// Shares the files with the source by hard links, and changes none in place. Errors: as Store's.
[[nodiscard]] Result<SalvagedTables> salvage_tables(const BuildOrder& order,
                                                    const RocksOptions& options);

}  // namespace holdfast::wal
