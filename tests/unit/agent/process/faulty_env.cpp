#include "tests/unit/agent/process/faulty_env.hpp"

namespace holdfast::agent {
namespace {

class FaultyFile : public rocksdb::WritableFileWrapper {
public:
    FaultyFile(std::unique_ptr<rocksdb::WritableFile> file, FaultyEnv& env)
        : rocksdb::WritableFileWrapper(file.get()), file_(std::move(file)), env_(env) {}

    rocksdb::Status Sync() override {
        const rocksdb::Status status = env_.before_sync();
        return status.ok() ? file_->Sync() : status;
    }

private:
    std::unique_ptr<rocksdb::WritableFile> file_;
    FaultyEnv& env_;
};

}  // namespace

void FaultyEnv::hold() {
    const std::scoped_lock lock(mutex_);
    held_ = true;
}

void FaultyEnv::release() {
    const std::scoped_lock lock(mutex_);
    held_ = false;
    changed_.notify_all();
}

bool FaultyEnv::somebody_waits() const {
    const std::scoped_lock lock(mutex_);
    return waiting_ > 0;
}

void FaultyEnv::break_down() {
    const std::scoped_lock lock(mutex_);
    broken_ = true;
}

void FaultyEnv::mend() {
    const std::scoped_lock lock(mutex_);
    broken_ = false;
}

rocksdb::Status FaultyEnv::before_sync() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.wait(lock, [this] { return !held_; });
    --waiting_;
    return broken_ ? rocksdb::Status::IOError("injected") : rocksdb::Status::OK();
}

rocksdb::Status FaultyEnv::NewWritableFile(const std::string& name,
                                           std::unique_ptr<rocksdb::WritableFile>* file,
                                           const rocksdb::EnvOptions& options) {
    const rocksdb::Status made = rocksdb::EnvWrapper::NewWritableFile(name, file, options);
    if (made.ok() && name.ends_with(".log")) {
        *file = std::make_unique<FaultyFile>(std::move(*file), *this);
    }
    return made;
}

rocksdb::Status FaultyEnv::LockFile(const std::string& name, rocksdb::FileLock** lock) {
    {
        const std::scoped_lock guard(mutex_);
        if (broken_) return rocksdb::Status::IOError("injected");
    }
    return rocksdb::EnvWrapper::LockFile(name, lock);
}

}  // namespace holdfast::agent
