// The durable log between the apps and the far side.
//
// Promise: an append that is reported by `on_commit` without an error survives a crash of this
// process, of the kernel and of the machine, until it is settled and its history has passed. One
// that is reported with an error is unknown: it may still be in the log after the next opening, and
// is then delivered. After one failed write nothing is reported as stored until the store was
// closed, opened and read again; the log does that by itself, with backoff.
//
// Why one committer thread: everything that was appended while one sync ran goes into the next:
// group commit without a timer. Marks (settle, retry, …) ride in the same batches and the same
// RocksDB WAL, so that a mark is never more durable than the data; by themselves they are written
// unsynced, a few milliseconds late.
//
// Threads: every call from any thread, except that take() for one destination is one thread's. No
// call waits for the disk but take, get, list, describe, replay, replace, drop and append with a
// key that may be known (which read) and close.
#pragma once

#include "proto/durability.hpp"
#include "proto/event.hpp"
#include "proto/idempotency.hpp"
#include "proto/result.hpp"
#include "proto/seq.hpp"
#include "proto/time.hpp"
#include "wal/admission.hpp"
#include "wal/cursor.hpp"
#include "wal/finding.hpp"
#include "wal/lost.hpp"
#include "wal/on_corruption.hpp"
#include "wal/state.hpp"
#include "wal/sync_times.hpp"

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace rocksdb {
class Env;
}

namespace holdfast::wal {

// A caller's own number for a call that is answered later, by on_commit.
using Ticket = std::uint64_t;

struct Stored {
    Ticket ticket;
    Seq seq;
};

// What came of one write. Either everything in it is durable, or `error` says why nothing is.
struct Commit {
    std::vector<Stored> appended;
    std::vector<Stored> intended;
    std::vector<Stored> dropped;
    std::optional<Error> error;
    // With an error: true when the write was tried, so that the entries may be in the log all the
    // same.
    bool in_doubt = false;
    Durability durability = Durability::synced;  // of what was appended, without an error
    bool reopened = false;                       // the log had failed and is open again
    Seq head;                                    // the last durable entry
};

// Descriptors that an open log uses at most, but for a few.
inline constexpr int kOpenFilesMax = 256;

struct LogOptions {
    std::filesystem::path directory;            // made if it is missing, mode 0700
    Duration history = std::chrono::hours(24);  // complete entries are kept for so long …
    std::uint64_t history_bytes = std::uint64_t{1} << 30U;  // … and within so much

    Duration idempotency_window = std::chrono::hours(24);  // keys are known for so long; 0: not

    std::function<void(Commit)>
        on_commit;  // on the committer's thread, or in write(); must not wait
    std::function<void(std::string)> note;  // lines for the operator's journal, from any thread
    std::function<WallTime()> wall_now;     // for the history's age

    // Buffered: an event is reported when it is in the kernel's hands, and synced within
    // buffered_max. What a power cut takes then is reported as lost at the next opening.
    Durability durability = Durability::synced;
    Duration buffered_max = std::chrono::seconds(1);

    // write() may write on the caller's thread while the disk takes no longer; 0: never.
    Duration write_here_max = std::chrono::milliseconds(1);

    std::size_t open_batch_bytes_max = std::size_t{8} << 20U;  // then append is refused: overloaded
    Duration mark_delay = std::chrono::milliseconds(5);        // marks wait so long for company
    Duration reopen_min = std::chrono::milliseconds(100);      // doubled up to …
    Duration reopen_max = std::chrono::seconds(30);
    Duration reclaim_every = std::chrono::seconds(30);  // while entries are settled
    OnCorruption on_corruption = OnCorruption::quarantine;
    Duration water_mark_every = std::chrono::seconds(1);  // while entries are accepted
    rocksdb::Env* env = nullptr;                          // for tests; nullptr: the real one

    // Space: see admission.hpp. The history gives way before an event is refused.
    std::uint64_t max_bytes = 0;            // of the directory; 0: no limit but the disk's
    std::optional<std::uint64_t> min_free;  // none: in proportion to the disk, up to 256 MiB
    bool ballast = true;                    // keep a file to give up when the disk is full
    std::function<Result<DiskUse>()> look_at_disk;  // for tests; empty: the real one
};

// Where an event with an idempotency key is: its own entry, or that of the one it repeats.
struct Placed {
    Seq seq;
    Ulid id;
    WallTime accepted_at;
    bool is_repeat = false;  // nothing is stored for it
    bool is_stored = false;  // a repeat of what is stored: its ticket will not be reported
    Durability durability = Durability::synced;  // of a repeat that is stored
};

// A caller's own number for an entry, made of its event while that is at hand.
using Tag = std::uint64_t;
using Tagging = std::function<Tag(const Event&)>;

// An entry that a destination is to deliver, without its texts.
struct Pending {
    Seq seq;
    Ulid id;
    Lane lane{};
    AlsoLanes also;
    Operation operation{};
    WallTime accepted_at;
    Tag tag = 0;
    std::optional<Retry> retry;
    bool parked = false;
};

struct Taken {
    std::vector<Pending> entries;
    bool more = false;  // take again: there are entries that were not looked at yet
};

// A record with the event that borrows from it.
class Entry {
public:
    // `record` must decode.
    Entry(Seq seq, std::string record);
    Entry(Entry&& other) noexcept;
    Entry& operator=(Entry&& other) noexcept;

    [[nodiscard]] Seq seq() const { return seq_; }

    [[nodiscard]] const Event& event() const { return event_; }

    [[nodiscard]] std::size_t bytes() const { return record_.size(); }

private:
    Seq seq_;
    std::string record_;
    Event event_;
};

// As the log knows it. An entry in flight is `pending` or `retrying` here.
// The last two are ends of a dead letter.
enum class EntryState : std::uint8_t { pending, retrying, complete, failed, replayed, dropped };

[[nodiscard]] std::string_view to_string(EntryState state);

struct Description {
    Entry entry;
    EntryState state = EntryState::pending;
    std::optional<Retry> retry;      // with retrying, and with pending when an attempt was intended
    std::optional<Failure> failure;  // with failed
    std::optional<Ending> ending;    // with replayed and dropped
    bool is_readable = true;         // false: the record is damaged, and `entry` is empty
};

struct Query {
    std::optional<EntryState> state;  // none: all
    Seq after;
    std::size_t count_max = 50;
    std::size_t scan_max = 2000;  // entries looked at; bounds the time of one call
    // A page that holds so much ends, with one entry at least; bounds its memory.
    std::size_t bytes_max = std::size_t{16} << 20U;
    std::function<bool(const Event&)> matches;         // empty: all
    std::function<bool(const Description&)> is_asked;  // likewise; asked after the others
};

struct Page {
    std::vector<Description> entries;
    std::optional<Seq> next;  // go on with `after = *next`; none: that was all
};

struct Health {
    bool ok = true;
    std::string reason;          // why not
    Seq head;                    // the last durable entry; 0: none yet
    Seq tail;                    // the first entry that is still readable in place
    std::uint64_t damaged = 0;   // entries that could not be read since the start
    std::vector<SeqRange> lost;  // acknowledged entries that are gone, until lost_is_seen()
    // At most so many others are gone; which, cannot be told. nullopt: nor how many. Until
    // lost_is_seen().
    std::optional<std::uint64_t> lost_unnamed = 0;
    std::uint64_t failures = 0;  // writes that failed since the start
    SyncTimes syncs;             // since the start
};

struct SpaceStatus {
    DiskUse use;
    SpaceLimits limits;
    SpaceLevel level = SpaceLevel::ok;
    std::array<std::uint64_t, kPriorityCount> refused{};  // by priority, since the start
    std::uint64_t ballast = 0;                            // bytes there are of it now
};

class Log {
public:
    // Opens or makes the log and starts the committer. When the disk is too full for that, there is
    // a log all the same: one that has failed, and is open as soon as there is room. Entries that
    // its destinations have from before are known from then on.
    // Errors: busy (another process), too_new, corrupt, storage_failed, bad_config (no such place).
    [[nodiscard]] static Result<std::unique_ptr<Log>> open(LogOptions options);
    ~Log();  // close()
    Log(const Log&) = delete;
    Log& operator=(const Log&) = delete;

    // Writes what is left, synced, and lets go of the directory. Whatever is appended later is
    // refused.
    void close();

    // Must be called for each destination before it is used. Safe to repeat.
    void add_destination(std::string_view name);

    // Every destination the log knows: configured now or with entries from before.
    [[nodiscard]] std::vector<std::string> destinations() const;

    // --- accepting ---

    // Puts the event into the batch that is written next: after write(). Errors: storage_failed,
    // overloaded, log_full and disk_full (no room for events of its priority; admission.hpp).
    [[nodiscard]] Result<Seq> append(const Event& event, Ticket ticket);

    // The same for an event with keys: one that is known makes it a repeat. A repeat of one that is
    // being written is reported with it. Reads the disk when a key may be known. Error also:
    // key_reused (for another content).
    [[nodiscard]] Result<Placed> append(const Event& event,
                                        std::span<const IdempotencyKey> keys,
                                        Ticket ticket);

    // Has what was appended written: call it when nothing more is there to append, and soon. A
    // single event is written on this thread, and reported before this returns, if nobody else is
    // writing and the disk is quick: waking the committer, and being woken by it, would take
    // longer.
    void write();

    // A thread is inside write() and waits for the disk. From any.
    [[nodiscard]] bool is_writing_here() const;

    // --- delivering ---

    // The next entries of the destination, each handed out once per opening, in order: first those
    // that were outstanding when the log was opened. `tagging` may be empty. Errors:
    // storage_failed.
    [[nodiscard]] Result<Taken> take(std::string_view destination,
                                     std::size_t count_max,
                                     const Tagging& tagging = {});

    // Errors: not_found, corrupt, storage_failed.
    [[nodiscard]] Result<Entry> get(Seq seq) const;

    // The next five end or delay an entry that was taken. With `synced` the mark is on the disk
    // within one sync instead of with the next one that comes along.
    enum class Mark : std::uint8_t { lazy, synced };
    void complete(std::string_view destination, Seq seq, Mark how = Mark::lazy);
    void retry(std::string_view destination, Seq seq, const Retry& retry, Mark how = Mark::lazy);
    void fail(std::string_view destination, Seq seq, const Failure& failure, Mark how = Mark::lazy);

    // Records that an attempt is about to be made; on_commit reports the ticket once it is synced.
    void intend(std::string_view destination, Seq seq, const Retry& retry, Ticket ticket);

    // Moves an entry that waits long out of the cursor, so that reading and reclaiming go on. It
    // stays pending and is handed out again at the next opening.
    void park(std::string_view destination, Seq seq);

    // Small texts of the agent's own, written with the marks.
    void save(std::string_view name, std::string value);
    [[nodiscard]] Result<std::optional<std::string>> load(std::string_view name) const;

    // --- looking and steering ---

    [[nodiscard]] Health health() const;

    // The operator knows of all that is lost by now.
    void lost_is_seen();
    [[nodiscard]] SpaceStatus space() const;       // looks at the disk
    [[nodiscard]] SpaceLevel space_level() const;  // as far as is known without looking
    [[nodiscard]] Counts counts(std::string_view destination) const;
    [[nodiscard]] std::optional<WallTime> oldest_pending_at(std::string_view destination) const;
    [[nodiscard]] std::optional<Ulid> newest_id() const;  // after opening: ULIDs go on from here
    [[nodiscard]] Result<Seq> find(const Ulid& id) const;
    [[nodiscard]] Result<Description> describe(Seq seq) const;
    [[nodiscard]] Result<Page> list(const Query& query) const;

    // One step of reading all that is kept, to see whether it can be read: one table file, or about
    // a megabyte of marks and entries. An empty `from` begins; `next` of one step is `from` of the
    // next. What the agent has not written yet is not looked at, nor are counts, since they move.
    // For a thread that may wait. Errors: bad_input (`from`), storage_failed.
    [[nodiscard]] Result<CheckStep> check(const std::string& from) const;

    // --- what an operator decides of a dead letter ---
    // Each is one write, so that a crash leaves the dead letter or its end. Errors: not_found (not
    // among the dead letters, or about to leave them).

    // Appends the failed entry again, under a new id and with the old one as its parent, and takes
    // it out of the dead letters. Keys that are known do not matter. Errors also: as append.
    [[nodiscard]] Result<Seq> replay(Seq failed, const Ulid& id, WallTime now, Ticket ticket);

    // The same with another event in its place; its parent is set here.
    [[nodiscard]] Result<Seq> replace(Seq failed, Event edited, Ticket ticket);

    // Takes the failed entry out of the dead letters for good, also one that cannot be read;
    // on_commit reports the ticket once that is synced. After an error of that write it is dropped
    // all the same when the log is open again, if the process lives. Errors also: storage_failed.
    [[nodiscard]] Result<void> drop(Seq failed, WallTime now, Ticket ticket);

private:
    struct Impl;
    explicit Log(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::wal
