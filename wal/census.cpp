#include "wal/census.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::wal {
namespace {

bool waits(const Cursor& cursor, Seq seq) {
    return seq >= cursor.position() || cursor.is_outstanding(seq);
}

}  // namespace

void Census::add_cursor(std::string_view destination, Cursor cursor) {
    cursors_.emplace(destination, std::move(cursor));
}

void Census::add_parked(std::string_view destination, Seq seq) {
    parked_.add(seq);
    ++parked_of_[std::string(destination)];
}

void Census::add_entry(std::string_view destination, Seq seq) {
    destinations_.emplace(destination);
    const auto cursor = cursors_.find(destination);
    if (cursor == cursors_.end() || seq > cursor->second.counted_to) return;
    waiting_in_place_ += waits(cursor->second, seq) && !is_aside(seq);
}

std::uint64_t Census::parked_of(const std::string& destination) const {
    const auto found = parked_of_.find(destination);
    return found == parked_of_.end() ? 0 : found->second;
}

std::uint64_t Census::missing(const std::vector<SeqRange>& lost) const {
    std::uint64_t counted = 0;
    Seq counted_to;
    for (const auto& [name, cursor] : cursors_) {
        counted += cursor.counts.pending + cursor.counts.failed;
        counted_to = std::max(counted_to, cursor.counted_to);
    }
    std::uint64_t found = waiting_in_place_;
    for (const SeqBitmap* const aside : {&parked_, &dead_}) {
        aside->visit([&](Seq seq) { found += seq <= counted_to; });
    }
    // Of a gap nobody can say whose it was: it counts if it waited for all.
    for (const SeqRange& gap : lost) {
        for (Seq seq = gap.first; seq <= gap.last && seq <= counted_to; seq = seq.next()) {
            found += std::all_of(cursors_.begin(), cursors_.end(), [&](const auto& one) {
                return waits(one.second, seq);
            });
        }
    }
    return counted - std::min(counted, found);
}

std::uint64_t Census::waiting_before(Seq tail) const {
    Seq from = tail;
    for (const auto& [name, cursor] : cursors_) from = std::min(from, cursor.low_water());
    std::uint64_t waiting = 0;
    for (Seq seq = from; seq < tail; seq = seq.next()) {
        waiting +=
            !is_aside(seq) && std::any_of(cursors_.begin(), cursors_.end(), [&](const auto& one) {
                return waits(one.second, seq);
            });
    }
    return waiting;
}

bool Census::is_complete() const {
    return !cursors_.empty() &&
           std::all_of(destinations_.begin(), destinations_.end(), [&](const std::string& name) {
               return cursors_.count(name) > 0;
           });
}

}  // namespace holdfast::wal
