// Many single seqs in little memory: two bytes each, or less where they stand close together.
//
// Pure. Of the log under its lock.
#pragma once

#include "proto/seq.hpp"

#include <roaring/roaring64map.hh>

#include <cstdint>
#include <functional>
#include <optional>

namespace holdfast::wal {

class SeqBitmap {
public:
    void add(Seq seq) { bits_.add(seq.value); }

    // True: it was there.
    bool remove(Seq seq) { return bits_.removeChecked(seq.value); }

    [[nodiscard]] bool contains(Seq seq) const { return bits_.contains(seq.value); }

    [[nodiscard]] std::uint64_t size() const { return bits_.cardinality(); }

    [[nodiscard]] std::optional<Seq> first() const {
        if (bits_.isEmpty()) return std::nullopt;
        return Seq{bits_.minimum()};
    }

    // In order.
    void visit(std::function<void(Seq)> visit) const {
        bits_.iterate(
            [](std::uint64_t seq, void* to) {
                (*static_cast<std::function<void(Seq)>*>(to))(Seq{seq});
                return true;
            },
            &visit);
    }

private:
    Roaring64Map bits_;
};

}  // namespace holdfast::wal
