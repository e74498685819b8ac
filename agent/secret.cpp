#include "agent/secret.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string_view>
#include <system_error>

namespace holdfast::agent {
namespace {

struct File {
    int fd;

    explicit File(int opened) : fd(opened) {}

    File(const File&) = delete;
    File& operator=(const File&) = delete;

    ~File() {
        if (fd >= 0) ::close(fd);
    }
};

Error unreadable(const std::string& path, int error) {
    return {Errc::bad_config, path + " cannot be read: " + std::generic_category().message(error)};
}

Result<std::string> read_up_to(int fd, const std::string& path, std::size_t bytes) {
    std::string text(bytes, '\0');
    std::size_t size = 0;
    while (size < bytes) {
        const ssize_t count = ::read(fd, text.data() + size, bytes - size);
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return unreadable(path, errno);
        if (count == 0) break;
        size += static_cast<std::size_t>(count);
    }
    text.resize(size);
    return text;
}

bool has_form(std::string_view text, SecretForm form) {
    const auto visible = [](char c) { return c > ' ' && c < '\x7f'; };
    if (form == SecretForm::word) return std::all_of(text.begin(), text.end(), visible);
    return visible(text.front()) && visible(text.back()) &&
           text.find("  ") == std::string_view::npos &&
           std::all_of(text.begin(), text.end(), [&](char c) { return c == ' ' || visible(c); });
}

}  // namespace

Result<SecretFile> read_secret(const std::string& path, SecretForm form) {
    // Not blocking: a FIFO must not hold up the start.
    const File file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));

    struct stat status {};

    if (file.fd < 0 || ::fstat(file.fd, &status) != 0) return unreadable(path, errno);
    if (!S_ISREG(status.st_mode)) return Error{Errc::bad_config, path + " is not a regular file"};
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        return Error{Errc::bad_config, path + " may be written by its group or by others"};
    }

    Result<std::string> text = read_up_to(file.fd, path, kSecretBytesMax + 2);
    if (!text) return text.error();
    if (text->ends_with('\n')) text->pop_back();
    if (text->empty()) return Error{Errc::bad_config, path + " is empty"};
    if (text->size() > kSecretBytesMax) {
        return Error{Errc::bad_config, path + " is too long for a credential"};
    }
    if (!has_form(*text, form)) {
        return Error{Errc::bad_config, path + " holds a character that no credential has"};
    }
    return SecretFile{Secret(std::move(*text)), (status.st_mode & S_IROTH) != 0};
}

}  // namespace holdfast::agent
