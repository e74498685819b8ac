// Room for large requests. All of a request is in memory until it is complete, so only some bytes
// of them are taken in at once; the others wait unread, and so do their apps. No process has more
// than half of the room, and those that wait take turns: one that sends slowly, or stops, on
// however many connections, does not hold up another.
//
// One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>

namespace holdfast::agent {

class Turns {
public:
    using Process = std::uint32_t;  // its id, or whatever tells it from others

    // For so many bytes in all.
    explicit Turns(std::size_t bytes) : free_(bytes), share_max_(bytes / 2) {}

    // True: it may go on, with so many bytes, at most half of all. False: later, in its turn, and
    // `granted` says whether that is still wanted.
    [[nodiscard]] bool take(Process who, std::size_t bytes, std::function<bool()> granted);

    // Those that wait go on, as far as there is room.
    void give_back(Process who, std::size_t bytes);

    // Somebody waits for what this one has.
    [[nodiscard]] bool is_waited_for(Process who) const;

    [[nodiscard]] std::size_t waiting() const;

private:
    struct Waiting {
        std::size_t bytes;
        std::function<bool()> granted;
    };

    struct Share {
        std::size_t taken = 0;
        std::deque<Waiting> waiting;
    };

    [[nodiscard]] bool has_its_share(const Share& share, std::size_t bytes) const {
        return bytes > share_max_ - share.taken;
    }

    [[nodiscard]] bool is_any_in_line() const;
    [[nodiscard]] bool grant_one();
    void put_back(Process who, std::size_t bytes);

    std::size_t free_;
    const std::size_t share_max_;
    std::map<Process, Share> shares_;
    std::deque<Process> line_;  // of those that wait, whose turn is next
};

}  // namespace holdfast::agent
