#include "agent/cli/owner.hpp"

#include "proto/assert.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

namespace holdfast::cli {
namespace {

Error system_error(const std::string& doing) {
    const int number = errno;
    const bool is_missing = number == ENOENT || number == ENOTDIR;
    return {is_missing ? Errc::not_found : Errc::storage_failed,
            doing + ": " + std::generic_category().message(number)};
}

}  // namespace

AsOwner::AsOwner(const std::string& directory)
    : user_(::geteuid()),
      group_(::getegid()),
      mask_(::umask(0077)),
      done_(become_owner_of(directory)) {}

AsOwner::~AsOwner() {
    ::umask(mask_);
    if (::geteuid() == user_ && ::getegid() == group_) return;
    const bool is_back = ::seteuid(user_) == 0 && ::setegid(group_) == 0;
    HOLDFAST_ASSERT(is_back);  // the saved ones are still root's
}

Result<void> AsOwner::become_owner_of(const std::string& directory) const {
    struct stat status {};

    if (::stat(directory.c_str(), &status) != 0) return system_error("look at " + directory);
    if (!S_ISDIR(status.st_mode)) {
        return Error{Errc::not_found, directory + " is not a directory"};
    }
    if (user_ == 0 && (::setegid(status.st_gid) != 0 || ::seteuid(status.st_uid) != 0)) {
        return system_error("act as the owner of " + directory);
    }
    if (::eaccess(directory.c_str(), R_OK | W_OK | X_OK) != 0) {
        return system_error("look into " + directory +
                            (user_ == 0 ? " as its owner" : "; are you root, or its owner?"));
    }
    return {};
}

}  // namespace holdfast::cli
