// What to do with a database that is damaged: it is set aside as it is, never deleted, and a new
// one is built of all that can be read of it, so that intake goes on.
//
//   DIRECTORY/db                   the database
//   DIRECTORY/db.new               the one that is being built
//   DIRECTORY/rebuilding           names the folder in quarantine while it is built: a crash on the
//                                  way, at any point, begins the building again
//   DIRECTORY/quarantine/TIME/db   what was set aside
//
// Entries are taken from anywhere. Marks (cursors, retries, …) are taken up to the first damage in
// the logs and not from behind it: a mark must not outlive one that came before it. So deliveries
// may be repeated; where that must not happen blindly, `Rebuilt::doubt` says which entries.
//
// Thread: whoever opens the log. No database may be open.
#pragma once

#include "proto/result.hpp"
#include "wal/files.hpp"
#include "wal/inspection.hpp"
#include "wal/lost.hpp"
#include "wal/rocks_options.hpp"
#include "wal/water_mark.hpp"

#include <string>
#include <vector>

namespace holdfast::wal {

inline constexpr std::string_view kRebuildingName = "/rebuilding";

inline constexpr std::string_view kTailName = "tail";    // m|tail: an entry's key
inline constexpr std::string_view kLostName = "lost";    // m|lost: a Lost
inline constexpr std::string_view kDoubtName = "doubt";  // m|doubt: an entry's key

struct Rebuilt {
    std::string kept_in;         // the folder in quarantine
    std::vector<SeqRange> lost;  // acknowledged entries that are gone now and were there before
    // Others that waited or were dead letters and may be gone: at most so many; which, cannot be
    // told. nullopt: nor how many, if any.
    std::optional<std::uint64_t> unnamed = 0;
};

class Rebuild {
public:
    Rebuild(std::string directory, rocksdb::Env* env, Note note);

    // A rebuilding that was begun and not ended: run() goes on with it. Clears away what is left of
    // one that was ended.
    [[nodiscard]] Result<bool> is_under_way();

    struct Known {
        WaterMark mark;
        WallTime now;
        bool doubt_tables = false;  // RocksDB opens them, and yet found them damaged
        bool keep_tables = false;   // in quarantine too, where they are whole: so it can be undone
    };

    [[nodiscard]] Result<Rebuilt> run(const Known& known);

private:
    class Building;

    [[nodiscard]] Result<std::string> set_aside(WallTime now);
    [[nodiscard]] Result<void> put_in_place();
    void thin(const std::string& kept_in, bool tables_are_good);

    const std::string directory_;
    rocksdb::Env* const env_;
    const Note note_;
    const Files files_;
};

}  // namespace holdfast::wal
