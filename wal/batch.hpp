// What one write to the log holds: new entries, and marks on old ones.
#pragma once

#include "wal/log.hpp"

#include <rocksdb/write_batch.h>

#include <map>
#include <optional>
#include <string>

namespace holdfast::wal {

// Key to new value; nullopt deletes. A later mark on the same key replaces an earlier one. Marks
// may be written again after a failed write: each says what is, not what changes.
using Marks = std::map<std::string, std::optional<std::string>, std::less<>>;

struct Batch {
    struct Appended {
        Stored stored;
        std::string destination;
        std::optional<Seq> replaces;  // the dead letter that this entry repeats
    };

    rocksdb::WriteBatch entries;  // given up as a whole when the write fails
    std::vector<Appended> appended;
    std::vector<Stored> repeats;  // of entries in here: told of the same outcome; under the lock
    std::vector<Digest> keys;     // idempotency keys that are in here
    std::vector<Stored> intended;
    std::vector<Stored> dropped;
    Marks marks;                   // kept for the next write when this one fails
    bool has_synced_mark = false;  // somebody wants a mark on the disk now
    bool has_cursor = false;

    [[nodiscard]] bool is_urgent() const {
        return !appended.empty() || has_ticket() || has_synced_mark;
    }

    [[nodiscard]] bool must_sync(Durability durability) const {
        const bool entries_must = !appended.empty() && durability == Durability::synced;
        return entries_must || has_ticket() || has_synced_mark;
    }

private:
    [[nodiscard]] bool has_ticket() const { return !intended.empty() || !dropped.empty(); }
};

}  // namespace holdfast::wal
