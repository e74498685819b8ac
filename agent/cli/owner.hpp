// Acting as whoever owns a directory: what root makes in an agent's log must be the agent's.
#pragma once

#include "proto/result.hpp"

#include <sys/types.h>

#include <string>

namespace holdfast::cli {

// For root, until its end: the effective user and group of the whole process are those of the
// directory. For anybody else nothing changes but the umask, which is 0077.
//
// One at a time, and while nobody else makes files.
class AsOwner {
public:
    explicit AsOwner(const std::string& directory);
    ~AsOwner();
    AsOwner(const AsOwner&) = delete;
    AsOwner& operator=(const AsOwner&) = delete;

    // Errors: not_found (no such directory), storage_failed (it may not be looked into).
    [[nodiscard]] const Result<void>& is_done() const { return done_; }

private:
    [[nodiscard]] Result<void> become_owner_of(const std::string& directory) const;

    const uid_t user_;
    const gid_t group_;
    const mode_t mask_;
    Result<void> done_;
};

}  // namespace holdfast::cli
