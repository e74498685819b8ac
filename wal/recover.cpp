// Opening the log: what the last process left is read, counted and checked.
#include "wal/inspection.hpp"
#include "wal/log_impl.hpp"
#include "wal/schema_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <string>
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

constexpr std::string_view kRefused =
    ", since on_corruption is \"refuse\": \"quarantine\" sets the damaged log aside and goes on "
    "with all that can be read";

Error refusal(const std::string& why) {
    return {Errc::corrupt, why + ". Nothing was changed" + std::string(kRefused)};
}

// By then RocksDB has put what was in its logs into tables.
Error refusal_when_open(const std::string& why) {
    return {Errc::corrupt, why + ". Nothing was mended" + std::string(kRefused)};
}

std::string text_of_loss(const std::vector<SeqRange>& lost) {
    return std::to_string(count_of(lost)) +
           " acknowledged entries are gone, with the seqs: " + text_of(lost);
}

// Empty where all had been reclaimed, but for what was kept aside.
std::string text_of_gone(const SeqRange& range) {
    return range.first <= range.last ? text_of_loss({range}) : text_of_unnamed(std::nullopt);
}

}  // namespace

Result<void> Log::Impl::prepare_directory() {
    if (Result<void> made = make_directory(options_.directory); !made) return made;
    return directory_lock_.take(options_.directory.string());
}

Result<void> Log::Impl::open() {
    if (Result<void> known = check_schema_file(); !known) return known;
    Result<WaterMark> read = read_mark();
    if (!read) return read.error();
    WaterMark mark = *read;
    if (Result<void> opened = open_store(mark); !opened) return opened;
    // From now on an end that is cut off may be a power cut's.
    if (std::exchange(mark.clean, false)) water_mark_.write(mark);
    Result<void> loaded = load(mark);
    const bool is_damaged = !loaded && loaded.error().code == Errc::corrupt;
    if (is_damaged && options_.on_corruption == OnCorruption::refuse) {
        return refusal_when_open(loaded.error().detail);
    }
    if (is_damaged) {
        // RocksDB opens tables without reading them.
        store_.close();
        tables_doubt_ = loaded.error().detail;
        if (Result<void> opened = open_store(mark); !opened) return opened;
        loaded = load(mark);
    }
    if (!loaded) return loaded;
    water_mark_.write({head_, tail()});
    water_mark_.moved(head_, tail());
    water_mark_.start();
    return {};
}

Result<WaterMark> Log::Impl::read_mark() {
    const Result<std::optional<WaterMark>> mark = water_mark_.read();
    if (mark) return mark->value_or(WaterMark{});
    const std::string why =
        "the mark of the last entry cannot be read, so that nobody can tell whether "
        "entries at the end are missing: " +
        mark.error().detail;
    if (options_.on_corruption == OnCorruption::refuse) return refusal(why);
    options_.note(why);
    return WaterMark{};
}

// Where it cannot be read, only a newer version's log that is damaged besides is not known as such.
Result<void> Log::Impl::check_schema_file() const {
    Result<void> known = SchemaFile(options_.directory.string(), options_.env).check();
    if (known || known.error().code == Errc::too_new) return known;
    options_.note("the file that says the log's schema: " + known.error().detail);
    return {};
}

// Once the store has it. Without the file, as on a full disk, only a newer version's log that is
// damaged besides would not be known as such.
void Log::Impl::write_schema_file() const {
    const Result<void> written =
        SchemaFile(options_.directory.string(), options_.env).write(kSchemaNumber);
    if (!written) options_.note("the file that says the log's schema: " + written.error().detail);
}

// The opening would change it. Looked at only where the logs do not tell.
Result<std::optional<SeqRange>> Log::Impl::missing_at_end(Seq acknowledged, Seq last_in_logs) {
    if (last_in_logs >= acknowledged) return std::optional<SeqRange>();
    if (Result<void> opened = store_.open_read_only(); !opened) return opened.error();
    const Result<Seq> last = [this]() -> Result<Seq> {
        Result<Losses> losses = saved_losses();
        if (!losses) return losses.error();
        Result<Seq> saved_tail = saved_seq(kTailName, Seq{1});
        if (!saved_tail) return saved_tail.error();
        return last_entry(std::max(saved_tail->previous(), losses->lost.last()));
    }();
    store_.close();
    if (!last) return last.error();
    if (*last >= acknowledged) return std::optional<SeqRange>();
    return std::optional(SeqRange{last->next(), acknowledged});
}

// RocksDB drops what lies behind damage in its log and deletes the file, and tables that its list
// does not name, so that is looked at first.
Result<Log::Impl::Judgement> Log::Impl::judge(const WaterMark& mark) {
    const Files files(options_.env);
    const std::string database = (options_.directory / "db").string();
    // Of buffered entries the mark says only that they were acknowledged.
    const Seq acknowledged = options_.durability == Durability::synced ? mark.acknowledged : Seq();
    const Result<Inspection> found = inspect(files, database, acknowledged);
    if (!found) return found.error();
    Judgement it{.doubt_tables = !tables_doubt_.empty() || found->tables,
                 .is_list_torn = found->tables_torn};
    // Not only a power cut leaves the list so, but also a write of it that failed. And where its
    // end went bad, only the rebuilding finds out.
    const bool may_be_damaged = it.is_list_torn && options_.on_corruption == OnCorruption::refuse;
    const bool is_headless = found->headless && !is_unborn(files, options_.directory.string());
    if (is_headless || found->tables || found->rot || may_be_damaged ||
        (mark.clean && found->dropped)) {
        it.why = found->text();
    } else if (it.doubt_tables) {
        it.why = tables_doubt_;
    } else if (found->more_behind || it.is_list_torn) {
        it.why = found->text();
        it.is_damaged = false;  // it may be: what a power cut leaves can look the same
    } else if (files.exists(database + "/CURRENT")) {
        const Result<std::optional<SeqRange>> missing =
            missing_at_end(acknowledged, found->last_entry);
        if (!missing && missing.error().code != Errc::corrupt) return missing.error();
        if (!missing) {
            it.doubt_tables = true;
            it.why = missing.error().detail;
        } else if (*missing) {
            it.is_list_torn = true;  // at the border of two records, it may be
            it.why = text_of_gone({std::max(mark.tail, (**missing).first), acknowledged});
        } else if (mark.clean && found->lacks_records(mark.last_record)) {
            it.is_list_torn = true;
            it.why = found->text_of_missing_end(mark.last_record);
        }
    } else if (mark.acknowledged > Seq() && options_.on_corruption == OnCorruption::refuse) {
        // No power cut takes all of it, whatever the durability.
        it.why = "the database is gone. " +
                 text_of_gone({std::max(Seq{1}, mark.tail), mark.acknowledged});
    }
    return it;
}

// A rebuilding that is under way goes on whatever the policy: the log is set aside.
Result<void> Log::Impl::open_store(const WaterMark& mark) {
    Rebuild rebuild(options_.directory.string(), options_.env, options_.note);
    const Result<bool> under_way = rebuild.is_under_way();
    if (!under_way) return under_way.error();
    const bool may_rebuild = options_.on_corruption == OnCorruption::quarantine;
    Judgement it{.why = "the last start did not come to the end of rebuilding it"};
    if (!*under_way) {
        Result<Judgement> judged = judge(mark);
        if (!judged) return judged.error();
        it = std::move(*judged);
        const bool is_refused = it.is_damaged && !may_rebuild;
        if (is_refused && !it.why.empty()) return refusal(it.why);
        if (Result<void> made = make_directory(options_.directory / "db"); !made) return made;
        if (it.why.empty()) {
            Result<void> opened = store_.open();
            if (opened || opened.error().code != Errc::corrupt) return opened;
            it.why = opened.error().detail;
            if (is_refused) return refusal(it.why);
        }
    }
    options_.note((it.is_damaged
                       ? "the log is damaged and is rebuilt of what can be read: "
                       : "the log is rebuilt with all that can be read, since its end is as a "
                         "power cut can leave it: ") +
                  it.why);
    Result<Rebuilt> rebuilt = rebuild.run({.mark = mark,
                                           .doubt_tables = it.doubt_tables,
                                           .is_list_torn = it.is_list_torn,
                                           .may_doubt_tables = may_rebuild},
                                          options_.wall_now());
    if (!rebuilt) return rebuilt.error();
    tables_doubt_.clear();
    options_.note("the log was rebuilt; what it was built of is kept in " + rebuilt->kept_in);
    if (rebuilt->unnamed != 0) options_.note(text_of_unnamed(rebuilt->unnamed));
    if (!rebuilt->lost.empty()) options_.note(text_of_loss(rebuilt->lost));
    if (rebuilt->unnamed == 0 && rebuilt->lost.empty()) {
        options_.note("no acknowledged entry is missing");
    }
    return store_.open();
}

// What was acknowledged and is not there. Its seqs are not given again.
Result<void> Log::Impl::lose(const WaterMark& mark) {
    if (mark.acknowledged <= head_) return {};
    tail_ = std::max(tail(), mark.tail);
    const SeqRange gone{std::max(head_.next(), tail()), mark.acknowledged};
    // Else all had been reclaimed; but the log would know that.
    const bool is_any = gone.first <= gone.last;
    const std::string what = text_of_gone(gone);
    const bool may_happen = is_any && options_.durability == Durability::buffered;
    if (options_.on_corruption == OnCorruption::refuse && !may_happen) {
        return Error{Errc::corrupt, what};
    }
    options_.note(what);
    if (is_any) lost_.add(gone);
    if (!is_any) lost_.add_unnamed(std::nullopt);
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

// The entries of the write that failed may be there or not. Those that are there are delivered:
// whoever sent them was told that nothing is known of them.
Result<void> Log::Impl::recover() {
    store_.close();
    if (Result<void> opened = open_store({head_, tail()}); !opened) return opened;
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
