// Turns to read large requests. All of a request is in memory until it is complete, so only a few
// sessions take one in at once; the others wait unread, in order, and so does their app.
//
// One thread.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>

namespace holdfast::agent {

class Turns {
public:
    explicit Turns(std::size_t count) : free_(count) {}

    // Without a free one: false, and `again` is called once, when taking may work.
    [[nodiscard]] bool take(std::function<void()> again);

    // Calls those that wait, as long as there is a free one.
    void give_back();

    [[nodiscard]] std::size_t waiting() const { return waiting_.size(); }

private:
    std::size_t free_;
    std::deque<std::function<void()>> waiting_;
};

}  // namespace holdfast::agent
