// The acknowledged entries that the disk did not give back: which, and whether an operator knows.
// Kept in the log, so that it outlives restarts; their seqs are never given again, and reading
// passes over them.
//
// Pure. Owned by the Log, under its lock.
#pragma once

#include "proto/result.hpp"
#include "proto/seq.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::wal {

struct SeqRange {
    Seq first;
    Seq last;  // belongs to it

    [[nodiscard]] std::uint64_t count() const { return last.value - first.value + 1; }

    bool operator==(const SeqRange&) const = default;
};

// "7, 901-1000"; of many ranges the first few and how many more.
[[nodiscard]] std::string text_of(const std::vector<SeqRange>& ranges);
[[nodiscard]] std::uint64_t count_of(const std::vector<SeqRange>& ranges);

// What is to be said of Lost::unnamed(), without a full stop; empty when it is 0.
[[nodiscard]] std::string text_of_unnamed(std::optional<std::uint64_t> count);

class Lost {
public:
    // What was in it before stays as it was.
    void add(SeqRange range);

    // Others may be gone, at most so many; nothing says which. nullopt: nor how many, if any.
    void add_unnamed(std::optional<std::uint64_t> count);

    // The operator has seen all that is in it.
    void seen();

    // Forgets those before `tail` that were seen, and returns them.
    [[nodiscard]] std::vector<SeqRange> forget_before(Seq tail);

    [[nodiscard]] std::optional<SeqRange> find(Seq seq) const;  // the range that holds it
    [[nodiscard]] std::vector<SeqRange> unseen() const;

    [[nodiscard]] std::optional<std::uint64_t> unnamed() const { return unnamed_; }  // unseen ones

    [[nodiscard]] bool is_all_seen() const { return unnamed_ == 0 && unseen().empty(); }

    [[nodiscard]] std::vector<SeqRange> all() const;
    [[nodiscard]] Seq last() const;  // 0: nothing is lost

    [[nodiscard]] std::string encode() const;
    [[nodiscard]] static Result<Lost> decode(std::string_view bytes);  // corrupt, too_new

private:
    struct Tail {
        Seq last;
        bool seen;
    };

    std::map<Seq, Tail> ranges_;  // by their first; they do not overlap
    std::optional<std::uint64_t> unnamed_ = 0;
};

// Of a rebuilding that found no marks.
inline constexpr std::string_view kBeginsAgain =
    "marks are gone that say what was delivered: all that is still there is delivered again";

}  // namespace holdfast::wal
