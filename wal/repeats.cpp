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

struct Candidate {
    const IdempotencyKey& key;
    std::vector<WallTime> buckets;
};

// Which keys were looked for on the disk, and nothing has begun since.
struct Looked {
    std::optional<std::uint64_t> begun;
    std::vector<Digest> names;
    std::vector<Digest> found;

    [[nodiscard]] bool at_all(const std::vector<Candidate>& candidates, std::uint64_t now) const {
        return std::all_of(candidates.begin(), candidates.end(), [&](const Candidate& one) {
            return begun == now &&
                   std::find(names.begin(), names.end(), one.key.name) != names.end();
        });
    }
};

}  // namespace

Result<Placed> Log::append(const Event& event,
                           std::span<const IdempotencyKey> keys,
                           Ticket ticket) {
    Impl& log = *impl_;
    Looked looked;
    for (;;) {
        std::optional<KeyRecord> pending;
        std::vector<Candidate> candidates;
        {
            const std::scoped_lock lock(log.mutex_);
            if (!log.ok_) return Error{log.reason_code_, log.reason_};
            for (const IdempotencyKey& key : keys) {
                if (const KeyRecord* first = log.keys_.pending(key.name)) {
                    if (Result<Placed> is = repeat_of(*first, key, false); !is) return is;
                    if (!pending) pending = *first;
                    continue;
                }
                std::vector<WallTime> buckets = log.keys_.candidates(key.name);
                if (!buckets.empty()) candidates.push_back({key, std::move(buckets)});
            }
            if (looked.at_all(candidates, log.keys_.begun())) {
                if (!pending) return log.append_first(event, keys, ticket);
                log.name_besides(*pending, keys, looked.found);
                if (pending->seq <= log.head_) return log.repeat_of_stored(*pending);
                return log.wait_for_first(*pending, ticket);
            }
            looked = {.begun = log.keys_.begun(), .names = {}, .found = {}};
        }
        std::optional<KeyRecord> known;
        for (const Candidate& one : candidates) {
            const Result<std::optional<KeyRecord>> first =
                log.find_key(one.key.name, one.buckets, event.accepted_at);
            if (!first) return first.error();
            looked.names.push_back(one.key.name);
            if (!*first) continue;
            // One that stands for another event decides, whatever the others say.
            if (Result<Placed> is = repeat_of(**first, one.key, true); !is) return is;
            looked.found.push_back(one.key.name);
            if (!known) known = **first;
        }
        if (!known || pending) continue;
        {
            const std::scoped_lock lock(log.mutex_);
            if (looked.begun == log.keys_.begun()) log.name_besides(*known, keys, looked.found);
        }
        return log.repeat_of_stored(*known);
    }
}

Result<Placed> Log::Impl::append_first(const Event& event,
                                       std::span<const IdempotencyKey> keys,
                                       Ticket ticket) {
    const Result<Seq> seq = append(event, ticket, std::nullopt);
    if (!seq) return seq.error();
    const Placed first{*seq, event.id, event.accepted_at};
    for (const IdempotencyKey& key : keys) begin_key(key, first);
    return first;
}

void Log::Impl::begin_key(const IdempotencyKey& key, const Placed& first) {
    if (!keys_.is_on()) return;
    const KeyRecord record{first.seq, first.id, first.accepted_at, key.content};
    const rocksdb::Status put =
        open_.entries.Put(key_key(keys_.bucket_of(first.accepted_at), key.name), encode(record));
    HOLDFAST_ASSERT(put.ok());  // memory only
    keys_.begin(key.name, record);
    open_.keys.push_back(key.name);
}

// A repeat may come with a new key besides the one that is known: it stands for the same from now
// on. In no case before its first is in the log, and not waited for: what would be missed is
// another event under it, after a crash or a failed write at once. Not where there is little room;
// and half a batch is left for events, so that one that is full is reported with an event.
void Log::Impl::name_besides(const KeyRecord& first,
                             std::span<const IdempotencyKey> keys,
                             const std::vector<Digest>& found) {
    if (admission_.level() > SpaceLevel::tight ||
        open_.entries.GetDataSize() >= options_.open_batch_bytes_max / 2) {
        return;
    }
    for (const IdempotencyKey& key : keys) {
        const bool is_known = std::find(found.begin(), found.end(), key.name) != found.end();
        if (is_known || keys_.pending(key.name) != nullptr) continue;
        begin_key(key, {first.seq, first.id, first.accepted_at});
        marked();
        look_soon();
    }
}

// Soon after a buffered one nobody can say whether it is on the disk.
Placed Log::Impl::repeat_of_stored(const KeyRecord& first) const {
    return {first.seq, first.id, first.accepted_at, true, true, options_.durability};
}

// The first one is in the open batch or in the one that is being written.
Placed Log::Impl::wait_for_first(const KeyRecord& first, Ticket ticket) {
    const bool is_being_written =
        !writing_.appended.empty() && first.seq <= writing_.appended.back().stored.seq;
    (is_being_written ? writing_ : open_).repeats.push_back({ticket, first.seq});
    return {first.seq, first.id, first.accepted_at, true, false};
}

Result<std::optional<KeyRecord>> Log::Impl::find_key(const Digest& name,
                                                     const std::vector<WallTime>& buckets,
                                                     WallTime now) const {
    for (const WallTime bucket : buckets) {
        const Result<std::optional<std::string>> value = store_.get(key_key(bucket, name));
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
