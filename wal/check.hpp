// Looks at a log that nobody has open: whether everything that was acknowledged is there and can be
// read, and what else is worth knowing. Changes no byte of it; what it makes is the file `lock`.
//
//   finding.hpp       what there is to be found
//   check_files.*     what can be seen from outside: files beside the database, its logs and tables
//   check_records.*   entries and marks
//   check_live.cpp    the same for a log that is open: Log::check()
//
// Memory: RocksDB's own logs are read into it (at most about 64 MiB each), and 50 bytes for each
// dead letter.
#pragma once

#include "proto/result.hpp"
#include "proto/time.hpp"
#include "wal/finding.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace rocksdb {
class Env;
}

namespace holdfast::wal {

struct CheckProgress {
    const char* doing;
    std::uint64_t done;
    std::uint64_t of;
};

struct CheckOptions {
    std::string directory;  // of the log; absolute
    WallTime now{};
    std::function<void(const CheckProgress&)> progress;  // empty: nobody looks
    rocksdb::Env* env = nullptr;                         // for tests; nullptr: the real one
};

struct CheckReport {
    Seq tail{1};
    Seq head;                         // the last entry that is or was there
    std::optional<Seq> acknowledged;  // as the file `acknowledged` says
    CheckCounts counts;
    std::vector<Finding> findings;
    bool is_list_torn = false;  // of tables: its end is missing, it may be
};

// Takes the directory's lock. Errors: not_found (there is no log), busy (an agent runs on it),
// too_new, storage_failed.
[[nodiscard]] Result<CheckReport> check(const CheckOptions& options);

// For who has the lock.
[[nodiscard]] Result<CheckReport> check_locked(const CheckOptions& options);

}  // namespace holdfast::wal
