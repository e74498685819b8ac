// The real disk, whose syncs of the log's WAL can be held up or made to fail.
#pragma once

#include "tests/unit/wal/faulty_file_system.hpp"

#include <rocksdb/env.h>

#include <condition_variable>
#include <memory>
#include <mutex>

namespace holdfast::agent {

class TroubledDisk {
public:
    TroubledDisk();

    // For LogOptions.
    [[nodiscard]] rocksdb::Env* env() const { return env_.get(); }

    // Syncs wait until release().
    void hold();
    void release();
    [[nodiscard]] bool somebody_waits() const;

    // Nothing can be written, and so the log not be opened, until mend().
    void break_down();
    void mend();

private:
    void before_sync();

    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool held_ = false;
    int waiting_ = 0;
    std::shared_ptr<test::FaultyFileSystem> file_system_;
    std::unique_ptr<rocksdb::Env> env_;
};

}  // namespace holdfast::agent
