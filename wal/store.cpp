#include "wal/store.hpp"

#include "proto/assert.hpp"
#include "wal/files.hpp"
#include "wal/keys.hpp"
#include "wal/prescan.hpp"
#include "wal/rocks_types.hpp"
#include "wal/table_reader.hpp"

#include <rocksdb/convenience.h>
#include <rocksdb/sst_file_reader.h>

#include <mutex>
#include <utility>

namespace holdfast::wal {
namespace {

Error not_open() {
    return Error{Errc::storage_failed, "the log is not open"};
}

}  // namespace

Store::Store(std::filesystem::path directory,
             rocksdb::Env* env,
             Note note,
             std::size_t write_buffer_bytes,
             LogFiles::Writes writes)
    : directory_(std::move(directory)),
      env_(env),
      note_(std::move(note)),
      write_buffer_bytes_(write_buffer_bytes),
      writes_(writes) {}

Store::~Store() {
    close();
}

std::shared_lock<std::shared_mutex> Store::reading() const {
    std::shared_lock lock(mutex_, std::try_to_lock);
    if (lock && db_ == nullptr) lock.unlock();
    return lock;
}

Result<void> Store::open() {
    const std::unique_lock lock(mutex_);
    if (Result<void> removed = remove_spares(Files(env_), directory_.string()); !removed) {
        return removed;
    }
    const rocksdb::Status status = Database::open(
        rocks_options(env_, note_, write_buffer_bytes_, writes_), directory_.string(), db_);
    if (!status.ok()) {
        if (is_lock_held(status)) {
            return Error{Errc::busy, "another process uses the log in " + directory_.string()};
        }
        return error_of_opening(status, "open " + directory_.string());
    }
    compacts_ = false;
    is_first_ = true;
    synced_to_ = (*db_)->GetLatestSequenceNumber();  // what was replayed is in tables now
    return {};
}

Result<void> Store::open_read_only() {
    const std::unique_lock lock(mutex_);
    const rocksdb::Status status = Database::open_read_only(
        rocks_options(env_, note_, write_buffer_bytes_), directory_.string(), db_);
    if (status.ok()) return {};
    return error_of_opening(status, "open " + directory_.string());
}

Result<void> Store::check_table(const std::string& name) const {
    const RocksOptions options = rocks_options(env_, note_, write_buffer_bytes_);
    rocksdb::SstFileReader reader(options.of_marks());
    rocksdb::Status status = reader.Open((directory_ / name).string());
    if (status.ok()) status = reader.VerifyChecksum();
    if (status.ok()) return {};
    return error_of_opening(status, name);
}

std::vector<std::string> Store::tables() const {
    const auto lock = reading();
    return lock ? db_->tables() : std::vector<std::string>();
}

void Store::let_compact(bool yes) {
    const auto lock = reading();
    if (!lock || compacts_ == yes) return;
    bool is_done = true;
    for (rocksdb::ColumnFamilyHandle* family : db_->families()) {
        const rocksdb::Status status =
            (*db_)->SetOptions(family, {{"disable_auto_compactions", yes ? "false" : "true"}});
        if (status.ok()) continue;
        is_done = false;
        note_("let the log compact its tables: " + status.ToString());
    }
    if (is_done) compacts_ = yes;
}

void Store::keep_spares(bool yes) {
    const auto lock = reading();
    if (lock) db_->logs().keep_spares(yes);
}

void Store::close() {
    const std::unique_lock lock(mutex_);
    if (db_ == nullptr) return;
    if (const rocksdb::Status status = db_->close(); !status.ok()) {
        note_("closing the log: " + status.ToString());
    }
    db_.reset();
}

std::uint64_t Store::last_record() const {
    const auto lock = reading();
    return lock ? synced_to_ : 0;
}

void Store::put(rocksdb::WriteBatch& batch, std::string_view key, std::string_view value) const {
    HOLDFAST_ASSERT(db_ != nullptr);
    db_->put(batch, key, value);
}

Result<void> Store::write(rocksdb::WriteBatch& batch, bool sync, Seq head) {
    const auto lock = reading();
    if (!lock) return not_open();
    rocksdb::Status status;
    if (is_first_) {
        rocksdb::WriteBatch telling(first_of_opening(batch.Data()));
        status = (*db_)->Write(synced_write(), &telling);
        sync = true;
        is_first_ = !status.ok();
    } else if (sync && synced_to_ == (*db_)->GetLatestSequenceNumber()) {
        status = (*db_)->Write(synced_write(), &batch);
    } else {
        rocksdb::WriteBatch telling(after({synced_to_, head}, batch.Data()));
        status = (*db_)->Write(sync ? synced_write() : unsynced_write(), &telling);
    }
    if (!status.ok()) return error_of(status, "write");
    if (sync) synced_to_ = (*db_)->GetLatestSequenceNumber();
    return {};
}

Result<std::optional<std::string>> Store::get(std::string_view key) const {
    const auto lock = reading();
    if (!lock) return not_open();
    std::string value;
    const rocksdb::Status status =
        (*db_)->Get(rocksdb::ReadOptions(), db_->family_of(key), slice(key), &value);
    if (status.IsNotFound()) return std::optional<std::string>();
    if (status.ok()) return std::optional(std::move(value));
    const bool is_record =
        seq_of(Space::entry, key).has_value() || seq_of(Space::kept, key).has_value();
    if (!status.IsCorruption() || !is_record) return error_of(status, "read");
    return get_apart(key);
}

// Table by table: with few of them at level 0 RocksDB looks a key up in each, whatever its range. A
// record is written once, so that the first that is found is the one; one that was kept aside may
// have been deleted since, and is asked for where a mark says that it is there.
Result<std::optional<std::string>> Store::get_apart(std::string_view key) const {
    const std::string& family = db_->family_of(key)->GetName();
    std::vector<rocksdb::LiveFileMetaData> tables;
    (*db_)->GetLiveFilesMetaData(&tables);
    const RocksOptions options = rocks_options(env_, note_, write_buffer_bytes_);
    std::optional<Error> wrong;
    for (const rocksdb::LiveFileMetaData& table : tables) {
        const bool may_have_it = table.column_family_name == family && table.smallestkey <= key &&
                                 key <= table.largestkey;
        if (!may_have_it) continue;
        const std::string path = (directory_ / table.relative_filename).string();
        Result<std::optional<std::string>> found = find_in_table(options.of_marks(), path, key);
        if (found && *found) return found;
        if (!found) wrong = found.error();
    }
    if (wrong) return *wrong;
    return std::optional<std::string>();
}

Result<std::optional<KeyValue>> Store::last(std::string_view lower, std::string_view upper) const {
    const auto lock = reading();
    if (!lock) return not_open();
    const rocksdb::Slice lower_bound = slice(lower);
    const rocksdb::Slice upper_bound = slice(upper);
    rocksdb::ReadOptions options;
    options.iterate_lower_bound = &lower_bound;
    options.iterate_upper_bound = &upper_bound;
    const std::unique_ptr<rocksdb::Iterator> at(
        (*db_)->NewIterator(options, db_->family_of(lower)));
    at->SeekToLast();
    if (!at->status().ok()) return error_of(at->status(), "read the last entry");
    if (!at->Valid()) return std::optional<KeyValue>();
    return std::optional(KeyValue{at->key().ToString(), at->value().ToString()});
}

Result<void> Store::scan(std::string_view lower,
                         std::string_view upper,
                         const Visit& visit,
                         bool fill_cache) const {
    const auto lock = reading();
    if (!lock) return not_open();
    const rocksdb::Slice lower_bound = slice(lower);
    const rocksdb::Slice upper_bound = slice(upper);
    rocksdb::ReadOptions options;
    options.iterate_lower_bound = &lower_bound;
    options.iterate_upper_bound = &upper_bound;
    options.fill_cache = fill_cache;
    const std::unique_ptr<rocksdb::Iterator> at(
        (*db_)->NewIterator(options, db_->family_of(lower)));
    for (at->Seek(lower_bound); at->Valid(); at->Next()) {
        if (!visit(view(at->key()), view(at->value()))) return {};
    }
    if (!at->status().ok()) return error_of(at->status(), "scan");
    return {};
}

void Store::drop_files(std::string_view lower, std::string_view upper) {
    const auto lock = reading();
    if (!lock) return;
    const rocksdb::Slice begin = slice(lower);
    const rocksdb::Slice end = slice(upper);
    const rocksdb::Status status =
        rocksdb::DeleteFilesInRange(db_->operator->(), db_->family_of(lower), &begin, &end, false);
    if (!status.ok()) note_("giving space back: " + status.ToString());
}

Result<void> Store::move_entries() {
    const auto lock = reading();
    if (!lock) return not_open();
    bool moved = false;
    rocksdb::WriteOptions options;  // may wait: nobody else is there yet
    options.sync = true;
    const rocksdb::Status status = wal::move_entries(*db_, options, moved);
    if (!status.ok()) return error_of(status, "move the entries");
    if (moved) is_first_ = false;  // RocksDB may have begun another log meanwhile
    if (moved) note_("the entries of an older version were moved to where this one keeps them");
    return {};
}

std::uint64_t Store::approximate_bytes(std::string_view lower, std::string_view upper) const {
    const auto lock = reading();
    if (!lock) return 0;
    const rocksdb::Range range(slice(lower), slice(upper));
    rocksdb::SizeApproximationOptions options;
    options.include_memtables = true;
    std::uint64_t bytes = 0;
    const rocksdb::Status status =
        (*db_)->GetApproximateSizes(options, db_->family_of(lower), &range, 1, &bytes);
    return status.ok() ? bytes : 0;
}

}  // namespace holdfast::wal
