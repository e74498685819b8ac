// Gives the space of old complete entries back: one wide range at a time, never a tombstone per
// entry. What must stay (dead letters, parked entries) is copied aside in the same write.
#include "proto/record.hpp"
#include "wal/log_impl.hpp"

#include <algorithm>

namespace holdfast::wal {
namespace {

// One step reads and writes at most so much; what is left follows in the next.
constexpr std::uint64_t kEntriesPerStep = 100'000;

constexpr std::string_view kTailName = "tail";

}  // namespace

// Everything before this is settled or parked for every destination, and the log says so: a cursor
// that was lost in a crash must not point at what was reclaimed.
Seq Log::Impl::reclaimable() const {
    const std::scoped_lock lock(mutex_);
    Seq limit = head_.next();
    for (const auto& [name, destination] : destinations_) {
        limit = std::min(limit, destination.saved_low_water);
    }
    return limit;
}

// The first entry of the history: old enough ones and those beyond its size lie before it.
Seq Log::Impl::history_ends_at(Seq limit) const {
    const WallTime oldest = options_.wall_now() -
                            std::chrono::duration_cast<std::chrono::milliseconds>(options_.history);
    Seq low = tail_;
    Seq high = limit;
    while (low < high) {
        const Seq middle{low.value + (high.value - low.value) / 2};
        const Result<Entry> one = entry(middle);
        if (one && one->event().accepted_at < oldest) {
            low = middle.next();
        } else {
            high = middle;
        }
    }
    const std::uint64_t bytes =
        store_.approximate_bytes(seq_key(Space::entry, tail_), seq_key(Space::entry, limit));
    const std::uint64_t count = limit.value - tail_.value;
    if (bytes > options_.history_bytes && count > 0) {
        const double excess = static_cast<double>(bytes - options_.history_bytes) /
                              static_cast<double>(bytes) * static_cast<double>(count);
        low = std::max(low, Seq{tail_.value + static_cast<std::uint64_t>(excess)});
    }
    return std::min(low, Seq{tail_.value + kEntriesPerStep});
}

Result<void> Log::Impl::keep_survivors(Seq from, Seq to, rocksdb::WriteBatch& batch) const {
    for (const Space space : {Space::failed, Space::parked}) {
        std::vector<Seq> survivors;
        Result<void> scanned = store_.scan(
            seq_key(space, from), seq_key(space, to), [&](std::string_view key, std::string_view) {
                if (const auto seq = seq_of(space, key)) {
                    survivors.push_back(*seq);
                }
                return true;
            });
        if (!scanned) return scanned;
        for (const Seq seq : survivors) {
            Result<std::string> bytes = record(seq);
            if (!bytes && bytes.error().code != Errc::not_found) return bytes.error();
            if (!bytes) continue;
            const rocksdb::Status put = batch.Put(seq_key(Space::kept, seq), *bytes);
            if (!put.ok()) return Error{Errc::storage_failed, put.ToString()};
        }
    }
    return {};
}

void Log::Impl::reclaim() {
    const Seq limit = reclaimable();
    if (limit <= tail_) return;
    const Seq to = history_ends_at(limit);
    if (to <= tail_) return;
    const std::string begin = seq_key(Space::entry, tail_);
    const std::string end = seq_key(Space::entry, to);
    rocksdb::WriteBatch batch;
    Result<void> done = keep_survivors(tail_, to, batch);
    if (done) {
        rocksdb::Status put = batch.Put(name_key(Space::meta, kTailName), end);
        if (put.ok()) put = batch.DeleteRange(begin, end);
        done = put.ok() ? store_.write(batch, true)
                        : Result<void>(Error{Errc::storage_failed, put.ToString()});
    }
    if (!done) {
        options_.note("reclaiming space: " + done.error().detail);
        return;
    }
    {
        const std::scoped_lock lock(mutex_);
        tail_ = to;
        // More may be left: the next step follows as soon as nothing else is to be written.
        reclaim_at_ = std::chrono::steady_clock::now() +
                      (to < limit ? std::chrono::milliseconds(50) : options_.reclaim_every);
    }
    store_.drop_files(begin, end);
}

}  // namespace holdfast::wal
