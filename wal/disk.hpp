// The disk under the log: how much of it is used and free, and the ballast.
#pragma once

#include "proto/result.hpp"
#include "wal/admission.hpp"

#include <cstdint>
#include <filesystem>

namespace holdfast::wal {

// A look at the real disk: one statvfs and one stat a file. A directory that is not there yet is
// empty. Error: storage_failed.
[[nodiscard]] Result<DiskUse> look_at_disk(const std::filesystem::path& directory);

// The most that RocksDB writes before the log in `directory` is open: its logs once more as tables,
// and a new manifest. RocksDB 7.8.3 may lose its manifest when the
// disk is full while it writes one: who has less does not open.
[[nodiscard]] std::uint64_t bytes_to_open(const std::filesystem::path& directory);

// A file of allocated bytes that hold nothing: they are given up when the log could not be opened
// otherwise, so that a full disk does not keep the log from draining.
//
// Threads: one at a time.
class Ballast {
public:
    // `wanted` of 0: there is none.
    Ballast(const std::filesystem::path& directory, std::uint64_t wanted)
        : file_(directory / "ballast"), wanted_(wanted) {}

    [[nodiscard]] std::uint64_t bytes() const;

    [[nodiscard]] bool is_whole() const { return bytes() == wanted_; }

    // Allocates what is missing, but of a disk that is nearly full not more than half of what is
    // `free`. Quick where the file system can reserve blocks, an error where it cannot.
    [[nodiscard]] Result<void> grow(std::uint64_t free);

    // True when there was one to give up.
    bool give_up();

private:
    std::filesystem::path file_;
    std::uint64_t wanted_;
};

}  // namespace holdfast::wal
