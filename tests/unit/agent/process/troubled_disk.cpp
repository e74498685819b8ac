#include "tests/unit/agent/process/troubled_disk.hpp"

#include <string>

namespace holdfast::agent {

using test::FaultyFileSystem;

TroubledDisk::TroubledDisk()
    : file_system_(std::make_shared<FaultyFileSystem>(rocksdb::Env::Default()->GetFileSystem())),
      env_(rocksdb::NewCompositeEnv(file_system_)) {
    file_system_->observe([this](FaultyFileSystem::Op op, const std::string& file) {
        if (op == FaultyFileSystem::Op::sync && file.ends_with(".log")) before_sync();
    });
}

void TroubledDisk::hold() {
    const std::scoped_lock lock(mutex_);
    held_ = true;
}

void TroubledDisk::release() {
    const std::scoped_lock lock(mutex_);
    held_ = false;
    changed_.notify_all();
}

bool TroubledDisk::somebody_waits() const {
    const std::scoped_lock lock(mutex_);
    return waiting_ > 0;
}

void TroubledDisk::break_down() {
    file_system_->fail(FaultyFileSystem::kAnyOp,
                       0,
                       FaultyFileSystem::kForEver,
                       rocksdb::IOStatus::IOError("injected"));
}

void TroubledDisk::mend() {
    file_system_->heal();
}

void TroubledDisk::before_sync() {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.wait(lock, [this] { return !held_; });
    --waiting_;
}

}  // namespace holdfast::agent
