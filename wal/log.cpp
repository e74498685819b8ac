#include "wal/log.hpp"

#include "proto/assert.hpp"
#include "proto/record.hpp"
#include "wal/log_impl.hpp"

#include <pthread.h>

#include <algorithm>
#include <utility>

namespace holdfast::wal {
namespace {

SpacePlan plan_of(const LogOptions& options) {
    const Result<DiskUse> use =
        options.look_at_disk ? options.look_at_disk() : look_at_disk(options.directory);
    // One that cannot be looked at is not a small one.
    std::uint64_t bytes = use ? use->capacity : ~std::uint64_t{0};
    if (options.max_bytes > 0) bytes = std::min(bytes, options.max_bytes);
    return plan_space(bytes);
}

}  // namespace

Entry::Entry(Seq seq, std::string record) : seq_(seq), record_(std::move(record)) {
    Result<Event> event = decode_record(record_);
    HOLDFAST_ASSERT(event.has_value());
    event_ = *event;
}

// A short record lives inside the string: after a move the event must borrow from the new place.
Entry::Entry(Entry&& other) noexcept : Entry(other.seq_, std::move(other.record_)) {}

Entry& Entry::operator=(Entry&& other) noexcept {
    seq_ = other.seq_;
    record_ = std::move(other.record_);
    event_ = *decode_record(record_);
    return *this;
}

std::string_view to_string(EntryState state) {
    switch (state) {
        case EntryState::pending:
            return "pending";
        case EntryState::retrying:
            return "retrying";
        case EntryState::complete:
            return "complete";
        case EntryState::failed:
            return "failed";
        case EntryState::replayed:
            return "replayed";
        case EntryState::dropped:
            return "dropped";
    }
    return "unknown";
}

Log::Impl::Impl(LogOptions options)
    : options_(std::move(options)),
      plan_(plan_of(options_)),
      directory_lock_(options_.env),
      store_(options_.directory / "db",
             options_.env,
             options_.note,
             plan_.write_buffer,
             options_.durability == Durability::synced ? LogFiles::Writes::direct
                                                       : LogFiles::Writes::cached),
      water_mark_(
          options_.directory.string(), options_.env, options_.water_mark_every, options_.note),
      ballast_(options_.directory, options_.ballast ? plan_.ballast : 0),
      ballast_works_(options_.ballast),
      admission_({options_.max_bytes, options_.min_free.value_or(plan_.min_free)}),
      keys_(options_.idempotency_window),
      reopen_pause_(options_.reopen_min) {
    HOLDFAST_ASSERT(options_.on_commit && options_.note && options_.wall_now);
}

Log::Log(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Log::~Log() {
    close();
}

Result<std::unique_ptr<Log>> Log::open(LogOptions options) {
    auto impl = std::make_unique<Impl>(std::move(options));
    if (Result<void> opened = impl->open_with_room(); !opened) {
        if (opened.error().code != Errc::disk_full) return std::move(opened).error().during("log");
        impl->ok_ = false;
        impl->reason_ = opened.error().detail;
        impl->reason_code_ = Errc::disk_full;
        impl->options_.note("the log is not open: " + impl->reason_);
    }
    impl->committer_ = std::thread([raw = impl.get()] {
        ::pthread_setname_np(::pthread_self(), "committer");
        raw->run();
    });
    return std::unique_ptr<Log>(new Log(std::move(impl)));
}

void Log::close() {
    {
        const std::scoped_lock lock(impl_->mutex_);
        impl_->stopping_ = true;
        impl_->wake_.notify_one();  // also when the committer waits before it reopens
    }
    if (!impl_->committer_.joinable()) return;
    impl_->committer_.join();
    impl_->water_mark_.stop();
    const std::uint64_t last_record = impl_->store_.last_record();
    impl_->store_.close();
    if (impl_->loaded_) {
        impl_->water_mark_.write({impl_->head_, impl_->tail(), impl_->ok_, last_record});
    }
    impl_->directory_lock_.release();
}

void Log::add_destination(std::string_view name) {
    HOLDFAST_ASSERT(!name.empty() && name.size() <= kDestinationBytesMax);
    const std::scoped_lock lock(impl_->mutex_);
    if (impl_->destinations_.contains(name)) return;
    impl_->destinations_[std::string(name)].cursor = impl_->new_cursor();
}

// A destination without a cursor has no entries: its first entry is written with one. It starts
// after what is durable: numbers that were given since are given again when their write fails.
Cursor Log::Impl::new_cursor() const {
    Cursor cursor(head_.next());
    cursor.counted_to = head_;
    return cursor;
}

std::vector<std::string> Log::destinations() const {
    const std::scoped_lock lock(impl_->mutex_);
    std::vector<std::string> names;
    for (const auto& [name, destination] : impl_->destinations_) names.push_back(name);
    return names;
}

Log::Impl::Destination& Log::Impl::at(std::string_view destination) {
    const auto found = destinations_.find(destination);
    HOLDFAST_ASSERT(found != destinations_.end());
    return found->second;
}

Result<Seq> Log::append(const Event& event, Ticket ticket) {
    const std::scoped_lock lock(impl_->mutex_);
    return impl_->append(event, ticket, std::nullopt);
}

Result<Seq> Log::Impl::append(const Event& event, Ticket ticket, std::optional<Seq> replaces) {
    if (!ok_) return Error{reason_code_, reason_};
    if (stopping_) return Error{Errc::storage_failed, "the log is being closed"};
    if (open_.entries.GetDataSize() >= options_.open_batch_bytes_max) {
        return Error{Errc::overloaded, "the disk does not keep up"};
    }
    Destination& destination = at(event.destination);
    const Seq seq = next_;
    scratch_.clear();
    encode_record(event, scratch_);
    // A replay takes a dead letter's place.
    const Priority priority = replaces ? Priority::essential : priority_of(event.operation);
    if (Result<void> room = admit(priority); !room) return room.error();
    store_.put(open_.entries, seq_key(Space::entry, seq), scratch_);
    next_ = seq.next();
    open_.appended.push_back({{ticket, seq}, std::string(event.destination), replaces});
    ++destination.cursor.counts.pending;
    if (replaces) {
        decrease(destination.cursor.counts.failed);
        destination.dirty = true;
        // Given up with the entry when the write fails.
        const Ending ending{Ending::Kind::replayed, event.accepted_at, seq, event.id};
        if (*replaces >= tail()) {
            store_.put(open_.entries, seq_key(Space::ended, *replaces), encode(ending));
        }
    }
    return seq;
}

void Log::write() {
    std::unique_lock lock(impl_->mutex_);
    if (!impl_->writes_here()) {
        if (impl_->open_.is_urgent()) impl_->wake();
        return;
    }
    impl_->writing_here_ = true;
    impl_->commit(lock);
    impl_->writing_here_ = false;
    // What came up meanwhile is the committer's again.
    const std::optional<SteadyTime> at = impl_->wake_at();
    const bool is_sooner = at && (!impl_->sleeps_until_ || *at < *impl_->sleeps_until_);
    const bool has_work = impl_->unfinished_ || impl_->open_.is_urgent() || is_sooner;
    if (!impl_->ok_ || impl_->stopping_ || has_work) impl_->wake();
}

Result<Entry> Log::get(Seq seq) const {
    return impl_->entry_to_deliver(seq);
}

void Log::Impl::mark(std::string key, std::optional<std::string> value) {
    open_.marks.insert_or_assign(std::move(key), std::move(value));
    marked();
}

// There is something to be written that can wait a little for company.
void Log::Impl::marked() {
    if (marks_due_at_) return;
    marks_due_at_ = std::chrono::steady_clock::now() + options_.mark_delay;
    wake();
}

void Log::Impl::wake() {
    if (std::exchange(waiting_, false)) wake_.notify_one();
}

void Log::Impl::mark_retry(Seq seq, const Retry& retry) {
    with_retry_.add(seq);
    mark(seq_key(Space::retry, seq), encode(retry));
}

void Log::Impl::forget_retry(Seq seq) {
    if (with_retry_.remove(seq)) mark(seq_key(Space::retry, seq), std::nullopt);
}

bool Log::Impl::settle(std::string_view name, Seq seq) {
    Destination& destination = at(name);
    destination.dirty = true;
    decrease(destination.cursor.counts.pending);
    forget_retry(seq);
    marked();
    if (destination.parked.remove(seq)) {
        mark(seq_key(Space::parked, seq), std::nullopt);
        return true;
    }
    const bool outstanding = destination.cursor.settle(seq);
    HOLDFAST_ASSERT(outstanding);
    return false;
}

// Synced marks do not wait for company.
void Log::Impl::hurry(Mark how) {
    if (how == Mark::lazy) return;
    open_.has_synced_mark = true;
    wake();
}

void Log::complete(std::string_view destination, Seq seq, Mark how) {
    const std::scoped_lock lock(impl_->mutex_);
    const bool was_parked = impl_->settle(destination, seq);
    ++impl_->at(destination).cursor.counts.complete;
    // It may have been kept aside, even just now.
    if (was_parked) impl_->mark(seq_key(Space::kept, seq), std::nullopt);
    impl_->hurry(how);
}

void Log::retry(std::string_view destination, Seq seq, const Retry& retry, Mark how) {
    const std::scoped_lock lock(impl_->mutex_);
    impl_->at(destination).dirty = true;
    impl_->mark_retry(seq, retry);
    impl_->hurry(how);
}

void Log::fail(std::string_view destination, Seq seq, const Failure& failure, Mark how) {
    const std::scoped_lock lock(impl_->mutex_);
    impl_->settle(destination, seq);
    ++impl_->at(destination).cursor.counts.failed;
    impl_->mark(seq_key(Space::failed, seq), encode(failure));
    impl_->hurry(how);
}

void Log::intend(std::string_view destination, Seq seq, const Retry& retry, Ticket ticket) {
    const std::scoped_lock lock(impl_->mutex_);
    impl_->at(destination).dirty = true;
    impl_->mark_retry(seq, retry);
    impl_->open_.intended.push_back({ticket, seq});
    impl_->wake();
}

void Log::park(std::string_view name, Seq seq) {
    const std::scoped_lock lock(impl_->mutex_);
    Impl::Destination& destination = impl_->at(name);
    if (destination.parked.contains(seq)) return;
    const bool outstanding = destination.cursor.settle(seq);
    HOLDFAST_ASSERT(outstanding);
    destination.dirty = true;
    destination.parked.add(seq);
    impl_->mark(seq_key(Space::parked, seq), std::string(name));
}

void Log::save(std::string_view name, std::string value) {
    const std::scoped_lock lock(impl_->mutex_);
    impl_->mark(name_key(Space::saved, name), std::move(value));
}

Result<std::optional<std::string>> Log::load(std::string_view name) const {
    return impl_->state_of(name_key(Space::saved, name));
}

Health Log::health() const {
    const std::scoped_lock lock(impl_->mutex_);
    return {impl_->ok_,
            impl_->reason_,
            impl_->head_,
            impl_->tail(),
            impl_->damaged_.size(),
            impl_->lost_.unseen(),
            impl_->lost_.unnamed(),
            impl_->failures_,
            impl_->syncs_};
}

void Log::lost_is_seen() {
    const std::scoped_lock lock(impl_->mutex_);
    if (impl_->lost_.is_all_seen()) return;
    impl_->lost_.seen();
    impl_->mark(name_key(Space::meta, kLostName), impl_->lost_.encode());
    impl_->hurry(Mark::synced);
}

bool Log::is_writing_here() const {
    const std::scoped_lock lock(impl_->mutex_);
    return impl_->writing_here_;
}

Counts Log::counts(std::string_view destination) const {
    const std::scoped_lock lock(impl_->mutex_);
    return impl_->at(destination).cursor.counts;
}

}  // namespace holdfast::wal
