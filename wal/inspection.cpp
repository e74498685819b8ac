#include "wal/inspection.hpp"

#include "proto/bytes.hpp"
#include "wal/keys.hpp"
#include "wal/log_files.hpp"
#include "wal/log_sectors.hpp"
#include "wal/state.hpp"

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

// One change of the list (RocksDB's VersionEdit); 0: it does not say.
struct ListChange {
    std::uint64_t last_number = 0;  // of any record at that time
    std::uint64_t first_log = 0;    // what was in those before it is in tables
};

// Numbers are varints behind a tag, texts have their length before them; the tables come last.
ListChange read_list_change(std::string_view edit) {
    constexpr std::uint64_t kComparator = 1;
    constexpr std::uint64_t kLogNumber = 2;
    constexpr std::uint64_t kNextFile = 3;
    constexpr std::uint64_t kLastNumber = 4;
    constexpr std::uint64_t kPreviousLog = 9;
    constexpr std::uint64_t kFirstLog = 10;
    constexpr std::uint64_t kMaxFamily = 203;
    constexpr std::uint64_t kDatabaseId = (1U << 13U) + 1;
    ByteReader reader(edit);
    ListChange change;
    for (;;) {
        const std::uint64_t tag = reader.varint();
        const std::uint64_t value = reader.varint();
        if (!reader.ok()) return change;
        switch (tag) {
            case kLastNumber:
                change.last_number = value;
                break;
            case kFirstLog:
                change.first_log = value;
                break;
            case kComparator:
            case kDatabaseId:
                (void)reader.take(value);
                break;
            case kLogNumber:
            case kNextFile:
            case kPreviousLog:
            case kMaxFamily:
                break;
            default:
                return change;
        }
    }
}

// RocksDB takes a list that ends early for one that a crash cut off, and deletes the tables that it
// does not know: those that the missing end named.
void check_list_of_tables(const Files& files, const std::string& database, Inspection& found) {
    const Result<std::string> name = name_of_list_of_tables(files, database);
    if (!name) return;
    const Result<std::string> list = files.read(join(database, *name));
    if (!list) return;
    const Prescan scan = prescan(*list, [&](const LoggedBatch& edit) {
        if (edit.after_damage) return;
        const ListChange change = read_list_change(edit.bytes);
        found.listed_to = std::max(found.listed_to, change.last_number);
        found.first_log = std::max(found.first_log, change.first_log);
    });
    if (scan.found == LogBytes::clean) return;
    found.tables = scan.found == LogBytes::rot;
    found.tables_torn = !found.tables;
    found.what.push_back(*name + ": byte " + std::to_string(scan.damage.front().begin) + " of " +
                         std::to_string(list->size()) + " is damaged");
}

struct Held {
    std::optional<Seq> first_entry;
    std::optional<Seq> last_entry;
    bool has_intent = false;
};

Held held_by(const LoggedBatch& batch) {
    Held held;
    PutsOfBatch puts([&](std::string_view key, std::string_view value) {
        if (const auto seq = seq_of(Space::entry, key)) {
            if (!held.first_entry) held.first_entry = seq;
            held.last_entry = seq;
        }
        held.has_intent = held.has_intent || is_intent(key, value);
    });
    rocksdb::WriteBatch(std::string(batch.bytes)).Iterate(&puts).PermitUncheckedError();
    return held;
}

// One log after the other.
class LogReading {
public:
    LogReading(const ReadFrom& from, const VisitBatch& visit)
        : acknowledged_(from.acknowledged), listed_to_(from.listed_to), visit_(visit) {}

    void read(const std::string& name, std::string_view bytes) {
        bool is_first = true;
        const auto look = [&](const LoggedBatch& batch) {
            if (std::exchange(is_first, false)) begin(name, batch);
            look_at(batch);
        };
        const Prescan scan = prescan(bytes, look, next_number_);
        found_.rot = found_.rot || scan.found == LogBytes::rot;
        is_behind_ = is_behind_ || scan.found != LogBytes::clean;
        // In an earlier log it was dropped by the opening that began the next one.
        found_.dropped = found_.rot || scan.found != LogBytes::clean;
        for (const Damage& one : scan.damage) {
            found_.what.push_back(name + ": bytes " + std::to_string(one.begin) + " to " +
                                  std::to_string(one.end) + " of " + std::to_string(bytes.size()) +
                                  " are damaged");
        }
    }

    [[nodiscard]] Inspection found() {
        if (listed_to_ > 0) found_.last_record = std::max(next_number_, listed_to_ + 1) - 1;
        return std::move(found_);
    }

private:
    // A log is synced before the next one begins, so that what lies between two was there.
    void begin(const std::string& name, const LoggedBatch& batch) {
        if (!has_begun_ && lacks_before(batch)) {
            found_.rot = true;
            found_.tables_torn = true;
            is_behind_ = true;
            found_.what.push_back("what was before " + name +
                                  " is missing: the end of the list of tables, or a log");
        } else if (batch.is_first_of_opening() && !batch.after_damage) {
            found_ = {};
            is_behind_ = false;
        } else if (has_begun_) {
            const bool goes_on = batch.number() <= next_number_;
            if (!goes_on && !is_behind_) {
                found_.rot = true;
                found_.what.push_back("the end of the log before " + name + " is missing");
            }
            is_behind_ = !goes_on;
        }
        has_begun_ = true;
    }

    [[nodiscard]] bool lacks_before(const LoggedBatch& batch) const {
        return listed_to_ > 0 && !batch.after_damage && batch.number() > listed_to_ + 1;
    }

    void look_at(LoggedBatch batch) {
        batch.after_damage = batch.after_damage || is_behind_;
        found_.rot = found_.rot || (is_behind_ && batch.proves_rot(next_number_));
        const Held held = held_by(batch);
        if (!batch.after_damage) {
            next_number_ = batch.number() + batch.count();
            found_.last_entry = std::max(found_.last_entry, held.last_entry.value_or(Seq()));
        } else {
            found_.more_behind = found_.more_behind || held.first_entry || held.has_intent;
            found_.rot = found_.rot || (held.first_entry && *held.first_entry <= acknowledged_);
        }
        visit_(batch);
    }

    const Seq acknowledged_;
    const std::uint64_t listed_to_;
    const VisitBatch& visit_;
    std::uint64_t next_number_ = 0;
    bool has_begun_ = false;  // there was a batch
    bool is_behind_ = false;  // damage in this log or one before it
    Inspection found_;
};

}  // namespace

std::string Inspection::text() const {
    std::string all;
    for (const std::string& one : what) all += (all.empty() ? "" : "; ") + one;
    return all;
}

std::string Inspection::text_of_missing_end(std::uint64_t last) const {
    return "its end is missing: the last record is " + std::to_string(last_record) + ", and was " +
           std::to_string(last) + " when it was stopped";
}

Result<Inspection> read_logs(const Files& files,
                             const std::string& database,
                             const ReadFrom& from,
                             const VisitBatch& visit) {
    Result<std::vector<std::string>> names = logs_of(files, database);
    if (!names) return names.error();
    LogReading reading(from, visit);
    for (const std::string& name : *names) {
        const std::uint64_t log = *log_number(name);
        if (log < from.log) continue;
        Result<std::string> file = files.read(join(database, name));
        if (!file) return file.error();
        reading.read(name, log_in(std::move(*file), static_cast<std::uint32_t>(log)));
    }
    return reading.found();
}

Result<std::string> name_of_list_of_tables(const Files& files, const std::string& database) {
    Result<std::string> name = files.read(join(database, "CURRENT"));
    while (name && name->ends_with('\n')) name->pop_back();
    return name;
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

bool is_unborn(const Files& files, const std::string& directory) {
    if (files.exists(directory + "/acknowledged") || files.exists(directory + "/schema")) {
        return false;
    }
    const Result<std::vector<std::string>> names = files.list(directory + "/db");
    return names && std::none_of(names->begin(), names->end(), [](const std::string& name) {
               return name.ends_with(".sst") || name.ends_with(".log");
           });
}

Result<Inspection> inspect(const Files& files, const std::string& database, Seq acknowledged) {
    Result<Inspection> list = inspect_list_of_tables(files, database);
    if (!list) return list;
    Result<Inspection> found = read_logs(
        files, database, {list->first_log, acknowledged, list->listed_to}, [](const LoggedBatch&) {
        });
    if (!found) return found;
    found->headless = list->headless;
    found->tables = list->tables;
    found->tables_torn = found->tables_torn || list->tables_torn;
    for (std::string& one : list->what) found->what.push_back(std::move(one));
    return found;
}

bool is_intent(std::string_view key, std::string_view value) {
    if (!seq_of(Space::retry, key)) return false;
    const Result<Retry> retry = decode_retry(value);
    return !retry || retry->intended;
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
