#include "wal/cursor.hpp"

#include "proto/assert.hpp"
#include "proto/bytes.hpp"

#include <algorithm>
#include <iterator>

namespace holdfast::wal {
namespace {

constexpr std::uint8_t kVersion = 2;  // 1: without what was dropped

}  // namespace

void Cursor::take(Seq seq) {
    HOLDFAST_ASSERT(seq >= position_);
    position_ = seq.next();
    outstanding_.insert(outstanding_.end(), seq);
}

void Cursor::pass(Seq seq) {
    HOLDFAST_ASSERT(seq >= position_);
    position_ = seq.next();
    resume_at_ = position_;
}

bool Cursor::settle(Seq seq) {
    if (outstanding_.erase(seq) == 0) return false;
    resume_at_ = std::max(resume_at_, seq.next());
    return true;
}

void Cursor::begin_at(Seq tail) {
    outstanding_.erase(outstanding_.begin(), outstanding_.lower_bound(tail));
    resume_at_ = std::max(resume_at_, tail);
    position_ = std::max(position_, tail);
}

Seq Cursor::low_water() const {
    return outstanding_.empty() ? position_ : std::min(*outstanding_.begin(), position_);
}

std::string Cursor::encode() const {
    std::string out;
    put_le(out, kVersion);
    put_le(out, counts.pending);
    put_le(out, counts.complete);
    put_le(out, counts.failed);
    put_le(out, counts.dropped);
    put_le(out, counted_to.value);
    put_le(out, resume_at_.value);
    const auto end = outstanding_.lower_bound(resume_at_);
    put_le(out, static_cast<std::uint64_t>(std::distance(outstanding_.begin(), end)));
    for (auto at = outstanding_.begin(); at != end; ++at) put_le(out, at->value);
    return out;
}

Result<Cursor> Cursor::decode(std::string_view bytes) {
    ByteReader reader(bytes);
    const auto version = reader.le<std::uint8_t>();
    if (version > kVersion) {
        return Error{Errc::too_new, "cursor of version " + std::to_string(version)};
    }
    Cursor cursor;
    cursor.counts.pending = reader.le<std::uint64_t>();
    cursor.counts.complete = reader.le<std::uint64_t>();
    cursor.counts.failed = reader.le<std::uint64_t>();
    if (version > 1) cursor.counts.dropped = reader.le<std::uint64_t>();
    cursor.counted_to = {reader.le<std::uint64_t>()};
    cursor.resume_at_ = {reader.le<std::uint64_t>()};
    cursor.position_ = cursor.resume_at_;
    const auto listed = reader.le<std::uint64_t>();
    Seq last;
    bool in_order = true;
    for (std::uint64_t i = 0; i < listed && reader.ok(); ++i) {
        const Seq seq{reader.le<std::uint64_t>()};
        in_order = in_order && seq > last && seq < cursor.resume_at_;
        cursor.outstanding_.insert(cursor.outstanding_.end(), seq);
        last = seq;
    }
    if (version == 0 || !reader.at_end() || !in_order || cursor.position_.value == 0) {
        return Error{Errc::corrupt, "cursor has an impossible layout"};
    }
    return cursor;
}

}  // namespace holdfast::wal
