#include "wal/admission.hpp"

#include <algorithm>

namespace holdfast::wal {
namespace {

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;

// An event is written to RocksDB's log, and once more to a table before that log is deleted.
constexpr std::uint64_t kCopies = 2;

// Of max_bytes, in percent.
constexpr std::uint64_t kHistoryShrinksAt = 70;
constexpr std::uint64_t kTightAt = 80;
constexpr std::uint64_t kCriticalAt = 90;

std::uint64_t percent(std::uint64_t of, std::uint64_t percentage) {
    return of / 100 * percentage;
}

std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
    return a + std::min(b, ~a);
}

std::uint64_t difference(std::uint64_t a, std::uint64_t b) {
    return a - std::min(a, b);
}

SpaceLevel quota_level(std::uint64_t max_bytes, std::uint64_t used) {
    if (max_bytes == 0 || used < percent(max_bytes, kTightAt)) return SpaceLevel::ok;
    if (used < percent(max_bytes, kCriticalAt)) return SpaceLevel::tight;
    return used < max_bytes ? SpaceLevel::critical : SpaceLevel::full;
}

SpaceLevel disk_level(std::uint64_t min_free, std::uint64_t free) {
    if (free >= min_free) return SpaceLevel::ok;
    if (free >= min_free / 4 * 3) return SpaceLevel::tight;
    return free >= min_free / 2 ? SpaceLevel::critical : SpaceLevel::full;
}

bool takes(SpaceLevel level, Priority priority) {
    return static_cast<unsigned>(priority) >= static_cast<unsigned>(level);
}

std::string reason(Errc why, const SpaceLimits& limits, const DiskUse& use) {
    if (why == Errc::log_full) {
        return "with what was just taken the log may have " + std::to_string(use.used) +
               " bytes of max_bytes = " + std::to_string(limits.max_bytes);
    }
    return "the disk has " + std::to_string(use.free) +
           " bytes left, and must keep min_free = " + std::to_string(limits.min_free);
}

}  // namespace

Priority priority_of(Operation operation) {
    switch (operation) {
        case Operation::suppress:
        case Operation::unsuppress:
            return Priority::essential;
        default:
            break;
    }
    const OperationInfo& row = info(operation);
    if (row.kind == Kind::events) return Priority::ordinary;
    switch (row.safety) {
        case Safety::dedup_by_id:
            return Priority::ordinary;
        case Safety::idempotent:
            return Priority::state;
        case Safety::order_sensitive:
        case Safety::once_if_ambiguous:
            break;
    }
    return Priority::essential;
}

std::string_view to_string(Priority priority) {
    switch (priority) {
        case Priority::ordinary:
            return "ordinary";
        case Priority::state:
            return "state";
        case Priority::essential:
            return "essential";
    }
    return "unknown";
}

std::string_view to_string(SpaceLevel level) {
    switch (level) {
        case SpaceLevel::ok:
            return "ok";
        case SpaceLevel::tight:
            return "tight";
        case SpaceLevel::critical:
            return "critical";
        case SpaceLevel::full:
            return "full";
    }
    return "unknown";
}

SpacePlan plan_space(std::uint64_t bytes) {
    const std::uint64_t buffer = std::clamp(bytes / 64, kMiB, 16 * kMiB);
    return {.write_buffer = buffer, .min_free = 16 * buffer, .ballast = 6 * buffer};
}

Shortage shortage(const SpaceLimits& limits, const DiskUse& use) {
    const SpaceLevel quota = quota_level(limits.max_bytes, use.used);
    const SpaceLevel disk = disk_level(limits.min_free, use.free);
    return disk > quota ? Shortage{disk, Errc::disk_full} : Shortage{quota, Errc::log_full};
}

Result<void> Admission::admit(Priority priority, std::uint64_t bytes) {
    const std::uint64_t growth = kCopies * bytes;
    DiskUse with = use();
    with.used = sum(with.used, growth);
    with.free = difference(with.free, growth);
    const Shortage is = shortage(limits_, with);
    if (takes(is.level, priority)) {
        growth_ += growth;
        return {};
    }
    ++refused_[static_cast<std::size_t>(priority)];
    return Error{is.why, reason(is.why, limits_, use())};
}

void Admission::begin_look(std::uint64_t unwritten) {
    growth_seen_ = difference(growth_, kCopies * unwritten);
}

void Admission::end_look(const DiskUse& use) {
    seen_ = use;
    growth_ = difference(growth_, growth_seen_);
    growth_seen_ = 0;
}

DiskUse Admission::use() const {
    DiskUse use = seen_;
    use.used = sum(use.used, growth_);
    use.free = difference(use.free, growth_);
    return use;
}

std::uint64_t Admission::excess() const {
    const DiskUse now = use();
    std::uint64_t excess = difference(sum(limits_.min_free, limits_.min_free / 4), now.free);
    if (limits_.max_bytes > 0) {
        excess =
            std::max(excess, difference(now.used, percent(limits_.max_bytes, kHistoryShrinksAt)));
    }
    return excess;
}

}  // namespace holdfast::wal
