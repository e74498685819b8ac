#include "wal/log_files.hpp"

#include "wal/log_sectors.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

namespace holdfast::wal {
namespace {

using rocksdb::FileOptions;
using rocksdb::FSSequentialFile;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

constexpr std::string_view kLogEnding = ".log";
constexpr std::string_view kSpareEnding = ".spare";

// What direct writes are a multiple of, in memory and on the disk.
constexpr std::size_t kPage = kPageBytes;

// Of more, a page is little and moving it in memory is not.
constexpr std::size_t kMovedMax = std::size_t{64} * 1024;

// Memory kept for the next write; what a large batch took is given back.
constexpr std::size_t kBufferKept = std::size_t{1} << 20U;

struct Free {
    void operator()(char* bytes) const { std::free(bytes); }
};

class Pages {
public:
    [[nodiscard]] char* data() { return bytes_.get(); }

    // Keeps the first `used` bytes.
    void reserve(std::size_t bytes, std::size_t used) {
        if (bytes <= capacity_) return;
        resize(up_to_page(std::max(bytes, 2 * capacity_)), used);
    }

    void shrink(std::size_t used) {
        if (capacity_ > kBufferKept) resize(kBufferKept, used);
    }

private:
    void resize(std::size_t capacity, std::size_t used) {
        std::unique_ptr<char, Free> more(static_cast<char*>(std::aligned_alloc(kPage, capacity)));
        if (more == nullptr) throw std::bad_alloc();
        if (used > 0) std::memcpy(more.get(), bytes_.get(), used);
        bytes_ = std::move(more);
        capacity_ = capacity;
    }

    std::unique_ptr<char, Free> bytes_;
    std::size_t capacity_ = 0;
};

}  // namespace

// Outlives the log when RocksDB drops that first.
struct LogFiles::Begun {
    explicit Begun(File opened) : file(std::move(opened)) {}

    const File file;
    std::atomic<bool> is_synced = true;
};

namespace {

class LogFile : public FSWritableFile {
public:
    LogFile(std::shared_ptr<LogFiles::Begun> begun, std::uint64_t number, bool is_new)
        : begun_(std::move(begun)),
          file_(begun_->file.get()),
          number_(static_cast<std::uint32_t>(number)),
          is_new_(is_new) {}

    using FSWritableFile::Append;

    IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
        if (data.size() > std::numeric_limits<std::uint32_t>::max() - size_) {
            return IOStatus::NotSupported("a log of more than 4 GiB");
        }
        const std::size_t bytes = sectors_of(data.size()) * kSectorBytes;
        pages_.reserve(up_to_page(filled_ + bytes), filled_);
        put_sectors({data.data(), data.size()}, number_, size_, pages_.data() + filled_);
        size_ += static_cast<std::uint32_t>(data.size());
        filled_ += bytes;
        return IOStatus::OK();
    }

    IOStatus Append(const Slice& data,
                    const IOOptions& options,
                    const rocksdb::DataVerificationInfo&,
                    IODebugContext* debug) override {
        return Append(data, options, debug);
    }

    // A page that is not full yet is written again with what comes next, unless that takes a page
    // more. After a write that failed there is no other: what was reported as not written must not
    // come later.
    IOStatus Flush(const IOOptions& options, IODebugContext* debug) override {
        if (has_failed_) return IOStatus::IOError("an earlier write has failed");
        if (filled_ == written_) return IOStatus::OK();
        const std::size_t fresh = filled_ - written_;
        if (up_to_page(fresh) < up_to_page(filled_) && fresh <= kMovedMax) leave_page(fresh);
        const std::size_t end = up_to_page(filled_);
        std::memset(pages_.data() + filled_, 0, end - filled_);
        begun_->is_synced = false;
        IOStatus done = file_->PositionedAppend({pages_.data(), end}, begin_, options, debug);
        has_failed_ = !done.ok();
        if (has_failed_) return done;
        const std::size_t whole = filled_ / kPage * kPage;
        std::memmove(pages_.data(), pages_.data() + whole, filled_ - whole);
        const bool is_beginning = begin_ == 0 && written_ == 0;
        begin_ += whole;
        filled_ -= whole;
        written_ = filled_;
        pages_.shrink(filled_);
        if (is_beginning) done = sync_file(options, debug);
        has_failed_ = !done.ok();
        return done;
    }

    IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
        IOStatus done = Flush(options, debug);
        return done.ok() ? sync_file(options, debug) : done;
    }

    IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
        IOStatus done = has_failed_ ? IOStatus::OK() : Flush(options, debug);
        IOStatus closed = file_->Close(options, debug);
        begun_->is_synced = true;  // or it never will be
        return done.ok() ? closed : done;
    }

    bool IsSyncThreadSafe() const override { return file_->IsSyncThreadSafe(); }

    std::uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return size_; }

    // What is written over has its blocks, as far as it goes.
    IOStatus Allocate(std::uint64_t offset,
                      std::uint64_t bytes,
                      const IOOptions& options,
                      IODebugContext* debug) override {
        if (!is_new_) return IOStatus::OK();
        const std::uint64_t end = sectors_of(offset + bytes) * kSectorBytes;
        return file_->Allocate(0, end, options, debug);
    }

private:
    void leave_page(std::size_t fresh) {
        std::memmove(pages_.data(), pages_.data() + written_, fresh);
        begin_ += kPage;
        filled_ = fresh;
        written_ = 0;
    }

    IOStatus sync_file(const IOOptions& options, IODebugContext* debug) {
        IOStatus done = file_->Sync(options, debug);
        if (done.ok()) begun_->is_synced = true;
        return done;
    }

    const std::shared_ptr<LogFiles::Begun> begun_;
    FSWritableFile* const file_;
    const std::uint32_t number_;
    const bool is_new_;
    Pages pages_;
    std::uint64_t begin_ = 0;  // where pages_ begins in the file
    std::size_t filled_ = 0;   // bytes in pages_ …
    std::size_t written_ = 0;  // … and of these in the file
    std::uint32_t size_ = 0;   // of the log
    bool has_failed_ = false;
};

// A log that was read as a whole.
class LogReader : public FSSequentialFile {
public:
    explicit LogReader(std::string bytes) : bytes_(std::move(bytes)) {}

    IOStatus Read(std::size_t size,
                  const IOOptions&,
                  Slice* result,
                  char* scratch,
                  IODebugContext*) override {
        size = std::min(size, bytes_.size() - at_);
        if (size > 0) std::memcpy(scratch, bytes_.data() + at_, size);
        *result = Slice(scratch, size);
        at_ += size;
        return IOStatus::OK();
    }

    IOStatus Skip(std::uint64_t size) override {
        at_ += static_cast<std::size_t>(std::min<std::uint64_t>(size, bytes_.size() - at_));
        return IOStatus::OK();
    }

private:
    const std::string bytes_;
    std::size_t at_ = 0;
};

// Of zeros, at the beginning: a file system may open a file for direct writes and then take none.
IOStatus write_page(FSWritableFile& file) {
    Pages page;
    page.reserve(kPage, 0);
    std::memset(page.data(), 0, kPage);
    return file.PositionedAppend({page.data(), kPage}, 0, IOOptions(), nullptr);
}

std::string_view name_in(std::string_view path) {
    return path.substr(path.find_last_of('/') + 1);
}

}  // namespace

std::optional<std::uint64_t> log_number(std::string_view path) {
    const std::string_view name = name_in(path);
    if (!name.ends_with(kLogEnding)) return std::nullopt;
    const char* const end = name.data() + name.size() - kLogEnding.size();
    std::uint64_t number = 0;
    const auto [stop, error] = std::from_chars(name.data(), end, number);
    if (error != std::errc() || stop != end) return std::nullopt;
    return number;
}

bool is_spare(std::string_view path) {
    return path.ends_with(kSpareEnding);
}

Result<void> remove_spares(const Files& files, const std::string& directory) {
    Result<std::vector<std::string>> names = files.list(directory);
    if (!names) return names.error();
    for (const std::string& name : *names) {
        if (!is_spare(name)) continue;
        if (Result<void> removed = files.remove(join(directory, name)); !removed) return removed;
    }
    return {};
}

LogFiles::LogFiles(const std::shared_ptr<rocksdb::FileSystem>& target, Writes writes)
    : FileSystemWrapper(target), writes_(writes) {}

void LogFiles::keep_spares(bool yes) {
    std::vector<std::string> given_up;
    {
        const std::scoped_lock lock(mutex_);
        keeps_spares_ = yes;
        if (!yes) given_up.swap(spares_);
    }
    for (const std::string& spare : given_up) {
        target()->DeleteFile(spare, IOOptions(), nullptr).PermitUncheckedError();
    }
}

IOStatus LogFiles::open(const std::string& path,
                        const std::optional<std::string>& spare,
                        const FileOptions& options,
                        File& file) {
    const auto try_to_open = [&](Writes writes) {
        FileOptions with = options;
        with.use_direct_writes = writes == Writes::direct;
        return spare ? target()->ReuseWritableFile(path, *spare, with, &file, nullptr)
                     : target()->NewWritableFile(path, with, &file, nullptr);
    };
    IOStatus opened = try_to_open(writes_);
    if (writes_ == Writes::cached) return opened;
    if (opened.ok() && !direct_works_) opened = write_page(*file);
    direct_works_ = opened.ok();
    return opened.ok() ? opened : try_to_open(Writes::cached);
}

IOStatus LogFiles::NewWritableFile(const std::string& path,
                                   const FileOptions& options,
                                   std::unique_ptr<FSWritableFile>* result,
                                   IODebugContext* debug) {
    const std::optional<std::uint64_t> number = log_number(path);
    if (!number) return target()->NewWritableFile(path, options, result, debug);
    if (IOStatus synced = sync_last(); !synced.ok()) return synced;
    std::optional<std::string> spare = take_spare();
    File file;
    IOStatus opened = open(path, spare, options, file);
    if (!opened.ok() && spare) {
        target()->DeleteFile(*spare, IOOptions(), nullptr).PermitUncheckedError();
        spare.reset();
        opened = open(path, spare, options, file);
    }
    if (!opened.ok()) return opened;
    const auto begun = std::make_shared<Begun>(std::move(file));
    *result = std::make_unique<LogFile>(begun, *number, !spare);
    const std::scoped_lock lock(mutex_);
    last_ = begun;
    begun_.insert(path);
    return opened;
}

// RocksDB syncs it with the next, in any order: a power cut could leave the next without its end,
// and RocksDB would not notice.
IOStatus LogFiles::sync_last() {
    std::shared_ptr<Begun> last;
    {
        const std::scoped_lock lock(mutex_);
        last = last_.lock();
    }
    if (last == nullptr || last->is_synced) return IOStatus::OK();
    return last->file->Sync(IOOptions(), nullptr);
}

IOStatus LogFiles::NewSequentialFile(const std::string& path,
                                     const FileOptions& options,
                                     std::unique_ptr<FSSequentialFile>* result,
                                     IODebugContext* debug) {
    const std::optional<std::uint64_t> number = log_number(path);
    if (!number) return target()->NewSequentialFile(path, options, result, debug);
    std::string bytes;
    IOStatus read = rocksdb::ReadFileToString(target(), path, &bytes);
    if (!read.ok()) return read;
    *result =
        std::make_unique<LogReader>(log_in(std::move(bytes), static_cast<std::uint32_t>(*number)));
    return read;
}

IOStatus LogFiles::DeleteFile(const std::string& path,
                              const IOOptions& options,
                              IODebugContext* debug) {
    if (log_number(path) && make_spare(path)) return IOStatus::OK();
    return target()->DeleteFile(path, options, debug);
}

std::optional<std::string> LogFiles::take_spare() {
    const std::scoped_lock lock(mutex_);
    if (spares_.empty()) return std::nullopt;
    std::string spare = std::move(spares_.back());
    spares_.pop_back();
    return spare;
}

// One that is in quarantine too, or in somebody's copy, stays as it is.
bool LogFiles::is_alone(const std::string& path) {
    std::uint64_t names = 0;
    return target()->NumFileLinks(path, IOOptions(), &names, nullptr).ok() && names == 1;
}

IOStatus LogFiles::sync_directory_of(const std::string& path) {
    std::unique_ptr<rocksdb::FSDirectory> directory;
    IOStatus done = target()->NewDirectory(
        path.substr(0, path.size() - name_in(path).size()), IOOptions(), &directory, nullptr);
    return done.ok() ? directory->Fsync(IOOptions(), nullptr) : done;
}

// Written over only when its new name is on the disk: after a power cut the old one would hold
// another log. And only what was begun here: an older version's log has no sectors, and would be
// taken for the new one as long as that has none either.
bool LogFiles::make_spare(const std::string& path) {
    {
        const std::scoped_lock lock(mutex_);
        if (begun_.erase(path) == 0 || !keeps_spares_ ||
            spares_.size() + spares_to_come_ >= kSparesMax)
            return false;
        ++spares_to_come_;
    }
    std::string spare = path.substr(0, path.size() - kLogEnding.size()).append(kSpareEnding);
    const bool is_renamed =
        is_alone(path) && target()->RenameFile(path, spare, IOOptions(), nullptr).ok();
    const bool is_durable = is_renamed && sync_directory_of(path).ok();
    {
        const std::scoped_lock lock(mutex_);
        --spares_to_come_;
        if (is_durable && keeps_spares_) {
            spares_.push_back(std::move(spare));
            return true;
        }
    }
    if (is_renamed) target()->DeleteFile(spare, IOOptions(), nullptr).PermitUncheckedError();
    return is_renamed;
}

}  // namespace holdfast::wal
