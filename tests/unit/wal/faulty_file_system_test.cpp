// The disk itself is tested too: one that forgets nothing would prove nothing.
#include "tests/unit/wal/faulty_file_system.hpp"

#include <gtest/gtest.h>
#include <rocksdb/env.h>

namespace holdfast::test {
namespace {

using rocksdb::FileOptions;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using Op = FaultyFileSystem::Op;

class FaultyFileSystemTest : public testing::Test {
protected:
    std::unique_ptr<rocksdb::FSWritableFile> create(const std::string& name) {
        std::unique_ptr<rocksdb::FSWritableFile> file;
        EXPECT_TRUE(disk_.NewWritableFile(name, FileOptions(), &file, nullptr).ok());
        return file;
    }

    void sync_directory() {
        std::unique_ptr<rocksdb::FSDirectory> directory;
        ASSERT_TRUE(disk_.NewDirectory("/d", IOOptions(), &directory, nullptr).ok());
        ASSERT_TRUE(
            directory->FsyncWithDirOptions(IOOptions(), nullptr, rocksdb::DirFsyncOptions()).ok());
    }

    std::string content(const std::string& name) {
        std::string data;
        const auto env = rocksdb::NewCompositeEnv(
            std::shared_ptr<rocksdb::FileSystem>(&disk_, [](rocksdb::FileSystem*) {}));
        const rocksdb::Status got = rocksdb::ReadFileToString(env.get(), name, &data);
        return got.ok() ? data : got.ToString();
    }

    void SetUp() override {
        ASSERT_TRUE(disk_.CreateDirIfMissing("/d", IOOptions(), nullptr).ok());
    }

    std::unique_ptr<rocksdb::Env> memory_{rocksdb::NewMemEnv(rocksdb::Env::Default())};
    FaultyFileSystem disk_{memory_->GetFileSystem()};
    std::mt19937_64 random_{1};
};

TEST_F(FaultyFileSystemTest, KeepsWhatWasSyncedAndSometimesLosesTheRest) {
    bool lost = false;
    for (int i = 0; i < 50; ++i) {
        const auto file = create("/d/f");
        sync_directory();
        EXPECT_TRUE(file->Append("safe", IOOptions(), nullptr).ok());
        EXPECT_TRUE(file->Sync(IOOptions(), nullptr).ok());
        EXPECT_TRUE(file->Append(" lost", IOOptions(), nullptr).ok());
        disk_.cut_power();
        EXPECT_FALSE(file->Append("more", IOOptions(), nullptr).ok());
        EXPECT_FALSE(file->Sync(IOOptions(), nullptr).ok());
        disk_.restore_power(random_);
        EXPECT_EQ(content("/d/f").substr(0, 4), "safe");
        lost = lost || content("/d/f") != "safe lost";
    }
    EXPECT_TRUE(lost);
}

TEST_F(FaultyFileSystemTest, LosesEverythingWhenItLiesAboutSyncing) {
    bool lost = false;
    for (int i = 0; i < 50; ++i) {
        const auto file = create("/d/f");
        sync_directory();
        disk_.lie_about_sync(true);
        EXPECT_TRUE(file->Append("safe", IOOptions(), nullptr).ok());
        EXPECT_TRUE(file->Sync(IOOptions(), nullptr).ok());
        disk_.restore_power(random_);
        disk_.lie_about_sync(false);
        lost = lost || content("/d/f") != "safe";
    }
    EXPECT_TRUE(lost);
}

TEST_F(FaultyFileSystemTest, NeverMakesDurableWhatAFailedSyncHeld) {
    bool lost = false;
    for (int i = 0; i < 50; ++i) {
        const auto file = create("/d/f");
        sync_directory();
        EXPECT_TRUE(file->Append("data", IOOptions(), nullptr).ok());
        disk_.fail(static_cast<unsigned>(Op::sync), 0, 1, IOStatus::IOError("injected"));
        EXPECT_FALSE(file->Sync(IOOptions(), nullptr).ok());
        EXPECT_TRUE(file->Sync(IOOptions(), nullptr).ok());
        EXPECT_EQ(content("/d/f"), "data");
        disk_.restore_power(random_);
        lost = lost || content("/d/f") != "data";
    }
    EXPECT_TRUE(lost);
}

TEST_F(FaultyFileSystemTest, MayLoseANameWhoseDirectoryWasNotSynced) {
    bool lost = false;
    for (int i = 0; i < 50; ++i) {
        const auto file = create("/d/f");
        EXPECT_TRUE(file->Append("data", IOOptions(), nullptr).ok());
        EXPECT_TRUE(file->Sync(IOOptions(), nullptr).ok());
        disk_.restore_power(random_);
        lost = lost || content("/d/f") != "data";
    }
    EXPECT_TRUE(lost);
}

TEST_F(FaultyFileSystemTest, MayUndoARenameWhoseDirectoryWasNotSynced) {
    bool undone = false;
    bool kept = false;
    for (int i = 0; i < 50; ++i) {
        for (const char* name : {"/d/old", "/d/new"}) {
            const auto file = create(name);
            EXPECT_TRUE(file->Append(name, IOOptions(), nullptr).ok());
            EXPECT_TRUE(file->Sync(IOOptions(), nullptr).ok());
        }
        sync_directory();
        EXPECT_TRUE(disk_.RenameFile("/d/new", "/d/old", IOOptions(), nullptr).ok());
        disk_.restore_power(random_);
        undone = undone || (content("/d/old") == "/d/old" && content("/d/new") == "/d/new");
        kept = kept || content("/d/old") == "/d/new";
    }
    EXPECT_TRUE(undone);
    EXPECT_TRUE(kept);
}

TEST_F(FaultyFileSystemTest, FailsTheOperationThatItWasToldTo) {
    const auto file = create("/d/f");
    disk_.fail(static_cast<unsigned>(Op::append), 2, 1, IOStatus::NoSpace("injected"));
    EXPECT_TRUE(file->Append("a", IOOptions(), nullptr).ok());
    EXPECT_TRUE(file->Sync(IOOptions(), nullptr).ok());
    EXPECT_TRUE(file->Append("b", IOOptions(), nullptr).ok());
    EXPECT_TRUE(file->Append("c", IOOptions(), nullptr).IsNoSpace());
    EXPECT_TRUE(file->Append("d", IOOptions(), nullptr).ok());
}

}  // namespace
}  // namespace holdfast::test
