#include "wal/salvaged_tables.hpp"

#include "wal/inspection.hpp"
#include "wal/rocks_types.hpp"

#include <rocksdb/convenience.h>
#include <rocksdb/db.h>

#include <algorithm>
#include <utility>

namespace holdfast::wal {
namespace {

class Salvage {
public:
    Salvage(const BuildOrder& order, const RocksOptions& options)
        : order_(order), options_(options), files_(order.env) {}

    Result<SalvagedTables> run() {
        Result<void> opened = Error{Errc::corrupt, "RocksDB found its tables damaged"};
        if (!order_.known.doubt_tables) {
            if (Result<void> linked = link_all_but_logs(); !linked) return linked.error();
            if (order_.known.is_list_torn) {
                if (Result<void> cut = cut_list_of_tables(); !cut) return cut.error();
            }
            if (files_.exists(order_.target + "/CURRENT")) opened = open_as_it_was();
        }
        if (!opened && opened.error().code == Errc::corrupt) opened = repair_all(opened.error());
        if (!opened) return opened.error();
        return std::move(salvaged_);
    }

private:
    Result<void> repair_all(const Error& why) {
        order_.note("repairing: " + why.detail);
        salvaged_.database.reset();  // it may have been opened, and then found damaged
        salvaged_.repaired = true;
        Result<void> done = repair();
        if (done) done = find_replaced_tables();
        if (done && !salvaged_.replaced.empty()) done = repair();
        if (!done) return done;
        return open();
    }

    // Of all tables; but the replaced ones go where RepairDB puts those that are damaged.
    Result<void> repair() {
        Result<void> done = link_all_but_logs(".sst");
        const std::string bad = bad_tables_of(order_.target);
        if (done && !salvaged_.replaced.empty()) done = files_.make_directory(bad);
        for (const std::string& name : salvaged_.replaced) {
            if (!done) break;
            done = files_.rename(join(order_.target, name), join(bad, name));
        }
        if (!done) return done;
        const rocksdb::Status repaired =
            rocksdb::RepairDB(order_.target, options_.db, options_.families);
        if (!repaired.ok()) return error_of(repaired, "repair");
        return {};
    }

    // RepairDB takes every table for one in use: also those that a compaction has replaced and that
    // were not deleted yet. A compaction gives up the numbers of old pairs (0), and then nothing
    // says which of two is newer; 7.8.3 aborts where it meets three. Two tables in use never have
    // such pairs in one range, and what replaces another is made later. (A replaced one that has
    // its numbers still is not found: what it says is older, and comes again.)
    Result<void> find_replaced_tables() {
        std::unique_ptr<Database> repaired;
        const rocksdb::Status opened = Database::open_read_only(options_, order_.target, repaired);
        if (!opened.ok()) return error_of(opened, "open " + order_.target);
        std::vector<rocksdb::LiveFileMetaData> tables;
        (*repaired)->GetLiveFilesMetaData(&tables);
        std::erase_if(tables, [](const auto& table) { return table.smallest_seqno > 0; });
        std::sort(tables.begin(), tables.end(), [](const auto& one, const auto& other) {
            return one.file_number < other.file_number;
        });
        for (auto older = tables.begin(); older != tables.end(); ++older) {
            const bool is_replaced = std::any_of(older + 1, tables.end(), [&](const auto& newer) {
                return newer.column_family_name == older->column_family_name &&
                       newer.smallestkey <= older->largestkey &&
                       older->smallestkey <= newer.largestkey;
            });
            if (is_replaced) salvaged_.replaced.insert(older->relative_filename);
        }
        return {};
    }

    Result<void> link_all_but_logs(std::string_view ending = "") {
        if (Result<void> removed = files_.remove_directory(order_.target); !removed) return removed;
        if (Result<void> made = files_.make_directory(order_.target); !made) return made;
        Result<std::vector<std::string>> names = files_.list(order_.source);
        if (!names) return names.error();
        for (const std::string& name : *names) {
            // The new database gets an identity of its own.
            if (name == "LOCK" || name == "IDENTITY" || log_number(name)) continue;
            if (!name.ends_with(ending)) continue;
            Result<void> linked =
                files_.link(order_.source + "/" + name, order_.target + "/" + name);
            if (!linked) return linked;
        }
        return {};
    }

    // RocksDB refuses one whose last record is there in part. Not in place: it is the source's too.
    Result<void> cut_list_of_tables() {
        const Result<std::string> name = name_of_list_of_tables(files_, order_.target);
        if (!name) return {};  // there is no list to follow
        Result<std::string> list = files_.read(join(order_.source, *name));
        if (!list) return {};
        const Prescan scan = prescan(*list);
        if (scan.damage.empty()) return {};
        list->resize(scan.damage.front().begin);
        Result<void> done = files_.remove(join(order_.target, *name));
        if (done) done = files_.write(join(order_.target, *name), *list);
        return done;
    }

    Result<void> open_as_it_was() {
        rocksdb::DB* opened = nullptr;
        const rocksdb::Status read =
            rocksdb::DB::OpenForReadOnly(options_.of_marks(), order_.target, &opened);
        const std::unique_ptr<rocksdb::DB> before(opened);
        if (read.ok()) {
            before->GetIntProperty(rocksdb::DB::Properties::kMinLogNumberToKeep,
                                   &salvaged_.first_log);
        }
        return open();
    }

    Result<void> open() {
        salvaged_.database.reset();
        rocksdb::Status status = Database::open(options_, order_.target, salvaged_.database);
        bool moved = false;
        if (status.ok()) status = move_entries(*salvaged_.database, unlogged_write(), moved);
        if (status.ok()) {
            note_what_is_flushed();
            salvaged_.listed = salvaged_.database->tables();
            return {};
        }
        return error_of_opening(status, "open " + order_.target);
    }

    // What a family has in tables must not be overwritten by what came before it. RepairDB has
    // taken tables out: then everything is written again, and ends as the newest all the same.
    void note_what_is_flushed() {
        if (salvaged_.repaired) return;
        std::vector<rocksdb::LiveFileMetaData> tables;
        (*salvaged_.database)->GetLiveFilesMetaData(&tables);
        for (const rocksdb::LiveFileMetaData& table : tables) {
            const bool is_of_marks = table.column_family_name == rocksdb::kDefaultColumnFamilyName;
            rocksdb::SequenceNumber& flushed = salvaged_.flushed[is_of_marks ? 0 : 1];
            flushed = std::max(flushed, table.largest_seqno);
        }
    }

    const BuildOrder& order_;
    const RocksOptions& options_;
    const Files files_;
    SalvagedTables salvaged_;
};

}  // namespace

std::string bad_tables_of(const std::string& target) {
    return target + "/lost";
}

Result<SalvagedTables> salvage_tables(const BuildOrder& order, const RocksOptions& options) {
    return Salvage(order, options).run();
}

}  // namespace holdfast::wal
