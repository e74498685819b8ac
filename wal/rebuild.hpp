// What to do with a database that is damaged: it is set aside as it is, never deleted, and a new
// one is built of all that can be read of it, so that intake goes on.
//
//   DIRECTORY/db                   the database
//   DIRECTORY/db.new               the one that is being built
//   DIRECTORY/rebuilding           while it is built: the folder in quarantine, and what was known
//                                  (a crash on the way, at any point, begins the building again)
//   DIRECTORY/quarantine/TIME/db   what was set aside
//
// Thread: whoever opens the log. No database may be open.
#pragma once

#include "proto/result.hpp"
#include "wal/building.hpp"
#include "wal/files.hpp"
#include "wal/lost.hpp"
#include "wal/rocks_options.hpp"
#include "wal/water_mark.hpp"

#include <string>
#include <vector>

namespace holdfast::wal {

inline constexpr std::string_view kRebuildingName = "/rebuilding";

struct Rebuilt {
    std::string kept_in;         // the folder in quarantine
    std::vector<SeqRange> lost;  // as in Built
    std::optional<std::uint64_t> unnamed;
    bool begins_again = false;
};

class Rebuild {
public:
    Rebuild(std::string directory, rocksdb::Env* env, Note note);

    // A rebuilding that was begun and not ended: run() goes on with it. Clears away what is left of
    // one that was ended.
    [[nodiscard]] Result<bool> is_under_way();

    // `keep_tables`: in quarantine too, where they are whole: so it can be undone.
    [[nodiscard]] Result<Rebuilt> run(Known known, WallTime now, bool keep_tables = false);

private:
    struct Begun {
        std::string kept_in;
        WaterMark mark = {};  // of what is set aside
        bool may_lack_end = false;
        bool doubt_tables = false;
        bool is_list_torn = false;
        bool keep_tables = false;
    };

    [[nodiscard]] Result<Begun> begun() const;
    [[nodiscard]] Result<void> set_aside(Begun& begun, WallTime now);
    [[nodiscard]] Result<Built> build(const std::string& kept_in, Known known) const;
    [[nodiscard]] Result<void> put_in_place();
    void thin(const std::string& kept_in, const std::vector<std::string>& shared);

    const std::string directory_;
    rocksdb::Env* const env_;
    const Note note_;
    const Files files_;
};

}  // namespace holdfast::wal
