// A new database of all that can be read of a damaged one: the contents of a rebuilding, while
// rebuild.hpp sees to its directories.
//
// Entries are taken from anywhere, and so are those that were kept aside, with the tail. Marks
// (cursors, retries, …) are taken up to the first damage in the logs and not from behind it: a mark
// must not outlive one that came before it. So deliveries may be repeated; where that must not
// happen blindly, `m|doubt` says up to which entry.
//
// Thread: whoever opens the log. No database may be open.
#pragma once

#include "proto/result.hpp"
#include "wal/files.hpp"
#include "wal/lost.hpp"
#include "wal/rocks_options.hpp"
#include "wal/water_mark.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace holdfast::wal {

// Of the damaged one, from elsewhere.
struct Known {
    WaterMark mark;
    bool may_lack_end = false;     // nothing says how far it went
    bool doubt_tables = false;     // RocksDB opens them, and yet found them damaged
    bool is_list_torn = false;     // of tables: the end is missing
    bool may_doubt_tables = true;  // where one turns out to be damaged; else: corrupt
};

struct BuildOrder {
    std::string source;  // the damaged one: changed in no byte
    std::string target;  // made anew
    Known known;
    rocksdb::Env* env;
    Note note;
};

struct Built {
    std::vector<SeqRange> lost;  // acknowledged entries that are gone now and were there before
    // Others that waited or were dead letters and may be gone: at most so many; which, cannot be
    // told. nullopt: nor how many, if any.
    std::optional<std::uint64_t> unnamed;
    bool begins_again = false;        // marks are gone: what is still there is delivered again
    std::vector<std::string> shared;  // tables that the target uses and the source has
};

// On the disk when it returns. Errors: as Store's; what is at the target then is of no use.
[[nodiscard]] Result<Built> build_again(const BuildOrder& order);

}  // namespace holdfast::wal
