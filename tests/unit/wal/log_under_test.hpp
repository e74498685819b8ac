// A log on a disk in memory that fails and forgets, with everything that the log reported.
#pragma once

#include "proto/ulid.hpp"
#include "tests/unit/wal/faulty_file_system.hpp"
#include "wal/database.hpp"
#include "wal/log.hpp"

#include <rocksdb/env.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::wal {

// A new directory that is removed at the end.
class TempDirectory {
public:
    TempDirectory();
    ~TempDirectory();
    TempDirectory(const TempDirectory&) = delete;
    TempDirectory& operator=(const TempDirectory&) = delete;

    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

private:
    std::filesystem::path path_;
};

// What on_commit and note said. Its waits end the test after a while.
class Reports {
public:
    void add(Commit commit);
    void add(std::string note);

    // Blocks until each was reported as stored or not. True if all were stored.
    bool wait_for(const std::vector<Ticket>& tickets);
    void wait_for_reopening(std::size_t times);
    void wait_for_note(std::string_view part);
    bool wait_for_either(std::string_view one, std::string_view other);  // true: one
    void wait_for_commits(std::size_t count);
    void wait_until_written_again();  // after the last reopening
    void wait_until_mended();         // no failure without its reopening

    // Failures and reopenings are counted for each opening of the log.
    void new_opening();

    [[nodiscard]] std::vector<Commit> commits() const;
    [[nodiscard]] std::map<Ticket, Seq> stored() const;    // all that has a ticket
    [[nodiscard]] std::map<Ticket, bool> refused() const;  // to: in doubt
    [[nodiscard]] bool is_broken() const;
    [[nodiscard]] std::string notes() const;

private:
    template <class Condition>
    void wait(Condition condition, std::string_view what);

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<Commit> commits_;
    std::map<Ticket, Seq> stored_;
    std::map<Ticket, bool> refused_;
    std::size_t failures_ = 0;
    std::size_t reopenings_ = 0;
    bool has_written_ = false;
    std::string notes_;
};

// Holds the next write of RocksDB's own log, before its first byte or before its sync.
class HeldWrite {
public:
    HeldWrite(test::FaultyFileSystem& disk, test::FaultyFileSystem::Op at);

    void wait_until_held() { state_->held.get_future().wait(); }

    void release() { state_->released.set_value(); }

private:
    struct State {
        std::atomic<bool> used = false;
        std::promise<void> held;
        std::promise<void> released;
    };

    std::shared_ptr<State> state_ = std::make_shared<State>();  // the disk may live longer
};

class LogUnderTest {
public:
    using Disk = test::FaultyFileSystem;

    // In memory, or with `on_disk` in a real directory.
    explicit LogUnderTest(bool on_disk = false);
    ~LogUnderTest();

    // Used by the next opening.
    LogOptions options;

    void open(const std::vector<std::string>& destinations = {"crm"});
    [[nodiscard]] Result<void> try_open();
    void close();

    // As a power cut: what was not synced is forgotten as the seed says.
    void crash(std::uint64_t seed);

    Log& operator*() { return *log_; }

    Log* operator->() { return log_.get(); }

    [[nodiscard]] bool is_open() const { return log_ != nullptr; }

    Disk& disk() { return *disk_; }

    Reports& reports() { return *reports_; }

    // The tickets count up from 1.
    [[nodiscard]] Result<Seq> try_append(std::string_view body,
                                         std::string_view destination = "crm");

    [[nodiscard]] Result<Placed> try_append_with_key(std::string_view key,
                                                     std::string_view body,
                                                     Ulid* id = nullptr);
    [[nodiscard]] Result<Placed> try_append_with_keys(const std::vector<std::string_view>& names,
                                                      std::string_view body,
                                                      Ulid* id = nullptr);

    Ticket last_ticket() const { return last_ticket_; }

    // Appends and waits until it is stored.
    Seq append(std::string_view body, std::string_view destination = "crm");

    [[nodiscard]] Ulid make_id() { return ulids_.make(now()); }

    [[nodiscard]] WallTime now() const { return wall_from_ms(now_ms_.load()); }

    void advance(Duration by);

    // Everything that there is to be taken.
    std::vector<Pending> take_all(std::string_view destination = "crm");
    std::vector<Seq> take_seqs(std::string_view destination = "crm");

    // Where it is due: appends and completes until the tail is behind this entry.
    void reclaim_beyond(Seq seq);

    // Every state that can be listed, in pages of `count_max`.
    std::vector<Description> list_all(Query query = {});

    // While the log is closed: flips a bit where `text` stands in RocksDB's own log.
    void rot(std::string_view text);
    // What the log sees of its disk; a large and empty one unless it is set. From any thread.
    void set_disk_use(const DiskUse& use);

    // While the log is closed: RocksDB itself.
    std::unique_ptr<Database> open_raw();
    std::optional<std::string> get_raw(const std::string& key);
    void put_raw(const std::string& key, const std::string& value);

private:
    struct SharedDiskUse {
        std::mutex mutex;
        DiskUse use{.used = 0, .free = kLargeDisk, .capacity = kLargeDisk};
    };

    static constexpr std::uint64_t kLargeDisk = std::uint64_t{1} << 40U;

    TempDirectory directory_;
    std::shared_ptr<SharedDiskUse> disk_use_ = std::make_shared<SharedDiskUse>();
    std::unique_ptr<rocksdb::Env> memory_;
    std::shared_ptr<Disk> disk_;
    std::unique_ptr<rocksdb::Env> env_;
    std::shared_ptr<Reports> reports_;
    std::unique_ptr<Log> log_;
    UlidFactory ulids_{1};
    std::atomic<std::int64_t> now_ms_ = 1'700'000'000'000;
    Ticket last_ticket_ = 0;
};

}  // namespace holdfast::wal
