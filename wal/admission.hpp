// Whether there is room for another event. Ordinary events are refused first, deletes and sends
// last, and all of them before the disk is so full that the log could not be opened again.
//
// Pure: what the disk looks like is an argument. Owned by the Log, under its lock.
#pragma once

#include "proto/operation.hpp"
#include "proto/result.hpp"

#include <array>
#include <cstdint>
#include <string_view>

namespace holdfast::wal {

// What may still come in when space is short: the later in this list, the longer.
enum class Priority : std::uint8_t {
    ordinary,   // events, forms and reports: one less is a gap in a statistic
    state,      // who somebody is: the far side is wrong until it comes
    essential,  // deletes, merges, suppressions and messages: a person is waiting for it
};

inline constexpr std::size_t kPriorityCount = 3;

[[nodiscard]] Priority priority_of(Operation operation);
[[nodiscard]] std::string_view to_string(Priority priority);

struct DiskUse {
    std::uint64_t used = 0;      // bytes allocated in the log's directory
    std::uint64_t free = 0;      // bytes that we may still have on its file system
    std::uint64_t capacity = 0;  // of the file system
};

// Sizes that follow from the space there is: all are in proportion to the write buffer, which is
// the most that RocksDB writes in one go.
struct SpacePlan {
    std::uint64_t write_buffer;  // RocksDB's
    std::uint64_t min_free;      // the default: twice what logs and buffers can grow to, and more
    std::uint64_t ballast;       // what an opening needs: the logs rewritten as tables, a manifest
};

// `bytes`: of the file system, or of the quota if that is less. From 1 GiB on: 16 MiB, 256 MiB and
// 96 MiB; less in proportion, down to 64 MiB: 1, 16 and 6 MiB.
[[nodiscard]] SpacePlan plan_space(std::uint64_t bytes);

struct SpaceLimits {
    std::uint64_t max_bytes = 0;  // of the directory; 0: none
    std::uint64_t min_free = 0;   // of the file system
};

enum class SpaceLevel : std::uint8_t {
    ok,        // everything is taken
    tight,     // no ordinary events: 80 % of max_bytes are used, or less than min_free is free
    critical,  // essential ones only: 90 %, or three quarters of min_free
    full,      // nothing: all of max_bytes, or half of min_free
};

[[nodiscard]] std::string_view to_string(SpaceLevel level);

struct Shortage {
    SpaceLevel level = SpaceLevel::ok;
    Errc why = Errc::log_full;  // or disk_full; means something when the level is not ok
};

[[nodiscard]] Shortage shortage(const SpaceLimits& limits, const DiskUse& use);

class Admission {
public:
    explicit Admission(const SpaceLimits& limits) : limits_(limits) {}

    [[nodiscard]] const SpaceLimits& limits() const { return limits_; }

    // Takes `bytes` into account, or says why not. Errors: log_full, disk_full.
    [[nodiscard]] Result<void> admit(Priority priority, std::uint64_t bytes);

    // A look at the disk takes a while. `unwritten`: bytes that were admitted and cannot be seen
    // there yet.
    void begin_look(std::uint64_t unwritten);
    void end_look(const DiskUse& use);

    // The last look and what was admitted since.
    [[nodiscard]] DiskUse use() const;

    [[nodiscard]] SpaceLevel level() const { return shortage(limits_, use()).level; }

    // By how much the history should shrink, so that no event need be refused for its sake.
    [[nodiscard]] std::uint64_t excess() const;

    [[nodiscard]] const std::array<std::uint64_t, kPriorityCount>& refused() const {
        return refused_;
    }

private:
    SpaceLimits limits_;
    DiskUse seen_{.used = 0, .free = ~std::uint64_t{0}, .capacity = 0};
    std::uint64_t growth_ = 0;  // estimated, since the last look
    std::uint64_t growth_seen_ = 0;
    std::array<std::uint64_t, kPriorityCount> refused_{};  // by priority, since the start
};

}  // namespace holdfast::wal
