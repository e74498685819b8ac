#include "wal/table_reader.hpp"

#include "wal/keys.hpp"

#include <rocksdb/sst_file_reader.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <memory>

namespace holdfast::wal {
namespace {

// All spaces in the order of their keys.
constexpr Space kSpaces[] = {Space::cursor,
                             Space::entry,
                             Space::failed,
                             Space::meta,
                             Space::parked,
                             Space::retry,
                             Space::saved,
                             Space::kept};

constexpr std::uint64_t kLast = std::numeric_limits<std::uint64_t>::max();

// An iterator over a damaged table. One that met damage may find it again wherever it is sent to
// (7.8.3), so that it is replaced by a new one.
class Reading {
public:
    explicit Reading(rocksdb::SstFileReader& table) : table_(table) { renew(); }

    rocksdb::Iterator* operator->() const { return at_.get(); }

    bool seeks(Space space, std::uint64_t seq) {
        if (!at_->status().ok()) renew();
        at_->Seek(seq_key(space, Seq{seq}));
        return at_->status().ok();
    }

private:
    void renew() { at_.reset(table_.NewIterator(rocksdb::ReadOptions())); }

    rocksdb::SstFileReader& table_;
    std::unique_ptr<rocksdb::Iterator> at_;
};

// Of the eight bytes behind the space: also names have an order among numbers.
std::uint64_t number_of(std::string key) {
    key.resize(9);
    return seq_of(Space{key[0]}, key)->value;
}

// To the first key after `key` from which reading works: a damaged block covers one range of keys.
bool seek_behind(Reading& at, const std::string& key) {
    for (const Space space : kSpaces) {
        if (!key.empty() && static_cast<char>(space) < key[0]) continue;
        const bool is_here = !key.empty() && key[0] == static_cast<char>(space);
        std::uint64_t bad = is_here ? number_of(key) : 0;
        if (bad < kLast && at.seeks(space, bad + 1)) return true;
        if (!at.seeks(space, kLast)) continue;
        ++bad;
        std::uint64_t good = kLast;
        while (good - bad > 1) {
            const std::uint64_t middle = bad + (good - bad) / 2;
            (at.seeks(space, middle) ? good : bad) = middle;
        }
        return at.seeks(space, good);
    }
    return false;
}

}  // namespace

TableRead read_table(const rocksdb::Options& options,
                     const std::string& path,
                     const std::function<void(std::string_view, std::string_view)>& visit) {
    rocksdb::SstFileReader reader(options);
    if (!reader.Open(path).ok()) return TableRead::without_some_marks;
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
        if (goes_on && seq_of(Space::entry, key) &&
            seq_of(Space::entry, at->key().ToStringView())) {
            read = std::max(read, TableRead::without_some_entries);
        } else {
            read = TableRead::without_some_marks;
        }
        if (!goes_on) return read;
    }
}

}  // namespace holdfast::wal
