// crash_cut_power MOUNT…: from now on nothing reaches the disk below the file system mounted there,
// as when the power goes. ext4 and xfs. What is mounted again afterwards has what was flushed
// before.
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>

namespace {

// The kernel's EXT4_IOC_SHUTDOWN and XFS_IOC_GOINGDOWN: the same number and the same meaning.
constexpr unsigned long kShutdown = _IOR('X', 125, std::uint32_t);
constexpr std::uint32_t kWithoutFlushingTheJournal = 2;

bool cut(const char* mount) {
    const int directory = ::open(mount, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (directory < 0) return false;
    std::uint32_t how = kWithoutFlushingTheJournal;
    const bool is_cut = ::ioctl(directory, kShutdown, &how) == 0;
    const bool is_closed = ::close(directory) == 0;
    return is_cut && is_closed;
}

}  // namespace

int main(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        if (!cut(argv[i])) {
            std::perror(argv[i]);
            return 1;
        }
    }
    return 0;
}
