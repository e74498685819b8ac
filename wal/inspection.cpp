#include "wal/inspection.hpp"

#include "proto/bytes.hpp"
#include "wal/log_files.hpp"
#include "wal/log_sectors.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::wal {
namespace {

// In the order in which they were written.
Result<std::vector<std::string>> logs_of(const Files& files, const std::string& database) {
    Result<std::vector<std::string>> names = files.list(database);
    if (!names) return names;
    std::erase_if(*names, [](const std::string& name) { return !log_number(name); });
    std::sort(names->begin(), names->end(), [](const auto& one, const auto& other) {
        return *log_number(one) < *log_number(other);
    });
    return names;
}

// RocksDB takes a list that ends early for one that a crash cut off, and deletes the tables that it
// does not know: those that the missing end named.
void check_list_of_tables(const Files& files, const std::string& database, Inspection& found) {
    Result<std::string> name = files.read(database + "/CURRENT");
    if (!name) return;
    while (name->ends_with('\n')) name->pop_back();
    const Result<std::string> list = files.read(database + "/" + *name);
    if (!list) return;
    const Prescan scan = prescan(*list);
    if (scan.found == LogBytes::clean) return;
    found.tables = true;
    found.what.push_back(*name + ": byte " + std::to_string(scan.damage.front().begin) + " of " +
                         std::to_string(list->size()) + " is damaged");
}

}  // namespace

std::string Inspection::text() const {
    std::string all;
    for (const std::string& one : what) all += (all.empty() ? "" : "; ") + one;
    return all;
}

Result<Inspection> read_logs(const Files& files,
                             const std::string& database,
                             std::uint64_t first_log,
                             std::uint64_t next_number,
                             const VisitBatch& visit) {
    Inspection found;
    Result<std::vector<std::string>> names = logs_of(files, database);
    if (!names) return names.error();
    bool damaged = false;
    for (const std::string& name : *names) {
        const std::uint64_t log = *log_number(name);
        if (log < first_log) continue;
        Result<std::string> file = files.read(join(database, name));
        if (!file) return file.error();
        const std::string bytes = log_in(std::move(*file), static_cast<std::uint32_t>(log));
        bool first = true;
        const auto look = [&](LoggedBatch batch) {
            ByteReader header(batch.bytes);
            const auto number = header.le<std::uint64_t>();
            const auto count = header.le<std::uint32_t>();
            if (std::exchange(first, false) && damaged) damaged = number > next_number;
            found.rot = found.rot || (damaged && batch.proves_rot(next_number));
            batch.after_damage = batch.after_damage || damaged;
            if (!batch.after_damage) next_number = number + count;
            visit(batch);
        };
        const Prescan scan = prescan(bytes, look, next_number);
        found.rot = found.rot || scan.found == LogBytes::rot;
        damaged = damaged || scan.found != LogBytes::clean;
        // In an earlier log it was dropped by the opening that began the next one.
        found.dropped = found.rot || scan.found != LogBytes::clean;
        for (const Damage& one : scan.damage) {
            found.what.push_back(name + ": bytes " + std::to_string(one.begin) + " to " +
                                 std::to_string(one.end) + " of " + std::to_string(bytes.size()) +
                                 " are damaged");
        }
    }
    return found;
}

Result<Inspection> inspect_list_of_tables(const Files& files, const std::string& database) {
    Result<std::vector<std::string>> names = files.list(database);
    if (!names) return names.error();
    Inspection found;
    const bool has_head = std::find(names->begin(), names->end(), "CURRENT") != names->end();
    found.headless = !has_head && std::any_of(names->begin(), names->end(), [](const auto& name) {
        return name.ends_with(".sst") || name.ends_with(".log") || name.starts_with("MANIFEST-");
    });
    if (found.headless) found.what.emplace_back("CURRENT is missing");
    if (has_head) check_list_of_tables(files, database, found);
    return found;
}

Result<Inspection> inspect(const Files& files, const std::string& database) {
    Result<Inspection> found = read_logs(files, database, 0, 0, [](const LoggedBatch&) {});
    if (!found) return found;
    Result<Inspection> list = inspect_list_of_tables(files, database);
    if (!list) return list;
    found->headless = list->headless;
    found->tables = list->tables;
    for (std::string& one : list->what) found->what.push_back(std::move(one));
    return found;
}

rocksdb::Status PutsOfBatch::PutCF(std::uint32_t,
                                   const rocksdb::Slice& key,
                                   const rocksdb::Slice& value) {
    visit_({key.data(), key.size()}, {value.data(), value.size()});
    return {};
}

rocksdb::Status PutsOfBatch::DeleteCF(std::uint32_t, const rocksdb::Slice&) {
    return {};
}

rocksdb::Status PutsOfBatch::DeleteRangeCF(std::uint32_t,
                                           const rocksdb::Slice&,
                                           const rocksdb::Slice&) {
    return {};
}

}  // namespace holdfast::wal
