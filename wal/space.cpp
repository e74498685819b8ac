// Room: looking at the disk while events come in, and opening the log on a disk that is full.
#include "wal/log_impl.hpp"

namespace holdfast::wal {
namespace {

// While events come in the disk is looked at so often, and when there is too little room so often.
constexpr Duration kLookEvery = std::chrono::milliseconds(250);
constexpr Duration kLookAgain = std::chrono::seconds(1);

// While the ballast is missing and nothing else is wrong.
constexpr Duration kLookForBallast = std::chrono::seconds(30);

}  // namespace

Result<DiskUse> Log::Impl::look_at_disk() const {
    return options_.look_at_disk ? options_.look_at_disk() : wal::look_at_disk(options_.directory);
}

Result<void> Log::Impl::open_with_room() {
    for (;;) {
        Result<void> opened = prepare_directory();
        if (opened) opened = make_room_to_open();
        if (opened) opened = loaded_ ? recover() : open();
        if (opened) break;
        store_.close();
        if (opened.error().code != Errc::disk_full || !give_up_ballast()) return opened;
    }
    loaded_ = true;
    std::unique_lock lock(mutex_);
    look(lock);
    return {};
}

Result<void> Log::Impl::make_room_to_open() {
    const std::string database = (options_.directory / "db").string();
    if (Result<void> removed = remove_spares(Files(options_.env), database); !removed)
        return removed;
    const std::uint64_t needed = bytes_to_open(options_.directory);
    for (;;) {
        const Result<DiskUse> use = look_at_disk();
        if (!use) return use.error();
        if (use->free >= needed) return {};
        if (!give_up_ballast()) {
            return Error{Errc::disk_full,
                         "opening the log takes up to " + std::to_string(needed) +
                             " bytes, the disk has " + std::to_string(use->free) + " left"};
        }
    }
}

bool Log::Impl::give_up_ballast() {
    if (!ballast_.give_up()) return false;
    options_.note("the disk is full: the ballast is given up to open the log");
    return true;
}

void Log::Impl::keep_ballast(const DiskUse& use) {
    if (!ballast_works_) return;
    Result<void> grown = ballast_.grow(use.free);
    if (grown || grown.error().code == Errc::disk_full) return;
    ballast_works_ = false;
    options_.note("there is no ballast: " + grown.error().detail);
}

Result<void> Log::Impl::admit(Priority priority) {
    look_soon();
    return admission_.admit(priority, scratch_.size());
}

void Log::Impl::look_soon() {
    if (std::exchange(looks_soon_, true)) return;
    look_at_ = std::chrono::steady_clock::now() + kLookEvery;
    wake();
}

void Log::Impl::look(std::unique_lock<std::mutex>& lock) {
    looks_soon_ = false;
    look_at_.reset();
    admission_.begin_look(open_.entries.GetDataSize());
    lock.unlock();
    const Result<DiskUse> use = look_at_disk();
    if (use) keep_ballast(*use);
    const bool has_ballast = !ballast_works_ || ballast_.is_whole();
    if (use) {
        const SpaceLimits& limits = admission_.limits();
        // On a full disk it would fail; within a full quota it is what keeps marks from piling up.
        const SpaceLimits of_disk{.max_bytes = 0, .min_free = limits.min_free};
        store_.let_compact(shortage(of_disk, *use).level != SpaceLevel::full);
        store_.keep_spares(shortage(limits, *use).level == SpaceLevel::ok);
    }
    lock.lock();
    if (!use) return options_.note(use.error().detail);
    admission_.end_look(*use);
    const SteadyTime now = std::chrono::steady_clock::now();
    const bool is_ok = admission_.level() == SpaceLevel::ok;
    if (!looks_soon_ && !is_ok) look_at_ = now + kLookAgain;
    if (!looks_soon_ && is_ok && !has_ballast) look_at_ = now + kLookForBallast;
    if (admission_.excess() > 0) reclaim_at_ = now;
}

SpaceLevel Log::space_level() const {
    const std::scoped_lock lock(impl_->mutex_);
    return impl_->admission_.level();
}

SpaceStatus Log::space() const {
    const Result<DiskUse> use = impl_->look_at_disk();
    const std::scoped_lock lock(impl_->mutex_);
    const Admission& admission = impl_->admission_;
    SpaceStatus status;
    status.use = use ? *use : admission.use();
    status.limits = admission.limits();
    status.level = shortage(status.limits, status.use).level;
    status.refused = admission.refused();
    status.ballast = impl_->ballast_.bytes();
    return status;
}

}  // namespace holdfast::wal
