// The inside of Log, shared by the files that implement it: log.cpp (accepting and marks), take.cpp
// (handing out), commit.cpp (the committer), recover.cpp (opening), load.cpp (what is known then),
// read.cpp (looking), dead_letters.cpp (what an operator decides) and reclaim.cpp (space).
#pragma once

#include "wal/admission.hpp"
#include "wal/batch.hpp"
#include "wal/disk.hpp"
#include "wal/inspection.hpp"
#include "wal/keys.hpp"
#include "wal/known_keys.hpp"
#include "wal/log.hpp"
#include "wal/rebuild.hpp"
#include "wal/seq_bitmap.hpp"
#include "wal/store.hpp"
#include "wal/water_mark.hpp"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <set>
#include <span>
#include <thread>

namespace holdfast::wal {

using SteadyTime = std::chrono::steady_clock::time_point;

// The counts inform; a wrong one must not stop the log.
inline void decrease(std::uint64_t& count) {
    if (count > 0) --count;
}

struct Log::Impl {
    struct Destination {
        Cursor cursor;
        bool dirty = true;            // the saved cursor is older than this one
        Seq writing_low_water{};      // of the cursor in the batch that is being written …
        Seq saved_low_water{};        // … and in the log: what lies before may be reclaimed
        std::deque<Seq> outstanding;  // at opening: to be handed out before anything is read
        SeqBitmap parked;
        bool restarted = false;  // its cursor could not be read
        bool recount = true;     // `pending` may be off: it is set right when all was read
    };

    struct Owner {
        Seq seq;
        std::string destination;
    };

    using Destinations = std::map<std::string, Destination, std::less<>>;

    explicit Impl(LogOptions options);

    [[nodiscard]] Seq tail() const { return tail_.load(std::memory_order_relaxed); }

    // --- recover.cpp: before the committer runs, or by it after a failure ---
    [[nodiscard]] Result<void> prepare_directory();
    [[nodiscard]] Result<void> open();
    [[nodiscard]] Result<WaterMark> read_mark();
    [[nodiscard]] Result<void> check_schema_file() const;
    void write_schema_file() const;

    // Of a database that nobody has open.
    struct Judgement {
        std::string why = {};    // it must be rebuilt; empty: nothing speaks against opening it
        bool is_damaged = true;  // else it is as a power cut can leave it
        bool doubt_tables = false;
        bool is_list_torn = false;
    };

    [[nodiscard]] Result<std::optional<SeqRange>> missing_at_end(Seq acknowledged,
                                                                 Seq last_in_logs);
    [[nodiscard]] Result<Judgement> judge(const WaterMark& mark);
    [[nodiscard]] Result<void> open_store(const WaterMark& mark);

    [[nodiscard]] Result<void> lose(const WaterMark& mark);
    void settle_doubts();
    [[nodiscard]] Result<void>
    recover();  // after a failure: closes, opens and looks at what is there

    // --- load.cpp: as recover.cpp ---
    struct Losses {
        Lost lost;
        Seq doubt;
    };

    [[nodiscard]] Result<void> load(const WaterMark& mark);
    [[nodiscard]] Result<Losses> saved_losses() const;
    [[nodiscard]] Result<void> restart_damaged_cursors();
    [[nodiscard]] std::uint64_t count_failed(std::string_view destination) const;
    [[nodiscard]] Result<void> forget_keys_of(const std::vector<SeqRange>& lost);
    void forget_lost();
    [[nodiscard]] Result<void> load_schema();
    [[nodiscard]] Result<void> load_cursors();
    [[nodiscard]] Result<void> load_parked();
    [[nodiscard]] Result<void> load_retries();
    [[nodiscard]] Result<Seq> saved_seq(std::string_view name, Seq otherwise) const;
    [[nodiscard]] Result<std::vector<Owner>> owners_from(Seq from) const;
    void count(const std::vector<Owner>& owners);
    [[nodiscard]] Result<Seq> last_entry(Seq before) const;

    // --- space.cpp: before the committer runs, or by it ---
    [[nodiscard]] Result<void> open_with_room();  // open() or recover(), and all they need
    [[nodiscard]] Result<void> make_room_to_open();
    [[nodiscard]] bool give_up_ballast();
    void keep_ballast(const DiskUse& use);
    [[nodiscard]] Result<DiskUse> look_at_disk() const;
    [[nodiscard]] Result<void> admit(Priority priority);  // what is in scratch_
    void look_soon();
    void look(std::unique_lock<std::mutex>& lock);

    // --- commit.cpp: the committer's thread, or write()'s ---
    void run();
    [[nodiscard]] bool has_work(SteadyTime now) const;
    [[nodiscard]] std::optional<SteadyTime> wake_at() const;
    void commit(std::unique_lock<std::mutex>& lock);
    void finish(std::unique_lock<std::mutex>& lock);
    [[nodiscard]] bool writes_here() const;
    void sleep(std::unique_lock<std::mutex>& lock, std::optional<SteadyTime> until);
    void add_cursors_to(Batch& batch, bool all);
    void committed(std::unique_lock<std::mutex>& lock);
    void failed(std::unique_lock<std::mutex>& lock, const Error& error);
    void reopen(std::unique_lock<std::mutex>& lock);
    void abandon(Batch& batch);

    // --- reclaim.cpp: the committer's thread ---
    [[nodiscard]] Result<void> reclaim();  // an error is one of writing
    [[nodiscard]] Seq reclaimable();
    [[nodiscard]] Seq history_ends_at(Seq limit) const;
    [[nodiscard]] std::uint64_t history_bytes_max(std::uint64_t bytes) const;
    [[nodiscard]] bool is_short_of_space() const;
    [[nodiscard]] Result<std::vector<Seq>> survivors(Seq from, Seq to) const;
    [[nodiscard]] Result<Seq> keep_survivors(Seq from, Seq to, rocksdb::WriteBatch& batch) const;
    [[nodiscard]] Result<void> forget_endings(Seq to, rocksdb::WriteBatch& batch) const;

    // --- read.cpp ---
    [[nodiscard]] Result<std::string> record(Seq seq) const;
    [[nodiscard]] Result<Entry> entry_to_deliver(Seq seq) const;
    [[nodiscard]] Error give_up_in_time(Seq seq, const Error& why) const;
    [[nodiscard]] Result<Description> describe_damaged(Seq seq, const Error& why) const;
    [[nodiscard]] Description describe_unreadable(Seq seq) const;
    [[nodiscard]] Result<Entry> entry(Seq seq) const;
    [[nodiscard]] Result<std::optional<std::string>> state_of(std::string_view key) const;
    [[nodiscard]] Result<std::optional<Ending>> ending_of(Seq seq) const;
    [[nodiscard]] bool was_dropped(Seq seq) const;
    [[nodiscard]] Result<Description> describe(Entry entry) const;
    [[nodiscard]] Result<Page> list_space(Space space, const Query& query) const;
    [[nodiscard]] Result<Page> list_entries(const Query& query) const;
    [[nodiscard]] Seq list_from(const Query& query) const;
    using Visit = std::function<bool(Seq seq, Result<Entry> entry)>;
    [[nodiscard]] Result<void> walk(Seq from, Seq to, const Visit& visit) const;
    [[nodiscard]] Result<void> walk_kept(Seq from, Seq to, const Visit& visit) const;

    struct Found {
        Seq seq;
        Result<Entry> entry;
    };

    [[nodiscard]] Result<std::vector<Found>> found_after(Seq after, std::size_t count_max) const;
    [[nodiscard]] std::optional<Entry> first_readable(Seq from, Seq to) const;
    [[nodiscard]] bool is_unsettled(const Event& event, Seq seq) const;
    [[nodiscard]] static bool waits(const Destination& destination, Seq seq);
    [[nodiscard]] std::optional<SeqRange> lost_at(Seq seq) const;

    // --- check_live.cpp ---
    [[nodiscard]] bool check_next_table(const std::string& after,
                                        Findings& findings,
                                        CheckStep& step) const;
    [[nodiscard]] Result<void> check_records(const std::string& from,
                                             Findings& findings,
                                             CheckStep& step) const;

    // --- repeats.cpp ---
    [[nodiscard]] Result<Placed> append_first(const Event& event,
                                              std::span<const IdempotencyKey> keys,
                                              Ticket ticket);
    [[nodiscard]] Placed repeat_of_stored(const KeyRecord& first) const;
    [[nodiscard]] Placed wait_for_first(const KeyRecord& first, Ticket ticket);
    void begin_key(const IdempotencyKey& key, const Placed& first);
    void name_besides(const KeyRecord& first,
                      std::span<const IdempotencyKey> keys,
                      const std::vector<Digest>& found);
    [[nodiscard]] Result<std::optional<KeyRecord>> find_key(const Digest& name,
                                                            const std::vector<WallTime>& buckets,
                                                            WallTime now) const;
    [[nodiscard]] Result<void> forget_all_keys();
    [[nodiscard]] Result<void> load_keys();
    [[nodiscard]] Result<void> expire_keys();

    // --- take.cpp ---
    struct Seen {
        Seq seq;
        bool fresh;  // read at the cursor's position, not outstanding from before
        Result<std::optional<Pending>> entry;  // nullopt: another destination's
    };

    [[nodiscard]] std::vector<Seen> look_ahead(std::string_view destination,
                                               const std::vector<Seq>& outstanding,
                                               Seq from,
                                               Seq to,
                                               std::size_t count_max,
                                               const Tagging& tagging) const;
    void look_at_outstanding(const std::vector<Seq>& outstanding,
                             const Tagging& tagging,
                             std::vector<Seen>& seen) const;
    void look_at_fresh(std::string_view destination,
                       Seq from,
                       Seq to,
                       std::size_t count_max,
                       const Tagging& tagging,
                       std::vector<Seen>& seen) const;
    [[nodiscard]] Result<std::string> state_to_deliver(Seq seq) const;
    void add_retry(Seen& one) const;
    [[nodiscard]] Result<Taken> hand_out(std::string_view destination, std::vector<Seen> seen);
    void damaged(Destination& destination, Seq seq, const Error& why);
    void recount(std::string_view name, Destination& destination);

    // --- dead_letters.cpp ---
    [[nodiscard]] Result<void> begin_ending(Seq failed);
    void forget_ending(Seq failed);
    [[nodiscard]] Result<void> ensure_dead(Seq seq) const;
    [[nodiscard]] Result<Seq> end_by_another(Seq failed,
                                             const std::function<Event(const Event&)>& another,
                                             Ticket ticket);
    [[nodiscard]] Result<Seq> append_in_place_of(Seq failed,
                                                 const std::function<Event(const Event&)>& another,
                                                 Ticket ticket);
    [[nodiscard]] Result<void> drop(Seq failed, WallTime now, Ticket ticket);
    [[nodiscard]] Result<std::string> owner_of_dead(Seq failed) const;

    // --- log.cpp ---
    [[nodiscard]] Cursor new_cursor() const;
    [[nodiscard]] Result<Seq> append(const Event& event,
                                     Ticket ticket,
                                     std::optional<Seq> replaces);
    bool settle(std::string_view destination, Seq seq);  // true: it was parked
    void mark(std::string key, std::optional<std::string> value);
    void mark_retry(Seq seq, const Retry& retry);
    void forget_retry(Seq seq);
    void marked();
    void hurry(Mark how);
    void wake();
    Destination& at(std::string_view destination);

    const LogOptions options_;
    const SpacePlan plan_;
    DirectoryLock directory_lock_;
    Store store_;
    WaterMarkKeeper water_mark_;
    Ballast ballast_;
    bool ballast_works_;   // is wanted, and the file system can allocate one
    bool loaded_ = false;  // was open since the start

    mutable std::mutex mutex_;  // guards all below; never held while the disk is waited for
    std::condition_variable wake_;
    bool waiting_ = false;  // the committer sleeps: only then is waking it worth a system call
    std::optional<SteadyTime> sleeps_until_;

    struct Unfinished {
        SteadyTime begun_at;
        bool sync;
    };

    std::optional<Unfinished> unfinished_;               // what is in writing_
    bool writing_here_ = false;                          // write() does what the committer does
    Duration sync_took_ = std::chrono::milliseconds(1);  // the last one
    bool stopping_ = false;
    bool unsynced_ = false;              // the last write was not synced
    std::optional<SteadyTime> sync_at_;  // of buffered entries
    bool ok_ = true;
    std::string tables_doubt_;  // why each table is to be read by itself; empty: no reason
    std::uint64_t failures_ = 0;
    SyncTimes syncs_;
    std::string reason_;
    Errc reason_code_ = Errc::storage_failed;  // or disk_full
    Admission admission_;
    KnownKeys keys_;
    std::optional<SteadyTime> look_at_;       // at the disk
    bool looks_soon_ = false;                 // because events come in
    Batch open_;                              // filled by everybody
    Batch writing_;                           // the committer's, while it writes
    std::vector<Batch::Appended> doubtful_;   // what a failed write held: it may be there or not
    Duration reopen_pause_;                   // the next one; doubled until a write has passed
    std::optional<SteadyTime> marks_due_at_;  // set when marks or cursors wait to be written
    std::optional<SteadyTime> reclaim_at_;
    Seq next_{1};  // of the next append
    Seq head_{};   // durable
    // Written under the lock, read from anywhere: entries before it are reclaimed, whether or not
    // their bytes are still there.
    std::atomic<Seq> tail_ = Seq{1};
    mutable std::map<Seq, unsigned> unread_;  // how often in a row the disk gave an error
    Lost lost_;
    Seq doubt_{};            // what was attempted up to here may have left no mark
    std::set<Seq> damaged_;  // since the start
    Destinations destinations_;
    SeqBitmap with_retry_;  // have a record in the retry space, which goes when they settle
    std::set<Seq> ending_;  // dead letters that are about to leave these
    std::string scratch_;   // for encoding a record

    std::thread committer_;
};

}  // namespace holdfast::wal
