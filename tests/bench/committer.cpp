#include "tests/bench/committer.hpp"

#include "tests/bench/fail.hpp"
#include "tests/bench/payload.hpp"

#include <rocksdb/db.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/utilities/table_properties_collectors.h>
#include <rocksdb/write_batch.h>

#include <array>
#include <condition_variable>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace holdfast::bench {
namespace {

constexpr std::size_t kProtectionBytes = 8;

// Debian's library aborts when its own log file meets a full disk.
class QuietLogger final : public rocksdb::Logger {
public:
    QuietLogger() : Logger(rocksdb::InfoLogLevel::ERROR_LEVEL) {}

    using Logger::Logv;

    [[gnu::format(printf, 2, 0)]] void Logv(const char* format, va_list arguments) override {
        std::vfprintf(stderr, format, arguments);
        std::fputc('\n', stderr);
    }
};

class NoRecovery final : public rocksdb::EventListener {
public:
    void OnErrorRecoveryBegin(rocksdb::BackgroundErrorReason,
                              rocksdb::Status,
                              bool* auto_recovery) override {
        *auto_recovery = false;
    }
};

rocksdb::Options options() {
    rocksdb::Options o;
    o.create_if_missing = true;
    o.error_if_exists = true;
    o.paranoid_checks = true;
    o.wal_recovery_mode = rocksdb::WALRecoveryMode::kPointInTimeRecovery;
    o.info_log = std::make_shared<QuietLogger>();
    o.info_log_level = rocksdb::InfoLogLevel::ERROR_LEVEL;
    o.listeners = {std::make_shared<NoRecovery>()};
    o.max_total_wal_size = 64 << 20;
    o.write_buffer_size = 16 << 20;
    o.max_write_buffer_number = 2;
    o.max_background_jobs = 2;
    o.max_open_files = 256;
    o.max_manifest_file_size = 4 << 20;
    o.keep_log_file_num = 1;
    o.stats_dump_period_sec = 0;
    o.table_properties_collector_factories = {
        rocksdb::NewCompactOnDeletionCollectorFactory(1024, 512, 0.5)};
    return o;
}

std::unique_ptr<rocksdb::DB> open(const std::string& directory) {
    rocksdb::DB* db = nullptr;
    const auto status = rocksdb::DB::Open(options(), directory, &db);
    if (!status.ok()) fail("open " + directory + ": " + status.ToString());
    return std::unique_ptr<rocksdb::DB>(db);
}

// A log position as a key: a prefix byte, then the number big-endian.
std::array<char, 9> key_of(std::uint64_t seq) {
    std::array<char, 9> key{'e'};
    for (std::size_t i = 8; i > 0; --i, seq >>= 8) key[i] = static_cast<char>(seq & 0xff);
    return key;
}

struct Batch {
    rocksdb::WriteBatch puts{0, 0, kProtectionBytes, 0};
    std::vector<std::size_t> writers;

    [[nodiscard]] bool empty() const { return writers.empty(); }

    void clear() {
        puts.Clear();
        writers.clear();
    }
};

class Committer {
public:
    explicit Committer(const std::string& directory)
        : db_(open(directory)), thread_([this] { run(); }) {}

    Committer(const Committer&) = delete;
    Committer& operator=(const Committer&) = delete;

    ~Committer() {
        {
            const std::lock_guard lock(mutex_);
            stop_ = true;
        }
        queued_.notify_one();
        thread_.join();
    }

    // One payload for each of these.
    void queue(const std::vector<std::size_t>& writers) {
        {
            const std::lock_guard lock(mutex_);
            for (const auto writer : writers) {
                const auto key = key_of(next_seq_);
                const auto& payload = payloads()[next_seq_ % payloads().size()];
                ++next_seq_;
                const auto status = open_.puts.Put(rocksdb::Slice(key.data(), key.size()), payload);
                if (!status.ok()) fail("Put: " + status.ToString());
                open_.writers.push_back(writer);
            }
        }
        queued_.notify_one();
    }

    // Waits until something was acknowledged, and takes it.
    void take_acknowledged(std::vector<std::size_t>& writers) {
        writers.clear();
        std::unique_lock lock(mutex_);
        acknowledged_.wait(lock, [this] { return !done_.empty(); });
        writers.swap(done_);
    }

private:
    void run() {
        Batch batch;
        std::unique_lock lock(mutex_);
        for (;;) {
            queued_.wait(lock, [this] { return stop_ || !open_.empty(); });
            if (stop_) return;
            std::swap(batch, open_);
            lock.unlock();
            write(batch);
            lock.lock();
            done_.insert(done_.end(), batch.writers.begin(), batch.writers.end());
            batch.clear();
            acknowledged_.notify_one();
        }
    }

    void write(Batch& batch) {
        rocksdb::WriteOptions synced;
        synced.sync = true;
        synced.no_slowdown = true;
        synced.protection_bytes_per_key = kProtectionBytes;
        auto status = db_->Write(synced, &batch.puts);
        while (status.IsIncomplete()) {  // a stall: it costs latency here, as it would a server
            std::this_thread::sleep_for(std::chrono::milliseconds(1));
            status = db_->Write(synced, &batch.puts);
        }
        if (!status.ok()) fail("Write: " + status.ToString());
    }

    std::unique_ptr<rocksdb::DB> db_;
    std::mutex mutex_;
    std::condition_variable queued_;
    std::condition_variable acknowledged_;
    Batch open_;
    std::vector<std::size_t> done_;
    std::uint64_t next_seq_ = 1;
    bool stop_ = false;
    std::thread thread_;
};

}  // namespace

Clock::time_point commit_in_groups(const std::string& directory,
                                   std::size_t writers,
                                   Recorder& recorder) {
    Committer committer(directory);
    std::vector<std::size_t> ready(writers);
    for (std::size_t i = 0; i < writers; ++i) ready[i] = i;
    auto now = Clock::now();
    std::vector<Clock::time_point> asked(writers, now);
    while (!recorder.over(now)) {
        committer.queue(ready);
        committer.take_acknowledged(ready);
        now = Clock::now();
        for (const auto writer : ready) {
            recorder.ack(asked[writer], now);
            asked[writer] = now;
        }
    }
    return now;
}

}  // namespace holdfast::bench
