#include "agent/cli/editor.hpp"

#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <system_error>

namespace holdfast::cli {
namespace {

Error failed(const std::string& what, int error) {
    return {Errc::storage_failed, what + ": " + std::generic_category().message(error)};
}

}  // namespace

Result<EditedFile> EditedFile::make(const std::string& text) {
    const char* directory = std::getenv("TMPDIR");
    std::string path = std::string(directory == nullptr ? "/tmp" : directory) + "/holdfast-XXXXXX";
    const int descriptor = ::mkstemp(path.data());  // mode 0600
    if (descriptor < 0) return failed("make " + path, errno);
    ::close(descriptor);
    std::ofstream file(path, std::ios::binary);
    file << text << std::flush;
    if (!file) return failed("write " + path, errno);
    return EditedFile(path, text.ends_with('\n'));
}

Result<std::string> EditedFile::edit() const {
    std::string shell = "sh";
    std::string option = "-c";
    std::string command = "exec ${VISUAL:-${EDITOR:-vi}} \"$1\"";
    std::string path = path_;
    const std::array<char*, 6> arguments{
        shell.data(), option.data(), command.data(), shell.data(), path.data(), nullptr};
    pid_t child = 0;
    const int error = ::posix_spawn(&child, "/bin/sh", nullptr, nullptr, arguments.data(), environ);
    if (error != 0) return failed("run an editor", error);
    int status = 0;
    while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        return Error{Errc::bad_input, "the editor failed; the text is in " + path_};
    }
    std::ifstream file(path_, std::ios::binary);
    std::string text{std::istreambuf_iterator<char>(file), {}};
    if (!ends_line_ && text.ends_with('\n')) text.pop_back();
    return text;
}

void EditedFile::remove() const {
    ::unlink(path_.c_str());
}

}  // namespace holdfast::cli
