#include "tests/unit/wal/unsynced.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::test {

using rocksdb::FileOptions;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

namespace {

constexpr std::uint64_t kPage = 4096;

std::string directory_of(const std::string& name) {
    return name.substr(0, name.find_last_of('/'));
}

std::uint64_t below(std::mt19937_64& random, std::uint64_t end) {
    return end == 0 ? 0 : random() % end;
}

}  // namespace

std::string read_part(rocksdb::FileSystem& files,
                      const std::string& name,
                      std::uint64_t at,
                      std::size_t size) {
    std::unique_ptr<rocksdb::FSRandomAccessFile> file;
    if (!files.NewRandomAccessFile(name, FileOptions(), &file, nullptr).ok()) return {};
    std::string content(size, '\0');
    Slice got;
    const IOStatus done = file->Read(at, size, IOOptions(), &got, content.data(), nullptr);
    return done.ok() ? got.ToString() : std::string();
}

void Unsynced::lie(bool yes) {
    const std::scoped_lock lock(mutex_);
    lies_ = yes;
}

std::shared_ptr<Unsynced::File> Unsynced::opened(const std::string& name, bool is_new) {
    const std::scoped_lock lock(mutex_);
    const std::uint64_t size = is_new ? 0 : size_of(name);
    std::shared_ptr<File>& file = known_[name];
    // A file that was there before us is durable.
    if (is_new || file == nullptr) {
        file = std::make_shared<File>(File{size, size, !is_new, false});
    }
    return file;
}

void Unsynced::reused(File& file) {
    const std::scoped_lock lock(mutex_);
    file.is_poisoned = false;
}

void Unsynced::appended(File& file, std::size_t bytes) {
    const std::scoped_lock lock(mutex_);
    file.size += bytes;
}

void Unsynced::overwrites(const std::string& name,
                          std::uint64_t at,
                          std::size_t size,
                          bool by_sectors) {
    const std::scoped_lock lock(mutex_);
    overwrites_.push_back(
        {name, at, size, read_part(*files_, name, at, size), size_of(name), by_sectors});
}

void Unsynced::synced(const std::string& name, File& file) {
    const std::scoped_lock lock(mutex_);
    if (lies_ || file.is_poisoned) return;
    file.durable = file.size;
    forget_overwrites_of(name);
}

void Unsynced::sync_failed(File& file) {
    const std::scoped_lock lock(mutex_);
    file.is_poisoned = true;
}

void Unsynced::overwrites_synced(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    if (!lies_) forget_overwrites_of(name);
}

void Unsynced::directory_synced(const std::string& directory) {
    const std::scoped_lock lock(mutex_);
    if (lies_) return;
    for (const auto& [name, file] : known_) {
        if (directory_of(name) == directory) file->name_is_durable = true;
    }
    std::erase_if(renames_,
                  [&](const Rename& rename) { return directory_of(rename.to) == directory; });
}

void Unsynced::linked(const std::string& from, const std::string& to) {
    const std::scoped_lock lock(mutex_);
    const auto known = known_.find(from);
    const File file = known == known_.end() ? File() : *known->second;
    known_[to] = std::make_shared<File>(File{file.size, file.durable, false, false});
}

void Unsynced::removed(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    known_.erase(name);
    forget_overwrites_of(name);
}

void Unsynced::renamed(const std::string& from,
                       const std::string& to,
                       std::optional<std::string> replaced) {
    const std::scoped_lock lock(mutex_);
    known_.erase(to);
    if (const auto moved = known_.find(from); moved != known_.end()) {
        moved->second->name_is_durable = true;  // its fate is that of the rename
    }
    move(from, to);
    renames_.push_back({from, to, std::move(replaced)});
}

void Unsynced::take_away(std::mt19937_64& random) {
    const std::scoped_lock lock(mutex_);
    undo_overwrites(random);
    undo_renames(random);
    for (const auto& [name, file] : known_) {
        if (!file->name_is_durable && below(random, 2) == 0) {
            files_->DeleteFile(name, IOOptions(), nullptr).PermitUncheckedError();
        } else if (file->size > file->durable) {
            forget_tail(name, *file, random);
        }
    }
    known_.clear();
}

void Unsynced::forget_overwrites_of(const std::string& name) {
    std::erase_if(overwrites_, [&](const Overwrite& one) { return one.file == name; });
}

// Of a file, or of all files in a directory.
void Unsynced::move(const std::string& from, const std::string& to) {
    std::vector<std::string> names;
    for (const auto& [name, file] : known_) {
        if (name == from || name.starts_with(from + "/")) names.push_back(name);
    }
    for (const std::string& name : names) {
        auto moved = known_.extract(name);
        moved.key() = to + name.substr(from.size());
        known_.insert(std::move(moved));
    }
    for (Overwrite& one : overwrites_) {
        if (one.file == from || one.file.starts_with(from + "/")) {
            one.file = to + one.file.substr(from.size());
        }
    }
}

void Unsynced::undo_overwrites(std::mt19937_64& random) {
    for (; !overwrites_.empty(); overwrites_.pop_back()) {
        const Overwrite& one = overwrites_.back();
        std::string content = read(one.file);
        if (content.size() < one.at + one.size) continue;
        undo(one, content, random);
        rewrite(one.file, content);
    }
}

// All of it, nothing, the end from some sector on, or any of the sectors.
void Unsynced::undo(const Overwrite& one, std::string& content, std::mt19937_64& random) {
    const std::uint64_t unit = one.by_sectors ? kDiskSector : (one.size + 1) / 2;

    enum : std::uint64_t { all, nothing, end, any };

    const std::uint64_t kind = below(random, one.by_sectors ? 4 : 3);
    const std::uint64_t end_from = below(random, (one.size + unit - 1) / unit) * unit;
    if (kind == nothing) return;
    std::string before = one.before;
    before.resize(one.size, '\0');
    for (std::uint64_t at = 0; at < one.size; at += unit) {
        if (kind == end && at < end_from) continue;
        if (kind == any && below(random, 2) == 0) continue;
        const std::uint64_t size = std::min(unit, one.size - at);
        content.replace(one.at + at, size, before, at, size);
    }
    if (kind == all) content.resize(std::max(one.file_size, one.at + one.before.size()));
}

// The newest of them are lost first, as from a journal.
void Unsynced::undo_renames(std::mt19937_64& random) {
    const std::uint64_t kept = below(random, renames_.size() + 1);
    for (; renames_.size() > kept; renames_.pop_back()) {
        const Rename& rename = renames_.back();
        files_->RenameFile(rename.to, rename.from, IOOptions(), nullptr).PermitUncheckedError();
        move(rename.to, rename.from);
        if (rename.replaced) rewrite(rename.to, *rename.replaced);
    }
    renames_.clear();
}

void Unsynced::forget_tail(const std::string& name, const File& file, std::mt19937_64& random) {
    std::string content = read(name);
    if (content.size() <= file.durable) return;

    enum : std::uint64_t { gone, cut, zeros, junk, hole, whole, kinds };

    const std::uint64_t kind = below(random, kinds);
    if (kind == whole) return;
    const std::uint64_t from = file.durable + below(random, content.size() - file.durable);
    if (kind == gone) {
        content.resize(file.durable);
    } else if (kind == cut) {
        content.resize(from);
    } else if (kind == hole) {
        // The kernel writes pages back in any order.
        const std::uint64_t end = std::min((from / kPage + 1) * kPage, content.size());
        std::fill(content.begin() + static_cast<std::ptrdiff_t>(from),
                  content.begin() + static_cast<std::ptrdiff_t>(end),
                  '\0');
    } else {
        const auto at = content.begin() + static_cast<std::ptrdiff_t>(from);
        std::generate(at, content.end(), [&] {
            return kind == zeros ? '\0' : static_cast<char>(random() & 0xffU);
        });
    }
    rewrite(name, content);
}

std::uint64_t Unsynced::size_of(const std::string& name) {
    std::uint64_t size = 0;
    files_->GetFileSize(name, IOOptions(), &size, nullptr).PermitUncheckedError();
    return size;
}

std::string Unsynced::read(const std::string& name) {
    return read_part(*files_, name, 0, size_of(name));
}

void Unsynced::rewrite(const std::string& name, const std::string& content) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    IOStatus done = files_->NewWritableFile(name, FileOptions(), &file, nullptr);
    if (done.ok()) done = file->Append(content, IOOptions(), nullptr);
    if (done.ok()) done = file->Close(IOOptions(), nullptr);
    done.PermitUncheckedError();
}

}  // namespace holdfast::test
