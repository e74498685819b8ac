// Opening the log: what the last process left is read, counted and checked.
#include "proto/record.hpp"
#include "wal/inspection.hpp"
#include "wal/log_impl.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace holdfast::wal {
namespace {

Result<void> sync_directory(const std::filesystem::path& directory) {
    const int descriptor = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = descriptor >= 0 && ::fsync(descriptor) == 0;
    const int why = errno;
    if (descriptor >= 0) ::close(descriptor);
    if (synced) return {};
    return Error{Errc::storage_failed,
                 "sync " + directory.string() + ": " + std::generic_category().message(why)};
}

Result<void> make_directory(const std::filesystem::path& wanted) {
    const auto directory = wanted.has_filename() ? wanted : wanted.parent_path();  // "…/"
    std::error_code ec;
    auto there = directory;
    while (!std::filesystem::is_directory(there, ec) && there.has_relative_path()) {
        there = there.parent_path();
    }
    if (there == directory) return {};
    std::filesystem::create_directories(directory, ec);
    if (ec) {
        const bool is_full = ec == std::errc::no_space_on_device;
        return Error{is_full ? Errc::disk_full : Errc::bad_config,
                     "make " + directory.string() + ": " + ec.message()};
    }
    std::filesystem::permissions(directory, std::filesystem::perms::owner_all, ec);
    // A new name is on the disk only once the directory that holds it is.
    for (auto made = directory; made != there; made = made.parent_path()) {
        if (Result<void> synced = sync_directory(made.parent_path()); !synced) return synced;
    }
    return {};
}

Error refusal(const std::string& why) {
    return {Errc::corrupt,
            why +
                ". Nothing was changed, since on_corruption is \"refuse\": \"quarantine\" sets "
                "the damaged log aside and goes on with all that can be read"};
}

std::string text_of_loss(const std::vector<SeqRange>& lost) {
    return std::to_string(count_of(lost)) +
           " acknowledged entries are gone, with the seqs: " + text_of(lost);
}

}  // namespace

Result<void> Log::Impl::prepare_directory() {
    if (Result<void> made = make_directory(options_.directory); !made) return made;
    return directory_lock_.take(options_.directory.string());
}

Result<void> Log::Impl::open() {
    WaterMark mark = read_mark();
    if (Result<void> opened = open_store(mark, ""); !opened) return opened;
    // From now on an end that is cut off may be a power cut's.
    if (std::exchange(mark.clean, false)) water_mark_.write(mark);
    Result<void> loaded = load(mark);
    if (!loaded && loaded.error().code == Errc::corrupt) {
        // RocksDB opens tables without reading them.
        store_.close();
        if (Result<void> opened = open_store(mark, loaded.error().detail); !opened) return opened;
        loaded = load(mark);
    }
    if (!loaded) return loaded;
    water_mark_.write({head_, tail()});
    water_mark_.moved(head_, tail());
    water_mark_.start();
    return {};
}

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
    lost_.forget_before(tail());
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

WaterMark Log::Impl::read_mark() {
    const Result<std::optional<WaterMark>> mark = water_mark_.read();
    if (mark) return mark->value_or(WaterMark{});
    options_.note(
        "the mark of the last entry cannot be read, so that nobody can tell whether "
        "entries at the end are missing: " +
        mark.error().detail);
    return {};
}

// RocksDB drops what lies behind damage in its log and deletes the file, so that is looked at
// first.
Result<void> Log::Impl::open_store(const WaterMark& mark, const std::string& doubt) {
    const std::string directory = options_.directory.string();
    Rebuild rebuild(directory, options_.env, options_.note);
    Result<bool> under_way = rebuild.is_under_way();
    if (!under_way) return under_way.error();
    bool doubt_tables = !doubt.empty();
    bool is_damaged = true;
    std::string why = "the last start did not come to the end of rebuilding it";
    if (!*under_way) {
        if (Result<void> made = make_directory(options_.directory / "db"); !made) return made;
        // Of buffered entries the mark says only that they were acknowledged.
        const bool is_synced = options_.durability == Durability::synced;
        Result<Inspection> found =
            inspect(Files(options_.env), directory + "/db", is_synced ? mark.acknowledged : Seq());
        if (!found) return found.error();
        doubt_tables = doubt_tables || found->tables;
        if (found->headless || found->tables || found->rot || (mark.clean && found->dropped)) {
            why = found->text();
        } else if (doubt_tables) {
            why = doubt;
        } else if (found->more_behind) {
            why = found->text();
            is_damaged = false;  // it may be: what a power cut leaves can look the same
        } else {
            Result<void> opened = store_.open();
            if (opened || opened.error().code != Errc::corrupt) return opened;
            why = opened.error().detail;
        }
        if (is_damaged && options_.on_corruption == OnCorruption::refuse) return refusal(why);
    }
    options_.note((is_damaged
                       ? "the log is damaged and is rebuilt of what can be read: "
                       : "the log is rebuilt with what stands behind a hole at its end, as a "
                         "power cut can leave it: ") +
                  why);
    Result<Rebuilt> rebuilt = rebuild.run({mark, doubt_tables}, options_.wall_now());
    if (!rebuilt) return rebuilt.error();
    options_.note("the log was rebuilt; what it was built of is kept in " + rebuilt->kept_in);
    if (rebuilt->unnamed != 0) options_.note(text_of_unnamed(rebuilt->unnamed));
    if (!rebuilt->lost.empty()) options_.note(text_of_loss(rebuilt->lost));
    if (rebuilt->unnamed == 0 && rebuilt->lost.empty()) {
        options_.note("no acknowledged entry is missing");
    }
    return store_.open();
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

// What was acknowledged and is not there. Its seqs are not given again.
Result<void> Log::Impl::lose(const WaterMark& mark) {
    if (mark.acknowledged <= head_) return {};
    tail_ = std::max(tail(), mark.tail);
    const SeqRange gone{std::max(head_.next(), tail()), mark.acknowledged};
    const bool may_happen = options_.durability == Durability::buffered;
    if (options_.on_corruption == OnCorruption::refuse && !may_happen) {
        return refusal(text_of_loss({gone}));
    }
    options_.note(text_of_loss({gone}));
    lost_.add(gone);
    head_ = mark.acknowledged;
    // With the entries went what was marked at that time.
    doubt_ = head_;
    rocksdb::WriteBatch batch;
    rocksdb::Status put = batch.Put(name_key(Space::meta, kLostName), lost_.encode());
    if (put.ok()) {
        put = batch.Put(name_key(Space::meta, kDoubtName), seq_key(Space::entry, doubt_));
    }
    if (put.ok()) put = batch.Put(name_key(Space::meta, kTailName), seq_key(Space::entry, tail()));
    if (!put.ok()) return Error{Errc::storage_failed, put.ToString()};
    return store_.write(batch, true);
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
        return Error{Errc::too_new,
                     "the log has schema " + **schema + ", this version knows up to " +
                         std::string(kSchema) + ": install the newer version again"};
    }
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

// The entries of the write that failed may be there or not. Those that are there are delivered:
// whoever sent them was told that nothing is known of them.
Result<void> Log::Impl::recover() {
    store_.close();
    Result<void> opened =
        open_store({head_, tail()}, std::exchange(tables_damaged_, false) ? reason_ : "");
    if (!opened) return opened;
    // A reclaim that failed may have come to pass.
    Result<Seq> saved_tail = saved_seq(kTailName, Seq{1});
    if (!saved_tail) return saved_tail.error();
    Result<Losses> losses = saved_losses();
    if (!losses) return losses.error();
    Seq before;
    {
        const std::scoped_lock lock(mutex_);
        tail_ = *saved_tail;
        lost_ = std::move(losses->lost);
        if (!lost_.is_all_seen()) mark(name_key(Space::meta, kLostName), lost_.encode());
        doubt_ = std::max(doubt_, losses->doubt);
        before = std::max(tail().previous(), lost_.last());
    }
    Result<Seq> last = last_entry(before);
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
