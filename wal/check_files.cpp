#include "wal/check_files.hpp"

#include "wal/disk.hpp"
#include "wal/inspection.hpp"
#include "wal/keys.hpp"
#include "wal/rebuild.hpp"
#include "wal/rocks_options.hpp"
#include "wal/table_reader.hpp"

#include <algorithm>
#include <ctime>

namespace holdfast::wal {
namespace {

// A folder in quarantine is named by the time at which it was made.
std::string age_of(const std::string& name, WallTime now) {
    std::tm utc{};
    if (::strptime(name.c_str(), "%Y%m%dT%H%M%SZ", &utc) == nullptr) return "of unknown age";
    const std::int64_t hours = (unix_ms(now) / 1000 - ::timegm(&utc)) / 3600;
    if (hours < 48) return std::to_string(std::max<std::int64_t>(hours, 0)) + " hours old";
    return std::to_string(hours / 24) + " days old";
}

std::string megabytes(std::uint64_t bytes) {
    constexpr std::uint64_t kMega = 1'000'000;
    return std::to_string((bytes + kMega - 1) / kMega) + " MB";
}

}  // namespace

Result<bool> check_surroundings(const Files& files,
                                const std::string& directory,
                                WallTime now,
                                Findings& findings) {
    const std::string quarantine = directory + "/quarantine";
    Result<std::vector<std::string>> kept = files.list(quarantine);
    if (!kept) return kept.error();
    for (const std::string& name : *kept) {
        const std::string folder = join(quarantine, name);
        findings.add(Kind::quarantined,
                     folder,
                     megabytes(files.size(folder)).append(", ").append(age_of(name, now)));
    }
    if (files.size(directory + "/ballast") == 0) findings.add(Kind::ballast_missing);
    const bool is_marked = files.exists(directory + std::string(kRebuildingName));
    const bool has_database = files.exists(directory + "/db");
    if (is_marked && !has_database) {
        findings.add(Kind::rebuild_unfinished);
        return false;
    }
    if (is_marked) findings.add(Kind::leftover, directory + std::string(kRebuildingName));
    if (files.exists(directory + "/db.new")) findings.add(Kind::leftover, directory + "/db.new");
    return true;
}

Result<SeenMark> check_mark_file(const std::string& directory,
                                 rocksdb::Env* env,
                                 Findings& findings) {
    WaterMarkFile file(directory, env);
    const Result<std::optional<WaterMark>> mark = file.read();
    SeenMark seen;
    if (!mark && mark.error().code != Errc::corrupt) return mark.error();
    if (!mark) {
        findings.add(Kind::mark_file_damaged);
    } else if (*mark) {
        seen = {true, **mark};
        if (file.has_torn_slot()) findings.add(Kind::mark_slot_torn);
    }
    return seen;
}

Result<SeenLogs> check_logs(const Files& files,
                            const std::string& directory,
                            const WaterMark& mark,
                            Findings& findings) {
    const std::string database = directory + "/db";
    SeenLogs seen;
    PutsOfBatch puts([&](std::string_view key, std::string_view) {
        if (const auto seq = seq_of(Space::entry, key)) seen.entries.add(*seq);
    });
    const auto visit = [&](const LoggedBatch& logged) {
        // One that does not fit its layout was written like this: its checksum is right.
        rocksdb::WriteBatch(std::string(logged.bytes)).Iterate(&puts).PermitUncheckedError();
    };
    Result<Inspection> list = inspect_list_of_tables(files, database);
    if (!list) return list.error();
    Result<Inspection> logs =
        read_logs(files, database, {list->first_log, mark.acknowledged, list->listed_to}, visit);
    if (!logs) return logs.error();
    const auto add = [&](Kind kind, const Inspection& found) {
        for (const std::string& one : found.what) findings.add(kind, "", one);
    };
    if (logs->rot) {
        add(Kind::log_rot, *logs);
    } else if (logs->dropped) {
        add(mark.clean ? Kind::log_cut_short : Kind::log_torn, *logs);
    }
    if (list->headless && !is_unborn(files, directory)) add(Kind::current_missing, *list);
    const bool is_list_damaged = list->tables || list->tables_torn;
    if (is_list_damaged) add(Kind::table_list_damaged, *list);
    if (!logs->dropped && mark.clean && logs->lacks_records(mark.last_record)) {
        findings.add(Kind::log_cut_short, "", logs->text_of_missing_end(mark.last_record));
    }
    seen.is_list_torn = list->tables_torn || logs->tables_torn;
    seen.is_damaged = logs->dropped;
    seen.may_be_opened = !list->headless && !is_list_damaged && files.exists(database + "/CURRENT");
    return seen;
}

Result<SeenTables> read_tables(const Files& files,
                               const std::string& database,
                               rocksdb::Env* env,
                               const std::function<void()>& one_is_read,
                               CheckCounts& counts) {
    SeenTables seen;
    Result<std::vector<std::string>> names = files.list(database);
    if (!names) return names.error();
    const RocksOptions options = rocks_options(env, [](const std::string&) {});
    const auto visit = [&](std::string_view key, std::string_view value) {
        counts.bytes += value.size();
        if (const auto seq = seq_of(Space::entry, key)) {
            seen.entries.add(*seq);
            ++counts.entries;
            return;
        }
        ++counts.marks;
        if (key == name_key(Space::meta, kTailName)) {
            seen.tail = std::max(seen.tail, seq_of(Space::entry, value).value_or(seen.tail));
        } else if (key == name_key(Space::meta, kLostName)) {
            if (const Result<Lost> lost = Lost::decode(value)) {
                for (const SeqRange& range : lost->all()) seen.lost.add(range);
            }
        }
    };
    for (const std::string& name : *names) {
        if (!name.ends_with(".sst")) continue;
        const Result<TableRead> read = read_table(options.of_marks(), join(database, name), visit);
        if (!read) return read.error();
        one_is_read();
    }
    return seen;
}

}  // namespace holdfast::wal
