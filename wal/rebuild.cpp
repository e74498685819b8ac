#include "wal/rebuild.hpp"

#include <ctime>
#include <utility>

namespace holdfast::wal {
namespace {

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

Result<std::string> Rebuild::set_aside(WallTime now) {
    const std::string marker = directory_ + std::string(kRebuildingName);
    const std::string quarantine = directory_ + "/quarantine";
    if (files_.exists(marker)) {
        Result<std::string> named = files_.read(marker);
        if (!named) return named;
        return quarantine + "/" + *named;
    }
    std::string name = time_text(now);
    for (int i = 2; files_.exists(join(quarantine, name)); ++i) {
        name = time_text(now).append("-").append(std::to_string(i));
    }
    const std::string kept_in = quarantine + "/" + name;
    Result<void> done = remove_spares(files_, directory_ + "/db");
    if (done) done = files_.make_directory(quarantine);
    if (done) done = files_.make_directory(kept_in);
    if (done) done = files_.sync_directory(quarantine);
    // Whole or not at all.
    if (done) done = files_.write(marker + ".new", name);
    if (done) done = files_.rename(marker + ".new", marker);
    if (done) done = files_.sync_directory(directory_);
    if (done) done = files_.rename(directory_ + "/db", kept_in + "/db");
    if (done) done = files_.sync_directory(directory_);
    if (done) done = files_.sync_directory(kept_in);
    if (!done) return done.error();
    return kept_in;
}

Result<void> Rebuild::put_in_place() {
    Result<void> done = files_.rename(directory_ + "/db.new", directory_ + "/db");
    if (done) done = files_.sync_directory(directory_);
    if (done) done = files_.remove(directory_ + std::string(kRebuildingName));
    if (done) done = files_.sync_directory(directory_);
    return done;
}

// Tables that are whole are in the new database too: their links would only keep space.
void Rebuild::thin(const std::string& kept_in) {
    const std::string database = join(kept_in, "db");
    const Result<std::vector<std::string>> names = files_.list(database);
    if (!names) return;
    for (const std::string& name : *names) {
        if (!name.ends_with(".sst")) continue;
        if (Result<void> gone = files_.remove(join(database, name)); !gone) {
            note_(gone.error().detail);
        }
    }
}

Result<Rebuilt> Rebuild::run(const Known& known, WallTime now, bool keep_tables) {
    Result<std::string> kept_in = set_aside(now);
    if (!kept_in) return kept_in.error();
    Result<Built> built =
        build_again({*kept_in + "/db", directory_ + "/db.new", known, env_, note_});
    if (!built) return std::move(built).error().during("rebuilding from " + *kept_in);
    if (Result<void> placed = put_in_place(); !placed) return placed.error();
    if (built->tables_are_whole && !keep_tables) thin(*kept_in);
    return Rebuilt{std::move(*kept_in), std::move(built->lost), built->unnamed};
}

}  // namespace holdfast::wal
