// Handing entries out: first those that were outstanding at the opening, then what comes after.
#include "proto/record.hpp"
#include "wal/log_impl.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace holdfast::wal {
namespace {

// Entries looked at by one take(): bounds the time of a call when others' entries are skipped.
constexpr std::size_t kScanMax = 4096;

// Entries among so many others of each are read one by one.
constexpr std::uint64_t kSparse = 8;

Pending pending_of(Seq seq, const Event& event, const Tagging& tagging) {
    return {seq,
            event.id,
            event.lane,
            event.also,
            event.operation,
            event.accepted_at,
            tagging ? tagging(event) : Tag{},
            std::nullopt,
            false};
}

}  // namespace

Result<Taken> Log::take(std::string_view name, std::size_t count_max, const Tagging& tagging) {
    Impl& log = *impl_;
    std::vector<Seq> outstanding;
    Seq from;
    Seq to;
    {
        const std::scoped_lock lock(log.mutex_);
        if (!log.ok_) return Error{Errc::storage_failed, log.reason_};
        const Impl::Destination& destination = log.at(name);
        const std::size_t count = std::min(count_max, destination.outstanding.size());
        outstanding.assign(destination.outstanding.begin(),
                           destination.outstanding.begin() + static_cast<std::ptrdiff_t>(count));
        from = destination.cursor.position();
        to = log.head_;
    }
    return log.hand_out(name, log.look_ahead(name, outstanding, from, to, count_max, tagging));
}

// Reads without the lock.
std::vector<Log::Impl::Seen> Log::Impl::look_ahead(std::string_view name,
                                                   const std::vector<Seq>& outstanding,
                                                   Seq from,
                                                   Seq to,
                                                   std::size_t count_max,
                                                   const Tagging& tagging) const {
    std::vector<Seen> seen;
    look_at_outstanding(outstanding, tagging, seen);
    look_at_fresh(name, from, to, count_max, tagging, seen);
    const Seq doubt = [&] {
        const std::scoped_lock lock(mutex_);
        return doubt_;
    }();
    for (Seen& one : seen) {
        const bool is_ours = one.entry && one.entry->has_value();
        if (is_ours) add_retry(one);
        const bool in_doubt = is_ours && one.seq <= doubt;
        if (!in_doubt && (!one.fresh || one.entry)) continue;
        // Damaged, and a dead letter already: another destination found it. Or the cursor is older
        // than the dead letter, or than its dropping.
        const auto dead = state_of(seq_key(Space::failed, one.seq));
        if ((dead && *dead) || was_dropped(one.seq)) one.entry = std::optional<Pending>();
    }
    return seen;
}

// By one scan where they stand close together; those that it does not find, one by one.
void Log::Impl::look_at_outstanding(const std::vector<Seq>& outstanding,
                                    const Tagging& tagging,
                                    std::vector<Seen>& seen) const {
    if (outstanding.empty()) return;
    std::map<Seq, Pending> found;
    const std::uint64_t span = outstanding.back().value - outstanding.front().value;
    if (span < kSparse * outstanding.size() && outstanding.back() >= tail()) {
        Result<void> scanned = store_.scan(
            seq_key(Space::entry, std::max(outstanding.front(), tail())),
            seq_key(Space::entry, outstanding.back().next()),
            [&](std::string_view key, std::string_view value) {
                const auto seq = seq_of(Space::entry, key);
                if (!seq || !std::binary_search(outstanding.begin(), outstanding.end(), *seq)) {
                    return true;
                }
                const Result<Event> event = decode_record(value);
                if (event) found.emplace_hint(found.end(), *seq, pending_of(*seq, *event, tagging));
                return true;
            });
        if (!scanned) options_.note("reading the log: " + scanned.error().detail);
    }
    for (const Seq seq : outstanding) {
        Seen one{seq, false, std::optional<Pending>()};
        if (const auto known = found.find(seq); known != found.end()) {
            one.entry = std::move(known->second);
        } else if (const Result<Entry> alone = entry_to_deliver(seq); alone) {
            one.entry = pending_of(seq, alone->event(), tagging);
        } else {
            one.entry = alone.error();
        }
        seen.push_back(std::move(one));
    }
}

// A gap or an early end of the scan is checked by a read of its own, since a scan of this RocksDB
// may end early and say nothing.
void Log::Impl::look_at_fresh(std::string_view name,
                              Seq from,
                              Seq to,
                              std::size_t count_max,
                              const Tagging& tagging,
                              std::vector<Seen>& seen) const {
    std::size_t ours = seen.size();
    Seq expected = from;
    const auto wants_more = [&] {
        return ours < count_max && seen.size() < kScanMax && expected <= to;
    };
    const auto look = [&](const Result<Event>& event) {
        Seen one{expected, true, std::optional<Pending>()};
        if (!event) {
            one.entry = event.error();
        } else if (event->destination == name) {
            one.entry = pending_of(expected, *event, tagging);
            ++ours;
        }
        seen.push_back(std::move(one));
        expected = expected.next();
        return wants_more();
    };
    const auto pass_lost = [&] {
        const auto gap = lost_at(expected);
        if (!gap) return;
        seen.push_back({gap->last, true, std::optional<Pending>()});
        expected = gap->last.next();
    };
    if (wants_more()) pass_lost();
    if (!wants_more()) return;
    Result<void> scanned = store_.scan(seq_key(Space::entry, from),
                                       seq_key(Space::entry, to.next()),
                                       [&](std::string_view key, std::string_view value) {
                                           if (seq_of(Space::entry, key) != expected) return false;
                                           return look(decode_record(value));
                                       });
    if (!scanned) options_.note("reading the log: " + scanned.error().detail);
    if (wants_more()) pass_lost();
    if (wants_more()) {
        const Result<Entry> one = entry_to_deliver(expected);
        look(one ? Result<Event>(one->event()) : Result<Event>(one.error()));
    }
}

// The retry state that an entry has. Not for ever storage_failed, as entry_to_deliver().
Result<std::string> Log::Impl::state_to_deliver(Seq seq) const {
    Result<std::optional<std::string>> saved = state_of(seq_key(Space::retry, seq));
    if (!saved) return give_up_in_time(seq, saved.error());
    // It was there: a rebuilding of the log has taken it.
    if (!*saved) return Error{Errc::corrupt, "the retry state is gone"};
    return std::move(**saved);
}

// What is known of earlier attempts.
void Log::Impl::add_retry(Seen& one) const {
    {
        const std::scoped_lock lock(mutex_);
        if (!with_retry_.contains(one.seq)) return;
    }
    const Result<std::string> saved = state_to_deliver(one.seq);
    if (!saved && saved.error().code == Errc::storage_failed) {
        one.entry = saved.error();
        return;
    }
    Result<Retry> retry = saved ? decode_retry(*saved) : Result<Retry>(saved.error());
    if (!retry) {
        options_.note("entry " + std::to_string(one.seq.value) + ": its retry state is damaged, " +
                      "it starts afresh, and is in doubt");
        retry = Retry{};
        retry->intended = true;
    }
    (*one.entry)->retry = std::move(*retry);
}

Result<Taken> Log::Impl::hand_out(std::string_view name, std::vector<Seen> seen) {
    Taken taken;
    const std::scoped_lock lock(mutex_);
    Destination& destination = at(name);
    for (Seen& one : seen) {
        if (!one.entry && one.entry.error().code == Errc::storage_failed) {
            // It and those after it are looked at again by the next call.
            if (taken.entries.empty()) return std::move(one.entry).error();
            break;
        }
        // Nobody can say whose a damaged entry is: it becomes a dead letter of whoever finds it.
        const bool is_ours = one.entry ? one.entry->has_value() : !damaged_.contains(one.seq);
        if (one.fresh && (!is_ours || destination.parked.contains(one.seq))) {
            destination.cursor.pass(one.seq);
            continue;
        }
        if (one.entry && !is_ours) {
            destination.outstanding.pop_front();
            destination.cursor.settle(one.seq);
            if (destination.parked.remove(one.seq)) {
                mark(seq_key(Space::parked, one.seq), std::nullopt);
            }
            continue;
        }
        if (one.fresh) {
            destination.cursor.take(one.seq);
        } else {
            destination.outstanding.pop_front();
        }
        if (!one.entry) {
            damaged(destination, one.seq, one.entry.error());
            continue;
        }
        Pending& pending = **one.entry;
        unread_.erase(one.seq);
        if (one.seq <= doubt_) {
            if (!pending.retry) pending.retry.emplace();
            pending.retry->intended = true;
        }
        pending.parked = destination.parked.contains(one.seq);
        taken.entries.push_back(std::move(pending));
    }
    taken.more = !destination.outstanding.empty() || destination.cursor.position() <= head_;
    if (destination.recount && !taken.more) recount(name, destination);
    return taken;
}

// `pending` is carried on from what was saved; with damage in between it may be off.
void Log::Impl::recount(std::string_view name, Destination& destination) {
    destination.recount = false;
    std::uint64_t pending = destination.cursor.outstanding().size() + destination.parked.size();
    for (const Batch* batch : {&open_, &writing_}) {
        for (const Batch::Appended& one : batch->appended) pending += one.destination == name;
    }
    if (pending == destination.cursor.counts.pending) return;
    options_.note(std::string(name) + ": " + std::to_string(pending) +
                  " entries are pending, not " + std::to_string(destination.cursor.counts.pending));
    destination.cursor.counts.pending = pending;
    destination.dirty = true;
    marked();
}

// What cannot be read cannot be delivered: it is put among the dead letters, and its neighbours go
// on.
void Log::Impl::damaged(Destination& destination, Seq seq, const Error& why) {
    damaged_.insert(seq);
    unread_.erase(seq);
    for (auto& [name, any] : destinations_) any.recount = true;
    options_.note("entry " + std::to_string(seq.value) + " is damaged: " + why.detail);
    const Failure failure{.cause = FailureCause::damaged,
                          .attempts = 0,
                          .failed_at = options_.wall_now(),
                          .status = 0,
                          .reason = "damaged: " + why.detail,
                          .answer = {}};
    if (destination.parked.remove(seq)) {
        mark(seq_key(Space::parked, seq), std::nullopt);
    } else {
        destination.cursor.settle(seq);
    }
    decrease(destination.cursor.counts.pending);
    ++destination.cursor.counts.failed;
    destination.dirty = true;
    forget_retry(seq);
    mark(seq_key(Space::failed, seq), encode(failure));
}

}  // namespace holdfast::wal
