// What can be seen of a log's directory without opening the database. Changes nothing.
#pragma once

#include "proto/result.hpp"
#include "proto/time.hpp"
#include "wal/check_records.hpp"
#include "wal/files.hpp"
#include "wal/finding.hpp"
#include "wal/water_mark.hpp"

#include <functional>
#include <string>

namespace holdfast::wal {

// Quarantine, ballast and what a rebuilding left. False: one is under way, so that there is no
// database.
[[nodiscard]] Result<bool> check_surroundings(const Files& files,
                                              const std::string& directory,
                                              WallTime now,
                                              Findings& findings);

struct SeenMark {
    bool is_there = false;
    WaterMark mark;
};

[[nodiscard]] Result<SeenMark> check_mark_file(const std::string& directory,
                                               rocksdb::Env* env,
                                               Findings& findings);

// What RocksDB's logs hold, and how they and the list of tables are.
struct SeenLogs {
    SeqSet entries;
    bool is_damaged = false;    // RocksDB would drop some of it
    bool may_be_opened = true;  // and reading it would show something
    bool is_list_torn = false;  // of tables: its end is missing, it may be
};

// `directory`: of the log.
[[nodiscard]] Result<SeenLogs> check_logs(const Files& files,
                                          const std::string& directory,
                                          const WaterMark& mark,
                                          Findings& findings);

// What the table files hold, without RocksDB's list of them.
struct SeenTables {
    SeqSet entries;
    SeqSet lost;
    Seq tail{1};
};

[[nodiscard]] Result<SeenTables> read_tables(const Files& files,
                                             const std::string& database,
                                             rocksdb::Env* env,
                                             const std::function<void()>& one_is_read,
                                             CheckCounts& counts);

}  // namespace holdfast::wal
