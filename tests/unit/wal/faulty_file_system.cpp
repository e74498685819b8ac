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
               std::shared_ptr<Unsynced::File> state,
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
        if (done.ok()) disk_.unsynced_.appended(*state_, part.size());
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
        const std::size_t size = allowed.ok() ? data.size() : half_of_what_is_new(offset, data);
        const Slice part(data.data(), size);
        if (!in_place_) {
            const IOStatus opened =
                disk_.target()->NewRandomRWFile(name_, FileOptions(), &in_place_, debug);
            if (!opened.ok()) return opened;
        }
        disk_.unsynced_.overwrites(name_, offset, part.size(), true);
        const IOStatus done = in_place_->Write(offset, part, options, debug);
        return allowed.ok() ? done : allowed;
    }

    IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
        const IOStatus allowed = disk_.before(FaultyFileSystem::Op::sync, name_);
        if (!allowed.ok()) {
            disk_.unsynced_.sync_failed(*state_);
            return allowed;
        }
        const IOStatus done = FSWritableFileOwnerWrapper::Flush(options, debug);
        if (done.ok()) disk_.unsynced_.synced(name_, *state_);
        return done;
    }

    IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
        return Sync(options, debug);
    }

    IOStatus RangeSync(std::uint64_t, std::uint64_t, const IOOptions&, IODebugContext*) override {
        return IOStatus::OK();  // promises nothing
    }

private:
    // The bytes of which a write that fails is to leave a part.
    std::size_t half_of_what_is_new(std::uint64_t offset, const Slice& data) {
        std::string before = read_part(*disk_.target(), name_, offset, data.size());
        before.resize(data.size(), '\0');
        const auto is_new = [&](std::size_t at) {
            return before.compare(at, kDiskSector, data.data() + at, kDiskSector) != 0;
        };
        std::size_t begin = 0;
        while (begin < data.size() && !is_new(begin)) begin += kDiskSector;
        std::size_t end = data.size();
        while (end > begin && !is_new(end - kDiskSector)) end -= kDiskSector;
        return begin + (end - begin) / kDiskSector / 2 * kDiskSector;
    }

    FaultyFileSystem& disk_;
    const std::string name_;
    const std::shared_ptr<Unsynced::File> state_;
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
        disk_.unsynced_.overwrites(name_, offset, data.size(), false);
        return FSRandomRWFileOwnerWrapper::Write(offset, data, options, debug);
    }

    IOStatus Sync(const IOOptions&, IODebugContext*) override {
        const IOStatus allowed = disk_.before(FaultyFileSystem::Op::overwrite, name_);
        if (allowed.ok()) disk_.unsynced_.overwrites_synced(name_);
        return allowed;
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

    IOStatus Fsync(const IOOptions&, IODebugContext*) override {
        const IOStatus allowed = disk_.before(FaultyFileSystem::Op::sync_directory, name_);
        if (allowed.ok()) disk_.unsynced_.directory_synced(name_);
        return allowed;
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
    : FileSystemWrapper(base), unsynced_(std::move(base)) {}

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
    unsynced_.lie(lie);
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

IOStatus FaultyFileSystem::NewWritableFile(const std::string& name,
                                           const FileOptions& options,
                                           std::unique_ptr<rocksdb::FSWritableFile>* result,
                                           IODebugContext* debug) {
    if (const IOStatus allowed = before(Op::create, name); !allowed.ok()) return allowed;
    const IOStatus made = target()->NewWritableFile(name, cached(options), result, debug);
    if (made.ok()) {
        *result = std::make_unique<FaultyFile>(
            *this, name, unsynced_.opened(name, true), std::move(*result));
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
        *result = std::make_unique<FaultyFile>(
            *this, name, unsynced_.opened(name, is_new), std::move(*result));
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
    const std::shared_ptr<Unsynced::File> state = unsynced_.opened(name, false);
    unsynced_.reused(*state);
    *result = std::make_unique<FaultyFile>(*this, name, state, std::move(*result));
    return opened;
}

void FaultyFileSystem::fail_reads_of_tables(bool fail) {
    table_reads_fail_ = fail;
}

void FaultyFileSystem::refuse_to_open(std::string name) {
    const std::scoped_lock lock(mutex_);
    refused_ = std::move(name);
}

bool FaultyFileSystem::is_refused(const std::string& path) const {
    const std::scoped_lock lock(mutex_);
    return !refused_.empty() && path.ends_with("/" + refused_);
}

IOStatus FaultyFileSystem::NewRandomAccessFile(const std::string& name,
                                               const FileOptions& options,
                                               std::unique_ptr<rocksdb::FSRandomAccessFile>* result,
                                               IODebugContext* debug) {
    if (is_refused(name)) return IOStatus::IOError("injected: too many open files");
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
    if (linked.ok()) unsynced_.linked(from, to);
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
    if (done.ok()) unsynced_.removed(name);
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
    if (std::uint64_t size = 0; target()->GetFileSize(to, options, &size, debug).ok()) {
        replaced = read_part(*target(), to, 0, size);
    }
    const IOStatus done = target()->RenameFile(from, to, options, debug);
    if (done.ok()) unsynced_.renamed(from, to, std::move(replaced));
    return done;
}

void FaultyFileSystem::restore_power(std::mt19937_64& random) {
    unsynced_.take_away(random);
    const std::scoped_lock lock(mutex_);
    fault_.reset();
    power_left_.reset();
}

}  // namespace holdfast::test
