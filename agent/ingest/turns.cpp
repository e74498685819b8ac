#include "agent/ingest/turns.hpp"

#include <utility>

namespace holdfast::agent {

bool Turns::take(std::size_t bytes, std::function<bool()> granted) {
    if (!waiting_.empty() || bytes > free_) {
        waiting_.push_back({bytes, std::move(granted)});
        return false;
    }
    free_ -= bytes;
    return true;
}

void Turns::give_back(std::size_t bytes) {
    free_ += bytes;
    while (!waiting_.empty() && waiting_.front().bytes <= free_) {
        const Waiting next = std::move(waiting_.front());
        waiting_.pop_front();
        free_ -= next.bytes;
        if (!next.granted()) free_ += next.bytes;
    }
}

}  // namespace holdfast::agent
