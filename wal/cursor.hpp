// How far one destination is: what is still to be read, what was read and is not settled, and the
// counts that go with it. The happy path writes nothing per entry: a cursor is saved now and then,
// and what its last few milliseconds held is delivered again after a crash.
//
// Pure. Owned by the Log, under its lock.
#pragma once

#include "proto/result.hpp"
#include "proto/seq.hpp"

#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace holdfast::wal {

struct Counts {
    std::uint64_t pending = 0;   // everything that is neither complete nor failed
    std::uint64_t complete = 0;  // ever
    std::uint64_t failed = 0;    // now among the dead letters
    std::uint64_t dropped = 0;   // ever

    bool operator==(const Counts&) const = default;
};

class Cursor {
public:
    Cursor() = default;

    explicit Cursor(Seq start) : position_(start), resume_at_(start) {}

    Counts counts;

    // Entries up to here are in the counts; those after it are counted when the log is opened.
    Seq counted_to{};

    // The next entry to look at.
    [[nodiscard]] Seq position() const { return position_; }

    // The entry at position() is this destination's, and is handed out.
    void take(Seq seq);

    // The entry at position() is not this destination's.
    void pass(Seq seq);

    // An entry that was taken is done with, in whichever way. True if it was outstanding.
    bool settle(Seq seq);

    // Whatever is before `tail` is done with: reading goes on there at the earliest.
    void begin_at(Seq tail);

    [[nodiscard]] bool is_outstanding(Seq seq) const { return outstanding_.contains(seq); }

    [[nodiscard]] const std::set<Seq>& outstanding() const { return outstanding_; }

    // Everything before it is settled or not ours.
    [[nodiscard]] Seq low_water() const;

    // Saves what a restart needs: reading goes on after the highest settled entry, and the
    // unsettled ones below it are listed.
    [[nodiscard]] std::string encode() const;
    [[nodiscard]] static Result<Cursor> decode(std::string_view bytes);  // corrupt, too_new

private:
    Seq position_{1};
    Seq resume_at_{1};  // one past the highest entry that was settled or passed
    std::set<Seq> outstanding_;
};

}  // namespace holdfast::wal
