#include "wal/table_reader.hpp"

#include "proto/bytes.hpp"
#include "wal/keys.hpp"
#include "wal/rocks_options.hpp"
#include "wal/rocks_types.hpp"

#include <rocksdb/env.h>
#include <rocksdb/sst_file_reader.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>

namespace holdfast::wal {
namespace {

// All spaces in the order of their keys.
constexpr Space kSpaces[] = {Space::cursor,
                             Space::ended,
                             Space::entry,
                             Space::failed,
                             Space::key,
                             Space::meta,
                             Space::parked,
                             Space::retry,
                             Space::saved,
                             Space::kept};

constexpr std::size_t kNumberEnd = 9;  // of a key: its space and eight bytes

constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();

// An iterator over a damaged table. One that met damage may find it again wherever it is sent to
// (7.8.3), so that it is replaced by a new one.
class Reading {
public:
    explicit Reading(rocksdb::SstFileReader& table) : table_(table) { renew(); }

    rocksdb::Iterator* operator->() const { return at_.get(); }

    bool seeks(std::string key, std::uint64_t number) {
        if (!at_->status().ok()) renew();
        put_be64(key, number);
        at_->Seek(key);
        return at_->status().ok();
    }

private:
    void renew() { at_.reset(table_.NewIterator(rocksdb::ReadOptions())); }

    rocksdb::SstFileReader& table_;
    std::unique_ptr<rocksdb::Iterator> at_;
};

// Eight bytes of a key: also names have an order among numbers.
std::uint64_t number_at(std::string key, std::size_t begin) {
    key.resize(begin + sizeof(std::uint64_t));
    return ByteReader(std::string_view(key).substr(begin)).be64();
}

// To the first key that begins with `prefix` and a number above `bad` from which reading works: a
// damaged block covers one range of keys. False when there is none.
bool seek_above(Reading& at, const std::string& prefix, std::uint64_t bad) {
    if (bad == kLast) return false;
    if (at.seeks(prefix, bad + 1)) return true;
    if (!at.seeks(prefix, kLast)) return false;
    ++bad;
    std::uint64_t good = kLast;
    while (good - bad > 1) {
        const std::uint64_t middle = bad + (good - bad) / 2;
        (at.seeks(prefix, middle) ? good : bad) = middle;
    }
    return at.seeks(prefix, good);
}

bool seek_behind(Reading& at, const std::string& key) {
    // Idempotency keys of one bucket differ only in what follows.
    const bool is_key = key.size() > kNumberEnd && key[0] == static_cast<char>(Space::key);
    if (is_key && seek_above(at, key.substr(0, kNumberEnd), number_at(key, kNumberEnd)))
        return true;
    return std::any_of(std::begin(kSpaces), std::end(kSpaces), [&](Space space) {
        if (!key.empty() && static_cast<char>(space) < key[0]) return false;
        const bool is_here = !key.empty() && key[0] == static_cast<char>(space);
        return seek_above(at, name_key(space, ""), is_here ? number_at(key, 1) : 0);
    });
}

}  // namespace

Result<TableRead> read_table(const rocksdb::Options& options,
                             const std::string& path,
                             const std::function<void(std::string_view, std::string_view)>& visit) {
    // Too many open files are no damage, and RocksDB has one word for what it cannot open or read.
    std::unique_ptr<rocksdb::RandomAccessFile> file;
    const rocksdb::Status found = options.env->NewRandomAccessFile(path, &file, {});
    if (found.IsPathNotFound()) return TableRead::without_some_marks;
    if (!found.ok()) return error_of(found, path);
    file.reset();  // one descriptor is enough
    rocksdb::SstFileReader reader(options);
    if (!reader.Open(path).ok()) return TableRead::without_some_marks;
    const bool has_entries_alone =
        reader.GetTableProperties()->column_family_name == kEntriesFamily;
    Reading at(reader);
    TableRead read = TableRead::whole;
    std::string key;
    for (at->SeekToFirst();;) {
        for (; at->Valid(); at->Next()) {
            key = at->key().ToString();
            visit(key, {at->value().data(), at->value().size()});
        }
        if (at->status().ok()) return read;
        const bool goes_on = seek_behind(at, key) && at->Valid();
        const bool lies_between_entries =
            goes_on && seq_of(Space::entry, key) && seq_of(Space::entry, at->key().ToStringView());
        if (has_entries_alone || lies_between_entries) {
            read = std::max(read, TableRead::without_some_entries);
        } else {
            read = TableRead::without_some_marks;
        }
        if (!goes_on) return read;
    }
}

Result<std::optional<std::string>> find_in_table(const rocksdb::Options& options,
                                                 const std::string& path,
                                                 std::string_view key) {
    rocksdb::SstFileReader reader(options);
    // One that is not there may have been compacted just now: it is asked for again.
    if (const rocksdb::Status opened = reader.Open(path); !opened.ok()) {
        return error_of(opened, path);
    }
    const std::unique_ptr<rocksdb::Iterator> at(reader.NewIterator(rocksdb::ReadOptions()));
    at->Seek(slice(key));
    if (!at->status().ok()) return error_of(at->status(), "read");
    if (!at->Valid() || view(at->key()) != key) return std::optional<std::string>();
    return std::optional(at->value().ToString());
}

}  // namespace holdfast::wal
