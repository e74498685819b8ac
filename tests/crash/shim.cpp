// Preloaded into the agent (LD_PRELOAD): makes system calls on the log's files fail, do nothing or
// lie, when the test says so. HOLDFAST_SHIM_DIRECTORY is the log's directory, HOLDFAST_SHIM_CONTROL
// a file with a Control that the test writes and reads while the agent runs.
//
// Stands alone, without sanitizers and without anything of the agent's.
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

namespace {

// shim.mjs has the same.
enum Op : std::uint32_t {
    op_write = 1,
    op_pwrite = 2,
    op_fdatasync = 4,
    op_fsync = 8,
    op_open = 16,
    op_rename = 32,
    op_ftruncate = 64,
    op_fallocate = 128,
    op_unlink = 256,
    op_sync_file_range = 512,
};

enum Action : std::uint32_t {
    action_none = 0,
    action_fail = 1,     // -1 and `error`
    action_pretend = 2,  // success, and nothing was done
};

// After `skip` calls of `ops` the next `count` are acted upon.
struct Rule {
    std::atomic<std::uint32_t> action;
    std::atomic<std::uint32_t> ops;
    std::atomic<std::int32_t> error;
    std::uint32_t padding;
    std::atomic<std::int64_t> skip;
    std::atomic<std::int64_t> count;
    std::atomic<std::uint64_t> hits;
};

// The second rule begins when the first has hit; without an action in the first, at once.
struct Control {
    std::array<Rule, 2> rules;
};

static_assert(sizeof(Rule) == 40 && std::atomic<std::int64_t>::is_always_lock_free);

Control* map_control() {
    const char* file = std::getenv("HOLDFAST_SHIM_CONTROL");
    if (file == nullptr) return nullptr;
    const auto real_open =
        reinterpret_cast<int (*)(const char*, int, ...)>(dlsym(RTLD_NEXT, "open"));
    const int fd = real_open(file, O_RDWR | O_CLOEXEC);
    if (fd < 0) return nullptr;
    void* mapped = ::mmap(nullptr, sizeof(Control), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    ::close(fd);
    return mapped == MAP_FAILED ? nullptr : static_cast<Control*>(mapped);
}

Control* control() {
    static Control* const mapped = map_control();
    return mapped;
}

bool is_of_the_log(const char* path) {
    static const char* const directory = std::getenv("HOLDFAST_SHIM_DIRECTORY");
    return directory != nullptr && path != nullptr &&
           std::string_view(path).substr(0, std::strlen(directory)) == directory;
}

bool is_of_the_log(int fd) {
    std::array<char, 64> link{};
    std::snprintf(link.data(), link.size(), "/proc/self/fd/%d", fd);
    std::array<char, 4096> path{};
    const ssize_t size = ::readlink(link.data(), path.data(), path.size() - 1);
    return size > 0 && is_of_the_log(path.data());
}

bool is_hit(Rule& rule) {
    if (rule.skip.fetch_sub(1) > 0) return false;
    if (rule.count.fetch_sub(1) <= 0) return false;
    rule.hits.fetch_add(1);
    return true;
}

// What is to be done instead of this call: nothing, or one of the actions, with errno set.
template <class File>
Action instead_of(Op op, File file) {
    if (control() == nullptr) return action_none;
    const int saved_errno = errno;
    for (Rule& rule : control()->rules) {
        const auto action = static_cast<Action>(rule.action.load());
        if (action == action_none) continue;
        if ((rule.ops.load() & op) != 0 && is_of_the_log(file) && is_hit(rule)) {
            errno = action == action_fail ? rule.error.load() : saved_errno;
            return action;
        }
        if (rule.hits.load() == 0) break;
    }
    errno = saved_errno;
    return action_none;
}

template <class Function>
Function* real(Function*, const char* name) {
    return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

// Calls the function of this name, or does what the test wants instead.
#define HOLDFAST_SHIM(op, file, pretended, name, ...)                   \
    static const auto next = real(&name, #name);                        \
    switch (instead_of(op, file)) {                                     \
        case action_fail:                                               \
            return -1;                                                  \
        case action_pretend:                                            \
            return static_cast<decltype(name(__VA_ARGS__))>(pretended); \
        case action_none:                                               \
            break;                                                      \
    }                                                                   \
    return next(__VA_ARGS__)

// The mode of an open() that may create.
#define HOLDFAST_SHIM_OPEN(name, last, ...)        \
    va_list arguments;                             \
    va_start(arguments, last);                     \
    const mode_t mode = va_arg(arguments, mode_t); \
    va_end(arguments);                             \
    HOLDFAST_SHIM(op_open, path, -1, name, __VA_ARGS__, mode)

}  // namespace

extern "C" {

ssize_t write(int fd, const void* data, size_t size) {
    HOLDFAST_SHIM(op_write, fd, size, write, fd, data, size);
}

ssize_t pwrite(int fd, const void* data, size_t size, off_t at) {
    HOLDFAST_SHIM(op_pwrite, fd, size, pwrite, fd, data, size, at);
}

ssize_t pwrite64(int fd, const void* data, size_t size, off64_t at) {
    HOLDFAST_SHIM(op_pwrite, fd, size, pwrite64, fd, data, size, at);
}

int fdatasync(int fd) {
    HOLDFAST_SHIM(op_fdatasync, fd, 0, fdatasync, fd);
}

int fsync(int fd) {
    HOLDFAST_SHIM(op_fsync, fd, 0, fsync, fd);
}

int sync_file_range(int fd, off64_t at, off64_t size, unsigned flags) {
    HOLDFAST_SHIM(op_sync_file_range, fd, 0, sync_file_range, fd, at, size, flags);
}

int open(const char* path, int flags, ...) {
    HOLDFAST_SHIM_OPEN(open, flags, path, flags);
}

int open64(const char* path, int flags, ...) {
    HOLDFAST_SHIM_OPEN(open64, flags, path, flags);
}

int openat(int at, const char* path, int flags, ...) {
    HOLDFAST_SHIM_OPEN(openat, flags, at, path, flags);
}

int rename(const char* from, const char* to) noexcept {
    HOLDFAST_SHIM(op_rename, from, 0, rename, from, to);
}

int ftruncate(int fd, off_t size) noexcept {
    HOLDFAST_SHIM(op_ftruncate, fd, 0, ftruncate, fd, size);
}

int ftruncate64(int fd, off64_t size) noexcept {
    HOLDFAST_SHIM(op_ftruncate, fd, 0, ftruncate64, fd, size);
}

int fallocate(int fd, int mode, off_t at, off_t size) {
    HOLDFAST_SHIM(op_fallocate, fd, 0, fallocate, fd, mode, at, size);
}

int fallocate64(int fd, int mode, off64_t at, off64_t size) {
    HOLDFAST_SHIM(op_fallocate, fd, 0, fallocate64, fd, mode, at, size);
}

int unlink(const char* path) noexcept {
    HOLDFAST_SHIM(op_unlink, path, 0, unlink, path);
}

}  // extern "C"
