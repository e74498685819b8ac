// Looking into the log: single entries, their state, and pages of them.
#include "proto/record.hpp"
#include "wal/log_impl.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::wal {
namespace {

Failure failure_of(std::string_view bytes) {
    Result<Failure> decoded = decode_failure(bytes);
    if (decoded) return std::move(*decoded);
    Failure unknown;
    unknown.cause = FailureCause::damaged;
    unknown.reason = "damaged: why it failed cannot be read";
    return unknown;
}

// In the place of one that cannot be read.
Entry made_up(Seq seq, WallTime at) {
    Event nothing;
    nothing.accepted_at = at;
    std::string record;
    encode_record(nothing, record);
    return {seq, std::move(record)};
}

}  // namespace

// In place, or kept aside after its place was reclaimed.
Result<std::string> Log::Impl::record(Seq seq) const {
    for (const Space space : {Space::entry, Space::kept}) {
        if (space == Space::entry && seq < tail()) continue;
        Result<std::optional<std::string>> value = store_.get(seq_key(space, seq));
        if (!value) return value.error();
        if (*value) return std::move(**value);
    }
    return Error{Errc::not_found, "there is no entry " + std::to_string(seq.value)};
}

Result<Entry> Log::Impl::entry(Seq seq) const {
    Result<std::string> bytes = record(seq);
    if (!bytes) return bytes.error();
    if (Result<Event> event = decode_record(*bytes); !event) {
        return std::move(event).error().during("entry " + std::to_string(seq.value));
    }
    return Entry(seq, std::move(*bytes));
}

// The disk may give an error for one record for ever, and its destination must go on some day.
Result<Entry> Log::Impl::entry_to_deliver(Seq seq) const {
    Result<Entry> one = entry(seq);
    if (!one) return give_up_in_time(seq, one.error());
    return one;
}

Error Log::Impl::give_up_in_time(Seq seq, const Error& why) const {
    // At one a second, as the replay loop reads: a disk that comes back within a minute costs
    // nothing.
    constexpr unsigned kTries = 60;
    const std::scoped_lock lock(mutex_);
    if (why.code != Errc::storage_failed || !ok_ || ++unread_[seq] < kTries) return why;
    return {Errc::corrupt, "given up after " + std::to_string(kTries) + " tries: " + why.detail};
}

// With the marks that are not written yet.
Result<std::optional<std::string>> Log::Impl::state_of(std::string_view key) const {
    {
        const std::scoped_lock lock(mutex_);
        for (const Batch* batch : {&open_, &writing_}) {
            const auto found = batch->marks.find(key);
            if (found != batch->marks.end()) return found->second;
        }
    }
    return store_.get(key);
}

// One that cannot be read tells nothing: as if it had completed.
Result<std::optional<Ending>> Log::Impl::ending_of(Seq seq) const {
    Result<std::optional<std::string>> bytes = state_of(seq_key(Space::ended, seq));
    if (!bytes && bytes.error().code == Errc::storage_failed) return bytes.error();
    if (!bytes || !*bytes) return std::optional<Ending>();
    const Result<Ending> ending = decode_ending(**bytes);
    return ending ? std::optional(*ending) : std::optional<Ending>();
}

bool Log::Impl::was_dropped(Seq seq) const {
    const Result<std::optional<Ending>> ending = ending_of(seq);
    return ending && *ending && (*ending)->kind == Ending::Kind::dropped;
}

std::optional<SeqRange> Log::Impl::lost_at(Seq seq) const {
    const std::scoped_lock lock(mutex_);
    return lost_.find(seq);
}

bool Log::Impl::is_unsettled(const Event& event, Seq seq) const {
    const std::scoped_lock lock(mutex_);
    const auto found = destinations_.find(event.destination);
    if (found == destinations_.end()) return true;
    return waits(found->second, seq);
}

bool Log::Impl::waits(const Destination& destination, Seq seq) {
    return seq >= destination.cursor.position() || destination.cursor.is_outstanding(seq) ||
           destination.parked.contains(seq);
}

Result<Description> Log::Impl::describe(Entry entry) const {
    const Seq seq = entry.seq();
    // Before the dead letters are looked at: one that fails in between is found there.
    const bool unsettled = is_unsettled(entry.event(), seq);
    Description description{.entry = std::move(entry),
                            .state = EntryState::complete,
                            .retry = std::nullopt,
                            .failure = std::nullopt,
                            .ending = std::nullopt};
    Result<std::optional<std::string>> failure = state_of(seq_key(Space::failed, seq));
    if (!failure) return failure.error();
    if (*failure) {
        description.state = EntryState::failed;
        description.failure = failure_of(**failure);
        return description;
    }
    Result<std::optional<Ending>> ending = ending_of(seq);
    if (!ending) return ending.error();
    const bool dropped = *ending && (*ending)->kind == Ending::Kind::dropped;
    // After much damage what was replayed may wait again.
    if (*ending && (dropped || !unsettled)) {
        description.state = dropped ? EntryState::dropped : EntryState::replayed;
        description.ending = **ending;
        return description;
    }
    if (!unsettled) return description;
    description.state = EntryState::pending;
    Result<std::optional<std::string>> retry = state_of(seq_key(Space::retry, seq));
    if (!retry) return retry.error();
    if (*retry) {
        Result<Retry> decoded = decode_retry(**retry);
        if (!decoded) return description;  // noted when it is handed out
        if (decoded->attempts > 0) description.state = EntryState::retrying;
        description.retry = std::move(*decoded);
    }
    return description;
}

// A dead letter whose record cannot be read is shown with what is known of it. `why`: it could not.
Result<Description> Log::Impl::describe_damaged(Seq seq, const Error& why) const {
    if (why.code == Errc::storage_failed) return why;
    Result<std::optional<std::string>> failure = state_of(seq_key(Space::failed, seq));
    if (!failure) return failure.error();
    if (!*failure) return why;
    Failure known = failure_of(**failure);
    Entry nothing = made_up(seq, known.failed_at);
    return Description{.entry = std::move(nothing),
                       .state = EntryState::failed,
                       .retry = std::nullopt,
                       .failure = std::move(known),
                       .ending = std::nullopt,
                       .is_readable = false};
}

// Whose it is cannot be told: any destination that has it before it may be the one.
Description Log::Impl::describe_unreadable(Seq seq) const {
    const std::scoped_lock lock(mutex_);
    const bool may_wait = std::any_of(destinations_.begin(), destinations_.end(), [&](auto& one) {
        return waits(one.second, seq);
    });
    return Description{.entry = made_up(seq, {}),
                       .state = may_wait ? EntryState::pending : EntryState::complete,
                       .retry = std::nullopt,
                       .failure = std::nullopt,
                       .ending = std::nullopt,
                       .is_readable = false};
}

Result<Description> Log::describe(Seq seq) const {
    Result<Entry> entry = impl_->entry(seq);
    if (!entry) return impl_->describe_damaged(seq, entry.error());
    return impl_->describe(std::move(*entry));
}

namespace {

bool matches(const Query& query, const Description& description) {
    if (query.state && description.state != *query.state) return false;
    if (query.matches && !query.matches(description.entry.event())) return false;
    return !query.is_asked || query.is_asked(description);
}

}  // namespace

// Dead letters and retries have a space of their own: no need to walk over everything else.
Result<Page> Log::Impl::list_space(Space space, const Query& query) const {
    std::vector<Seq> found;
    bool more = false;
    Result<void> scanned = store_.scan(seq_key(space, query.after.next()),
                                       end_of(space),
                                       [&](std::string_view key, std::string_view) {
                                           if (found.size() == query.scan_max) {
                                               more = true;
                                               return false;
                                           }
                                           if (const auto seq = seq_of(space, key)) {
                                               found.push_back(*seq);
                                           }
                                           return true;
                                       });
    if (!scanned) return scanned.error();
    Page page;
    std::size_t bytes = 0;
    for (const Seq seq : found) {
        if (page.entries.size() == query.count_max || bytes >= query.bytes_max) {
            page.next = seq.previous();
            return page;
        }
        Result<Entry> one = entry(seq);
        Result<Description> description =
            one ? describe(std::move(*one)) : describe_damaged(seq, one.error());
        if (!description && description.error().code != Errc::storage_failed) continue;
        if (!description) return description.error();
        if (!matches(query, *description)) continue;
        bytes += description->entry.bytes();
        page.entries.push_back(std::move(*description));
    }
    if (more) page.next = found.back();
    return page;
}

// Pending entries are not looked for before the first that can be one.
Seq Log::Impl::list_from(const Query& query) const {
    if (query.state != EntryState::pending) return query.after;
    const std::scoped_lock lock(mutex_);
    Seq from = next_;
    for (const auto& [name, destination] : destinations_) {
        from = std::min(from, destination.cursor.low_water());
        if (const auto parked = destination.parked.first()) from = std::min(from, *parked);
    }
    return std::max(query.after, from.previous());
}

// Visits every entry in place in [from, to) until `visit` returns false; with an error what cannot
// be read. A scan of this RocksDB ends at damage, and may do so without a word: what it left out is
// read on its own, and then the scan goes on.
Result<void> Log::Impl::walk(Seq from, Seq to, const Visit& visit) const {
    bool goes_on = true;
    while (goes_on && from < to) {
        Result<void> scanned =
            store_.scan(seq_key(Space::entry, from),
                        seq_key(Space::entry, to),
                        [&](std::string_view key, std::string_view value) {
                            if (seq_of(Space::entry, key) != from) return false;
                            const Result<Event> event = decode_record(value);
                            goes_on = visit(from,
                                            event ? Result<Entry>(Entry(from, std::string(value)))
                                                  : Result<Entry>(event.error()));
                            from = from.next();
                            return goes_on;
                        });
        if (!scanned && scanned.error().code != Errc::corrupt) return scanned;
        if (!goes_on || from >= to) break;
        if (const auto gone = lost_at(from)) {
            from = gone->last.next();
            continue;
        }
        Result<Entry> one = entry(from);
        if (!one && one.error().code == Errc::storage_failed) return one.error();
        goes_on = visit(from, std::move(one));
        from = from.next();
    }
    return {};
}

// As walk(), of what is kept aside. Where that cannot be scanned, what should be there is known.
Result<void> Log::Impl::walk_kept(Seq from, Seq to, const Visit& visit) const {
    bool goes_on = true;
    Result<void> scanned =
        store_.scan(seq_key(Space::kept, from),
                    seq_key(Space::kept, to),
                    [&](std::string_view key, std::string_view value) {
                        const auto seq = seq_of(Space::kept, key);
                        if (!seq) return true;
                        const Result<Event> event = decode_record(value);
                        goes_on = visit(*seq,
                                        event ? Result<Entry>(Entry(*seq, std::string(value)))
                                              : Result<Entry>(event.error()));
                        from = seq->next();
                        return goes_on;
                    });
    if (scanned || scanned.error().code != Errc::corrupt) return scanned;
    const Result<std::vector<Seq>> all = survivors(from, to);
    if (!all) return all.error();
    for (const Seq seq : *all) {
        if (!goes_on) break;
        Result<Entry> one = entry(seq);
        if (!one && one.error().code == Errc::storage_failed) return one.error();
        goes_on = visit(seq, std::move(one));
    }
    return {};
}

// In log order.
Result<std::vector<Log::Impl::Found>> Log::Impl::found_after(Seq after,
                                                             std::size_t count_max) const {
    Seq tail;
    Seq end;
    {
        const std::scoped_lock lock(mutex_);
        tail = this->tail();
        end = head_.next();
    }
    std::vector<Found> found;
    const Visit visit = [&](Seq seq, Result<Entry> entry) {
        if (found.size() == count_max) return false;
        found.push_back({seq, std::move(entry)});
        return true;
    };
    if (after < tail) {
        if (Result<void> walked = walk_kept(after.next(), tail, visit); !walked)
            return walked.error();
    }
    if (found.size() == count_max) return found;
    if (Result<void> walked = walk(std::max(after.next(), tail), end, visit); !walked) {
        return walked.error();
    }
    return found;
}

Result<Page> Log::Impl::list_entries(const Query& query) const {
    // Records are large: a few at a time.
    constexpr std::size_t kStep = 64;
    Page page;
    std::size_t bytes = 0;
    Seq after = list_from(query);
    for (std::size_t looked = 0; looked < query.scan_max;) {
        const std::size_t step = std::min(kStep, query.scan_max - looked);
        Result<std::vector<Found>> seen = found_after(after, step);
        if (!seen) return seen.error();
        for (Found& one : *seen) {
            if (page.entries.size() == query.count_max || bytes >= query.bytes_max) {
                page.next = after;
                return page;
            }
            after = one.seq;
            if (one.entry && query.matches && !query.matches(one.entry->event())) continue;
            Result<Description> description = one.entry
                                                  ? describe(std::move(*one.entry))
                                                  : describe_damaged(one.seq, one.entry.error());
            if (!description && description.error().code == Errc::corrupt) {
                description = describe_unreadable(one.seq);
            }
            if (!description && description.error().code != Errc::storage_failed) continue;
            if (!description) return description.error();
            if (!matches(query, *description)) continue;
            bytes += description->entry.bytes();
            page.entries.push_back(std::move(*description));
        }
        if (seen->size() < step) return page;
        looked += step;
    }
    page.next = after;
    return page;
}

Result<Page> Log::list(const Query& query) const {
    if (query.after.next() == Seq()) return Page{};  // nothing comes after the last of all
    if (query.state == EntryState::failed) return impl_->list_space(Space::failed, query);
    if (query.state == EntryState::retrying) return impl_->list_space(Space::retry, query);
    return impl_->list_entries(query);
}

std::optional<WallTime> Log::oldest_pending_at(std::string_view name) const {
    Seq oldest;
    {
        const std::scoped_lock lock(impl_->mutex_);
        const Impl::Destination& destination = impl_->at(name);
        if (destination.cursor.counts.pending == 0) return std::nullopt;
        oldest = destination.cursor.low_water();
        if (const auto parked = destination.parked.first()) oldest = std::min(oldest, *parked);
    }
    const Result<Entry> entry = impl_->entry(oldest);
    if (!entry) return std::nullopt;
    return entry->event().accepted_at;
}

std::optional<Ulid> Log::newest_id() const {
    Seq newest = health().head;
    if (const auto lost = impl_->lost_at(newest)) newest = lost->first.previous();
    const Result<Entry> entry = impl_->entry(newest);
    if (!entry) return std::nullopt;
    return entry->event().id;
}

std::optional<Entry> Log::Impl::first_readable(Seq from, Seq to) const {
    std::optional<Entry> found;
    Result<void> walked = walk(from, to, [&](Seq, Result<Entry> one) {
        if (one) found = std::move(*one);
        return !found;
    });
    if (!walked) options_.note("reading the log: " + walked.error().detail);
    return found;
}

// Ids grow with the log, so no index is needed: entries in place are searched by halves, the few
// that are kept aside one after the other.
Result<Seq> Log::find(const Ulid& id) const {
    const Health now = health();
    Seq low = now.tail;
    Seq high = now.head.next();
    while (low < high) {
        const Seq middle{low.value + (high.value - low.value) / 2};
        const std::optional<Entry> entry = impl_->first_readable(middle, high);
        if (entry && entry->event().id == id) return entry->seq();
        if (entry && entry->event().id < id) {
            low = entry->seq().next();
        } else {
            high = middle;
        }
    }
    std::optional<Seq> kept;
    Result<void> scanned = impl_->store_.scan(seq_key(Space::kept, {}),
                                              end_of(Space::kept),
                                              [&](std::string_view key, std::string_view value) {
                                                  const Result<Event> event = decode_record(value);
                                                  if (event && event->id == id) {
                                                      kept = seq_of(Space::kept, key);
                                                  }
                                                  return !kept;
                                              });
    if (!scanned) return scanned.error();
    if (kept) return *kept;
    return Error{Errc::not_found, "there is no entry " + id.text()};
}

}  // namespace holdfast::wal
