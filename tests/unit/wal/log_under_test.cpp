#include "tests/unit/wal/log_under_test.hpp"

#include "wal/files.hpp"
#include "wal/rocks_options.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

namespace holdfast::wal {
namespace {

// Only met when something is wrong.
constexpr std::chrono::seconds kLongest{20};

}  // namespace

TempDirectory::TempDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "holdfast-wal-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
}

TempDirectory::~TempDirectory() {
    std::error_code ec;
    std::filesystem::remove_all(path_, ec);
}

void Reports::add(Commit commit) {
    const std::scoped_lock lock(mutex_);
    for (const auto* all : {&commit.appended, &commit.intended, &commit.dropped}) {
        for (const Stored& one : *all) {
            if (commit.error) {
                refused_.emplace(one.ticket, commit.in_doubt);
            } else {
                stored_.emplace(one.ticket, one.seq);
            }
        }
    }
    if (commit.reopened) ++reopenings_;
    has_written_ = !commit.reopened && !commit.error;
    if (commit.in_doubt) ++failures_;
    commits_.push_back(std::move(commit));
    changed_.notify_all();
}

void Reports::add(std::string note) {
    const std::scoped_lock lock(mutex_);
    notes_ += note + "\n";
    changed_.notify_all();
}

template <class Condition>
void Reports::wait(Condition condition, std::string_view what) {
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, kLongest, condition)) return;
    std::fprintf(
        stderr, "waited in vain for %s; notes:\n%s", std::string(what).c_str(), notes_.c_str());
    std::abort();
}

bool Reports::wait_for(const std::vector<Ticket>& tickets) {
    wait(
        [&] {
            return std::all_of(tickets.begin(), tickets.end(), [&](Ticket ticket) {
                return stored_.contains(ticket) || refused_.contains(ticket);
            });
        },
        "tickets");
    const std::scoped_lock lock(mutex_);
    return std::all_of(
        tickets.begin(), tickets.end(), [&](Ticket ticket) { return stored_.contains(ticket); });
}

void Reports::wait_for_reopening(std::size_t times) {
    wait([&] { return reopenings_ >= times; }, "a reopening");
}

void Reports::wait_for_note(std::string_view part) {
    wait([&] { return notes_.find(part) != std::string::npos; }, part);
}

bool Reports::wait_for_either(std::string_view one, std::string_view other) {
    const auto noted = [&](std::string_view part) {
        return notes_.find(part) != std::string::npos;
    };
    wait([&] { return noted(one) || noted(other); }, one);
    const std::scoped_lock lock(mutex_);
    return noted(one);
}

void Reports::wait_for_commits(std::size_t count) {
    wait([&] { return commits_.size() >= count; }, "a commit");
}

void Reports::wait_until_written_again() {
    wait([&] { return reopenings_ >= failures_ && has_written_; }, "a write after reopening");
}

void Reports::wait_until_mended() {
    wait([&] { return reopenings_ >= failures_; }, "the reopening of the log");
}

void Reports::new_opening() {
    const std::scoped_lock lock(mutex_);
    failures_ = reopenings_ = 0;
}

std::vector<Commit> Reports::commits() const {
    const std::scoped_lock lock(mutex_);
    return commits_;
}

std::map<Ticket, Seq> Reports::stored() const {
    const std::scoped_lock lock(mutex_);
    return stored_;
}

std::map<Ticket, bool> Reports::refused() const {
    const std::scoped_lock lock(mutex_);
    return refused_;
}

bool Reports::is_broken() const {
    const std::scoped_lock lock(mutex_);
    return failures_ > reopenings_;
}

std::string Reports::notes() const {
    const std::scoped_lock lock(mutex_);
    return notes_;
}

HeldWrite::HeldWrite(test::FaultyFileSystem& disk, test::FaultyFileSystem::Op at) {
    disk.observe([state = state_, at](test::FaultyFileSystem::Op op, const std::string& file) {
        if (op != at || !file.ends_with(".log") || state->used.exchange(true)) return;
        state->held.set_value();
        state->released.get_future().wait();
    });
}

LogUnderTest::LogUnderTest(bool on_disk) : reports_(std::make_shared<Reports>()) {
    if (!on_disk) memory_.reset(rocksdb::NewMemEnv(rocksdb::Env::Default()));
    rocksdb::Env& base = on_disk ? *rocksdb::Env::Default() : *memory_;
    disk_ = std::make_shared<Disk>(base.GetFileSystem());
    env_ = rocksdb::NewCompositeEnv(disk_);
    options.directory = directory_.path() / "wal";
    options.env = env_.get();
    options.on_commit = [reports = reports_](Commit commit) { reports->add(std::move(commit)); };
    options.note = [reports = reports_](std::string line) { reports->add(std::move(line)); };
    options.wall_now = [this] { return now(); };
    options.ballast = false;  // it would be on the real disk
    options.look_at_disk = [shared = disk_use_]() -> Result<DiskUse> {
        const std::scoped_lock lock(shared->mutex);
        return shared->use;
    };
    options.write_here_max = {};  // a test may hold the disk
    options.mark_delay = std::chrono::milliseconds(1);
    options.water_mark_every = std::chrono::hours(1);  // a test says when
    options.reopen_min = std::chrono::milliseconds(1);
    options.reopen_max = std::chrono::milliseconds(4);
}

LogUnderTest::~LogUnderTest() = default;

Result<void> LogUnderTest::try_open() {
    reports_->new_opening();
    Result<std::unique_ptr<Log>> opened = Log::open(options);
    if (!opened) return opened.error();
    log_ = std::move(*opened);
    return {};
}

void LogUnderTest::open(const std::vector<std::string>& destinations) {
    Result<void> opened = try_open();
    if (!opened) {
        std::fprintf(stderr, "open: %s\n", opened.error().detail.c_str());
        std::abort();
    }
    for (const std::string& name : destinations) log_->add_destination(name);
}

void LogUnderTest::close() {
    log_.reset();
}

void LogUnderTest::crash(std::uint64_t seed) {
    disk_->cut_power();
    log_.reset();
    std::mt19937_64 random(seed);
    disk_->restore_power(random);
}

Result<Seq> LogUnderTest::try_append(std::string_view body, std::string_view destination) {
    Event event;
    event.id = make_id();
    event.accepted_at = now();
    event.lane = lane_of(destination, "id:1");
    event.destination = destination;
    event.person = "id:1";
    event.target = "/api/v1/customers/1/events";
    event.body = body;
    Result<Seq> seq = log_->append(event, ++last_ticket_);
    log_->write();
    return seq;
}

Result<Placed> LogUnderTest::try_append_with_key(std::string_view key,
                                                 std::string_view body,
                                                 Ulid* id) {
    return try_append_with_keys({key}, body, id);
}

Result<Placed> LogUnderTest::try_append_with_keys(const std::vector<std::string_view>& names,
                                                  std::string_view body,
                                                  Ulid* id) {
    Event event;
    event.id = make_id();
    event.accepted_at = now();
    event.lane = lane_of("crm", "id:1");
    event.destination = "crm";
    event.person = "id:1";
    event.target = "/t";
    event.body = body;
    if (id != nullptr) *id = event.id;
    std::vector<IdempotencyKey> keys;
    for (const std::string_view name : names) {
        keys.push_back(idempotency_key(KeySource::request, name, event, body));
    }
    Result<Placed> placed = log_->append(event, keys, ++last_ticket_);
    log_->write();
    return placed;
}

Seq LogUnderTest::append(std::string_view body, std::string_view destination) {
    const Result<Seq> seq = try_append(body, destination);
    EXPECT_TRUE(seq) << seq.error().detail;
    EXPECT_TRUE(reports_->wait_for({last_ticket_}));
    return *seq;
}

void LogUnderTest::advance(Duration by) {
    now_ms_ += std::chrono::duration_cast<std::chrono::milliseconds>(by).count();
}

std::vector<Pending> LogUnderTest::take_all(std::string_view destination) {
    std::vector<Pending> all;
    for (bool more = true; more;) {
        Result<Taken> taken = log_->take(destination, 7);
        EXPECT_TRUE(taken) << taken.error().detail;
        if (!taken) break;
        more = taken->more;
        std::move(taken->entries.begin(), taken->entries.end(), std::back_inserter(all));
    }
    return all;
}

std::vector<Seq> LogUnderTest::take_seqs(std::string_view destination) {
    std::vector<Seq> seqs;
    for (const Pending& one : take_all(destination)) seqs.push_back(one.seq);
    return seqs;
}

void LogUnderTest::reclaim_beyond(Seq seq) {
    for (int i = 0; log_->health().tail <= seq && i < 100'000; ++i) {
        append("nudge");
        for (const Seq one : take_seqs()) log_->complete("crm", one);
    }
    EXPECT_GT(log_->health().tail, seq);
}

std::vector<Description> LogUnderTest::list_all(Query query) {
    std::vector<Description> all;
    for (;;) {
        Result<Page> page = log_->list(query);
        EXPECT_TRUE(page) << page.error().detail;
        if (!page) return all;
        EXPECT_LE(page->entries.size(), query.count_max);
        std::move(page->entries.begin(), page->entries.end(), std::back_inserter(all));
        if (!page->next) return all;
        EXPECT_GT(*page->next, query.after) << "a page that does not go on";
        if (*page->next <= query.after) return all;
        query.after = *page->next;
    }
}

void LogUnderTest::rot(std::string_view text) {
    const Files files(env_.get());
    const std::string directory = (options.directory / "db").string();
    const Result<std::vector<std::string>> names = files.list(directory);
    for (const std::string& name : *names) {
        if (!name.ends_with(".log")) continue;
        std::string bytes = *files.read(directory + "/" + name);
        const std::size_t at = bytes.find(text);
        if (at == std::string::npos) continue;
        bytes[at] ^= 1;
        EXPECT_TRUE(files.write(directory + "/" + name, bytes));
        EXPECT_TRUE(files.sync_directory(directory));
    }
}

void LogUnderTest::set_disk_use(const DiskUse& use) {
    const std::scoped_lock lock(disk_use_->mutex);
    disk_use_->use = use;
}

std::unique_ptr<Database> LogUnderTest::open_raw() {
    std::unique_ptr<Database> database;
    const rocksdb::Status opened = Database::open(
        rocks_options(env_.get(), options.note), (options.directory / "db").string(), database);
    EXPECT_TRUE(opened.ok()) << opened.ToString();
    return database;
}

std::optional<std::string> LogUnderTest::get_raw(const std::string& key) {
    const auto raw = open_raw();
    std::string value;
    const rocksdb::Status got =
        (*raw)->Get(rocksdb::ReadOptions(), raw->family_of(key), key, &value);
    if (!got.ok()) return std::nullopt;
    return value;
}

void LogUnderTest::put_raw(const std::string& key, const std::string& value) {
    const auto raw = open_raw();
    const rocksdb::Status put =
        (*raw)->Put(rocksdb::WriteOptions(), raw->family_of(key), key, value);
    EXPECT_TRUE(put.ok()) << put.ToString();
}

}  // namespace holdfast::wal
