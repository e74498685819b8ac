// The real disk: looking at it, the lock and the ballast.
#include "wal/disk.hpp"

#include "tests/unit/wal/log_under_test.hpp"
#include "wal/files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
    EXPECT_FALSE(ballast.is_there());
    EXPECT_FALSE(ballast.give_up());
    const Result<void> made = ballast.make();
    ASSERT_TRUE(made) << made.error().detail;
    EXPECT_TRUE(ballast.is_there());
    EXPECT_GE(look_at_disk(path())->used, 1'000'000U);
    // One that was made for another disk's size is made anew.
    EXPECT_FALSE(Ballast(path(), 2'000'000).is_there());
    EXPECT_TRUE(ballast.give_up());
    EXPECT_FALSE(ballast.is_there());
    EXPECT_EQ(look_at_disk(path())->used, 0U);
}

TEST_F(DiskTest, ABallastThatDoesNotFitLeavesNothingBehind) {
    Ballast ballast(path(), look_at_disk(path())->capacity * 2);
    ASSERT_FALSE(ballast.make());
    EXPECT_EQ(look_at_disk(path())->used, 0U);
}

}  // namespace
}  // namespace holdfast::wal
