#include "wal/seq_set.hpp"

#include <algorithm>
#include <iterator>

namespace holdfast::wal {

void SeqSet::add(SeqRange range) {
    auto after = ranges_.upper_bound(range.first);
    if (after != ranges_.begin()) {
        const auto before = std::prev(after);
        if (before->second.next() >= range.first) {
            range.first = before->first;
            range.last = std::max(range.last, before->second);
            after = ranges_.erase(before);
        }
    }
    while (after != ranges_.end() && after->first <= range.last.next()) {
        range.last = std::max(range.last, after->second);
        after = ranges_.erase(after);
    }
    ranges_.emplace_hint(after, range.first, range.last);
}

Seq SeqSet::last() const {
    return ranges_.empty() ? Seq{} : ranges_.rbegin()->second;
}

std::optional<SeqRange> SeqSet::find(Seq seq) const {
    const auto after = ranges_.upper_bound(seq);
    if (after == ranges_.begin()) return std::nullopt;
    const auto at = std::prev(after);
    if (at->second < seq) return std::nullopt;
    return SeqRange{at->first, at->second};
}

std::vector<SeqRange> SeqSet::ranges() const {
    std::vector<SeqRange> all;
    for (const auto& [first, last] : ranges_) all.push_back({first, last});
    return all;
}

std::vector<SeqRange> SeqSet::gaps(Seq first, Seq last) const {
    std::vector<SeqRange> found;
    Seq expected = first;
    for (const auto& [begin, end] : ranges_) {
        if (end < expected) continue;
        if (begin > last) break;
        if (begin > expected) found.push_back({expected, begin.previous()});
        expected = end.next();
    }
    if (expected <= last) found.push_back({expected, last});
    return found;
}

}  // namespace holdfast::wal
