// Idempotency keys: an event with a key that is known is not stored again, but answered like the
// first one. Its keys are written with the entry.
#include "proto/assert.hpp"
#include "wal/log_impl.hpp"

#include <algorithm>
#include <utility>
#include <vector>

namespace holdfast::wal {
namespace {

// Read into the filters at opening: a fraction of a second. Keys of buckets beyond cost a read.
constexpr std::size_t kKeysReadAtOpening = 500'000;

Result<Placed> repeat_of(const KeyRecord& first, const IdempotencyKey& key, bool is_stored) {
    if (first.content != key.content) {
        return Error{Errc::key_reused,
                     "the idempotency key stands for another event: entry " +
                         std::to_string(first.seq.value)};
    }
    return Placed{first.seq, first.id, first.accepted_at, true, is_stored};
}

}  // namespace

Result<Placed> Log::append(const Event& event,
                           std::span<const IdempotencyKey> keys,
                           Ticket ticket) {
    struct Candidate {
        const IdempotencyKey& key;
        std::vector<WallTime> buckets;
    };

    std::optional<std::uint64_t> looked_at;
    for (;;) {
        std::vector<Candidate> candidates;
        {
            const std::scoped_lock lock(impl_->mutex_);
            if (!impl_->ok_) return Error{impl_->reason_code_, impl_->reason_};
            for (const IdempotencyKey& key : keys) {
                if (const KeyRecord* first = impl_->keys_.pending(key.name)) {
                    return impl_->wait_for_first(*first, key, ticket);
                }
                std::vector<WallTime> buckets = impl_->keys_.candidates(key.name);
                if (!buckets.empty()) candidates.push_back({key, std::move(buckets)});
            }
            // Looked for in vain, and none has begun since.
            if (candidates.empty() || looked_at == impl_->keys_.begun()) {
                return impl_->append_first(event, keys, ticket);
            }
            looked_at = impl_->keys_.begun();
        }
        std::optional<KeyRecord> known;
        std::vector<Digest> found;
        for (const Candidate& one : candidates) {
            const Result<std::optional<KeyRecord>> first =
                impl_->find_key(one.key.name, one.buckets, event.accepted_at);
            if (!first) return first.error();
            if (!*first) continue;
            // One that stands for another event decides, whatever the others say.
            if (Result<Placed> is = repeat_of(**first, one.key, true); !is) return is;
            if (!known) known = **first;
            found.push_back(one.key.name);
        }
        if (!known) continue;
        impl_->remember(*known, keys, found);
        // Soon after a buffered one nobody can say whether it is on the disk.
        return Placed{
            known->seq, known->id, known->accepted_at, true, true, impl_->options_.durability};
    }
}

// A repeat may come with a new key besides the one that is known: it stands for the same from now
// on. Not waited for: only another event under it, just before a crash, would be missed.
void Log::Impl::remember(const KeyRecord& first,
                         std::span<const IdempotencyKey> keys,
                         const std::vector<Digest>& found) {
    const std::scoped_lock lock(mutex_);
    for (const IdempotencyKey& key : keys) {
        const bool is_known = std::find(found.begin(), found.end(), key.name) != found.end();
        if (is_known || keys_.pending(key.name) != nullptr) continue;
        const WallTime bucket = keys_.bucket_of(first.accepted_at);
        const KeyRecord record{first.seq, first.id, first.accepted_at, key.content};
        mark(key_key(bucket, key.name), encode(record));
        keys_.found(bucket, key.name);
    }
}

Result<Placed> Log::Impl::append_first(const Event& event,
                                       std::span<const IdempotencyKey> keys,
                                       Ticket ticket) {
    const Result<Seq> seq = append(event, ticket, std::nullopt);
    if (!seq) return seq.error();
    for (const IdempotencyKey& key : keys) {
        if (!keys_.is_on()) break;
        const KeyRecord record{*seq, event.id, event.accepted_at, key.content};
        const rocksdb::Status put = open_.entries.Put(
            key_key(keys_.bucket_of(event.accepted_at), key.name), encode(record));
        HOLDFAST_ASSERT(put.ok());  // memory only
        keys_.begin(key.name, record);
        open_.keys.push_back(key.name);
    }
    return Placed{*seq, event.id, event.accepted_at};
}

// The first one is in the open batch or in the one that is being written.
Result<Placed> Log::Impl::wait_for_first(const KeyRecord& first,
                                         const IdempotencyKey& key,
                                         Ticket ticket) {
    Result<Placed> repeat = repeat_of(first, key, false);
    if (!repeat) return repeat;
    const bool is_being_written =
        !writing_.appended.empty() && first.seq <= writing_.appended.back().stored.seq;
    (is_being_written ? writing_ : open_).repeats.push_back({ticket, first.seq});
    return repeat;
}

Result<std::optional<KeyRecord>> Log::Impl::find_key(const Digest& name,
                                                     const std::vector<WallTime>& buckets,
                                                     WallTime now) const {
    for (const WallTime bucket : buckets) {
        const Result<std::optional<std::string>> value = state_of(key_key(bucket, name));
        if (!value && value.error().code != Errc::corrupt) return value.error();
        if (value && !*value) continue;
        const Result<KeyRecord> record =
            value ? decode_key_record(**value) : Result<KeyRecord>(value.error());
        if (!record) {
            // Better a repeat that the far side may notice than an app that never gets through.
            options_.note("an idempotency key is damaged: " + record.error().detail);
            continue;
        }
        if (lost_at(record->seq)) continue;  // it was stored, and is gone: it may come again
        if (!keys_.has_expired(record->accepted_at, now)) return std::optional(*record);
    }
    return std::optional<KeyRecord>();
}

// A bucket at a time, the newest first.
Result<void> Log::Impl::load_keys() {
    keys_ = KnownKeys(options_.idempotency_window);
    if (!keys_.is_on()) return forget_all_keys();
    std::size_t read = 0;
    std::string end = end_of(Space::key);
    for (;;) {
        const Result<std::optional<KeyValue>> last = store_.last(bucket_key(WallTime()), end);
        if (!last) return last.error();
        const auto key = *last ? parse_key_key((*last)->key) : std::nullopt;
        if (!key) return {};
        const std::string begin = bucket_key(key->bucket);
        Result<void> scanned = store_.scan(begin, end, [&](std::string_view one, std::string_view) {
            const auto parsed = parse_key_key(one);
            if (parsed) keys_.found(parsed->bucket, parsed->name);
            return ++read < kKeysReadAtOpening;
        });
        if (!scanned) return scanned;
        if (read >= kKeysReadAtOpening) keys_.found_unread(key->bucket);
        end = begin;
    }
}

// Those of a time when they meant something.
Result<void> Log::Impl::forget_all_keys() {
    const std::string begin = bucket_key(WallTime());
    const std::string end = end_of(Space::key);
    const Result<std::optional<KeyValue>> any = store_.last(begin, end);
    if (!any) return any.error();
    if (!*any) return {};
    rocksdb::WriteBatch batch;
    const rocksdb::Status put = batch.DeleteRange(begin, end);
    HOLDFAST_ASSERT(put.ok());  // memory only
    Result<void> written = store_.write(batch, true);
    if (written) store_.drop_files(begin, end);
    return written;
}

Result<void> Log::Impl::expire_keys() {
    std::optional<WallTime> last;
    {
        const std::scoped_lock lock(mutex_);
        last = keys_.expire(options_.wall_now());
    }
    if (!last) return {};
    const std::string begin = bucket_key(WallTime());
    const std::string end = bucket_key(*last + std::chrono::milliseconds(1));
    rocksdb::WriteBatch batch;
    const rocksdb::Status put = batch.DeleteRange(begin, end);
    HOLDFAST_ASSERT(put.ok());  // memory only
    Result<void> written = store_.write(batch, false);
    if (!written && written.error().code != Errc::overloaded) return written;
    if (written) store_.drop_files(begin, end);
    return {};
}

}  // namespace holdfast::wal
