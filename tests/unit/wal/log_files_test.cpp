#include "wal/log_files.hpp"

#include "tests/unit/wal/faulty_file_system.hpp"
#include "tests/unit/wal/log_under_test.hpp"
#include "wal/log_sectors.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rocksdb/env.h>
#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <utility>
#include <vector>

namespace holdfast::wal {
namespace {

namespace fs = std::filesystem;
using rocksdb::FileOptions;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using Disk = test::FaultyFileSystem;
using Writer = std::unique_ptr<rocksdb::FSWritableFile>;
using testing::ElementsAre;
using testing::UnorderedElementsAre;

const IOOptions kOptions;

// On a real directory.
class LogFilesTest : public testing::Test {
protected:
    [[nodiscard]] std::string path(const std::string& name) const {
        return (directory_.path() / name).string();
    }

    Writer create(const std::string& name) {
        Writer file;
        EXPECT_TRUE(files_.NewWritableFile(path(name), FileOptions(), &file, nullptr).ok());
        return file;
    }

    void write(const std::string& name, const std::string& text) {
        const Writer file = create(name);
        EXPECT_TRUE(file->Append(text, kOptions, nullptr).ok());
        EXPECT_TRUE(file->Sync(kOptions, nullptr).ok());
        EXPECT_TRUE(file->Close(kOptions, nullptr).ok());
    }

    void remove(const std::string& name) {
        EXPECT_TRUE(files_.DeleteFile(path(name), kOptions, nullptr).ok());
    }

    // As RocksDB reads it, a few bytes at a time.
    std::string read(const std::string& name) {
        std::unique_ptr<rocksdb::FSSequentialFile> file;
        EXPECT_TRUE(files_.NewSequentialFile(path(name), FileOptions(), &file, nullptr).ok());
        std::string all;
        std::string some(100, '\0');
        for (;;) {
            rocksdb::Slice got;
            EXPECT_TRUE(file->Read(some.size(), kOptions, &got, some.data(), nullptr).ok());
            if (got.empty()) return all;
            all.append(got.data(), got.size());
        }
    }

    [[nodiscard]] std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const auto& file : fs::directory_iterator(directory_.path())) {
            all.push_back(file.path().filename());
        }
        std::sort(all.begin(), all.end());
        return all;
    }

    [[nodiscard]] ino_t inode(const std::string& name) const {
        struct stat status {};

        EXPECT_EQ(::stat(path(name).c_str(), &status), 0);
        return status.st_ino;
    }

    TempDirectory directory_;
    std::shared_ptr<Disk> disk_ = std::make_shared<Disk>(rocksdb::FileSystem::Default());
    LogFiles files_{disk_, LogFiles::Writes::direct};
};

TEST_F(LogFilesTest, KnowsALogByItsName) {
    EXPECT_EQ(log_number("000012.log"), 12U);
    EXPECT_EQ(log_number("/a/b.log/4294967299.log"), 4294967299U);
    for (const char* other :
         {"", ".log", "a.log", "1a.log", "000012.sst", "12.log.old", "-1.log"}) {
        EXPECT_FALSE(log_number(other)) << other;
    }
}

TEST_F(LogFilesTest, GivesBackWhatWasWritten) {
    const Writer file = create("000001.log");
    std::string expected;
    for (const std::size_t size : {1U, 100U, 496U, 5000U, 3'000'000U, 7U, 4096U}) {
        const std::string text(size, static_cast<char>('a' + size % 26));
        ASSERT_TRUE(file->Append(text, kOptions, nullptr).ok());
        expected += text;
        ASSERT_TRUE(file->Flush(kOptions, nullptr).ok());
        EXPECT_TRUE(read("000001.log") == expected) << "in the kernel's hands after " << size;
    }
    EXPECT_EQ(file->GetFileSize(kOptions, nullptr), expected.size());
}

TEST_F(LogFilesTest, LeavesOtherFilesAlone) {
    write("000001.sst", "a table");
    EXPECT_EQ(fs::file_size(path("000001.sst")), 7U);
    EXPECT_EQ(read("000001.sst"), "a table");
    remove("000001.sst");
    EXPECT_TRUE(names().empty());
}

TEST_F(LogFilesTest, WritesOverALogThatWasDeleted) {
    write("000001.log", std::string(50'000, 'x'));
    const ino_t before = inode("000001.log");
    remove("000001.log");
    EXPECT_THAT(names(), ElementsAre("000001.spare"));
    write("000002.log", "shorter");
    EXPECT_THAT(names(), ElementsAre("000002.log"));
    EXPECT_EQ(inode("000002.log"), before);
    EXPECT_GT(fs::file_size(path("000002.log")), 50'000U) << "the blocks stay";
    EXPECT_EQ(read("000002.log"), "shorter");
}

TEST_F(LogFilesTest, KeepsSoManySparesAndNoMore) {
    for (std::size_t i = 0; i < kSparesMax + 2; ++i) write(std::to_string(i) + ".log", "x");
    for (std::size_t i = 0; i < kSparesMax + 2; ++i) remove(std::to_string(i) + ".log");
    EXPECT_EQ(names().size(), kSparesMax);
}

TEST_F(LogFilesTest, GivesSparesUpWhereThereIsLittleRoom) {
    write("1.log", "x");
    write("2.log", "x");
    remove("1.log");
    files_.keep_spares(false);
    remove("2.log");
    EXPECT_TRUE(names().empty());
    write("3.log", "x");
    files_.keep_spares(true);
    remove("3.log");
    EXPECT_THAT(names(), ElementsAre("3.spare"));
}

TEST_F(LogFilesTest, NeverWritesOverWhatHasAnotherName) {
    write("1.log", "in quarantine");
    fs::create_hard_link(path("1.log"), path("kept"));
    remove("1.log");
    EXPECT_THAT(names(), ElementsAre("kept"));
}

// As long as nothing was written over it, it would be read as the new one.
TEST_F(LogFilesTest, NeverWritesOverALogThatWasNotBegunHere) {
    std::ofstream(path("1.log"), std::ios::binary) << "a log of an older version";
    remove("1.log");
    EXPECT_TRUE(names().empty());
}

TEST_F(LogFilesTest, NeverTakesASpareWhoseNameIsNotOnTheDisk) {
    write("1.log", "x");
    disk_->fail(static_cast<unsigned>(Disk::Op::sync_directory), 0, 1, IOStatus::IOError("no"));
    remove("1.log");
    EXPECT_TRUE(names().empty());
}

TEST_F(LogFilesTest, MakesANewFileWhereASpareCannotBeHad) {
    write("1.log", "x");
    remove("1.log");
    fs::remove(path("1.spare"));
    write("2.log", "y");
    EXPECT_EQ(read("2.log"), "y");
}

TEST_F(LogFilesTest, RemovesTheSparesOfAnEarlierProcess) {
    write("1.log", "x");
    write("2.log", "x");
    remove("1.log");
    ASSERT_TRUE(remove_spares(Files(nullptr), directory_.path().string()));
    EXPECT_THAT(names(), ElementsAre("2.log"));
}

// Opens files for direct writes, and takes none.
class WithoutDirectWrites : public rocksdb::FileSystemWrapper {
public:
    using FileSystemWrapper::FileSystemWrapper;

    const char* Name() const override { return "WithoutDirectWrites"; }

    IOStatus NewWritableFile(const std::string& path,
                             const FileOptions& options,
                             Writer* result,
                             rocksdb::IODebugContext* debug) override {
        FileOptions cached = options;
        cached.use_direct_writes = false;
        IOStatus opened = target()->NewWritableFile(path, cached, result, debug);
        if (opened.ok() && options.use_direct_writes) {
            *result = std::make_unique<File>(std::move(*result));
        }
        return opened;
    }

private:
    class File : public rocksdb::FSWritableFileOwnerWrapper {
    public:
        using FSWritableFileOwnerWrapper::FSWritableFileOwnerWrapper;

        IOStatus PositionedAppend(const rocksdb::Slice&,
                                  std::uint64_t,
                                  const IOOptions&,
                                  rocksdb::IODebugContext*) override {
            return IOStatus::IOError("Invalid argument");
        }
    };
};

TEST_F(LogFilesTest, WritesThroughThePageCacheWhereThereAreNoDirectWrites) {
    LogFiles files(std::make_shared<WithoutDirectWrites>(rocksdb::FileSystem::Default()),
                   LogFiles::Writes::direct);
    Writer file;
    ASSERT_TRUE(files.NewWritableFile(path("1.log"), FileOptions(), &file, nullptr).ok());
    ASSERT_TRUE(file->Append("text", kOptions, nullptr).ok());
    ASSERT_TRUE(file->Sync(kOptions, nullptr).ok());
    EXPECT_EQ(read("1.log"), "text");
}

// Says where and how much is written in place.
class Watched : public rocksdb::FileSystemWrapper {
public:
    using Write = std::pair<std::uint64_t, std::size_t>;

    using FileSystemWrapper::FileSystemWrapper;

    const char* Name() const override { return "Watched"; }

    IOStatus NewWritableFile(const std::string& path,
                             const FileOptions& options,
                             Writer* result,
                             rocksdb::IODebugContext* debug) override {
        IOStatus opened = target()->NewWritableFile(path, options, result, debug);
        if (opened.ok()) *result = std::make_unique<File>(std::move(*result), writes);
        return opened;
    }

    std::vector<Write> writes;

private:
    class File : public rocksdb::FSWritableFileOwnerWrapper {
    public:
        File(Writer file, std::vector<Write>& writes)
            : FSWritableFileOwnerWrapper(std::move(file)), writes_(writes) {}

        IOStatus PositionedAppend(const rocksdb::Slice& data,
                                  std::uint64_t offset,
                                  const IOOptions& options,
                                  rocksdb::IODebugContext* debug) override {
            writes_.emplace_back(offset, data.size());
            return target()->PositionedAppend(data, offset, options, debug);
        }

    private:
        std::vector<Write>& writes_;
    };
};

TEST_F(LogFilesTest, WritesAPageAgainOnlyWhereThatTakesNoPageMore) {
    const auto disk = std::make_shared<Watched>(rocksdb::FileSystem::Default());
    LogFiles files(disk, LogFiles::Writes::cached);
    Writer file;
    ASSERT_TRUE(files.NewWritableFile(path("1.log"), FileOptions(), &file, nullptr).ok());
    std::string expected;
    const auto write = [&](std::size_t sectors) {
        const std::string text(sectors * kSectorPayload, static_cast<char>('a' + sectors % 26));
        EXPECT_TRUE(file->Append(text, kOptions, nullptr).ok());
        EXPECT_TRUE(file->Sync(kOptions, nullptr).ok());
        expected += text;
        EXPECT_TRUE(read("1.log") == expected) << sectors;
        return disk->writes.back();
    };
    constexpr std::size_t kPage = 4096;  // eight sectors
    EXPECT_EQ(write(3), Watched::Write(0, kPage));
    EXPECT_EQ(write(5), Watched::Write(0, kPage)) << "fits";
    EXPECT_EQ(write(7), Watched::Write(kPage, kPage));
    EXPECT_EQ(write(2), Watched::Write(2 * kPage, kPage)) << "does not fit";
    EXPECT_EQ(write(8 + 6), Watched::Write(2 * kPage, 2 * kPage)) << "fits";
    EXPECT_EQ(write(1), Watched::Write(4 * kPage, kPage));
    EXPECT_EQ(write(8), Watched::Write(5 * kPage, kPage)) << "does not fit";
    EXPECT_EQ(write(1), Watched::Write(6 * kPage, kPage));
    EXPECT_EQ(write(800), Watched::Write(6 * kPage, 101 * kPage)) << "much is not moved";
}

// What was reported as not written must not come later, not even when the file is closed.
TEST_F(LogFilesTest, WritesNothingAfterAWriteThatFailed) {
    Writer file = create("1.log");
    ASSERT_TRUE(file->Append("one ", kOptions, nullptr).ok());
    ASSERT_TRUE(file->Sync(kOptions, nullptr).ok());
    disk_->fail(static_cast<unsigned>(Disk::Op::append), 0, 1, IOStatus::IOError("injected"));
    ASSERT_TRUE(file->Append("two", kOptions, nullptr).ok());
    EXPECT_FALSE(file->Flush(kOptions, nullptr).ok());
    EXPECT_FALSE(file->Sync(kOptions, nullptr).ok());
    EXPECT_TRUE(file->Close(kOptions, nullptr).ok());
    EXPECT_EQ(read("1.log"), "one ");
}

TEST_F(LogFilesTest, SyncsALogBeforeTheNextBegins) {
    std::string done;
    disk_->observe([&](Disk::Op op, const std::string& file) {
        if (op == Disk::Op::sync) done += "sync " + file.substr(file.size() - 5) + " ";
        if (op == Disk::Op::create) done += "create " + file.substr(file.size() - 5) + " ";
    });
    const Writer first = create("1.log");
    ASSERT_TRUE(first->Append("text", kOptions, nullptr).ok());
    ASSERT_TRUE(first->Flush(kOptions, nullptr).ok());
    EXPECT_EQ(done, "create 1.log sync 1.log ") << "its beginning";
    ASSERT_TRUE(first->Append("text", kOptions, nullptr).ok());
    ASSERT_TRUE(first->Flush(kOptions, nullptr).ok());
    done.clear();
    const Writer second = create("2.log");
    EXPECT_EQ(done, "sync 1.log create 2.log ");
    ASSERT_TRUE(second->Append("text", kOptions, nullptr).ok());
    ASSERT_TRUE(second->Flush(kOptions, nullptr).ok());
    done.clear();
    create("3.log");
    EXPECT_EQ(done, "create 3.log ") << "it was synced";
}

TEST_F(LogFilesTest, BeginsNoLogWhenTheOneBeforeCannotBeSynced) {
    const Writer first = create("1.log");
    for (int i = 0; i < 2; ++i) {
        ASSERT_TRUE(first->Append("text", kOptions, nullptr).ok());
        ASSERT_TRUE(first->Flush(kOptions, nullptr).ok());
    }
    disk_->fail(static_cast<unsigned>(Disk::Op::sync), 0, 1, IOStatus::IOError("injected"));
    Writer second;
    EXPECT_FALSE(files_.NewWritableFile(path("2.log"), FileOptions(), &second, nullptr).ok());
    EXPECT_EQ(second, nullptr);
}

TEST_F(LogFilesTest, TakesNoLogThatIsLongerThanItCanSay) {
    const Writer file = create("1.log");
    const std::string some = "x";
    const rocksdb::Slice endless(some.data(), std::size_t{1} << 32U);
    EXPECT_TRUE(file->Append(endless, kOptions, nullptr).IsNotSupported());
}

// --- many logs and power cuts, in memory ---

// After each sync all is there whatever the power cut does to what follows, in files that hold the
// remains of other logs.
TEST(LogFilesAfterPowerCut, HoldAllThatWasSyncedAndNothingOfAnotherLog) {
    const std::unique_ptr<rocksdb::Env> memory(rocksdb::NewMemEnv(rocksdb::Env::Default()));
    std::uint64_t reused = 0;
    std::uint64_t torn = 0;
    for (std::uint64_t seed = 0; seed < 300; ++seed) {
        std::mt19937_64 random(seed);
        const auto disk = std::make_shared<Disk>(memory->GetFileSystem());
        const auto files = std::make_shared<LogFiles>(disk, LogFiles::Writes::direct);
        const std::string directory = "/d" + std::to_string(seed);
        ASSERT_TRUE(disk->CreateDir(directory, kOptions, nullptr).ok());
        std::string synced;
        std::string written;
        std::string path;
        const int logs = 1 + static_cast<int>(random() % 4);
        for (int i = 1; i <= logs; ++i) {
            if (i > 1) {
                ASSERT_TRUE(files->DeleteFile(path, kOptions, nullptr).ok());
            }
            path = directory + "/" + std::to_string(i) + ".log";
            reused += i > 1;
            Writer file;
            ASSERT_TRUE(files->NewWritableFile(path, FileOptions(), &file, nullptr).ok());
            synced.clear();
            written.clear();
            for (std::uint64_t writes = random() % 20; writes > 0; --writes) {
                const std::string text(random() % 3000, static_cast<char>('a' + i));
                ASSERT_TRUE(file->Append(text, kOptions, nullptr).ok());
                written += text;
                if (random() % 3 == 0) {
                    ASSERT_TRUE(file->Sync(kOptions, nullptr).ok());
                    synced = written;
                } else {
                    ASSERT_TRUE(file->Flush(kOptions, nullptr).ok());
                }
            }
        }
        std::unique_ptr<rocksdb::FSDirectory> names;
        ASSERT_TRUE(disk->NewDirectory(directory, kOptions, &names, nullptr).ok());
        ASSERT_TRUE(names->Fsync(kOptions, nullptr).ok());
        disk->cut_power();
        disk->restore_power(random);
        std::string file;
        ASSERT_TRUE(rocksdb::ReadFileToString(disk.get(), path, &file).ok());
        const std::string found = log_in(file, static_cast<std::uint32_t>(logs));
        ASSERT_EQ(found.substr(0, synced.size()), synced) << "seed " << seed;
        if (found.find_first_not_of('\0') == std::string::npos) continue;  // nothing was written
        for (std::size_t at = synced.size(); at < found.size(); ++at) {
            const bool is_own = at < written.size() && found[at] == written[at];
            ASSERT_TRUE(is_own || found[at] == '\xff') << "seed " << seed << " at " << at;
        }
        torn += found != written;
    }
    EXPECT_GT(reused, 100U);
    EXPECT_GT(torn, 50U);
}

// A log with buffers so small that its files go round and round.
TEST(LogInSpares, LosesNothingInPowerCuts) {
    std::uint64_t spares = 0;
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
        LogUnderTest log;
        log.set_disk_use({.used = 0, .free = std::uint64_t{1} << 40U, .capacity = 1U << 20U});
        std::mt19937_64 random(seed);
        std::vector<Seq> acknowledged;
        for (int life = 0; life < 3; ++life) {
            log.open();
            const int most = 80 + static_cast<int>(random() % 120);
            log.disk().cut_power(100 + random() % 900);
            for (int i = 0; i < most; ++i) {
                const std::string body(1 + random() % 60'000, 'x');
                const Result<Seq> seq = log.try_append(body);
                if (!seq || !log.reports().wait_for({log.last_ticket()})) break;
                acknowledged.push_back(*seq);
            }
            const Files files(log.options.env);
            const auto names = files.list((log.options.directory / "db").string());
            spares += static_cast<std::uint64_t>(std::count_if(
                names->begin(), names->end(), [](auto& name) { return is_spare(name); }));
            log.crash(seed);
        }
        log.open();
        EXPECT_TRUE(log->health().lost.empty()) << "seed " << seed;
        for (const Seq seq : acknowledged) ASSERT_TRUE(log->get(seq)) << "seed " << seed;
    }
    EXPECT_GT(spares, 3U);
}

}  // namespace
}  // namespace holdfast::wal
