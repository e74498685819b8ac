// What an operator decides of a dead letter: it is replayed, as it was or edited, or dropped.
#include "proto/assert.hpp"
#include "wal/log_impl.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::wal {

// So that nobody else ends the same dead letter from its reading to its writing.
Result<void> Log::Impl::begin_ending(Seq failed) {
    const std::scoped_lock lock(mutex_);
    if (ending_.insert(failed).second) return {};
    return Error{Errc::not_found,
                 "entry " + std::to_string(failed.value) + " is being replayed or dropped already"};
}

void Log::Impl::forget_ending(Seq failed) {
    const std::scoped_lock lock(mutex_);
    ending_.erase(failed);
}

Result<void> Log::Impl::ensure_dead(Seq seq) const {
    Result<std::optional<std::string>> dead = state_of(seq_key(Space::failed, seq));
    if (!dead) return dead.error();
    if (*dead) return {};
    return Error{Errc::not_found,
                 "entry " + std::to_string(seq.value) + " is not among the dead letters"};
}

Result<Seq> Log::replay(Seq failed, const Ulid& id, WallTime now, Ticket ticket) {
    return impl_->end_by_another(
        failed,
        [&](const Event& old) {
            Event again = old;
            again.id = id;
            again.accepted_at = now;
            return again;
        },
        ticket);
}

Result<Seq> Log::replace(Seq failed, Event edited, Ticket ticket) {
    return impl_->end_by_another(
        failed, [&](const Event&) { return edited; }, ticket);
}

Result<Seq> Log::Impl::end_by_another(Seq failed,
                                      const std::function<Event(const Event&)>& another,
                                      Ticket ticket) {
    if (Result<void> begun = begin_ending(failed); !begun) return begun.error();
    Result<Seq> seq = append_in_place_of(failed, another, ticket);
    if (!seq) forget_ending(failed);
    return seq;
}

Result<Seq> Log::Impl::append_in_place_of(Seq failed,
                                          const std::function<Event(const Event&)>& another,
                                          Ticket ticket) {
    if (Result<void> dead = ensure_dead(failed); !dead) return dead.error();
    Result<Entry> old = entry(failed);
    if (!old) return old.error();
    Event event = another(old->event());
    // Of a replay of a replay the first: the far side knows the event by that one's id.
    if (!event.parent) event.parent = old->event().id;
    HOLDFAST_ASSERT(event.destination == old->event().destination);  // whose counts it is in
    const std::scoped_lock lock(mutex_);
    Result<Seq> seq = append(event, ticket, failed);
    wake();
    return seq;
}

Result<void> Log::drop(Seq failed, WallTime now, Ticket ticket) {
    if (Result<void> begun = impl_->begin_ending(failed); !begun) return begun;
    Result<void> dropped = impl_->drop(failed, now, ticket);
    impl_->forget_ending(failed);
    return dropped;
}

// All its marks go into one batch, and are written again together when a write fails.
Result<void> Log::Impl::drop(Seq failed, WallTime now, Ticket ticket) {
    if (Result<void> dead = ensure_dead(failed); !dead) return dead;
    Result<std::string> owner = owner_of_dead(failed);
    if (!owner) return owner.error();
    const std::scoped_lock lock(mutex_);
    if (!ok_) return Error{reason_code_, reason_};
    if (stopping_) return Error{Errc::storage_failed, "the log is being closed"};
    if (const auto found = destinations_.find(*owner); found != destinations_.end()) {
        Destination& destination = found->second;
        decrease(destination.cursor.counts.failed);
        ++destination.cursor.counts.dropped;
        destination.dirty = true;
    }
    mark(seq_key(Space::failed, failed), std::nullopt);
    mark(seq_key(Space::kept, failed), std::nullopt);
    const Ending ending{.kind = Ending::Kind::dropped, .at = now, .child = {}, .child_id = {}};
    if (failed >= tail()) mark(seq_key(Space::ended, failed), encode(ending));
    open_.dropped.push_back({ticket, failed});
    wake();
    return {};
}

// Whose dead letter it is. Of one that cannot be read nobody can say that: it is counted by the one
// that counts more than can be read.
Result<std::string> Log::Impl::owner_of_dead(Seq failed) const {
    const Result<Entry> one = entry(failed);
    if (one) return std::string(one->event().destination);
    if (one.error().code == Errc::storage_failed) return one.error();
    std::vector<std::pair<std::string, std::uint64_t>> counted;
    {
        const std::scoped_lock lock(mutex_);
        for (const auto& [name, destination] : destinations_) {
            const std::uint64_t count = destination.cursor.counts.failed;
            if (count > 0) counted.emplace_back(name, count);
        }
    }
    if (counted.empty()) return std::string();
    const auto has_more = [this](const auto& known) {
        return known.second > count_failed(known.first);
    };
    const auto last = std::prev(counted.end());
    return std::find_if(counted.begin(), last, has_more)->first;  // one of them it is
}

}  // namespace holdfast::wal
