// The last acknowledged entry, outside RocksDB: how the next opening knows that what RocksDB gives
// back is all of it. A file `acknowledged` beside the database, 8 KiB: two slots of a page each, so
// that a write that is torn by a power cut leaves the other slot as it was.
//
// WaterMarkFile: one thread. WaterMarkKeeper: moved() by the committer, the rest by the owner.
#pragma once

#include "proto/result.hpp"
#include "proto/seq.hpp"
#include "proto/time.hpp"
#include "wal/files.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace holdfast::wal {

struct WaterMark {
    Seq acknowledged{};  // the last entry that is known to be durable: the real one may be later
    Seq tail{1};         // what lay before had been reclaimed
    bool clean = false;  // written by the last process as the last thing it did, and then
    std::uint64_t last_record = 0;  // RocksDB's number of the last synced one; 0: unknown

    bool operator==(const WaterMark&) const = default;
};

// `database`: which one was there, of a clean stop. Another has records of other numbers.
[[nodiscard]] std::string encode(const WaterMark& mark,
                                 std::uint64_t generation,
                                 std::uint64_t database = 0);

struct DecodedMark {
    WaterMark mark;
    std::uint64_t generation;
    std::optional<std::uint64_t> database;  // none: of an earlier build, it does not say
};

[[nodiscard]] std::optional<DecodedMark> decode_mark(std::string_view slot);

class WaterMarkFile {
public:
    WaterMarkFile(std::string directory, rocksdb::Env* env);

    // The newest slot that is whole; nullopt when there is no file. A clean stop is one of the
    // database that is there, or none. Errors: corrupt (no slot is whole), storage_failed.
    [[nodiscard]] Result<std::optional<WaterMark>> read();

    // One of the slots that were read had something in it and was not whole.
    [[nodiscard]] bool has_torn_slot() const { return has_torn_slot_; }

    // Makes the file when it is missing or damaged. Synced.
    [[nodiscard]] Result<void> write(const WaterMark& mark);

private:
    [[nodiscard]] Result<void> make(std::uint64_t at, std::string_view slot);
    [[nodiscard]] std::uint64_t database() const;

    const std::string directory_;
    const std::string path_;
    const Files files_;
    std::uint64_t generation_ = 0;
    bool is_there_ = false;
    bool has_torn_slot_ = false;
};

// Writes the mark about once in `every` while it moves, on a thread of its own that sleeps while
// nothing changes: a sync here must not hold up an acknowledgement.
class WaterMarkKeeper {
public:
    using Note = std::function<void(std::string)>;

    WaterMarkKeeper(std::string directory, rocksdb::Env* env, Duration every, Note note);
    ~WaterMarkKeeper();
    WaterMarkKeeper(const WaterMarkKeeper&) = delete;
    WaterMarkKeeper& operator=(const WaterMarkKeeper&) = delete;

    [[nodiscard]] Result<std::optional<WaterMark>> read() { return file_.read(); }

    // From this thread, at once; only while the keeper's own does not run. A failure is noted.
    void write(const WaterMark& mark);

    void start();

    // Only with what is durable. Never waits for the disk.
    void moved(Seq acknowledged, Seq tail);

    // Ends the thread; what it has not written stays so.
    void stop();

private:
    void run();
    [[nodiscard]] bool has_moved() const;

    WaterMarkFile file_;
    const Duration every_;
    const Note note_;
    std::atomic<std::uint64_t> acknowledged_ = 0;
    std::atomic<std::uint64_t> tail_ = 1;
    std::atomic<bool> idle_ = false;  // only then is waking it worth a system call
    std::mutex mutex_;
    std::condition_variable wake_;
    bool stopping_ = false;
    std::uint64_t written_ = 0;
    bool failing_ = false;  // noted once
    std::thread thread_;
};

}  // namespace holdfast::wal
