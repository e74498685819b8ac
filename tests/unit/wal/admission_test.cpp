// Who is let in when space is short.
#include "wal/admission.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <vector>

namespace holdfast::wal {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::uint64_t kMiB = std::uint64_t{1} << 20U;
constexpr std::uint64_t kMuch = std::uint64_t{1} << 40U;

TEST(Priority, OfEveryOperation) {
    const std::map<Priority, std::vector<Operation>> table = {
        {Priority::ordinary,
         {Operation::event,
          Operation::anonymous_event,
          Operation::submit_form,
          Operation::report_metric,
          Operation::report_push_event,
          Operation::delivery_event,
          Operation::request}},
        {Priority::state,
         {Operation::identify,
          Operation::add_device,
          Operation::delete_device,
          Operation::add_to_segment,
          Operation::remove_from_segment,
          Operation::unsubscribe,
          Operation::add_relationships,
          Operation::delete_relationships,
          Operation::object_identify,
          Operation::object_identify_anonymous,
          Operation::object_delete,
          Operation::object_add_relationships,
          Operation::object_delete_relationships}},
        {Priority::essential,
         {Operation::delete_person,
          Operation::merge,
          Operation::suppress,
          Operation::unsuppress,
          Operation::send_email,
          Operation::send_push,
          Operation::send_sms,
          Operation::send_whatsapp,
          Operation::send_in_app,
          Operation::send_inbox_message,
          Operation::trigger_broadcast,
          Operation::request_once}}};
    std::size_t count = 0;
    for (const auto& [priority, operations] : table) {
        count += operations.size();
        for (const Operation operation : operations) {
            EXPECT_EQ(priority_of(operation), priority) << info(operation).name;
        }
    }
    std::size_t known = 0;
    for (unsigned number = 0; number < 256; ++number) {
        known += find_operation(static_cast<Operation>(number)) != nullptr ? 1U : 0U;
    }
    EXPECT_EQ(count, known);
}

TEST(SpacePlan, IsInProportionToSmallDisksAndTheSameForLargeOnes) {
    const std::vector<std::pair<std::uint64_t, std::array<std::uint64_t, 3>>> table = {
        {0, {1, 16, 6}},
        {64 * kMiB, {1, 16, 6}},
        {256 * kMiB, {4, 64, 24}},
        {1024 * kMiB, {16, 256, 96}},
        {~std::uint64_t{0}, {16, 256, 96}}};
    for (const auto& [bytes, mib] : table) {
        const SpacePlan plan = plan_space(bytes);
        EXPECT_EQ(plan.write_buffer, mib[0] * kMiB);
        EXPECT_EQ(plan.min_free, mib[1] * kMiB);
        EXPECT_EQ(plan.ballast, mib[2] * kMiB);
    }
}

TEST(Shortage, GoesByTheQuotaAndByTheDiskWhicheverIsWorse) {
    struct Case {
        std::uint64_t used;
        std::uint64_t free;
        SpaceLevel level;
        Errc why;
    };

    const SpaceLimits limits{.max_bytes = 1000, .min_free = 400};
    const std::vector<Case> table = {{799, 400, SpaceLevel::ok, Errc::log_full},
                                     {800, 400, SpaceLevel::tight, Errc::log_full},
                                     {899, 400, SpaceLevel::tight, Errc::log_full},
                                     {900, 400, SpaceLevel::critical, Errc::log_full},
                                     {1000, 400, SpaceLevel::full, Errc::log_full},
                                     {0, 399, SpaceLevel::tight, Errc::disk_full},
                                     {0, 300, SpaceLevel::tight, Errc::disk_full},
                                     {0, 299, SpaceLevel::critical, Errc::disk_full},
                                     {0, 200, SpaceLevel::critical, Errc::disk_full},
                                     {0, 199, SpaceLevel::full, Errc::disk_full},
                                     {0, 0, SpaceLevel::full, Errc::disk_full},
                                     {800, 0, SpaceLevel::full, Errc::disk_full},
                                     {1000, 399, SpaceLevel::full, Errc::log_full}};
    for (const Case& one : table) {
        const Shortage is = shortage(limits, {one.used, one.free, 0});
        EXPECT_EQ(is.level, one.level) << one.used << " " << one.free;
        if (is.level == SpaceLevel::ok) continue;
        EXPECT_EQ(is.why, one.why) << one.used << " " << one.free;
    }
}

TEST(Shortage, IsNoneWithoutLimits) {
    EXPECT_EQ(shortage({}, {kMuch, 0, 0}).level, SpaceLevel::ok);
}

TEST(Admission, TheLessEssentialAreRefusedEarlier) {
    const auto admitted_at = [](std::uint64_t used) {
        Admission admission({.max_bytes = 1000, .min_free = 0});
        admission.end_look({used, kMuch, kMuch});
        std::vector<bool> admitted;
        for (const Priority one : {Priority::ordinary, Priority::state, Priority::essential}) {
            admitted.push_back(admission.admit(one, 1).has_value());
        }
        return admitted;
    };
    EXPECT_THAT(admitted_at(0), ElementsAre(true, true, true));
    EXPECT_THAT(admitted_at(800), ElementsAre(false, true, true));
    EXPECT_THAT(admitted_at(900), ElementsAre(false, false, true));
    EXPECT_THAT(admitted_at(1000), ElementsAre(false, false, false));
}

TEST(Admission, ARefusalSaysWhyAndIsCounted) {
    Admission admission({.max_bytes = 1000, .min_free = 100});
    admission.end_look({950, kMuch, kMuch});
    const Result<void> quota = admission.admit(Priority::ordinary, 10);
    EXPECT_EQ(quota.error().code, Errc::log_full);
    EXPECT_THAT(quota.error().detail, HasSubstr("950 bytes of max_bytes = 1000"));
    admission.end_look({0, 10, kMuch});
    const Result<void> disk = admission.admit(Priority::essential, 1);
    EXPECT_EQ(disk.error().code, Errc::disk_full);
    EXPECT_THAT(disk.error().detail, HasSubstr("10 bytes left, and must keep min_free = 100"));
    EXPECT_THAT(admission.refused(), ElementsAre(1, 0, 1));
}

TEST(Admission, ABurstBetweenTwoLooksDoesNotOverrunTheLimit) {
    for (const SpaceLimits limits : {SpaceLimits{1'000'000, 0}, SpaceLimits{0, 1'000'000}}) {
        Admission admission(limits);
        admission.end_look({0, 2'000'000, kMuch});
        std::uint64_t bytes = 0;
        while (admission.admit(Priority::essential, 1000)) bytes += 1000;
        // Each is written twice. Half of min_free is left.
        EXPECT_LE(2 * bytes, limits.max_bytes > 0 ? 1'000'000U : 1'500'000U);
        EXPECT_GE(2 * bytes, limits.max_bytes > 0 ? 990'000U : 1'490'000U);
    }
}

TEST(Admission, OneEventThatWouldNotFitIsRefusedThoughASmallerOneIsTaken) {
    Admission admission({.max_bytes = 1000, .min_free = 0});
    admission.end_look({700, kMuch, kMuch});
    EXPECT_FALSE(admission.admit(Priority::ordinary, 60));
    EXPECT_TRUE(admission.admit(Priority::ordinary, 10));
}

TEST(Admission, ALookTakesThePlaceOfTheEstimateButForWhatItCannotHaveSeen) {
    Admission admission({.max_bytes = 1'000'000, .min_free = 0});
    admission.end_look({0, kMuch, kMuch});
    ASSERT_TRUE(admission.admit(Priority::ordinary, 1000));
    ASSERT_TRUE(admission.admit(Priority::ordinary, 200));
    EXPECT_EQ(admission.use().used, 2400U);
    admission.begin_look(200);
    ASSERT_TRUE(admission.admit(Priority::ordinary, 30));
    admission.end_look({1100, kMuch, kMuch});
    EXPECT_EQ(admission.use().used, 1100U + 400 + 60);
    EXPECT_EQ(admission.use().free, kMuch - 460);
}

TEST(Admission, TheHistoryShouldShrinkBeforeAnythingIsRefused) {
    Admission quota({.max_bytes = 1000, .min_free = 0});
    quota.end_look({700, kMuch, kMuch});
    EXPECT_EQ(quota.excess(), 0U);
    quota.end_look({760, kMuch, kMuch});
    EXPECT_EQ(quota.excess(), 60U);
    EXPECT_EQ(quota.level(), SpaceLevel::ok);
    Admission disk({.max_bytes = 0, .min_free = 400});
    disk.end_look({0, 470, kMuch});
    EXPECT_EQ(disk.excess(), 30U);
    EXPECT_EQ(disk.level(), SpaceLevel::ok);
}

}  // namespace
}  // namespace holdfast::wal
