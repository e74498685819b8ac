#include "tests/unit/wal/faulty_file_system.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::test {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kSector = 512;

std::string directory_of(const std::string& name) {
    return name.substr(0, name.find_last_of('/'));
}

std::uint64_t below(std::mt19937_64& random, std::uint64_t end) {
    return end == 0 ? 0 : random() % end;
}

// Direct writes of some file systems in memory go to the end of the file.
FileOptions cached(const FileOptions& options) {
    FileOptions plain = options;
    plain.use_direct_writes = false;
    return plain;
}

}  // namespace

class FaultyFile : public rocksdb::FSWritableFileOwnerWrapper {
public:
    FaultyFile(FaultyFileSystem& disk,
               std::string name,
               std::shared_ptr<FaultyFileSystem::FileState> state,
               std::unique_ptr<rocksdb::FSWritableFile> file)
        : FSWritableFileOwnerWrapper(std::move(file)),
          disk_(disk),
          name_(std::move(name)),
          state_(std::move(state)) {}

    IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
        const IOStatus allowed = disk_.before(FaultyFileSystem::Op::append, name_);
        if (!allowed.ok() && disk_.power_is_off()) return allowed;
        const Slice part = allowed.ok() ? data : Slice(data.data(), data.size() / 2);
        const IOStatus done = FSWritableFileOwnerWrapper::Append(part, options, debug);
        if (done.ok()) disk_.appended(*state_, part.size());
        return allowed.ok() ? done : allowed;
    }

    IOStatus Append(const Slice& data,
                    const IOOptions& options,
                    const rocksdb::DataVerificationInfo&,
                    IODebugContext* debug) override {
        return Append(data, options, debug);
    }

    // Anywhere, also where the file system below can only append.
    IOStatus PositionedAppend(const Slice& data,
                              std::uint64_t offset,
                              const IOOptions& options,
                              IODebugContext* debug) override {
        const IOStatus allowed = disk_.before(FaultyFileSystem::Op::append, name_);
        if (!allowed.ok() && disk_.power_is_off()) return allowed;
        const std::size_t size =
            allowed.ok() ? data.size() : disk_.half_of_what_is_new(name_, offset, data);
        const Slice part(data.data(), size);
        if (!in_place_) {
            const IOStatus opened =
                disk_.target()->NewRandomRWFile(name_, FileOptions(), &in_place_, debug);
            if (!opened.ok()) return opened;
        }
        disk_.overwritten(name_, offset, part.size(), true);
        const IOStatus done = in_place_->Write(offset, part, options, debug);
        return allowed.ok() ? done : allowed;
    }

    IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
        if (const IOStatus allowed = disk_.before_sync(name_, *state_); !allowed.ok())
            return allowed;
        const IOStatus done = FSWritableFileOwnerWrapper::Sync(options, debug);
        if (done.ok()) disk_.synced(*state_);
        if (done.ok() && !state_->is_poisoned) disk_.overwrites_synced(name_);
        return done;
    }

    IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
        return Sync(options, debug);
    }

private:
    FaultyFileSystem& disk_;
    const std::string name_;
    const std::shared_ptr<FaultyFileSystem::FileState> state_;
    std::unique_ptr<rocksdb::FSRandomRWFile> in_place_;
};

class FaultyRandomFile : public rocksdb::FSRandomRWFileOwnerWrapper {
public:
    FaultyRandomFile(FaultyFileSystem& disk,
                     std::string name,
                     std::unique_ptr<rocksdb::FSRandomRWFile> file)
        : FSRandomRWFileOwnerWrapper(std::move(file)), disk_(disk), name_(std::move(name)) {}

    IOStatus Write(std::uint64_t offset,
                   const Slice& data,
                   const IOOptions& options,
                   IODebugContext* debug) override {
        const IOStatus allowed = disk_.before(FaultyFileSystem::Op::overwrite, name_);
        if (!allowed.ok()) return allowed;
        disk_.overwritten(name_, offset, data.size(), false);
        return FSRandomRWFileOwnerWrapper::Write(offset, data, options, debug);
    }

    IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
        const IOStatus allowed = disk_.before(FaultyFileSystem::Op::overwrite, name_);
        if (!allowed.ok()) return allowed;
        const IOStatus done = FSRandomRWFileOwnerWrapper::Sync(options, debug);
        if (done.ok()) disk_.overwrites_synced(name_);
        return done;
    }

    IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
        return Sync(options, debug);
    }

private:
    FaultyFileSystem& disk_;
    const std::string name_;
};

class FaultyTable : public rocksdb::FSRandomAccessFileOwnerWrapper {
public:
    FaultyTable(FaultyFileSystem& disk, std::unique_ptr<rocksdb::FSRandomAccessFile> file)
        : FSRandomAccessFileOwnerWrapper(std::move(file)), disk_(disk) {}

    IOStatus Read(std::uint64_t offset,
                  std::size_t size,
                  const IOOptions& options,
                  Slice* result,
                  char* scratch,
                  IODebugContext* debug) const override {
        if (disk_.table_reads_fail_) return IOStatus::IOError("injected");
        return FSRandomAccessFileOwnerWrapper::Read(offset, size, options, result, scratch, debug);
    }

private:
    FaultyFileSystem& disk_;
};

class FaultyDirectory : public rocksdb::FSDirectoryWrapper {
public:
    FaultyDirectory(FaultyFileSystem& disk,
                    std::string name,
                    std::unique_ptr<rocksdb::FSDirectory> directory)
        : FSDirectoryWrapper(std::move(directory)), disk_(disk), name_(std::move(name)) {}

    IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
        const IOStatus allowed = disk_.before(FaultyFileSystem::Op::sync_directory, name_);
        if (!allowed.ok()) return allowed;
        const IOStatus done = FSDirectoryWrapper::Fsync(options, debug);
        if (done.ok()) disk_.directory_synced(name_);
        return done;
    }

    IOStatus FsyncWithDirOptions(const IOOptions& options,
                                 IODebugContext* debug,
                                 const rocksdb::DirFsyncOptions&) override {
        return Fsync(options, debug);
    }

private:
    FaultyFileSystem& disk_;
    const std::string name_;
};

FaultyFileSystem::FaultyFileSystem(std::shared_ptr<rocksdb::FileSystem> base)
    : FileSystemWrapper(std::move(base)) {}

void FaultyFileSystem::fail(unsigned ops,
                            std::uint64_t skip,
                            std::uint64_t count,
                            IOStatus status) {
    const std::scoped_lock lock(mutex_);
    fault_ = Fault{ops, skip, count, std::move(status)};
}

void FaultyFileSystem::heal() {
    const std::scoped_lock lock(mutex_);
    fault_.reset();
}

void FaultyFileSystem::cut_power(std::uint64_t skip) {
    const std::scoped_lock lock(mutex_);
    power_left_ = skip;
}

bool FaultyFileSystem::power_is_off() const {
    const std::scoped_lock lock(mutex_);
    return power_left_ == 0;
}

void FaultyFileSystem::lie_about_sync(bool lie) {
    const std::scoped_lock lock(mutex_);
    lies_about_sync_ = lie;
}

void FaultyFileSystem::observe(Observer observer) {
    const std::scoped_lock lock(mutex_);
    observer_.reset();
    if (observer) observer_ = std::make_shared<const Observer>(std::move(observer));
}

IOStatus FaultyFileSystem::before(Op op, const std::string& file) {
    ++operations_;
    std::unique_lock lock(mutex_);
    if (const auto observer = observer_) {
        lock.unlock();
        (*observer)(op, file);
        lock.lock();
    }
    if (power_left_) {
        if (*power_left_ == 0) return IOStatus::IOError("the power is off");
        --*power_left_;
    }
    if (!fault_ || (fault_->ops & static_cast<unsigned>(op)) == 0) return IOStatus::OK();
    if (fault_->skip > 0) {
        --fault_->skip;
        return IOStatus::OK();
    }
    if (fault_->count == 0) return IOStatus::OK();
    if (fault_->count != kForEver) --fault_->count;
    return fault_->status;
}

IOStatus FaultyFileSystem::before_sync(const std::string& file, FileState& state) {
    IOStatus allowed = before(Op::sync, file);
    if (!allowed.ok()) {
        const std::scoped_lock lock(mutex_);
        state.is_poisoned = true;
    }
    return allowed;
}

void FaultyFileSystem::appended(FileState& state, std::size_t bytes) {
    const std::scoped_lock lock(mutex_);
    state.size += bytes;
}

void FaultyFileSystem::synced(FileState& state) {
    const std::scoped_lock lock(mutex_);
    if (!lies_about_sync_ && !state.is_poisoned) state.durable = state.size;
}

void FaultyFileSystem::directory_synced(const std::string& directory) {
    const std::scoped_lock lock(mutex_);
    if (lies_about_sync_) return;
    for (const auto& [name, state] : files_) {
        if (directory_of(name) == directory) state->name_is_durable = true;
    }
    std::erase_if(renames_,
                  [&](const Rename& rename) { return directory_of(rename.to) == directory; });
}

std::shared_ptr<FaultyFileSystem::FileState> FaultyFileSystem::track(const std::string& name,
                                                                     bool is_new) {
    std::uint64_t size = 0;
    if (!is_new) target()->GetFileSize(name, IOOptions(), &size, nullptr).PermitUncheckedError();
    const std::scoped_lock lock(mutex_);
    std::shared_ptr<FileState>& state = files_[name];
    // A file that was there before us is durable.
    if (is_new || state == nullptr) {
        state = std::make_shared<FileState>(FileState{size, size, !is_new, false});
    }
    return state;
}

IOStatus FaultyFileSystem::NewWritableFile(const std::string& name,
                                           const FileOptions& options,
                                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                                           IODebugContext* debug) {
    if (const IOStatus allowed = before(Op::create, name); !allowed.ok()) return allowed;
    const IOStatus made = target()->NewWritableFile(name, cached(options), result, debug);
    if (made.ok()) {
        *result = std::make_unique<FaultyFile>(*this, name, track(name, true), std::move(*result));
    }
    return made;
}

IOStatus FaultyFileSystem::ReopenWritableFile(const std::string& name,
                                              const FileOptions& options,
                                              std::unique_ptr<rocksdb::FSWritableFile>* result,
                                              IODebugContext* debug) {
    if (const IOStatus allowed = before(Op::create, name); !allowed.ok()) return allowed;
    const bool is_new = !target()->FileExists(name, IOOptions(), nullptr).ok();
    const IOStatus made = target()->ReopenWritableFile(name, options, result, debug);
    if (made.ok()) {
        *result =
            std::make_unique<FaultyFile>(*this, name, track(name, is_new), std::move(*result));
    }
    return made;
}

IOStatus FaultyFileSystem::ReuseWritableFile(const std::string& name,
                                             const std::string& old_name,
                                             const FileOptions& options,
                                             std::unique_ptr<rocksdb::FSWritableFile>* result,
                                             IODebugContext* debug) {
    if (const IOStatus done = RenameFile(old_name, name, IOOptions(), debug); !done.ok()) {
        return done;
    }
    const IOStatus opened = target()->ReopenWritableFile(name, cached(options), result, debug);
    if (!opened.ok()) return opened;
    const std::shared_ptr<FileState> state = track(name, false);
    {
        const std::scoped_lock lock(mutex_);
        state->is_poisoned = false;  // what is written from now on
    }
    *result = std::make_unique<FaultyFile>(*this, name, state, std::move(*result));
    return opened;
}

void FaultyFileSystem::fail_reads_of_tables(bool fail) {
    table_reads_fail_ = fail;
}

IOStatus FaultyFileSystem::NewRandomAccessFile(const std::string& name,
                                               const FileOptions& options,
                                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                               IODebugContext* debug) {
    const IOStatus opened = target()->NewRandomAccessFile(name, options, result, debug);
    if (opened.ok() && name.ends_with(".sst")) {
        *result = std::make_unique<FaultyTable>(*this, std::move(*result));
    }
    return opened;
}

IOStatus FaultyFileSystem::NewRandomRWFile(const std::string& name,
                                           const FileOptions& options,
                                           std::unique_ptr<rocksdb::FSRandomRWFile>* result,
                                           IODebugContext* debug) {
    const IOStatus opened = target()->NewRandomRWFile(name, options, result, debug);
    if (opened.ok()) {
        *result = std::make_unique<FaultyRandomFile>(*this, name, std::move(*result));
    }
    return opened;
}

IOStatus FaultyFileSystem::LinkFile(const std::string& from,
                                    const std::string& to,
                                    const IOOptions& options,
                                    IODebugContext* debug) {
    if (const IOStatus allowed = before(Op::create, to); !allowed.ok()) return allowed;
    const IOStatus linked = target()->LinkFile(from, to, options, debug);
    if (!linked.ok()) return linked;
    const std::scoped_lock lock(mutex_);
    const auto known = files_.find(from);
    const FileState state = known == files_.end() ? FileState() : *known->second;
    files_[to] = std::make_shared<FileState>(FileState{state.size, state.durable, false, false});
    return linked;
}

IOStatus FaultyFileSystem::NewDirectory(const std::string& name,
                                        const IOOptions& options,
                                        std::unique_ptr<rocksdb::FSDirectory>* result,
                                        IODebugContext* debug) {
    const IOStatus made = target()->NewDirectory(name, options, result, debug);
    if (made.ok()) *result = std::make_unique<FaultyDirectory>(*this, name, std::move(*result));
    return made;
}

IOStatus FaultyFileSystem::DeleteFile(const std::string& name,
                                      const IOOptions& options,
                                      IODebugContext* debug) {
    if (power_is_off()) return IOStatus::IOError("the power is off");
    const IOStatus done = target()->DeleteFile(name, options, debug);
    const std::scoped_lock lock(mutex_);
    if (done.ok()) {
        files_.erase(name);
        std::erase_if(overwrites_, [&](const Overwrite& one) { return one.file == name; });
    }
    return done;
}

IOStatus FaultyFileSystem::NumFileLinks(const std::string& name,
                                        const IOOptions& options,
                                        std::uint64_t* count,
                                        IODebugContext* debug) {
    const IOStatus counted = target()->NumFileLinks(name, options, count, debug);
    if (counted.IsNotSupported()) *count = 1;  // in memory
    return counted.IsNotSupported() ? IOStatus::OK() : counted;
}

IOStatus FaultyFileSystem::RenameFile(const std::string& from,
                                      const std::string& to,
                                      const IOOptions& options,
                                      IODebugContext* debug) {
    if (const IOStatus allowed = before(Op::rename, to); !allowed.ok()) return allowed;
    std::optional<std::string> replaced;
    if (target()->FileExists(to, IOOptions(), nullptr).ok()) replaced = read(to);
    const IOStatus done = target()->RenameFile(from, to, options, debug);
    if (!done.ok()) return done;
    const std::scoped_lock lock(mutex_);
    files_.erase(to);
    if (const auto moved = files_.find(from); moved != files_.end()) {
        moved->second->name_is_durable = true;  // its fate is that of the rename
    }
    move_states(from, to);
    renames_.push_back({from, to, std::move(replaced)});
    return done;
}

// Of a file, or of all files in a directory.
void FaultyFileSystem::move_states(const std::string& from, const std::string& to) {
    std::vector<std::string> names;
    for (const auto& [name, state] : files_) {
        if (name == from || name.starts_with(from + "/")) names.push_back(name);
    }
    for (const std::string& name : names) {
        auto moved = files_.extract(name);
        moved.key() = to + name.substr(from.size());
        files_.insert(std::move(moved));
    }
    for (Overwrite& one : overwrites_) {
        if (one.file == from || one.file.starts_with(from + "/")) {
            one.file = to + one.file.substr(from.size());
        }
    }
}

void FaultyFileSystem::overwritten(const std::string& name,
                                   std::uint64_t offset,
                                   std::size_t size,
                                   bool by_sectors) {
    const std::scoped_lock lock(mutex_);
    std::uint64_t file_size = 0;
    target()->GetFileSize(name, IOOptions(), &file_size, nullptr).PermitUncheckedError();
    overwrites_.push_back({name, offset, size, read(name, offset, size), file_size, by_sectors});
}

std::size_t FaultyFileSystem::half_of_what_is_new(const std::string& name,
                                                  std::uint64_t offset,
                                                  const Slice& data) {
    const std::scoped_lock lock(mutex_);
    std::string before = read(name, offset, data.size());
    before.resize(data.size(), '\0');
    const auto is_new = [&](std::size_t at) {
        return before.compare(at, kSector, data.data() + at, kSector) != 0;
    };
    std::size_t begin = 0;
    while (begin < data.size() && !is_new(begin)) begin += kSector;
    std::size_t end = data.size();
    while (end > begin && !is_new(end - kSector)) end -= kSector;
    return begin + (end - begin) / kSector / 2 * kSector;
}

void FaultyFileSystem::overwrites_synced(const std::string& name) {
    const std::scoped_lock lock(mutex_);
    if (lies_about_sync_) return;
    std::erase_if(overwrites_, [&](const Overwrite& one) { return one.file == name; });
}

void FaultyFileSystem::undo_overwrites(std::mt19937_64& random) {
    for (; !overwrites_.empty(); overwrites_.pop_back()) {
        const Overwrite& one = overwrites_.back();
        std::string content = read(one.file);
        if (content.size() < one.offset + one.size) continue;
        undo(one, content, random);
        rewrite(one.file, content);
    }
}

// All of it, nothing, the end from some sector on, or any of the pages.
void FaultyFileSystem::undo(const Overwrite& one, std::string& content, std::mt19937_64& random) {
    const std::uint64_t unit = one.by_sectors ? kSector : (one.size + 1) / 2;

    enum : std::uint64_t { all, nothing, end, any };

    const std::uint64_t kind = below(random, one.by_sectors ? 4 : 3);
    const std::uint64_t end_from = below(random, (one.size + unit - 1) / unit) * unit;
    if (kind == nothing) return;
    bool keeps_page = false;
    std::string before = one.before;
    before.resize(one.size, '\0');
    for (std::uint64_t at = 0; at < one.size; at += unit) {
        if (kind == end && at < end_from) continue;
        if (kind == any && at % kPage == 0) keeps_page = below(random, 2) == 0;
        if (kind == any && keeps_page) continue;
        const std::uint64_t size = std::min(unit, one.size - at);
        content.replace(one.offset + at, size, before, at, size);
    }
    if (kind == all) content.resize(std::max(one.file_size, one.offset + one.before.size()));
}

std::string FaultyFileSystem::read(const std::string& name) {
    std::uint64_t size = 0;
    if (!target()->GetFileSize(name, IOOptions(), &size, nullptr).ok()) return {};
    std::unique_ptr<rocksdb::FSSequentialFile> file;
    if (!target()->NewSequentialFile(name, FileOptions(), &file, nullptr).ok()) return {};
    std::string content(size, '\0');
    Slice got;
    if (!file->Read(size, IOOptions(), &got, content.data(), nullptr).ok()) return {};
    return got.ToString();
}

// What there is of it.
std::string FaultyFileSystem::read(const std::string& name,
                                   std::uint64_t offset,
                                   std::size_t size) {
    std::unique_ptr<rocksdb::FSRandomAccessFile> file;
    if (!target()->NewRandomAccessFile(name, FileOptions(), &file, nullptr).ok()) return {};
    std::string content(size, '\0');
    Slice got;
    const IOStatus done = file->Read(offset, size, IOOptions(), &got, content.data(), nullptr);
    return done.ok() ? got.ToString() : std::string();
}

void FaultyFileSystem::rewrite(const std::string& name, const std::string& content) {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    IOStatus done = target()->NewWritableFile(name, FileOptions(), &file, nullptr);
    if (done.ok()) done = file->Append(content, IOOptions(), nullptr);
    if (done.ok()) done = file->Close(IOOptions(), nullptr);
    done.PermitUncheckedError();
}

void FaultyFileSystem::restore_power(std::mt19937_64& random) {
    const std::scoped_lock lock(mutex_);
    undo_overwrites(random);
    undo_renames(random);
    for (const auto& [name, state] : files_) {
        if (!state->name_is_durable && below(random, 2) == 0) {
            target()->DeleteFile(name, IOOptions(), nullptr).PermitUncheckedError();
        } else if (state->size > state->durable) {
            forget_tail(name, *state, random);
        }
    }
    files_.clear();
    fault_.reset();
    power_left_.reset();
}

// The newest of them are lost first, as from a journal.
void FaultyFileSystem::undo_renames(std::mt19937_64& random) {
    const std::uint64_t kept = below(random, renames_.size() + 1);
    for (; renames_.size() > kept; renames_.pop_back()) {
        const Rename& rename = renames_.back();
        target()->RenameFile(rename.to, rename.from, IOOptions(), nullptr).PermitUncheckedError();
        move_states(rename.to, rename.from);
        if (rename.replaced) rewrite(rename.to, *rename.replaced);
    }
    renames_.clear();
}

void FaultyFileSystem::forget_tail(const std::string& name,
                                   const FileState& state,
                                   std::mt19937_64& random) {
    std::string content = read(name);
    if (content.size() <= state.durable) return;

    enum : std::uint64_t { gone, cut, zeros, junk, hole, whole, kinds };

    const std::uint64_t kind = below(random, kinds);
    if (kind == whole) return;
    const std::uint64_t from = state.durable + below(random, content.size() - state.durable);
    if (kind == gone) {
        content.resize(state.durable);
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

}  // namespace holdfast::test
