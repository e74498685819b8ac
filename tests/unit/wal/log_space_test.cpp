// A log whose quota or disk is full: what it refuses, and how it gets going again.
#include "tests/unit/wal/log_under_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <thread>

namespace holdfast::wal {
namespace {

using rocksdb::IOStatus;
using testing::HasSubstr;
using Disk = test::FaultyFileSystem;
using namespace std::chrono_literals;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30U;
constexpr DiskUse kRoomy{0, kGiB, 100 * kGiB};
constexpr DiskUse kScarce{0, kGiB / 64, 100 * kGiB};  // enough to open the log and no more
constexpr DiskUse kFull{0, 0, 100 * kGiB};

bool wait_until(const std::function<bool()>& is_so) {
    for (int i = 0; i < 20'000; ++i) {
        if (is_so()) return true;
        std::this_thread::sleep_for(1ms);
    }
    return false;
}

class LogSpace : public testing::Test {
protected:
    bool appends(std::string_view body = "x") {
        const Result<Seq> seq = log_.try_append(body);
        return seq && log_.reports().wait_for({log_.last_ticket()});
    }

    LogUnderTest log_;
};

TEST_F(LogSpace, WhatIsRefusedIsNotStoredAndCountsByPriority) {
    log_.set_disk_use(kScarce);
    log_.open();
    const Result<Seq> refused = log_.try_append("x");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code, Errc::disk_full);
    EXPECT_EQ(log_->health().head, Seq{});
    EXPECT_EQ(log_->counts("crm").pending, 0U);
    const SpaceStatus space = log_->space();
    EXPECT_EQ(space.level, SpaceLevel::full);
    EXPECT_EQ(space.refused, (std::array<std::uint64_t, kPriorityCount>{1, 0, 0}));
    EXPECT_TRUE(log_->health().ok);
}

TEST_F(LogSpace, TheQuotaOfTheDirectoryCountsToo) {
    log_.options.max_bytes = kGiB;
    log_.set_disk_use({kGiB / 5 * 4, kGiB, 100 * kGiB});
    log_.open();
    EXPECT_EQ(log_.try_append("x").error().code, Errc::log_full);
    EXPECT_EQ(log_->space().level, SpaceLevel::tight);
}

// An outage may last for days, and each attempt writes a mark.
TEST_F(LogSpace, MarksDoNotPileUpWhileTheQuotaIsReached) {
    LogUnderTest log(true);
    log.options.max_bytes = 64U << 20U;  // so that its buffers are small
    log.set_disk_use({64U << 20U, kGiB, 100 * kGiB});
    log.open();
    EXPECT_EQ(log.try_append("x").error().code, Errc::log_full);
    std::mt19937_64 random(1);
    std::string value(64 << 10U, ' ');
    for (Ticket ticket = 1000; ticket < 1200; ++ticket) {
        for (char& one : value) one = static_cast<char>(random());
        log->save("breaker", value);
        log->intend("crm", Seq{1}, Retry{}, ticket);
        ASSERT_TRUE(log.reports().wait_for({ticket}));
    }
    const auto tables = [&] {
        const auto files = std::filesystem::directory_iterator(log.options.directory / "db");
        return std::count_if(begin(files), end(files), [](const auto& file) {
            return file.path().extension() == ".sst";
        });
    };
    EXPECT_TRUE(wait_until([&] { return tables() < 12; })) << tables() << " tables";
}

TEST_F(LogSpace, EventsAreTakenAgainSoonAfterThereIsRoom) {
    log_.set_disk_use(kScarce);
    log_.open();
    ASSERT_FALSE(appends());
    log_.set_disk_use(kRoomy);
    EXPECT_TRUE(wait_until([&] { return appends(); }));
}

TEST_F(LogSpace, EventsAreRefusedSoonAfterTheDiskWasFilledByOthers) {
    log_.open();
    ASSERT_TRUE(appends());
    log_.set_disk_use(kScarce);
    EXPECT_TRUE(wait_until([&] { return !appends(); }));
}

// A repeat brings nothing that must be admitted, but maybe a new key that is remembered.
TEST_F(LogSpace, ThatIsTakenByOthersIsSeenWhileOnlyRepeatsCome) {
    log_.options.idempotency_window = 8h;
    log_.open();
    ASSERT_TRUE(log_.try_append_with_key("id", "{}"));
    log_.close();
    log_.open();
    log_.set_disk_use(kScarce);
    int count = 0;
    EXPECT_TRUE(wait_until([&] {
        const std::string key = std::to_string(++count);
        EXPECT_TRUE(log_.try_append_with_keys({key, "id"}, "{}")->is_repeat);
        return log_.try_append_with_key(key, "other").error().code == Errc::disk_full;
    }));
}

TEST_F(LogSpace, ABurstIsStoppedBeforeTheNextLook) {
    log_.options.max_bytes = 32U << 20U;
    log_.options.open_batch_bytes_max = kGiB;
    log_.open();
    const std::string body(100'000, 'x');
    // It is over before anybody looks, unless the machine is busy: then all of it is seen.
    std::size_t taken = 0;
    Result<Seq> appended = log_.try_append(body);
    while (appended && ++taken < 1000) {
        log_.set_disk_use({taken * body.size() * 2, kGiB, 100 * kGiB});
        appended = log_.try_append(body);
    }
    ASSERT_FALSE(appended);
    EXPECT_EQ(appended.error().code, Errc::log_full);
    EXPECT_LE(taken * body.size() * 2, 32U << 20U);
}

TEST_F(LogSpace, AFullLogStillDeliversAndReplays) {
    log_.open();
    log_.append("delivered");
    log_.append("dead");
    log_.close();
    log_.set_disk_use(kScarce);
    log_.open();
    EXPECT_EQ(log_.take_seqs(), (std::vector<Seq>{Seq{1}, Seq{2}}));
    log_->complete("crm", Seq{1}, Log::Mark::synced);
    log_->fail("crm", Seq{2}, {}, Log::Mark::synced);
    EXPECT_EQ(log_->counts("crm"), (Counts{0, 1, 1}));
    // Nothing at all is taken at this level, a replay neither.
    EXPECT_FALSE(log_->replay(Seq{2}, log_.make_id(), log_.now(), 77));
    log_.set_disk_use({0, 150U << 20U, 100 * kGiB});
    EXPECT_TRUE(wait_until(
        [&] { return log_->replay(Seq{2}, log_.make_id(), log_.now(), 78).has_value(); }));
}

TEST_F(LogSpace, TheHistoryGivesWayBeforeEventsAreRefused) {
    log_.options.max_bytes = kGiB;
    log_.open();
    for (int i = 0; i < 20; ++i) log_.append(std::string(100'000, 'x'));
    for (const Seq seq : log_.take_seqs()) log_->complete("crm", seq);
    log_->save("flush", "");
    log_.append("now the cursor is saved");
    EXPECT_EQ(log_->health().tail, Seq{1});
    log_.set_disk_use({kGiB / 4 * 3, kGiB, 100 * kGiB});
    EXPECT_TRUE(wait_until([&] { return appends() && log_->health().tail > Seq{15}; }));
}

TEST_F(LogSpace, ADiskThatIsTooFullToOpenTheLogIsWaitedFor) {
    log_.open();
    log_.append("from before");
    log_.close();
    log_.set_disk_use(kFull);
    ASSERT_TRUE(log_.try_open());
    log_->add_destination("crm");
    log_->add_destination("new");
    EXPECT_FALSE(log_->health().ok);
    EXPECT_THAT(log_->health().reason, HasSubstr("the disk has 0 left"));
    EXPECT_EQ(log_.try_append("x").error().code, Errc::disk_full);
    EXPECT_EQ(log_->take("crm", 1).error().code, Errc::storage_failed);
    EXPECT_EQ(log_->space().level, SpaceLevel::full);

    log_.set_disk_use(kRoomy);
    log_.reports().wait_for_reopening(1);
    EXPECT_TRUE(log_->health().ok);
    EXPECT_EQ(log_->health().head, Seq{1});
    EXPECT_EQ(log_->counts("crm").pending, 1U);
    EXPECT_EQ(log_.take_seqs("crm"), (std::vector<Seq>{Seq{1}}));
    EXPECT_EQ(log_.take_seqs("new"), (std::vector<Seq>{}));
    const Seq seq = log_.append("after", "new");
    EXPECT_EQ(seq, Seq{2});
    EXPECT_EQ(log_.take_seqs("new"), (std::vector<Seq>{seq}));
}

TEST_F(LogSpace, ALogThatWasNeverOpenCanBeClosed) {
    log_.set_disk_use(kFull);
    ASSERT_TRUE(log_.try_open());
    log_.close();
}

TEST_F(LogSpace, AnOpeningThatRunsOutOfSpaceHalfWayIsWaitedForToo) {
    log_.open();
    log_.append("from before");
    log_.close();
    log_.disk().fail(Disk::kAnyOp, 3, Disk::kForEver, IOStatus::NoSpace("injected"));
    ASSERT_TRUE(log_.try_open());
    log_->add_destination("crm");
    EXPECT_FALSE(log_->health().ok);
    log_.disk().heal();
    log_.reports().wait_for_reopening(1);
    EXPECT_EQ(log_.take_seqs(), (std::vector<Seq>{Seq{1}}));
}

TEST_F(LogSpace, TheBallastIsGivenUpToOpenAFullDiskAndMadeAgainWhenThereIsRoom) {
    log_.options.ballast = true;
    log_.open();
    log_.append("from before");
    const std::uint64_t ballast = log_->space().ballast;
    EXPECT_EQ(ballast, plan_space(kGiB).ballast);
    log_.close();

    // Full but for what the ballast gives back.
    const std::filesystem::path file = log_.options.directory / "ballast";
    log_.options.look_at_disk = [&, look = log_.options.look_at_disk]() -> Result<DiskUse> {
        DiskUse use = *look();
        if (use.free > 0) return use;
        std::error_code ec;
        const std::uintmax_t kept = std::filesystem::file_size(file, ec);
        use.free = ec ? ballast : ballast - kept;
        return use;
    };
    log_.set_disk_use(kFull);
    log_.open();
    EXPECT_TRUE(log_->health().ok);
    EXPECT_EQ(log_->space().ballast, ballast / 2);
    EXPECT_THAT(log_.reports().notes(), HasSubstr("the ballast is given up"));
    EXPECT_EQ(log_.take_seqs(), (std::vector<Seq>{Seq{1}}));
    EXPECT_FALSE(appends());

    log_.set_disk_use(kRoomy);
    EXPECT_TRUE(wait_until([&] { return log_->space().ballast == ballast; }));
    EXPECT_TRUE(wait_until([&] { return appends(); }));
}

TEST_F(LogSpace, ASecondWriterIsTurnedAwayBeforeItTouchesAnything) {
    log_.options.ballast = true;
    log_.open();
    LogOptions options = log_.options;
    options.look_at_disk = []() -> Result<DiskUse> { return kFull; };
    const Result<std::unique_ptr<Log>> second = Log::open(options);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code, Errc::busy);
    EXPECT_THAT(second.error().detail, HasSubstr("another process uses the log in"));
    EXPECT_GT(log_->space().ballast, 0U);
}

}  // namespace
}  // namespace holdfast::wal
