#include "wal/disk.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <set>
#include <system_error>
#include <utility>

namespace holdfast::wal {
namespace {

namespace fs = std::filesystem;

// For what is always written: names, identities, options.
constexpr std::uint64_t kOpeningBytes = std::uint64_t{256} << 10U;

// A ballast is not grown by less: it would be looked after all the time while a disk fills.
constexpr std::uint64_t kLeastGrowth = std::uint64_t{256} << 10U;

// Of st_blocks, whatever the file system's own are.
constexpr std::uint64_t kBlockBytes = 512;

Error system_error(const std::string& doing) {
    const int number = errno;
    return Error{number == ENOSPC || number == EDQUOT ? Errc::disk_full : Errc::storage_failed,
                 doing + ": " + std::generic_category().message(number)};
}

// Files come and go while they are counted: what cannot be looked at any more is not there.
template <class Visit>
void for_each_file(const fs::path& directory, Visit visit) {
    std::error_code ec;
    // Such as lost+found, where the directory is a file system of its own.
    constexpr auto kSkip = fs::directory_options::skip_permission_denied;
    for (auto at = fs::recursive_directory_iterator(directory, kSkip, ec);
         !ec && at != fs::recursive_directory_iterator();
         at.increment(ec)) {
        struct stat status {};

        if (::lstat(at->path().c_str(), &status) == 0 && S_ISREG(status.st_mode)) {
            visit(at->path(), status);
        }
    }
}

}  // namespace

Result<DiskUse> look_at_disk(const fs::path& directory) {
    fs::path existing = directory;
    std::error_code ec;
    while (!fs::exists(existing, ec) && existing.has_relative_path()) {
        existing = existing.parent_path();
    }

    struct statvfs system {};

    if (::statvfs(existing.c_str(), &system) != 0) {
        return system_error("look at " + directory.string());
    }
    DiskUse use;
    use.free = std::uint64_t{system.f_bavail} * system.f_frsize;
    use.capacity = std::uint64_t{system.f_blocks} * system.f_frsize;
    std::set<ino_t> linked;  // what has several names is counted once
    for_each_file(directory, [&](const fs::path&, const struct stat& file) {
        if (file.st_nlink > 1 && !linked.insert(file.st_ino).second) return;
        use.used += static_cast<std::uint64_t>(file.st_blocks) * kBlockBytes;
    });
    return use;
}

std::uint64_t bytes_to_open(const fs::path& directory) {
    std::uint64_t bytes = 0;
    for_each_file(directory / "db", [&](const fs::path& path, const struct stat& file) {
        const std::string name = path.filename().string();
        if (path.extension() == ".log" || name.starts_with("MANIFEST-")) {
            bytes += static_cast<std::uint64_t>(file.st_size);
        }
    });
    return bytes + kOpeningBytes;
}

std::uint64_t Ballast::bytes() const {
    std::error_code ec;
    const std::uintmax_t size = fs::file_size(file_, ec);
    return ec ? 0 : size;
}

Result<void> Ballast::grow(std::uint64_t free) {
    const std::uint64_t have = bytes();
    const std::uint64_t bytes = std::min(wanted_, have + free / 2);
    if (have == wanted_ || bytes < std::min(wanted_, have + kLeastGrowth)) return {};
    const int descriptor = ::open(file_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) return system_error("open " + file_.string());
    Result<void> made;
    // Not posix_fallocate, which writes every block where none can be reserved. It was made for
    // another disk's size when it is larger.
    if ((have > bytes && ::ftruncate(descriptor, static_cast<off_t>(bytes)) != 0) ||
        ::fallocate(descriptor, 0, 0, static_cast<off_t>(bytes)) != 0) {
        made = system_error("allocate " + file_.string());
        if (::ftruncate(descriptor, static_cast<off_t>(have)) != 0) give_up();
    }
    ::close(descriptor);
    return made;
}

bool Ballast::give_up() {
    std::error_code ec;
    return fs::remove(file_, ec);
}

}  // namespace holdfast::wal
