// The real disk, whose syncs of the log's WAL can be held up or made to fail.
#pragma once

#include <rocksdb/env.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

namespace holdfast::agent {

class FaultyEnv : public rocksdb::EnvWrapper {
public:
    FaultyEnv() : rocksdb::EnvWrapper(rocksdb::Env::Default()) {}

    // Syncs wait until release().
    void hold();
    void release();
    [[nodiscard]] bool somebody_waits() const;

    // Syncs fail, and the log cannot be opened, until mend().
    void break_down();
    void mend();

    [[nodiscard]] rocksdb::Status before_sync();

    rocksdb::Status NewWritableFile(const std::string& name,
                                    std::unique_ptr<rocksdb::WritableFile>* file,
                                    const rocksdb::EnvOptions& options) override;
    rocksdb::Status LockFile(const std::string& name, rocksdb::FileLock** lock) override;

private:
    mutable std::mutex mutex_;
    std::condition_variable changed_;
    bool held_ = false;
    bool broken_ = false;
    int waiting_ = 0;
};

}  // namespace holdfast::agent
