// The real disk: looking at it, the lock and the ballast.
#include "wal/disk.hpp"

#include "tests/unit/wal/log_under_test.hpp"
#include "wal/files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <fstream>

namespace holdfast::wal {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class DiskTest : public testing::Test {
protected:
    void write(const std::string& name, std::size_t bytes) const {
        fs::create_directories((path() / name).parent_path());
        std::ofstream(path() / name) << std::string(bytes, 'x');
    }

    [[nodiscard]] const fs::path& path() const { return directory_.path(); }

    static constexpr std::uint64_t kPlenty = std::uint64_t{1} << 62U;

    TempDirectory directory_;
};

TEST_F(DiskTest, CountsWhatTheFilesTakeAndAFileWithTwoNamesOnce) {
    write("a", 100'000);
    write("db/b", 50'000);
    const Result<DiskUse> before = look_at_disk(path());
    ASSERT_TRUE(before) << before.error().detail;
    EXPECT_GE(before->used, 150'000U);
    EXPECT_LT(before->used, 200'000U);
    EXPECT_GT(before->capacity, before->free);
    EXPECT_GT(before->free, 0U);
    fs::create_hard_link(path() / "a", path() / "db/again");
    EXPECT_EQ(look_at_disk(path())->used, before->used);
}

// As lost+found, where the directory is a file system of its own.
TEST_F(DiskTest, CountsOnWhenItMayNotLookIntoADirectory) {
    if (::geteuid() != 0) GTEST_SKIP() << "only root can take its own rights away here";
    fs::permissions(path(), fs::perms::all);
    fs::create_directory(path() / "a-forbidden");
    fs::permissions(path() / "a-forbidden", fs::perms::owner_all);
    for (const char* name : {"a", "b", "db/c", "z"}) write(name, 50'000);
    constexpr uid_t kNobody = 65534;
    ASSERT_EQ(::seteuid(kNobody), 0);
    const Result<DiskUse> use = look_at_disk(path());
    ASSERT_EQ(::seteuid(0), 0);
    ASSERT_TRUE(use);
    EXPECT_GE(use->used, 200'000U);
}

TEST_F(DiskTest, ADirectoryThatIsNotThereYetIsEmptyOnTheDiskOfItsParent) {
    const Result<DiskUse> use = look_at_disk(path() / "x" / "y");
    ASSERT_TRUE(use);
    EXPECT_EQ(use->used, 0U);
    EXPECT_EQ(use->capacity, look_at_disk(path())->capacity);
}

TEST_F(DiskTest, AnOpeningNeedsItsLogsAgainAndAManifest) {
    const std::uint64_t least = bytes_to_open(path());
    write("db/000012.log", 300'000);
    write("db/000009.log", 20'000);
    write("db/MANIFEST-000004", 1'000);
    write("db/000007.sst", 500'000);
    EXPECT_EQ(bytes_to_open(path()), least + 321'000);
}

TEST_F(DiskTest, ADirectoryHasOneWriter) {
    {
        DirectoryLock first(nullptr);
        ASSERT_TRUE(first.take(path()));
        ASSERT_TRUE(first.take(path()));
        DirectoryLock second(nullptr);
        const Result<void> refused = second.take(path());
        EXPECT_EQ(refused.error().code, Errc::busy);
        EXPECT_THAT(refused.error().detail, HasSubstr("is another holdfastd running?"));
    }
    DirectoryLock next(nullptr);
    EXPECT_TRUE(next.take(path()));
}

TEST_F(DiskTest, TheBallastTakesRoomUntilItIsGivenUp) {
    Ballast ballast(path(), 1'000'000);
    EXPECT_EQ(ballast.bytes(), 0U);
    EXPECT_FALSE(ballast.give_up());
    const Result<void> made = ballast.grow(kPlenty);
    ASSERT_TRUE(made) << made.error().detail;
    EXPECT_TRUE(ballast.is_whole());
    EXPECT_GE(look_at_disk(path())->used, 1'000'000U);
    EXPECT_TRUE(ballast.give_up());
    EXPECT_EQ(ballast.bytes(), 0U);
    EXPECT_EQ(look_at_disk(path())->used, 0U);
}

TEST_F(DiskTest, ABallastForAnotherDisksSizeIsMadeToFit) {
    ASSERT_TRUE(Ballast(path(), 1'000'000).grow(kPlenty));
    for (const std::uint64_t bytes : {2'000'000U, 500'000U}) {
        Ballast ballast(path(), bytes);
        EXPECT_FALSE(ballast.is_whole());
        ASSERT_TRUE(ballast.grow(kPlenty));
        EXPECT_TRUE(ballast.is_whole());
        EXPECT_LT(look_at_disk(path())->used, bytes + 100'000);
    }
}

TEST_F(DiskTest, ABallastLeavesHalfOfWhatIsFreeOnADiskThatIsNearlyFull) {
    Ballast ballast(path(), 10'000'000);
    ASSERT_TRUE(ballast.grow(400'000));
    EXPECT_EQ(ballast.bytes(), 0U);  // not worth a file
    ASSERT_TRUE(ballast.grow(4'000'000));
    EXPECT_EQ(ballast.bytes(), 2'000'000U);
    ASSERT_TRUE(ballast.grow(2'000'000));
    EXPECT_EQ(ballast.bytes(), 3'000'000U);
    ASSERT_TRUE(ballast.grow(0));
    EXPECT_EQ(ballast.bytes(), 3'000'000U);
    ASSERT_TRUE(ballast.grow(kPlenty));
    EXPECT_TRUE(ballast.is_whole());
}

// Files of a process may not be longer than this, without a signal.
class FileLimit {
public:
    explicit FileLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
        EXPECT_EQ(::getrlimit(RLIMIT_FSIZE, &before_), 0);
        const rlimit limit{bytes, before_.rlim_max};
        EXPECT_EQ(::setrlimit(RLIMIT_FSIZE, &limit), 0);
    }

    ~FileLimit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }

    FileLimit(const FileLimit&) = delete;
    FileLimit& operator=(const FileLimit&) = delete;

private:
    void (*const handler_)(int);
    rlimit before_{};
};

// Not for want of room: other tests run on the same disk.
TEST_F(DiskTest, ABallastThatCannotBeMadeLeavesNothingBehind) {
    const FileLimit limit(1'000'000);
    Ballast ballast(path(), 2'000'000);
    ASSERT_FALSE(ballast.grow(kPlenty));
    EXPECT_EQ(look_at_disk(path())->used, 0U);
    ASSERT_TRUE(ballast.grow(1'500'000)) << "a part of it";
    ASSERT_FALSE(ballast.grow(kPlenty));
    EXPECT_EQ(ballast.bytes(), 750'000U) << "what there was before";
}

}  // namespace
}  // namespace holdfast::wal
