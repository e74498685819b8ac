#include "transport/policy/lanes.hpp"

#include "proto/assert.hpp"

#include <algorithm>
#include <memory>
#include <utility>

namespace holdfast::transport {
namespace {

constexpr std::size_t kBucketsMin = 64;

}  // namespace

Lanes::Lanes() : buckets_(kBucketsMin), lasts_({buckets_.data(), buckets_.size()}) {}

Lanes::~Lanes() {
    for (Ready& ready : ready_) ready.clear();
    waiting_.clear();
    lasts_.clear_and_dispose([](Held* last) {
        for (Held* held = last->next_; held != last;) {
            const std::unique_ptr<Held> gone(held);
            held = held->next_;
        }
        const std::unique_ptr<Held> gone(last);
    });
}

void Lanes::resize(std::size_t buckets) {
    Buckets others(buckets);
    lasts_.rehash({others.data(), others.size()});
    buckets_.swap(others);
}

bool Lanes::add(const Held& entry) {
    Held* const held = std::make_unique<Held>(entry).release();  // pop() and the end take it back
    const auto last = lasts_.find(held->lane);
    const bool is_first = last == lasts_.end();
    if (is_first) {
        held->next_ = held;
    } else {
        HOLDFAST_ASSERT(last->seq < held->seq);
        held->next_ = std::exchange(last->next_, held);
        lasts_.erase(last);
    }
    if (lasts_.size() == buckets_.size()) resize(2 * buckets_.size());
    lasts_.insert(*held);
    return is_first;
}

Held& Lanes::first(Lane lane) {
    const auto last = lasts_.find(lane);
    HOLDFAST_ASSERT(last != lasts_.end());
    return *last->next_;
}

Held* Lanes::pop(Lane lane) {
    const auto last = lasts_.find(lane);
    HOLDFAST_ASSERT(last != lasts_.end());
    const std::unique_ptr<Held> gone(last->next_);
    HOLDFAST_ASSERT(!gone->ScheduleHook::is_linked());
    if (gone.get() != &*last) return last->next_ = gone->next_;
    lasts_.erase(last);
    // What a long backlog took is given back after it.
    if (lasts_.empty() && buckets_.size() > kBucketsMin) resize(kBucketsMin);
    return nullptr;
}

void Lanes::wait(Held& first) {
    waiting_.insert(first);
}

void Lanes::make_ready(Held& first) {
    ready(first.endpoint()).insert(first);
}

Held* Lanes::take_due(Instant now) {
    if (waiting_.empty() || waiting_.begin()->not_before > now) return nullptr;
    Held& due = *waiting_.begin();
    waiting_.erase(waiting_.begin());
    return &due;
}

void Lanes::take_ready(Held& first) {
    Ready& ready = this->ready(first.endpoint());
    ready.erase(ready.iterator_to(first));
}

Held* Lanes::oldest_ready(Endpoint endpoint) {
    Ready& ready = this->ready(endpoint);
    return ready.empty() ? nullptr : &*ready.begin();
}

std::optional<Instant> Lanes::next_due() const {
    if (waiting_.empty()) return std::nullopt;
    return waiting_.begin()->not_before;
}

void Lanes::stop_waiting(const std::function<bool(const Held&)>& which) {
    std::vector<Held*> found;
    for (Held& held : waiting_) {
        if (which(held)) found.push_back(&held);
    }
    for (Held* const held : found) {
        waiting_.erase(waiting_.iterator_to(*held));
        held->not_before = Instant{};
        waiting_.insert(*held);
    }
}

}  // namespace holdfast::transport
