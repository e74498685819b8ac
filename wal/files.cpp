#include "wal/files.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::wal {
namespace {

const rocksdb::IOOptions kOptions;
const rocksdb::FileOptions kFileOptions;

Result<void> done(const rocksdb::IOStatus& status, std::string_view doing) {
    if (status.ok()) return {};
    return Error{status.IsNoSpace() ? Errc::disk_full : Errc::storage_failed,
                 std::string(doing) + ": " + status.ToString()};
}

}  // namespace

std::string join(std::string_view directory, std::string_view name) {
    std::string path;
    path.reserve(directory.size() + 1 + name.size());
    return path.append(directory).append("/").append(name);
}

Files::Files(rocksdb::Env* env)
    : files_((env != nullptr ? env : rocksdb::Env::Default())->GetFileSystem()) {}

bool Files::exists(const std::string& path) const {
    return files_->FileExists(path, kOptions, nullptr).ok();
}

Result<void> Files::make_directory(const std::string& path) const {
    return done(files_->CreateDirIfMissing(path, kOptions, nullptr), "make " + path);
}

Result<std::vector<std::string>> Files::list(const std::string& directory) const {
    std::vector<std::string> names;
    const rocksdb::IOStatus listed = files_->GetChildren(directory, kOptions, &names, nullptr);
    if (listed.IsNotFound() || listed.IsPathNotFound()) return std::vector<std::string>();
    if (!listed.ok()) return done(listed, "list " + directory).error();
    std::erase_if(names, [](const std::string& name) { return name == "." || name == ".."; });
    std::sort(names.begin(), names.end());
    return names;
}

Result<std::string> Files::read(const std::string& path) const {
    std::uint64_t size = 0;
    std::unique_ptr<rocksdb::FSSequentialFile> file;
    rocksdb::IOStatus status = files_->GetFileSize(path, kOptions, &size, nullptr);
    if (status.ok()) status = files_->NewSequentialFile(path, kFileOptions, &file, nullptr);
    std::string bytes(size, '\0');
    std::size_t filled = 0;
    while (status.ok() && filled < bytes.size()) {
        rocksdb::Slice got;
        char* const to = bytes.data() + filled;
        status = file->Read(bytes.size() - filled, kOptions, &got, to, nullptr);
        if (!status.ok() || got.empty()) break;
        if (got.data() != to) std::copy(got.data(), got.data() + got.size(), to);
        filled += got.size();
    }
    if (!status.ok()) return done(status, "read " + path).error();
    bytes.resize(filled);
    return bytes;
}

std::uint64_t Files::size(const std::string& path) const {
    bool is_directory = false;
    files_->IsDirectory(path, kOptions, &is_directory, nullptr).PermitUncheckedError();
    std::uint64_t bytes = 0;
    if (!is_directory) {
        files_->GetFileSize(path, kOptions, &bytes, nullptr).PermitUncheckedError();
        return bytes;
    }
    const Result<std::vector<std::string>> names = list(path);
    if (!names) return 0;
    for (const std::string& name : *names) bytes += size(join(path, name));
    return bytes;
}

Result<void> Files::write(const std::string& path, std::string_view bytes) const {
    std::unique_ptr<rocksdb::FSWritableFile> file;
    rocksdb::IOStatus status = files_->NewWritableFile(path, kFileOptions, &file, nullptr);
    if (status.ok()) status = file->Append({bytes.data(), bytes.size()}, kOptions, nullptr);
    if (status.ok()) status = file->Sync(kOptions, nullptr);
    if (status.ok()) status = file->Close(kOptions, nullptr);
    return done(status, "write " + path);
}

Result<void> Files::overwrite(const std::string& path,
                              std::uint64_t offset,
                              std::string_view bytes) const {
    std::unique_ptr<rocksdb::FSRandomRWFile> file;
    rocksdb::IOStatus status = files_->NewRandomRWFile(path, kFileOptions, &file, nullptr);
    if (status.ok()) status = file->Write(offset, {bytes.data(), bytes.size()}, kOptions, nullptr);
    if (status.ok()) status = file->Sync(kOptions, nullptr);
    if (file != nullptr) {
        const rocksdb::IOStatus closed = file->Close(kOptions, nullptr);
        if (status.ok()) status = closed;
    }
    return done(status, "write " + path);
}

Result<void> Files::link(const std::string& from, const std::string& to) const {
    if (files_->LinkFile(from, to, kOptions, nullptr).ok()) return {};
    Result<std::string> bytes = read(from);
    if (!bytes) return bytes.error();
    return write(to, *bytes);
}

Result<void> Files::rename(const std::string& from, const std::string& to) const {
    return done(files_->RenameFile(from, to, kOptions, nullptr), "rename " + from + " to " + to);
}

Result<void> Files::remove(const std::string& path) const {
    return done(files_->DeleteFile(path, kOptions, nullptr), "remove " + path);
}

Result<void> Files::remove_directory(const std::string& path) const {
    Result<std::vector<std::string>> names = list(path);
    if (!names) return names.error();
    for (const std::string& name : *names) {
        bool is_directory = false;
        const std::string inner = join(path, name);
        files_->IsDirectory(inner, kOptions, &is_directory, nullptr).PermitUncheckedError();
        Result<void> removed = is_directory ? remove_directory(inner) : remove(inner);
        if (!removed) return removed;
    }
    if (!exists(path)) return {};
    return done(files_->DeleteDir(path, kOptions, nullptr), "remove " + path);
}

Result<void> Files::sync_directory(const std::string& path) const {
    std::unique_ptr<rocksdb::FSDirectory> directory;
    rocksdb::IOStatus status = files_->NewDirectory(path, kOptions, &directory, nullptr);
    if (status.ok()) status = directory->Fsync(kOptions, nullptr);
    return done(status, "sync " + path);
}

DirectoryLock::DirectoryLock(rocksdb::Env* env)
    : files_((env != nullptr ? env : rocksdb::Env::Default())->GetFileSystem()) {}

DirectoryLock::~DirectoryLock() {
    release();
}

Result<void> DirectoryLock::take(const std::string& directory) {
    if (held_ != nullptr) return {};
    const rocksdb::IOStatus locked =
        files_->LockFile(directory + "/lock", kOptions, &held_, nullptr);
    if (!is_lock_held(locked)) return done(locked, "lock " + directory);
    return Error{
        Errc::busy,
        "another process uses the log in " + directory + ": is another holdfastd running?"};
}

void DirectoryLock::release() {
    if (held_ == nullptr) return;
    files_->UnlockFile(std::exchange(held_, nullptr), kOptions, nullptr).PermitUncheckedError();
}

bool is_lock_held(const rocksdb::Status& status) {
    // The path is in the text too, so the words are matched.
    const std::string text = status.ToString();
    return status.IsIOError() && (text.find("While lock file") != std::string::npos ||
                                  text.find("lock hold by current process") != std::string::npos ||
                                  text.find("lock is already held") != std::string::npos);
}

}  // namespace holdfast::wal
