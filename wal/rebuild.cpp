#include "wal/rebuild.hpp"

#include "wal/sealed_line.hpp"

#include <algorithm>
#include <ctime>
#include <sstream>
#include <utility>

namespace holdfast::wal {
namespace {

// In the marker, a sealed line, behind the folder's name and the last acknowledged entry.
constexpr std::string_view kClean = "clean";  // then the last record
constexpr std::string_view kDoubtTables = "doubt_tables";
constexpr std::string_view kListTorn = "list_torn";
constexpr std::string_view kKeepTables = "keep_tables";

std::string time_text(WallTime now) {
    const std::time_t seconds = unix_ms(now) / 1000;
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    std::string text(16, '\0');
    text.resize(std::strftime(text.data(), text.size() + 1, "%Y%m%dT%H%M%SZ", &utc));
    return text;
}

}  // namespace

Rebuild::Rebuild(std::string directory, rocksdb::Env* env, Note note)
    : directory_(std::move(directory)), env_(env), note_(std::move(note)), files_(env) {}

Result<bool> Rebuild::is_under_way() {
    const std::string marker = directory_ + std::string(kRebuildingName);
    if (!files_.exists(marker)) return false;
    if (!files_.exists(directory_ + "/db")) return true;
    // Begun before anything was set aside, or all but cleared away.
    Result<void> removed = files_.remove_directory(directory_ + "/db.new");
    if (removed) removed = files_.remove(marker);
    if (!removed) return removed.error();
    return false;
}

// Of one that is under way. What the marker should say is known otherwise where it is damaged: what
// was set aside is the newest. Never is something built of nothing.
Result<Rebuild::Begun> Rebuild::begun() const {
    const std::string quarantine = directory_ + "/quarantine";
    Result<std::string> text = files_.read(directory_ + std::string(kRebuildingName));
    if (!text) return text.error();
    std::istringstream words(std::string(unsealed(*text).value_or("")));
    std::string name;
    WaterMark mark;
    words >> name >> mark.acknowledged.value;
    if (!name.empty() && files_.exists(join(quarantine, name) + "/db")) {
        Begun begun{.kept_in = join(quarantine, name), .mark = mark};
        for (std::string word; words >> word;) {
            if (word == kClean) {
                begun.mark.clean = true;
                words >> begun.mark.last_record;
            }
            begun.doubt_tables = begun.doubt_tables || word == kDoubtTables;
            begun.is_list_torn = begun.is_list_torn || word == kListTorn;
            begun.keep_tables = begun.keep_tables || word == kKeepTables;
        }
        return begun;
    }
    Result<std::vector<std::string>> kept = files_.list(quarantine);
    if (!kept) return kept.error();
    for (auto newest = kept->rbegin(); newest != kept->rend(); ++newest) {
        const std::string folder = join(quarantine, *newest);
        if (!files_.exists(folder + "/db")) continue;
        note_(directory_ + std::string(kRebuildingName) + " is damaged: " + folder +
              " is the newest there and is taken");
        return Begun{
            .kept_in = folder, .may_lack_end = true, .is_list_torn = true, .keep_tables = true};
    }
    return Error{Errc::corrupt,
                 directory_ + std::string(kRebuildingName) +
                     " says that the log was set aside in quarantine/ to be rebuilt, and it is not "
                     "there: put it back as " +
                     directory_ + "/db and remove that file"};
}

Result<void> Rebuild::set_aside(Begun& begun, WallTime now) {
    const std::string marker = directory_ + std::string(kRebuildingName);
    const std::string quarantine = directory_ + "/quarantine";
    std::string name = time_text(now);
    for (int i = 2; files_.exists(join(quarantine, name)); ++i) {
        name = time_text(now).append("-").append(std::to_string(i));
    }
    begun.kept_in = join(quarantine, name);
    std::string text = name + " " + std::to_string(begun.mark.acknowledged.value);
    if (begun.mark.clean) {
        text.append(" ").append(kClean).append(" ").append(std::to_string(begun.mark.last_record));
    }
    for (const auto& [is_so, what] : {std::pair{begun.doubt_tables, kDoubtTables},
                                      std::pair{begun.is_list_torn, kListTorn},
                                      std::pair{begun.keep_tables, kKeepTables}}) {
        if (is_so) text.append(" ").append(what);
    }
    Result<void> done = remove_spares(files_, directory_ + "/db");
    if (done) done = files_.make_directory(quarantine);
    if (done) done = files_.make_directory(begun.kept_in);
    if (done) done = files_.sync_directory(quarantine);
    // Whole or not at all.
    if (done) done = files_.write(marker + ".new", sealed(text));
    if (done) done = files_.rename(marker + ".new", marker);
    if (done) done = files_.sync_directory(directory_);
    if (done) done = files_.rename(directory_ + "/db", begun.kept_in + "/db");
    if (done) done = files_.sync_directory(directory_);
    if (done) done = files_.sync_directory(begun.kept_in);
    // Each attempt takes a folder of its own: on a full disk there may be many.
    if (!done && files_.exists(directory_ + "/db")) {
        if (Result<void> gone = files_.remove_directory(begun.kept_in); !gone) {
            note_(gone.error().detail);
        }
    }
    return done;
}

Result<void> Rebuild::put_in_place() {
    Result<void> done = files_.rename(directory_ + "/db.new", directory_ + "/db");
    if (done) done = files_.sync_directory(directory_);
    if (done) done = files_.remove(directory_ + std::string(kRebuildingName));
    if (done) done = files_.sync_directory(directory_);
    return done;
}

// Tables that the new database uses too: their links would only keep space.
void Rebuild::thin(const std::string& kept_in, const std::vector<std::string>& shared) {
    for (const std::string& name : shared) {
        const std::string table = join(kept_in + "/db", name);
        if (!files_.exists(table)) continue;
        if (Result<void> gone = files_.remove(table); !gone) note_(gone.error().detail);
    }
}

// RocksDB opens tables without reading them: they may turn out to be damaged on the way.
Result<Built> Rebuild::build(const std::string& kept_in, Known known) const {
    const auto attempt = [&] {
        return build_again({kept_in + "/db", directory_ + "/db.new", known, env_, note_});
    };
    Result<Built> built = attempt();
    if (built || built.error().code != Errc::corrupt) return built;
    if (known.doubt_tables || !known.may_doubt_tables) return built;
    note_("a table is damaged (" + built.error().detail + "): each is read by itself");
    known.doubt_tables = true;
    return attempt();
}

Result<Rebuilt> Rebuild::run(Known known, WallTime now, bool keep_tables) {
    Begun begun{.kept_in = "",
                .mark = known.mark,
                .doubt_tables = known.doubt_tables,
                .is_list_torn = known.is_list_torn,
                .keep_tables = keep_tables};
    if (files_.exists(directory_ + std::string(kRebuildingName))) {
        Result<Begun> before = this->begun();
        if (!before) return before.error();
        begun = std::move(*before);
    } else if (Result<void> done = set_aside(begun, now); !done) {
        return done.error();
    }
    known.mark.acknowledged = std::max(known.mark.acknowledged, begun.mark.acknowledged);
    known.mark.clean = known.mark.clean || begun.mark.clean;
    known.mark.last_record = std::max(known.mark.last_record, begun.mark.last_record);
    known.may_lack_end = known.may_lack_end || begun.may_lack_end;
    known.doubt_tables = known.doubt_tables || begun.doubt_tables;
    known.is_list_torn = known.is_list_torn || begun.is_list_torn;
    Result<Built> built = build(begun.kept_in, known);
    if (!built) return std::move(built).error().during("rebuilding from " + begun.kept_in);
    if (Result<void> placed = put_in_place(); !placed) return placed.error();
    if (!begun.keep_tables && !keep_tables) thin(begun.kept_in, built->shared);
    return Rebuilt{
        std::move(begun.kept_in), std::move(built->lost), built->unnamed, built->begins_again};
}

}  // namespace holdfast::wal
