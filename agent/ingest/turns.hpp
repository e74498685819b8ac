// Room for large requests. All of a request is in memory until it is complete, so only some bytes
// of them are taken in at once; the others wait unread, in order, and so do their apps.
//
// One thread.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>

namespace holdfast::agent {

class Turns {
public:
    // For so many bytes in all.
    explicit Turns(std::size_t bytes) : free_(bytes) {}

    // True: it may go on, with so many bytes. False: later, in its turn, and `granted` says whether
    // that is still wanted.
    [[nodiscard]] bool take(std::size_t bytes, std::function<bool()> granted);

    // Those that wait go on, as far as there is room.
    void give_back(std::size_t bytes);

    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

private:
    struct Waiting {
        std::size_t bytes;
        std::function<bool()> granted;
    };

    std::size_t free_;
    std::deque<Waiting> waiting_;
};

}  // namespace holdfast::agent
