#include "wal/database.hpp"

#include "proto/assert.hpp"
#include "wal/keys.hpp"
#include "wal/rocks_types.hpp"

#include <rocksdb/convenience.h>

#include <algorithm>
#include <utility>
#include <vector>

namespace holdfast::wal {
namespace {

constexpr std::size_t kMoveBytes = std::size_t{4} << 20U;

}  // namespace

Database::Database(const RocksOptions& options, rocksdb::DB* db)
    : logs_(options.logs), env_(options.env), db_(db) {}

rocksdb::Status Database::open(const RocksOptions& options,
                               const std::string& directory,
                               std::unique_ptr<Database>& opened) {
    std::vector<rocksdb::ColumnFamilyHandle*> families;
    rocksdb::DB* db = nullptr;
    rocksdb::Status status =
        rocksdb::DB::Open(options.db, directory, options.families, &families, &db);
    if (!status.ok()) return status;
    opened.reset(new Database(options, db));
    HOLDFAST_ASSERT(families.size() == opened->families_.size());
    std::copy(families.begin(), families.end(), opened->families_.begin());
    return status;
}

rocksdb::Status Database::open_read_only(const RocksOptions& options,
                                         const std::string& directory,
                                         std::unique_ptr<Database>& opened) {
    std::vector<std::string> names;
    rocksdb::Status status = rocksdb::DB::ListColumnFamilies(options.db, directory, &names);
    if (!status.ok()) return status;
    rocksdb::DBOptions reading = options.db;
    reading.create_if_missing = false;
    reading.create_missing_column_families = false;
    std::vector<rocksdb::ColumnFamilyDescriptor> there;
    for (const rocksdb::ColumnFamilyDescriptor& family : options.families) {
        if (std::find(names.begin(), names.end(), family.name) != names.end()) {
            there.push_back(family);
        }
    }
    std::vector<rocksdb::ColumnFamilyHandle*> families;
    rocksdb::DB* db = nullptr;
    status = rocksdb::DB::OpenForReadOnly(reading, directory, there, &families, &db);
    if (!status.ok()) return status;
    opened.reset(new Database(options, db));
    opened->families_ = {families.front(), families.back()};
    return status;
}

std::vector<std::string> Database::tables() const {
    std::vector<rocksdb::LiveFileMetaData> files;
    db_->GetLiveFilesMetaData(&files);
    std::vector<std::string> names;
    names.reserve(files.size());
    for (const rocksdb::LiveFileMetaData& file : files) {
        names.push_back(file.name.substr(file.name.find_first_not_of('/')));
    }
    std::sort(names.begin(), names.end());
    return names;
}

Database::~Database() {
    (void)close();
}

rocksdb::Status Database::close() {
    if (!db_) return {};
    if (families_[0] == families_[1]) families_[1] = nullptr;
    for (rocksdb::ColumnFamilyHandle*& family : families_) {
        if (family == nullptr) continue;
        (void)db_->DestroyColumnFamilyHandle(std::exchange(family, nullptr));
    }
    rocksdb::Status status = db_->Close();
    db_.reset();
    return status;
}

rocksdb::ColumnFamilyHandle* Database::family_of(std::string_view key) const {
    const bool is_entry = !key.empty() && key[0] == static_cast<char>(Space::entry);
    return families_[is_entry ? 1 : 0];
}

void Database::put(rocksdb::WriteBatch& batch, std::string_view key, std::string_view value) const {
    const rocksdb::Status done = batch.Put(family_of(key), slice(key), slice(value));
    HOLDFAST_ASSERT(done.ok());  // memory only
}

rocksdb::Status move_entries(Database& database,
                             const rocksdb::WriteOptions& options,
                             bool& moved) {
    rocksdb::ColumnFamilyHandle* marks = database.families()[0];
    const std::string begin = seq_key(Space::entry, {});
    const std::string end = end_of(Space::entry);
    const rocksdb::Slice upper(end);
    rocksdb::ReadOptions reading;
    reading.iterate_upper_bound = &upper;
    const std::unique_ptr<rocksdb::Iterator> at(database->NewIterator(reading, marks));
    for (at->Seek(begin); at->Valid();) {
        rocksdb::WriteBatch batch;
        std::string last;
        for (; at->Valid() && batch.GetDataSize() < kMoveBytes; at->Next()) {
            last = at->key().ToString();
            database.put(batch, last, at->value().ToStringView());
        }
        if (!at->status().ok()) break;
        const rocksdb::Status gone = batch.DeleteRange(marks, begin, last + '\0');
        HOLDFAST_ASSERT(gone.ok());  // memory only
        if (rocksdb::Status written = database->Write(options, &batch); !written.ok()) {
            return written;
        }
        moved = true;
    }
    if (!moved || !at->status().ok()) return at->status();
    const rocksdb::Slice lower(begin);
    return rocksdb::DeleteFilesInRange(database.operator->(), marks, &lower, &upper, false);
}

}  // namespace holdfast::wal
