#include "wal/known_keys.hpp"

#include "proto/bytes.hpp"
#include "wal/keys.hpp"

#include <algorithm>

namespace holdfast::wal {
namespace {

constexpr std::uint8_t kVersion = 1;

// A window is about so many buckets: all are looked through, and one more lives than is needed.
constexpr int kBucketsPerWindow = 8;

constexpr std::size_t kFirstLayerKeys = 4096;
constexpr std::size_t kBitsPerKey = 16;
constexpr std::size_t kBitsPerWord = 64;
constexpr unsigned kProbes = 7;

// The two halves of the digest are hashes already.
std::size_t bit_of(const Digest& name, unsigned probe, std::size_t words) {
    return (name.low + probe * (name.high | 1U)) & (words * kBitsPerWord - 1);
}

}  // namespace

std::string encode(const KeyRecord& record) {
    std::string out;
    put_le(out, kVersion);
    put_le(out, record.seq.value);
    out.append(reinterpret_cast<const char*>(record.id.bytes.data()), record.id.bytes.size());
    put_le(out, static_cast<std::uint64_t>(unix_ms(record.accepted_at)));
    put_le(out, record.content.high);
    put_le(out, record.content.low);
    return out;
}

Result<KeyRecord> decode_key_record(std::string_view bytes) {
    ByteReader reader(bytes);
    const auto version = reader.le<std::uint8_t>();
    if (version > kVersion) return Error{Errc::too_new, "idempotency key of a newer version"};
    KeyRecord record;
    record.seq = Seq{reader.le<std::uint64_t>()};
    const std::string_view id = reader.take(record.id.bytes.size());
    std::copy(id.begin(), id.end(), record.id.bytes.begin());
    record.accepted_at = wall_from_ms(static_cast<std::int64_t>(reader.le<std::uint64_t>()));
    record.content.high = reader.le<std::uint64_t>();
    record.content.low = reader.le<std::uint64_t>();
    if (version == 0 || !reader.at_end()) {
        return Error{Errc::corrupt, "idempotency key has an impossible layout"};
    }
    return record;
}

std::string bucket_key(WallTime bucket) {
    return seq_key(Space::key, Seq{static_cast<std::uint64_t>(unix_ms(bucket))});
}

std::string key_key(WallTime bucket, const Digest& name) {
    std::string key = bucket_key(bucket);
    put_be64(key, name.high);
    put_be64(key, name.low);
    return key;
}

std::optional<KeyOfName> parse_key_key(std::string_view key) {
    constexpr std::size_t kBucketBytes = 9;
    if (key.size() != kBucketBytes + 16) return std::nullopt;
    const std::optional<Seq> bucket = seq_of(Space::key, key.substr(0, kBucketBytes));
    if (!bucket) return std::nullopt;
    ByteReader reader(key.substr(kBucketBytes));
    KeyOfName parsed{wall_from_ms(static_cast<std::int64_t>(bucket->value)), {}};
    parsed.name.high = reader.be64();
    parsed.name.low = reader.be64();
    return parsed;
}

void KeyFilter::add(const Digest& name, bool may_grow) {
    if (layers_.empty() || (layers_.back().room == 0 && may_grow)) {
        const std::size_t keys = kFirstLayerKeys << 2 * layers_.size();
        layers_.push_back({std::vector<std::uint64_t>(keys * kBitsPerKey / kBitsPerWord), keys});
    }
    Layer& layer = layers_.back();
    if (layer.room > 0) --layer.room;
    for (unsigned probe = 0; probe < kProbes; ++probe) {
        const std::size_t bit = bit_of(name, probe, layer.words.size());
        layer.words[bit / kBitsPerWord] |= std::uint64_t{1} << bit % kBitsPerWord;
    }
}

bool KeyFilter::may_have(const Digest& name) const {
    return std::any_of(layers_.begin(), layers_.end(), [&](const Layer& layer) {
        for (unsigned probe = 0; probe < kProbes; ++probe) {
            const std::size_t bit = bit_of(name, probe, layer.words.size());
            if ((layer.words[bit / kBitsPerWord] >> bit % kBitsPerWord & 1U) == 0) return false;
        }
        return true;
    });
}

std::size_t KeyFilter::next_bytes() const {
    return (kFirstLayerKeys << 2 * layers_.size()) * kBitsPerKey / 8;
}

std::size_t KeyFilter::bytes() const {
    std::size_t words = 0;
    for (const Layer& layer : layers_) words += layer.words.size();
    return words * sizeof(std::uint64_t);
}

KnownKeys::KnownKeys(Duration window)
    : window_(window),
      width_(std::max(
          std::chrono::duration_cast<std::chrono::milliseconds>(window) / kBucketsPerWindow,
          std::chrono::milliseconds(1000))) {}

WallTime KnownKeys::bucket_of(WallTime accepted_at) const {
    const std::int64_t width = width_.count();
    return wall_from_ms((std::max<std::int64_t>(unix_ms(accepted_at), 0) / width + 1) * width);
}

bool KnownKeys::has_expired(WallTime accepted_at, WallTime now) const {
    return now - accepted_at >= window_;
}

std::vector<WallTime> KnownKeys::candidates(const Digest& name) const {
    std::vector<WallTime> maybe;
    for (const auto& [end, bucket] : buckets_) {
        if (bucket.is_unread || bucket.filter.may_have(name)) maybe.push_back(end);
    }
    return maybe;
}

void KnownKeys::add(Bucket& bucket, const Digest& name) {
    const std::size_t before = bucket.filter.bytes();
    bucket.filter.add(name, filter_bytes_ + bucket.filter.next_bytes() <= kFilterBytesMax);
    filter_bytes_ += bucket.filter.bytes() - before;
}

void KnownKeys::found(WallTime bucket, const Digest& name) {
    add(buckets_[bucket], name);
}

void KnownKeys::found_unread(WallTime bucket) {
    buckets_[bucket].is_unread = true;
}

void KnownKeys::begin(const Digest& name, const KeyRecord& record) {
    ++begun_;
    pending_.insert_or_assign(name, record);
    add(buckets_[bucket_of(record.accepted_at)], name);
}

const KeyRecord* KnownKeys::pending(const Digest& name) const {
    const auto found = pending_.find(name);
    return found == pending_.end() ? nullptr : &found->second;
}

std::optional<WallTime> KnownKeys::expire(WallTime now) {
    std::optional<WallTime> last;
    while (!buckets_.empty() && has_expired(std::prev(buckets_.end())->first, now)) {
        const auto oldest = std::prev(buckets_.end());
        last = oldest->first;
        filter_bytes_ -= oldest->second.filter.bytes();
        buckets_.erase(oldest);
    }
    return last;
}

}  // namespace holdfast::wal
