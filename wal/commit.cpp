// The committer: takes all that was put into the open batch, writes it with one sync, reports, and
// starts again. For a single event write() does the same on the caller's thread while it sleeps.
// After a failed write it reopens the log before anything else is stored.
#include "proto/assert.hpp"
#include "wal/log_impl.hpp"
#include "wal/rocks_types.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::wal {
namespace {

// A cursor is saved at least every so many entries: bounds what is counted again at opening.
constexpr std::uint64_t kEntriesBetweenCursors = 4096;

// Memory kept for the next batch; a burst larger than this is given back.
constexpr std::size_t kBatchBytesKept = std::size_t{1} << 20U;

// How often a full disk is looked at: that costs nothing, opening the log does.
constexpr Duration kLookForRoom = std::chrono::seconds(1);

// How long a write waits before it is tried again when RocksDB is busy flushing.
constexpr std::chrono::milliseconds kStallPause{5};

}  // namespace

void Log::Impl::run() {
    std::unique_lock lock(mutex_);
    for (;;) {
        const SteadyTime now = std::chrono::steady_clock::now();
        if (writing_here_) {
            sleep(lock, std::nullopt);
        } else if (unfinished_) {
            finish(lock);
        } else if (!ok_) {
            if (stopping_) break;
            reopen(lock);
        } else if (!stopping_ && look_at_ && *look_at_ <= now) {
            look(lock);
        } else if (!stopping_ && reclaim_at_ && *reclaim_at_ <= now) {
            // Before the next commit: under load there always is one.
            reclaim_at_.reset();
            lock.unlock();
            Result<void> done = reclaim();
            lock.lock();
            if (!done) failed(lock, done.error());
        } else if (has_work(now)) {
            commit(lock);
        } else if (stopping_) {
            break;
        } else {
            sleep(lock, wake_at());
        }
    }
    abandon(open_);
}

void Log::Impl::sleep(std::unique_lock<std::mutex>& lock, std::optional<SteadyTime> until) {
    waiting_ = true;
    sleeps_until_ = until;
    if (until) {
        wake_.wait_until(lock, *until);
    } else {
        wake_.wait(lock);
    }
    waiting_ = false;
}

bool Log::Impl::has_work(SteadyTime now) const {
    if (open_.is_urgent()) return true;
    if (stopping_) return marks_due_at_ || unsynced_;
    return (marks_due_at_ && *marks_due_at_ <= now) || (sync_at_ && *sync_at_ <= now);
}

// With company it is better that one thread writes while another reads.
bool Log::Impl::writes_here() const {
    return ok_ && !stopping_ && waiting_ && !writing_here_ && !unfinished_ &&
           open_.appended.size() == 1 && sync_took_ <= options_.write_here_max;
}

std::optional<SteadyTime> Log::Impl::wake_at() const {
    std::optional<SteadyTime> first;
    for (const auto& at : {marks_due_at_, sync_at_, reclaim_at_, look_at_}) {
        if (at && (!first || *at < *first)) first = at;
    }
    return first;
}

void Log::Impl::commit(std::unique_lock<std::mutex>& lock) {
    std::swap(open_, writing_);
    marks_due_at_.reset();
    const SteadyTime begun_at = std::chrono::steady_clock::now();
    const bool must_sync = sync_at_ && *sync_at_ <= begun_at;
    add_cursors_to(writing_, must_sync);
    // The last write of all is synced, so that a clean stop repeats nothing.
    const bool sync = writing_.must_sync(options_.durability) || stopping_ || must_sync;
    lock.unlock();
    for (const auto& [key, value] : writing_.marks) {
        const rocksdb::Status put = value ? writing_.entries.Put(slice(key), slice(*value))
                                          : writing_.entries.Delete(slice(key));
        HOLDFAST_ASSERT(put.ok());
    }
    // After the marks, since one of them may be the very dead letter. In the batch of the new
    // entry: both happen, or neither.
    for (const Batch::Appended& one : writing_.appended) {
        if (!one.replaces) continue;
        for (const Space space : {Space::failed, Space::kept}) {
            const rocksdb::Status gone =
                writing_.entries.Delete(slice(seq_key(space, *one.replaces)));
            HOLDFAST_ASSERT(gone.ok());
        }
    }
    lock.lock();
    unfinished_ = Unfinished{begun_at, sync};
    finish(lock);
}

// RocksDB may not take it until it has flushed: then the committer waits, and nobody else.
void Log::Impl::finish(std::unique_lock<std::mutex>& lock) {
    const SteadyTime begun_at = unfinished_->begun_at;
    const bool sync = unfinished_->sync;
    const bool may_wait = !writing_here_;
    const Seq head = head_;
    lock.unlock();
    const auto write = [&] { return store_.write(writing_.entries, sync, head); };
    Result<void> written = write();
    const auto must_wait = [&] { return !written && written.error().code == Errc::overloaded; };
    while (may_wait && must_wait()) {
        std::this_thread::sleep_for(kStallPause);
        written = write();
    }
    lock.lock();
    if (must_wait()) return;
    unfinished_.reset();
    if (written) {
        unsynced_ = !sync;
        if (sync) {
            sync_took_ = std::chrono::steady_clock::now() - begun_at;
            syncs_.record(sync_took_);
            sync_at_.reset();
        } else if (!writing_.appended.empty() && !sync_at_) {
            sync_at_ = begun_at + options_.buffered_max;
        }
        committed(lock);
    } else {
        failed(lock, written.error());
    }
}

// `all`: so that there is something to sync.
void Log::Impl::add_cursors_to(Batch& batch, bool all) {
    const Seq counted_to = next_.previous();
    for (auto& [name, destination] : destinations_) {
        Cursor& cursor = destination.cursor;
        const bool stale = cursor.counted_to.value + kEntriesBetweenCursors < next_.value;
        if (!destination.dirty && !stale && !stopping_ && !all) continue;
        batch.has_cursor = true;
        cursor.counted_to = counted_to;
        destination.dirty = false;
        destination.writing_low_water = cursor.low_water();
        const rocksdb::Status put =
            batch.entries.Put(slice(name_key(Space::cursor, name)), slice(cursor.encode()));
        HOLDFAST_ASSERT(put.ok());
    }
}

void Log::Impl::committed(std::unique_lock<std::mutex>& lock) {
    Commit commit;
    commit.durability = unsynced_ ? Durability::buffered : Durability::synced;
    for (const Batch::Appended& one : writing_.appended) {
        head_ = one.stored.seq;
        commit.appended.push_back(one.stored);
        if (one.replaces) ending_.erase(*one.replaces);
    }
    for (const Stored& repeat : writing_.repeats) commit.appended.push_back(repeat);
    for (const Digest& key : writing_.keys) keys_.end(key);
    for (auto& [name, destination] : destinations_) {
        destination.saved_low_water = destination.writing_low_water;
    }
    reopen_pause_ = options_.reopen_min;
    if (writing_.has_cursor && !reclaim_at_) {
        reclaim_at_ = std::chrono::steady_clock::now() + options_.reclaim_every;
    }
    water_mark_.moved(head_, tail());
    commit.intended = std::move(writing_.intended);
    commit.dropped = std::move(writing_.dropped);
    commit.head = head_;
    const bool large = writing_.entries.GetDataSize() > kBatchBytesKept;
    writing_.entries.Clear();
    if (large) writing_.entries = rocksdb::WriteBatch();
    writing_.appended.clear();
    writing_.repeats.clear();
    writing_.keys.clear();
    writing_.intended.clear();
    writing_.dropped.clear();
    writing_.marks.clear();
    writing_.has_synced_mark = false;
    writing_.has_cursor = false;
    lock.unlock();
    options_.on_commit(std::move(commit));
    lock.lock();
}

// Nobody can say which bytes of the batch are on the disk, and after a failed sync the next one may
// report success for bytes that were lost. So nothing is stored until the log was read again.
void Log::Impl::failed(std::unique_lock<std::mutex>& lock, const Error& error) {
    ok_ = false;
    ++failures_;
    sync_at_.reset();  // all is synced by the opening that follows
    if (error.code == Errc::corrupt) tables_doubt_ = error.detail;
    reason_ = error.detail;
    reason_code_ = error.code == Errc::disk_full ? Errc::disk_full : Errc::storage_failed;
    options_.note("the log failed: " + reason_ +
                  "; nothing is acknowledged until it is open again");
    Commit doubtful;
    doubtful.error = Error{reason_code_, reason_};
    doubtful.in_doubt = true;
    doubtful.head = head_;
    for (const Batch::Appended& one : writing_.appended) doubtful.appended.push_back(one.stored);
    for (const Stored& repeat : writing_.repeats) doubtful.appended.push_back(repeat);
    doubtful.intended = writing_.intended;
    doubtful.dropped = writing_.dropped;
    open_.marks.merge(writing_.marks);  // what was marked since is newer and stays
    writing_.marks.clear();
    doubtful_ = writing_.appended;
    abandon(writing_);
    Commit refused;
    refused.error = doubtful.error;
    refused.head = head_;
    for (const Batch::Appended& one : open_.appended) refused.appended.push_back(one.stored);
    for (const Stored& repeat : open_.repeats) refused.appended.push_back(repeat);
    refused.intended = open_.intended;
    refused.dropped = open_.dropped;
    abandon(open_);
    for (auto& [name, destination] : destinations_) destination.dirty = true;
    lock.unlock();
    options_.on_commit(std::move(doubtful));
    options_.on_commit(std::move(refused));
    lock.lock();
}

// Forgets the entries of a batch that was not written; its marks stay.
void Log::Impl::abandon(Batch& batch) {
    for (const Batch::Appended& one : batch.appended) {
        Counts& counts = at(one.destination).cursor.counts;
        decrease(counts.pending);
        if (!one.replaces) continue;
        ++counts.failed;
        ending_.erase(*one.replaces);
    }
    // Those that were written after all are found in the log.
    for (const Digest& key : batch.keys) keys_.end(key);
    batch.entries = rocksdb::WriteBatch();
    batch.appended.clear();
    batch.repeats.clear();
    batch.keys.clear();
    batch.intended.clear();
    batch.dropped.clear();
    batch.has_synced_mark = false;
    batch.has_cursor = false;
}

void Log::Impl::reopen(std::unique_lock<std::mutex>& lock) {
    for (;;) {
        wake_.wait_for(lock, reopen_pause_, [this] { return stopping_; });
        if (stopping_) return;
        // Until a write has passed: opening again is not yet being well again.
        reopen_pause_ = std::min(reopen_pause_ * 2, options_.reopen_max);
        lock.unlock();
        Result<void> opened = open_with_room();
        lock.lock();
        if (opened) break;
        reason_ = opened.error().detail;
        const Errc before = std::exchange(reason_code_, opened.error().code);
        if (reason_code_ != Errc::disk_full) {
            reason_code_ = Errc::storage_failed;
        } else {
            reopen_pause_ = std::min(reopen_pause_, kLookForRoom);
            if (before == Errc::disk_full) continue;  // it was said
        }
        options_.note("reopening the log: " + reason_);
    }
    ok_ = true;
    reason_.clear();
    open_.has_synced_mark = true;  // what was marked meanwhile, and every cursor, at once
    options_.note("the log is open again");
    Commit commit;
    commit.reopened = true;
    commit.head = head_;
    lock.unlock();
    options_.on_commit(std::move(commit));
    lock.lock();
}

}  // namespace holdfast::wal
