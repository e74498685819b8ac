// Logs that older versions and this one left, each a directory below fixtures/: it opens them and
// goes on. DISABLED_WritesTheFixture makes the one of this version, for the next that changes the
// schema:
//
//     HOLDFAST_FIXTURE=DIRECTORY build/release/bin/wal_test --gtest_also_run_disabled_tests
//         --gtest_filter=LogSchema.DISABLED_*
#include "tests/unit/wal/log_under_test.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

namespace holdfast::wal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using namespace std::chrono_literals;

constexpr const char* kFixtures = HOLDFAST_SOURCE_DIR "/tests/unit/wal/fixtures";

class LogSchema : public testing::TestWithParam<const char*> {
protected:
    LogSchema() {
        log_.options.history = 1h;
        log_.options.reclaim_every = 1ms;
        log_.options.idempotency_window = 3650 * 24h;
    }

    // Of every kind that there is: reclaimed, kept for a dead letter and for one that is parked,
    // complete, pending, with a key; in tables and in RocksDB's log; two destinations.
    void fill() {
        log_.open({"crm", "web"});
        for (int i = 1; i <= 6; ++i) log_.append("crm " + std::to_string(i));
        (void)log_.append("web 7", "web");
        (void)log_.take_seqs();
        log_->complete("crm", Seq{1});
        log_->fail("crm",
                   Seq{2},
                   {.cause = FailureCause::poison,
                    .attempts = 3,
                    .failed_at = log_.now(),
                    .status = 400,
                    .reason = "400 Bad Request",
                    .answer = "no such event"});
        const Retry retry{.attempts = 2,
                          .first_attempt_at = log_.now(),
                          .next_attempt_at = log_.now() + 30min,
                          .status = 503,
                          .intended = false,
                          .reason = "503"};
        log_->retry("crm", Seq{3}, retry);
        log_->park("crm", Seq{3});
        for (const Seq seq : {Seq{4}, Seq{5}, Seq{6}}) log_->complete("crm", seq);
        (void)log_.take_seqs("web");
        log_->complete("web", Seq{7});
        log_.advance(2h);
        while (log_->health().tail < Seq{8}) log_.append("nudge");
        log_->save("breaker", "open");
        log_.close();
        log_.options.reclaim_every = 1h;
        log_.open({"crm", "web"});
        ASSERT_TRUE(log_.try_append_with_key("k", "with a key"));
        ASSERT_TRUE(log_.reports().wait_for({log_.last_ticket()}));
        (void)log_.append("the last", "web");
        log_.close();
    }

    // What fill() left, but for how often it had to nudge.
    void check() {
        log_.options.reclaim_every = 1h;
        log_.open({"crm", "web"});
        const Seq head = log_->health().head;
        EXPECT_EQ(log_->health().tail, Seq{8});
        EXPECT_TRUE(log_->health().lost.empty());
        EXPECT_EQ(log_->get(Seq{1}).error().code, Errc::not_found);
        const Result<Description> dead = log_->describe(Seq{2});
        ASSERT_TRUE(dead) << dead.error().detail;
        EXPECT_EQ(dead->state, EntryState::failed);
        EXPECT_EQ(dead->failure->answer, "no such event");
        EXPECT_EQ(dead->entry.event().body, "crm 2");
        const Result<Description> parked = log_->describe(Seq{3});
        ASSERT_TRUE(parked) << parked.error().detail;
        EXPECT_EQ(parked->state, EntryState::retrying);
        EXPECT_EQ(parked->retry->attempts, 2U);
        EXPECT_EQ(log_->get(head)->event().body, "the last");
        EXPECT_EQ(log_->get(head.previous())->event().body, "with a key");
        EXPECT_EQ(*log_->load("breaker"), "open");
        EXPECT_EQ(log_->counts("crm").failed, 1U);
        EXPECT_EQ(log_->counts("crm").pending, head.value - 7);  // and the parked one
        EXPECT_EQ(log_->counts("web"), (Counts{.pending = 1, .complete = 1, .failed = 0}));
        const std::vector<Seq> seqs = log_.take_seqs();
        ASSERT_EQ(seqs.size(), head.value - 7);
        EXPECT_EQ(seqs.front(), Seq{3});
        EXPECT_EQ(log_.take_seqs("web"), (std::vector<Seq>{head}));
        const Result<Placed> repeat = log_.try_append_with_key("k", "with a key");
        ASSERT_TRUE(repeat);
        EXPECT_TRUE(repeat->is_repeat);
        EXPECT_EQ(repeat->seq, head.previous());
        EXPECT_EQ(log_.append("goes on"), head.next());
        EXPECT_THAT(log_.reports().notes(), testing::Not(HasSubstr("damaged")));
        log_.close();
    }

    LogUnderTest log_{true};
};

TEST_F(LogSchema, ThisOneIsReadAgain) {
    fill();
    check();
}

TEST_F(LogSchema, DISABLED_WritesTheFixture) {
    const char* directory = std::getenv("HOLDFAST_FIXTURE");
    ASSERT_NE(directory, nullptr);
    fill();
    std::filesystem::copy(
        log_.options.directory, directory, std::filesystem::copy_options::recursive);
}

TEST_P(LogSchema, OfAnOlderVersionIsReadAndGoesOn) {
    std::filesystem::copy(std::filesystem::path(kFixtures) / GetParam(),
                          log_.options.directory,
                          std::filesystem::copy_options::recursive);
    log_.options.on_corruption = OnCorruption::refuse;  // it is whole
    check();
    // Once more as what it has become.
    log_.open({"crm", "web"});
    EXPECT_TRUE(log_->describe(Seq{2}));
    EXPECT_EQ(log_.list_all().size(), log_->health().head.value - 5);
}

INSTANTIATE_TEST_SUITE_P(Fixture,
                         LogSchema,
                         testing::Values("schema-1", "schema-2", "schema-3", "schema-4"));

}  // namespace
}  // namespace holdfast::wal
