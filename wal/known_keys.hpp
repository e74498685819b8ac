// Which idempotency keys were seen within the window, so that an event with a new key is told apart
// without reading the disk. The records themselves are in the log; here are filters over them.
//
// Keys lie in buckets by the time of their event. A bucket is named by its end, so that it says by
// itself when all of it has expired, and goes in one range.
//
// Pure. Owned by the Log, under its lock. Limits: the filters take kFilterBytesMax together (16
// million keys); beyond that more and more new keys cost a read.
#pragma once

#include "proto/idempotency.hpp"
#include "proto/result.hpp"
#include "proto/seq.hpp"
#include "proto/time.hpp"
#include "proto/ulid.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace holdfast::wal {

// The value of a key in the log: what the first event with it was answered.
struct KeyRecord {
    Seq seq;
    Ulid id;
    WallTime accepted_at;
    Digest content;

    bool operator==(const KeyRecord&) const = default;
};

[[nodiscard]] std::string encode(const KeyRecord& record);
[[nodiscard]] Result<KeyRecord> decode_key_record(std::string_view bytes);  // corrupt, too_new

// k|end of the bucket in unix ms|name. Big-endian.
[[nodiscard]] std::string key_key(WallTime bucket, const Digest& name);
[[nodiscard]] std::string bucket_key(WallTime bucket);  // its first key; that of end + 1 ms is next

struct KeyOfName {
    WallTime bucket;
    Digest name;
};

[[nodiscard]] std::optional<KeyOfName> parse_key_key(std::string_view key);

// Says "no" for sure and "maybe" with one error in a thousand: Bloom filters, each four times as
// large as the one before.
class KeyFilter {
public:
    // `may_grow`: else what is full is filled on, with more errors.
    void add(const Digest& name, bool may_grow);
    [[nodiscard]] bool may_have(const Digest& name) const;
    [[nodiscard]] std::size_t bytes() const;
    [[nodiscard]] std::size_t next_bytes() const;  // that growing takes

private:
    struct Layer {
        std::vector<std::uint64_t> words;  // a power of two of them
        std::size_t room;                  // keys it is made for and has not got
    };

    std::vector<Layer> layers_;
};

inline constexpr std::size_t kFilterBytesMax = std::size_t{32} << 20U;

class KnownKeys {
public:
    // A `window` of 0: keys mean nothing.
    explicit KnownKeys(Duration window);

    [[nodiscard]] bool is_on() const { return window_ > Duration::zero(); }

    // Where the key of an event that is accepted now belongs.
    [[nodiscard]] WallTime bucket_of(WallTime accepted_at) const;

    [[nodiscard]] bool has_expired(WallTime accepted_at, WallTime now) const;

    // The buckets in which it may be, newest first.
    [[nodiscard]] std::vector<WallTime> candidates(const Digest& name) const;

    // Found in the log at opening. A bucket that is not read has every key, maybe.
    void found(WallTime bucket, const Digest& name);
    void found_unread(WallTime bucket);

    // On its way to the disk, until it is written, or given up. A copy of it waits for the
    // same write, unless its first is stored.
    void begin(const Digest& name, const KeyRecord& record);

    void end(const Digest& name) { pending_.erase(name); }

    [[nodiscard]] const KeyRecord* pending(const Digest& name) const;

    // Grows with every begin().
    [[nodiscard]] std::uint64_t begun() const { return begun_; }

    // Forgets the buckets whose last key has expired, and returns the last of them.
    [[nodiscard]] std::optional<WallTime> expire(WallTime now);

private:
    struct Bucket {
        KeyFilter filter;
        bool is_unread = false;
    };

    void add(Bucket& bucket, const Digest& name);

    Duration window_;
    std::chrono::milliseconds width_;
    std::map<WallTime, Bucket, std::greater<>> buckets_;
    std::unordered_map<Digest, KeyRecord> pending_;
    std::uint64_t begun_ = 0;
    std::size_t filter_bytes_ = 0;
};

}  // namespace holdfast::wal
