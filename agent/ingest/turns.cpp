#include "agent/ingest/turns.hpp"

#include <utility>

namespace holdfast::agent {

bool Turns::take(std::function<void()> again) {
    if (free_ == 0) {
        waiting_.push_back(std::move(again));
        return false;
    }
    --free_;
    return true;
}

void Turns::give_back() {
    ++free_;
    while (free_ > 0 && !waiting_.empty()) {
        const std::function<void()> again = std::move(waiting_.front());
        waiting_.pop_front();
        again();
    }
}

}  // namespace holdfast::agent
