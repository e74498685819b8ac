// Many seqs in little memory: as ranges. Pure.
#pragma once

#include "wal/lost.hpp"

#include <map>
#include <optional>
#include <vector>

namespace holdfast::wal {

class SeqSet {
public:
    void add(SeqRange range);

    void add(Seq seq) { add({seq, seq}); }

    [[nodiscard]] bool empty() const { return ranges_.empty(); }

    [[nodiscard]] Seq last() const;  // 0: there is none

    [[nodiscard]] std::optional<SeqRange> find(Seq seq) const;  // the range that holds it
    [[nodiscard]] std::vector<SeqRange> ranges() const;         // neighbours are joined

    // What of [first, last] is not in it.
    [[nodiscard]] std::vector<SeqRange> gaps(Seq first, Seq last) const;

private:
    std::map<Seq, Seq> ranges_;  // first to last; apart from each other
};

}  // namespace holdfast::wal
