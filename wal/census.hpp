// What a log that was rebuilt holds of those that wait and of the dead letters, against what its
// cursors had counted. What is kept aside leaves no gap in the seqs when it goes: only the numbers
// tell.
//
// Pure.
#pragma once

#include "wal/cursor.hpp"
#include "wal/lost.hpp"
#include "wal/seq_bitmap.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::wal {

class Census {
public:
    void add_cursor(std::string_view destination, Cursor cursor);
    void add_parked(std::string_view destination, Seq seq);

    void add_dead(Seq seq) { dead_.add(seq); }

    // An entry in its place; after all that is parked and dead.
    void add_entry(std::string_view destination, Seq seq);

    [[nodiscard]] bool is_aside(Seq seq) const {
        return parked_.contains(seq) || dead_.contains(seq);
    }

    [[nodiscard]] const SeqBitmap& dead() const { return dead_; }

    [[nodiscard]] const std::map<std::string, Cursor, std::less<>>& cursors() const {
        return cursors_;
    }

    [[nodiscard]] std::uint64_t parked_of(const std::string& destination) const;

    // Of the entries that were added.
    [[nodiscard]] const std::set<std::string, std::less<>>& destinations() const {
        return destinations_;
    }

    // How many that were counted are neither here nor among those that are known to be lost.
    [[nodiscard]] std::uint64_t missing(const std::vector<SeqRange>& lost) const;

    // How many before `tail` waited for any destination and are not kept aside.
    [[nodiscard]] std::uint64_t waiting_before(Seq tail) const;

    // Every destination that has entries has a cursor, so that missing() is all.
    [[nodiscard]] bool is_complete() const;

private:
    std::map<std::string, Cursor, std::less<>> cursors_;
    SeqBitmap parked_;
    SeqBitmap dead_;
    std::map<std::string, std::uint64_t, std::less<>> parked_of_;
    std::set<std::string, std::less<>> destinations_;
    std::uint64_t waiting_in_place_ = 0;  // and neither parked nor dead
};

}  // namespace holdfast::wal
