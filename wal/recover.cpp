// Opening the log: what the last process left is read, counted and checked.
#include "proto/record.hpp"
#include "wal/log_impl.hpp"

#include <algorithm>
#include <system_error>
#include <utility>

namespace holdfast::wal {
namespace {

constexpr std::string_view kSchemaName = "schema";
constexpr std::string_view kSchema = "1";
constexpr std::string_view kTailName = "tail";

Result<void> make_directory(const std::filesystem::path& directory) {
    std::error_code ec;
    if (std::filesystem::is_directory(directory, ec)) return {};
    std::filesystem::create_directories(directory, ec);
    if (ec) {
        const bool is_full = ec == std::errc::no_space_on_device;
        return Error{is_full ? Errc::disk_full : Errc::bad_config,
                     "make " + directory.string() + ": " + ec.message()};
    }
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, ec);
    return {};
}

}  // namespace

Result<void> Log::Impl::prepare_directory() {
    for (const auto& directory : {options_.directory, options_.directory / "db"}) {
        if (Result<void> made = make_directory(directory); !made) return made;
    }
    return lock_.acquire(options_.directory);
}

Result<void> Log::Impl::open() {
    if (Result<void> opened = store_.open(); !opened) return opened;
    // Others look on when there was no room for it at the start. What follows is quick.
    const std::scoped_lock lock(mutex_);
    if (Result<void> known = load_schema(); !known) return known;
    if (Result<void> loaded = load_cursors(); !loaded) return loaded;
    if (Result<void> loaded = load_parked(); !loaded) return loaded;
    if (Result<void> loaded = load_retries(); !loaded) return loaded;
    if (Result<void> loaded = load_keys(); !loaded) return loaded;
    Result<Seq> last = last_entry();
    if (!last) return last.error();
    head_ = *last;
    next_ = head_.next();
    Seq counted = head_;
    for (auto& [name, destination] : destinations_) {
        // Added while the log could not be opened, and not found in it.
        if (destination.dirty) destination.cursor = new_cursor();
        counted = std::min(counted, destination.cursor.counted_to);
    }
    Result<std::vector<Owner>> uncounted = owners_from(counted.next());
    if (!uncounted) return uncounted.error();
    count(*uncounted);
    return {};
}

Result<void> Log::Impl::load_schema() {
    Result<std::optional<std::string>> schema = store_.get(name_key(Space::meta, kSchemaName));
    if (!schema) return schema.error();
    if (!*schema) {
        rocksdb::WriteBatch first;
        const rocksdb::Status put =
            first.Put(name_key(Space::meta, kSchemaName), std::string(kSchema));
        if (!put.ok()) return Error{Errc::storage_failed, put.ToString()};
        return store_.write(first, true);
    }
    if (**schema != kSchema) {
        return Error{Errc::too_new,
                     "the log has schema " + **schema + ", this version knows up to " +
                         std::string(kSchema) + ": install the newer version again"};
    }
    Result<Seq> tail = saved_tail();
    if (!tail) return tail.error();
    tail_ = *tail;
    return {};
}

Result<Seq> Log::Impl::saved_tail() const {
    Result<std::optional<std::string>> tail = store_.get(name_key(Space::meta, kTailName));
    if (!tail) return tail.error();
    if (!*tail) return Seq{1};
    const std::optional<Seq> seq = seq_of(Space::entry, **tail);
    if (!seq) return Error{Errc::corrupt, "the tail has an impossible layout"};
    return *seq;
}

Result<void> Log::Impl::load_cursors() {
    std::optional<Error> wrong;
    Result<void> scanned = store_.scan(
        name_key(Space::cursor, ""),
        end_of(Space::cursor),
        [&](std::string_view key, std::string_view value) {
            Result<Cursor> cursor = Cursor::decode(value);
            if (!cursor) {
                wrong = cursor.error();
                return false;
            }
            Destination& destination = destinations_[std::string(*name_of(Space::cursor, key))];
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
                                               found->second.parked.insert(*seq);
                                           return true;
                                       });
    for (auto& [name, destination] : destinations_) {
        // Together in log order: the lanes are filled in the order of acceptance.
        std::deque<Seq>& outstanding = destination.outstanding;
        outstanding.insert(outstanding.end(), destination.parked.begin(), destination.parked.end());
        std::sort(outstanding.begin(), outstanding.end());
    }
    return scanned;
}

Result<void> Log::Impl::load_retries() {
    return store_.scan(seq_key(Space::retry, {}),
                       end_of(Space::retry),
                       [&](std::string_view key, std::string_view value) {
                           const std::optional<Seq> seq = seq_of(Space::retry, key);
                           Result<Retry> retry = decode_retry(value);
                           if (seq) with_retry_.insert(*seq);
                           if (seq && retry) {
                               retries_.emplace(*seq, std::move(*retry));
                           } else {
                               options_.note("a retry state is damaged: its entry starts afresh");
                           }
                           return true;
                       });
}

Result<Seq> Log::Impl::last_entry() const {
    Result<std::optional<KeyValue>> last =
        store_.last(seq_key(Space::entry, tail_), end_of(Space::entry));
    if (!last) return last.error();
    if (!*last) return tail_.previous();
    const std::optional<Seq> seq = seq_of(Space::entry, (*last)->key);
    if (!seq) return Error{Errc::corrupt, "an entry has an impossible key"};
    return *seq;
}

// Whose the entries from here on are. Damaged ones are nobody's: take() finds and reports them.
Result<std::vector<Log::Impl::Owner>> Log::Impl::owners_from(Seq from) const {
    std::vector<Owner> owners;
    Result<void> scanned =
        store_.scan(seq_key(Space::entry, std::max(from, tail_)),
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

// The entries of the write that failed may be there or not. Those that are there are delivered:
// whoever sent them was told that nothing is known of them.
Result<void> Log::Impl::recover() {
    store_.close();
    if (Result<void> opened = store_.open(); !opened) return opened;
    // A reclaim that failed may have come to pass.
    Result<Seq> tail = saved_tail();
    if (!tail) return tail.error();
    {
        const std::scoped_lock lock(mutex_);
        tail_ = *tail;
    }
    Result<Seq> last = last_entry();
    if (!last) return last.error();
    // Only this thread moves the head.
    if (*last < head_) {
        return Error{Errc::storage_failed,
                     "acknowledged entries are missing after reopening: the last one is " +
                         std::to_string(last->value) + ", was " + std::to_string(head_.value)};
    }
    Result<std::vector<Owner>> reappeared = owners_from(head_.next());
    if (!reappeared) return reappeared.error();
    const std::scoped_lock lock(mutex_);
    for (auto& [name, destination] : destinations_) {
        destination.cursor.counted_to = head_;
        destination.dirty = true;
        destination.recount = true;
    }
    head_ = *last;
    next_ = head_.next();
    count(*reappeared);
    settle_doubts();
    return {};
}

// A repeat that reappeared has taken its dead letter with it: a mark must not bring that back.
void Log::Impl::settle_doubts() {
    for (const Batch::Appended& one : doubtful_) {
        if (!one.replaces || one.stored.seq > head_) continue;
        open_.marks.erase(seq_key(Space::failed, *one.replaces));
        decrease(at(one.destination).cursor.counts.failed);
    }
    doubtful_.clear();
}

}  // namespace holdfast::wal
