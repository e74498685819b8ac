// Gives the space of old complete entries back: whole files before the tail, and no tombstones.
// What must stay (dead letters, parked entries) is copied aside in the same write.
#include "proto/assert.hpp"
#include "wal/log_impl.hpp"

#include <algorithm>

namespace holdfast::wal {
namespace {

// One step reads and writes at most so much; what is left follows in the next.
constexpr std::uint64_t kEntriesPerStep = 100'000;

constexpr Duration kBetweenSteps = std::chrono::milliseconds(50);

}  // namespace

// Everything before this is settled or parked for every destination, and the log says so: a cursor
// that was lost in a crash must not point at what was reclaimed.
Seq Log::Impl::reclaimable() {
    const std::scoped_lock lock(mutex_);
    Seq limit = head_.next();
    for (auto& [name, destination] : destinations_) {
        limit = std::min(limit, destination.saved_low_water);
        // One that has only passed others' entries is saved with the next write.
        if (destination.cursor.low_water() > destination.saved_low_water) destination.dirty = true;
    }
    return limit;
}

// Less than was asked for where events would be refused for its sake.
std::uint64_t Log::Impl::history_bytes_max(std::uint64_t bytes) const {
    const std::scoped_lock lock(mutex_);
    return std::min(options_.history_bytes, bytes - std::min(bytes, admission_.excess()));
}

bool Log::Impl::is_short_of_space() const {
    const std::scoped_lock lock(mutex_);
    return admission_.excess() > 0;
}

// The first entry of the history: old enough ones and those beyond its size lie before it.
Seq Log::Impl::history_ends_at(Seq limit) const {
    const WallTime oldest = options_.wall_now() -
                            std::chrono::duration_cast<std::chrono::milliseconds>(options_.history);
    Seq low = tail();
    Seq high = limit;
    while (low < high) {
        const Seq middle{low.value + (high.value - low.value) / 2};
        const std::optional<Entry> one = first_readable(middle, high);
        if (one && one->event().accepted_at < oldest) {
            low = one->seq().next();
        } else {
            high = middle;
        }
    }
    const std::uint64_t bytes =
        store_.approximate_bytes(seq_key(Space::entry, tail()), seq_key(Space::entry, limit));
    const std::uint64_t count = limit.value - tail().value;
    if (const std::uint64_t most = history_bytes_max(bytes); bytes > most && count > 0) {
        const double excess = static_cast<double>(bytes - most) / static_cast<double>(bytes) *
                              static_cast<double>(count);
        low = std::max(low, Seq{tail().value + static_cast<std::uint64_t>(excess)});
    }
    return std::min(low, Seq{tail().value + kEntriesPerStep});
}

Result<std::vector<Seq>> Log::Impl::survivors(Seq from, Seq to) const {
    std::vector<Seq> all;
    for (const Space space : {Space::failed, Space::parked}) {
        Result<void> scanned = store_.scan(
            seq_key(space, from), seq_key(space, to), [&](std::string_view key, std::string_view) {
                if (const auto seq = seq_of(space, key)) all.push_back(*seq);
                return true;
            });
        if (!scanned) return scanned.error();
    }
    std::sort(all.begin(), all.end());
    return all;
}

// Where the range ends after all: what is copied in one step must fit a disk that is nearly full.
Result<Seq> Log::Impl::keep_survivors(Seq from, Seq to, rocksdb::WriteBatch& batch) const {
    Result<std::vector<Seq>> all = survivors(from, to);
    if (!all) return all.error();
    // Copying most of a range gives no space back: that is for the history's age to decide.
    if (is_short_of_space() && all->size() * 2 > to.value - from.value) return from;
    for (const Seq seq : *all) {
        if (batch.GetDataSize() >= plan_.write_buffer / 4) return seq;
        Result<std::string> bytes = record(seq);
        const bool lost = !bytes && (bytes.error().code == Errc::not_found ||
                                     bytes.error().code == Errc::corrupt);
        if (!bytes && !lost) return bytes.error();
        // What cannot be read any more cannot be kept; its failure stays and says so.
        if (lost) continue;
        const rocksdb::Status put = batch.Put(seq_key(Space::kept, seq), *bytes);
        HOLDFAST_ASSERT(put.ok());  // memory only
    }
    return to;
}

// With the entries themselves.
Result<void> Log::Impl::forget_endings(Seq to, rocksdb::WriteBatch& batch) const {
    const std::string begin = seq_key(Space::ended, {});
    const std::string end = seq_key(Space::ended, to);
    const Result<std::optional<KeyValue>> any = store_.last(begin, end);
    if (!any) return any.error();
    if (!*any) return {};
    const rocksdb::Status put = batch.DeleteRange(begin, end);
    HOLDFAST_ASSERT(put.ok());  // memory only
    return {};
}

Result<void> Log::Impl::reclaim() {
    if (Result<void> expired = expire_keys(); !expired) {
        return std::move(expired).error().during("forgetting idempotency keys");
    }
    const Seq limit = reclaimable();
    if (limit <= tail()) return {};
    const Seq wanted = history_ends_at(limit);
    if (wanted <= tail()) return {};
    rocksdb::WriteBatch batch;
    const Result<Seq> kept = keep_survivors(tail(), wanted, batch);
    if (!kept) {
        options_.note("reclaiming space: " + kept.error().detail);
        return {};
    }
    const Seq to = *kept;
    if (to <= tail()) return {};
    // Nobody reads what lies before the tail, so it needs no tombstones, and goes by whole files.
    const std::string end = seq_key(Space::entry, to);
    const rocksdb::Status put = batch.Put(name_key(Space::meta, kTailName), end);
    HOLDFAST_ASSERT(put.ok());  // memory only
    if (Result<void> forgotten = forget_endings(to, batch); !forgotten) {
        options_.note("reclaiming space: " + forgotten.error().detail);
    }
    Result<void> written = store_.write(batch, true);
    if (!written && written.error().code == Errc::overloaded) return {};  // another time
    if (!written) return std::move(written).error().during("reclaiming space");
    {
        const std::scoped_lock lock(mutex_);
        // A backlog goes in steps with other writes in between. What gets old meanwhile waits for
        // company: the fewer and wider the ranges, the better.
        const bool more = to < wanted || to.value - tail().value == kEntriesPerStep;
        tail_ = to;
        reclaim_at_ =
            std::chrono::steady_clock::now() + (more ? kBetweenSteps : options_.reclaim_every);
    }
    store_.drop_files(seq_key(Space::entry, {}), end);
    return {};
}

}  // namespace holdfast::wal
