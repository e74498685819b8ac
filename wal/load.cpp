// What an open log knows of its entries, read from the store: schema, cursors, marks and counts.
#include "proto/assert.hpp"
#include "proto/record.hpp"
#include "wal/log_impl.hpp"
#include "wal/rocks_types.hpp"
#include "wal/schema_file.hpp"
#include "wal/seq_set.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::wal {

// Others look on when there was no room to open it at the start, and may have added destinations.
// It is quick.
Result<void> Log::Impl::load(const WaterMark& mark) {
    const std::scoped_lock lock(mutex_);
    for (auto& [name, destination] : destinations_) destination = {};
    with_retry_ = {};
    if (Result<void> known = load_schema(); !known) return known;
    Result<Losses> losses = saved_losses();
    if (!losses) return losses.error();
    lost_ = std::move(losses->lost);
    const std::vector<SeqRange> forgotten = lost_.forget_before(tail());
    if (Result<void> done = forget_keys_of(forgotten); !done) return done;
    doubt_ = losses->doubt;
    if (Result<void> loaded = load_cursors(); !loaded) return loaded;
    if (Result<void> loaded = load_parked(); !loaded) return loaded;
    if (Result<void> loaded = load_retries(); !loaded) return loaded;
    if (Result<void> loaded = load_keys(); !loaded) return loaded;
    Result<Seq> last = last_entry(std::max(tail().previous(), lost_.last()));
    if (!last) return last.error();
    head_ = *last;
    if (Result<void> noted = lose(mark); !noted) return noted;
    for (auto& [name, destination] : destinations_) {
        const bool is_new = destination.dirty && !destination.restarted;
        if (is_new) destination.cursor = new_cursor();
    }
    if (Result<void> restarted = restart_damaged_cursors(); !restarted) return restarted;
    next_ = head_.next();
    forget_lost();
    Seq counted = head_;
    for (const auto& [name, destination] : destinations_) {
        counted = std::min(counted, destination.cursor.counted_to);
    }
    Result<std::vector<Owner>> uncounted = owners_from(counted.next());
    if (!uncounted) return uncounted.error();
    count(*uncounted);
    return {};
}

Result<Log::Impl::Losses> Log::Impl::saved_losses() const {
    Losses losses;
    Result<std::optional<std::string>> lost = store_.get(name_key(Space::meta, kLostName));
    if (!lost) return lost.error();
    if (*lost) {
        Result<Lost> decoded = Lost::decode(**lost);
        if (!decoded) return decoded.error();
        losses.lost = std::move(*decoded);
    }
    Result<Seq> doubt = saved_seq(kDoubtName, {});
    if (!doubt) return doubt.error();
    losses.doubt = *doubt;
    return losses;
}

// From the first entry there is. What is a dead letter or parked stays so; anything else is handed
// out as an entry whose attempt may have been made.
Result<void> Log::Impl::restart_damaged_cursors() {
    rocksdb::WriteBatch batch;
    for (auto& [name, destination] : destinations_) {
        if (!destination.restarted) continue;
        options_.note("the cursor of " + name +
                      " is damaged: its entries are delivered again from " +
                      std::to_string(tail().value) + " on");
        destination.cursor = Cursor(tail());
        destination.cursor.counted_to = tail().previous();
        destination.cursor.counts.pending = destination.parked.size();
        destination.cursor.counts.failed = count_failed(name);
        store_.put(batch, name_key(Space::cursor, name), destination.cursor.encode());
    }
    if (batch.Count() == 0) return {};
    doubt_ = head_;
    const rocksdb::Status put =
        batch.Put(name_key(Space::meta, kDoubtName), seq_key(Space::entry, doubt_));
    if (!put.ok()) return Error{Errc::storage_failed, put.ToString()};
    return store_.write(batch, true);
}

std::uint64_t Log::Impl::count_failed(std::string_view destination) const {
    std::vector<Seq> failed;
    Result<void> scanned = store_.scan(seq_key(Space::failed, {}),
                                       end_of(Space::failed),
                                       [&](std::string_view key, std::string_view) {
                                           if (const auto seq = seq_of(Space::failed, key)) {
                                               failed.push_back(*seq);
                                           }
                                           return true;
                                       });
    if (!scanned) options_.note("counting dead letters: " + scanned.error().detail);
    return static_cast<std::uint64_t>(std::count_if(failed.begin(), failed.end(), [&](Seq seq) {
        const Result<Entry> one = entry(seq);
        return one && one->event().destination == destination;
    }));
}

// Of entries that are forgotten to be lost: who sends them again must not be told that they are
// stored. In one write with the forgetting.
Result<void> Log::Impl::forget_keys_of(const std::vector<SeqRange>& lost) {
    if (lost.empty()) return {};
    SeqSet gone;
    for (const SeqRange& range : lost) gone.add(range);
    rocksdb::WriteBatch batch;
    Result<void> scanned = store_.scan(bucket_key(WallTime()),
                                       end_of(Space::key),
                                       [&](std::string_view key, std::string_view value) {
                                           const Result<KeyRecord> record =
                                               decode_key_record(value);
                                           if (!record || !gone.find(record->seq)) return true;
                                           const rocksdb::Status done = batch.Delete(slice(key));
                                           HOLDFAST_ASSERT(done.ok());  // memory only
                                           return true;
                                       });
    if (!scanned) return scanned;
    store_.put(batch, name_key(Space::meta, kLostName), lost_.encode());
    return store_.write(batch, true);
}

// Nobody waits for what is gone; it was reported once, as a whole.
void Log::Impl::forget_lost() {
    for (auto& known : destinations_) {
        Destination& destination = known.second;
        std::erase_if(destination.outstanding, [&](Seq seq) {
            if (!lost_.find(seq)) return false;
            if (destination.parked.remove(seq)) {
                mark(seq_key(Space::parked, seq), std::nullopt);
            } else {
                destination.cursor.settle(seq);
            }
            forget_retry(seq);
            destination.dirty = true;
            return true;
        });
    }
}

Result<void> Log::Impl::load_schema() {
    Result<std::optional<std::string>> schema = store_.get(name_key(Space::meta, kSchemaName));
    if (!schema) return schema.error();
    if (*schema == kSchemaOfOneFamily) {
        if (Result<void> moved = store_.move_entries(); !moved) return moved;
    }
    if (!*schema || is_old_schema(**schema)) {
        rocksdb::WriteBatch known;
        store_.put(known, name_key(Space::meta, kSchemaName), kSchema);
        if (Result<void> written = store_.write(known, true); !written) return written;
    } else if (**schema != kSchema) {
        return newer_schema(**schema);
    }
    write_schema_file();
    Result<Seq> saved_tail = saved_seq(kTailName, Seq{1});
    if (!saved_tail) return saved_tail.error();
    tail_ = *saved_tail;
    return {};
}

Result<Seq> Log::Impl::saved_seq(std::string_view name, Seq otherwise) const {
    Result<std::optional<std::string>> key = store_.get(name_key(Space::meta, name));
    if (!key) return key.error();
    if (!*key) return otherwise;
    const std::optional<Seq> seq = seq_of(Space::entry, **key);
    if (!seq) return Error{Errc::corrupt, "the " + std::string(name) + " has an impossible layout"};
    return *seq;
}

Result<void> Log::Impl::load_cursors() {
    std::optional<Error> wrong;
    Result<void> scanned = store_.scan(
        name_key(Space::cursor, ""),
        end_of(Space::cursor),
        [&](std::string_view key, std::string_view value) {
            Result<Cursor> cursor = Cursor::decode(value);
            if (!cursor && cursor.error().code != Errc::corrupt) {
                wrong = cursor.error();
                return false;
            }
            Destination& destination = destinations_[std::string(*name_of(Space::cursor, key))];
            if (!cursor) {
                destination.restarted = true;
                return true;
            }
            destination.outstanding.assign(cursor->outstanding().begin(),
                                           cursor->outstanding().end());
            destination.cursor = std::move(*cursor);
            destination.dirty = false;
            destination.saved_low_water = destination.cursor.low_water();
            destination.writing_low_water = destination.saved_low_water;
            return true;
        });
    if (wrong) return *wrong;
    return scanned;
}

Result<void> Log::Impl::load_parked() {
    Result<void> scanned = store_.scan(seq_key(Space::parked, {}),
                                       end_of(Space::parked),
                                       [&](std::string_view key, std::string_view value) {
                                           const auto found = destinations_.find(value);
                                           const std::optional<Seq> seq =
                                               seq_of(Space::parked, key);
                                           if (seq && found != destinations_.end())
                                               found->second.parked.add(*seq);
                                           return true;
                                       });
    for (auto& [name, destination] : destinations_) {
        // Together in log order: the lanes are filled in the order of acceptance.
        std::deque<Seq>& outstanding = destination.outstanding;
        destination.parked.visit([&](Seq seq) { outstanding.push_back(seq); });
        std::sort(outstanding.begin(), outstanding.end());
    }
    return scanned;
}

Result<void> Log::Impl::load_retries() {
    return store_.scan(seq_key(Space::retry, {}),
                       end_of(Space::retry),
                       [&](std::string_view key, std::string_view) {
                           const std::optional<Seq> seq = seq_of(Space::retry, key);
                           if (seq) with_retry_.add(*seq);
                           return true;
                       });
}

// `before`: the last one that need not be there.
Result<Seq> Log::Impl::last_entry(Seq before) const {
    Result<std::optional<KeyValue>> last =
        store_.last(seq_key(Space::entry, before.next()), end_of(Space::entry));
    if (!last) return last.error();
    if (!*last) return before;
    const std::optional<Seq> seq = seq_of(Space::entry, (*last)->key);
    if (!seq) return Error{Errc::corrupt, "an entry has an impossible key"};
    return std::max(*seq, before);
}

// Whose the entries from here on are. Damaged ones are nobody's: take() finds and reports them.
Result<std::vector<Log::Impl::Owner>> Log::Impl::owners_from(Seq from) const {
    std::vector<Owner> owners;
    Result<void> scanned =
        store_.scan(seq_key(Space::entry, std::max(from, tail())),
                    end_of(Space::entry),
                    [&](std::string_view key, std::string_view value) {
                        const auto seq = seq_of(Space::entry, key);
                        const Result<Event> event = decode_record(value);
                        if (seq && event) {
                            owners.push_back({*seq, std::string(event->destination)});
                        }
                        return true;
                    });
    if (!scanned) return scanned.error();
    return owners;
}

void Log::Impl::count(const std::vector<Owner>& owners) {
    for (const Owner& owner : owners) {
        const auto found = destinations_.find(owner.destination);
        if (found == destinations_.end()) continue;
        Cursor& cursor = found->second.cursor;
        if (owner.seq <= cursor.counted_to) continue;
        ++cursor.counts.pending;
        cursor.counted_to = owner.seq;
        found->second.dirty = true;
    }
}

}  // namespace holdfast::wal
