#include "transport/policy/lanes.hpp"

#include "proto/assert.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::transport {
namespace {

constexpr std::size_t kBucketsMin = 64;

}  // namespace

Lanes::Lanes() : buckets_(kBucketsMin), lasts_({buckets_.data(), buckets_.size()}) {}

Lanes::~Lanes() {
    for (Ready& ready : ready_) ready.clear();
    waiting_.clear();
    lasts_.clear_and_dispose([](Place* last) {
        Place* place = last->next_;
        last->next_ = nullptr;
        while (place != nullptr) {
            Place* const next = place->next_;
            // Barriers are of spreads_.
            if (place->is_barrier_ == 0)
                const std::unique_ptr<Held> gone(static_cast<Held*>(place));
            place = next;
        }
    });
}

Held& Lanes::held_of(Place& place) {
    return place.is_barrier_ != 0 ? *static_cast<Barrier&>(place).held : static_cast<Held&>(place);
}

void Lanes::resize(std::size_t buckets) {
    Buckets others(buckets);
    lasts_.rehash({others.data(), others.size()});
    buckets_.swap(others);
}

// True when it is the first there.
bool Lanes::enter(Place& place, bool is_essential) {
    const auto found = lasts_.find(place.lane);
    const bool is_first = found == lasts_.end();
    std::uint32_t essentials = 0;
    if (is_first) {
        place.next_ = &place;
    } else {
        Place& last = *found;
        HOLDFAST_ASSERT(held_of(last).seq < held_of(place).seq);
        essentials = last.essentials_;
        place.next_ = std::exchange(last.next_, &place);
        lasts_.erase(found);
    }
    place.essentials_ = (essentials + (is_essential ? 1 : 0)) & 0x7fffffffU;
    if (lasts_.size() == buckets_.size()) resize(2 * buckets_.size());
    lasts_.insert(place);
    if (!is_first && is_essential && essentials == 0) promote(*place.next_);
    return is_first;
}

// Whoever comes to the front of the lane and of all of its others is added to `freed`.
void Lanes::leave(Place& place, bool is_essential, Freed& freed) {
    const auto found = lasts_.find(place.lane);
    HOLDFAST_ASSERT(found != lasts_.end() && found->next_ == &place);
    Place& last = *found;
    if (&last == &place) {
        lasts_.erase(found);
        // What a long backlog took is given back after it.
        if (lasts_.empty() && buckets_.size() > kBucketsMin) resize(kBucketsMin);
        return;
    }
    last.next_ = place.next_;
    if (is_essential) last.essentials_ = (last.essentials_ - 1) & 0x7fffffffU;
    Held& next = held_of(*last.next_);
    if (next.has_also && --spreads_.at(&next).behind > 0) return;
    freed.push_back(&next);
}

Held& Lanes::add(const Held& entry, const AlsoLanes& also) {
    // pop() and the end take it back.
    Held& held = *std::make_unique<Held>(entry).release();
    held.has_also = !also.empty();
    ++size_;
    const bool is_first = enter(held, held.is_essential);
    if (also.empty()) return held;
    Spread& spread = spreads_[&held];
    spread.behind = is_first ? 0 : 1;
    for (const Lane lane : also) {
        HOLDFAST_ASSERT(lane != held.lane);
        Barrier& barrier = *spread.barriers.emplace_back(std::make_unique<Barrier>());
        barrier.lane = lane;
        barrier.is_barrier_ = 1;
        barrier.held = &held;
        if (!enter(barrier, held.is_essential)) ++spread.behind;
    }
    return held;
}

bool Lanes::is_first(const Held& held) const {
    if (held.has_also) return spreads_.at(&held).behind == 0;
    const auto last = lasts_.find(held.lane);
    HOLDFAST_ASSERT(last != lasts_.end());
    return last->next_ == &held;
}

Held* Lanes::after(const Held& held) const {
    const auto last = lasts_.find(held.lane);
    HOLDFAST_ASSERT(last != lasts_.end());
    if (&*last == &held || held.has_also || held.next_->is_barrier_ != 0) return nullptr;
    Held& next = static_cast<Held&>(*held.next_);
    return next.has_also ? nullptr : &next;
}

std::uint32_t Lanes::essentials(const Held& held) const {
    const auto last = lasts_.find(held.lane);
    HOLDFAST_ASSERT(last != lasts_.end());
    return last->essentials_;
}

Lanes::Freed Lanes::pop(Held& first) {
    HOLDFAST_ASSERT(!first.ScheduleHook::is_linked() && is_first(first));
    const std::unique_ptr<Held> gone(&first);
    Freed freed;
    leave(first, first.is_essential, freed);
    if (first.has_also) {
        const auto spread = spreads_.extract(&first);
        for (const auto& barrier : spread.mapped().barriers) {
            leave(*barrier, first.is_essential, freed);
        }
    }
    --size_;
    return freed;
}

std::size_t Lanes::count(const std::function<bool(const Held&)>& which) const {
    std::size_t count = 0;
    for (const Place& last : lasts_) {
        const Place* place = &last;
        do {
            place = place->next_;
            const bool is_held = place->is_barrier_ == 0;
            if (is_held && which(static_cast<const Held&>(*place))) ++count;
        } while (place != &last);
    }
    return count;
}

bool Lanes::has_essential(Lane lane) const {
    const auto last = lasts_.find(lane);
    return last != lasts_.end() && last->essentials_ > 0;
}

bool Lanes::is_urgent(const Held& first) const {
    if (has_essential(first.lane)) return true;
    if (!first.has_also) return false;
    return std::ranges::any_of(spreads_.at(&first).barriers, [this](const auto& barrier) {
        return has_essential(barrier->lane);
    });
}

// An essential one stands behind it now.
void Lanes::promote(Place& first) {
    Held& held = held_of(first);
    if (!held.is_ready_ || held.is_urgent_) return;
    take_ready(held);
    make_ready(held);
}

void Lanes::wait(Held& first) {
    waiting_.insert(first);
}

void Lanes::make_ready(Held& first) {
    first.is_ready_ = true;
    first.is_urgent_ = is_urgent(first);
    ready(first.kind(), first.is_urgent_).insert(first);
    if (first.is_sheddable && !first.is_urgent_) to_shed_.insert(&first);
}

Held* Lanes::take_due(Instant now) {
    if (waiting_.empty() || waiting_.begin()->not_before > now) return nullptr;
    Held& due = *waiting_.begin();
    waiting_.erase(waiting_.begin());
    return &due;
}

void Lanes::take_ready(Held& first) {
    HOLDFAST_ASSERT(first.is_ready_);
    Ready& set = ready(first.kind(), first.is_urgent_);
    set.erase(set.iterator_to(first));
    if (first.is_sheddable && !first.is_urgent_) to_shed_.erase(&first);
    first.is_ready_ = false;
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
