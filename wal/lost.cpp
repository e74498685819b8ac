#include "wal/lost.hpp"

#include "proto/bytes.hpp"

#include <algorithm>
#include <iterator>
#include <limits>

namespace holdfast::wal {
namespace {

constexpr std::uint8_t kVersion = 2;  // 1: without what has no name
constexpr auto kUnknown = std::numeric_limits<std::uint64_t>::max();
constexpr std::size_t kRangesShown = 20;

}  // namespace

std::string text_of(const std::vector<SeqRange>& ranges) {
    std::string text;
    for (std::size_t i = 0; i < std::min(ranges.size(), kRangesShown); ++i) {
        if (i > 0) text += ", ";
        text += std::to_string(ranges[i].first.value);
        if (ranges[i].last != ranges[i].first) text += "-" + std::to_string(ranges[i].last.value);
    }
    if (ranges.size() > kRangesShown) {
        text += " and " + std::to_string(ranges.size() - kRangesShown) + " more ranges";
    }
    return text;
}

std::uint64_t count_of(const std::vector<SeqRange>& ranges) {
    std::uint64_t count = 0;
    for (const SeqRange& range : ranges) count += range.count();
    return count;
}

std::string text_of_unnamed(std::optional<std::uint64_t> count) {
    if (!count) {
        return "entries that waited for another attempt, and dead letters, may be gone: nothing "
               "tells which they were";
    }
    if (*count == 0) return "";
    return "up to " + std::to_string(*count) + (*count == 1 ? " entry" : " entries") +
           " that waited for another attempt, or were dead letters, are gone; which they were "
           "cannot be told";
}

void Lost::add(SeqRange range) {
    for (Seq at = range.first; at <= range.last;) {
        if (const auto known = find(at)) {
            at = known->last.next();
            continue;
        }
        const auto after = ranges_.upper_bound(at);
        const Seq last =
            after == ranges_.end() ? range.last : std::min(range.last, after->first.previous());
        ranges_.emplace(at, Tail{last, false});
        at = last.next();
    }
}

void Lost::add_unnamed(std::optional<std::uint64_t> count) {
    unnamed_ = unnamed_ && count ? std::optional(*unnamed_ + *count) : std::nullopt;
}

void Lost::seen() {
    for (auto& [first, range] : ranges_) range.seen = true;
    unnamed_ = 0;
}

std::vector<SeqRange> Lost::forget_before(Seq tail) {
    std::vector<SeqRange> forgotten;
    std::erase_if(ranges_, [&](const auto& one) {
        const bool is_over = one.second.seen && one.second.last < tail;
        if (is_over) forgotten.push_back({one.first, one.second.last});
        return is_over;
    });
    return forgotten;
}

std::optional<SeqRange> Lost::find(Seq seq) const {
    const auto after = ranges_.upper_bound(seq);
    if (after == ranges_.begin()) return std::nullopt;
    const auto at = std::prev(after);
    if (at->second.last < seq) return std::nullopt;
    return SeqRange{at->first, at->second.last};
}

std::vector<SeqRange> Lost::unseen() const {
    std::vector<SeqRange> ranges;
    for (const auto& [first, range] : ranges_) {
        if (!range.seen) ranges.push_back({first, range.last});
    }
    return ranges;
}

std::vector<SeqRange> Lost::all() const {
    std::vector<SeqRange> ranges;
    for (const auto& [first, range] : ranges_) ranges.push_back({first, range.last});
    return ranges;
}

Seq Lost::last() const {
    return ranges_.empty() ? Seq{} : ranges_.rbegin()->second.last;
}

std::string Lost::encode() const {
    std::string out;
    put_le(out, kVersion);
    put_le(out, static_cast<std::uint64_t>(ranges_.size()));
    for (const auto& [first, range] : ranges_) {
        put_le(out, first.value);
        put_le(out, range.last.value);
        put_le(out, static_cast<std::uint8_t>(range.seen));
    }
    put_le(out, unnamed_.value_or(kUnknown));
    return out;
}

Result<Lost> Lost::decode(std::string_view bytes) {
    ByteReader reader(bytes);
    const auto version = reader.le<std::uint8_t>();
    if (version > kVersion) {
        return Error{Errc::too_new, "list of lost entries of version " + std::to_string(version)};
    }
    Lost lost;
    const auto count = reader.le<std::uint64_t>();
    bool in_order = true;
    Seq last;
    for (std::uint64_t i = 0; i < count && reader.ok(); ++i) {
        const Seq first{reader.le<std::uint64_t>()};
        const Tail range{{reader.le<std::uint64_t>()}, reader.le<std::uint8_t>() != 0};
        in_order = in_order && first > last && first <= range.last;
        last = range.last;
        lost.ranges_.emplace_hint(lost.ranges_.end(), first, range);
    }
    if (version > 1) {
        const auto unnamed = reader.le<std::uint64_t>();
        lost.unnamed_ = unnamed == kUnknown ? std::nullopt : std::optional(unnamed);
    }
    if (version == 0 || !reader.at_end() || !in_order) {
        return Error{Errc::corrupt, "list of lost entries has an impossible layout"};
    }
    return lost;
}

}  // namespace holdfast::wal
