#include "agent/admin/selection.hpp"

#include "proto/record.hpp"

#include <gtest/gtest.h>

namespace holdfast::agent {
namespace {

wal::Description dead(std::string_view name = "purchase",
                      std::uint16_t status = 400,
                      std::string reason = "400 Bad Request",
                      FailureCause cause = FailureCause::poison,
                      std::string_view destination = "main") {
    Event event;
    event.destination = destination;
    event.person = "id:42";
    event.name = name;
    std::string record;
    encode_record(event, record);
    wal::Failure failure{.cause = cause,
                         .attempts = 1,
                         .failed_at = wall_from_ms(1'767'323'045'678),
                         .status = status,
                         .reason = std::move(reason),
                         .answer = {}};
    return {.entry = wal::Entry(Seq{7}, std::move(record)),
            .state = wal::EntryState::failed,
            .retry = std::nullopt,
            .failure = std::move(failure),
            .ending = std::nullopt};
}

bool has(const wal::Description& one, std::string_view part, const std::string& value) {
    Selection selection;
    const Result<void> set = selection.set(part, value);
    EXPECT_TRUE(set) << set.error().detail;
    return selection.has(one);
}

// An operator has written it down.
TEST(Group, NeverChanges) {
    EXPECT_EQ(group_of(dead()), "9211cdf3fec2");
}

TEST(Group, IsAnotherForEachPartThatDiffers) {
    const std::string one = group_of(dead());
    EXPECT_EQ(group_of(dead()), one);
    EXPECT_NE(group_of(dead("signup")), one);
    EXPECT_NE(group_of(dead("purchase", 404)), one);
    EXPECT_NE(group_of(dead("purchase", 400, "400")), one);
    EXPECT_NE(group_of(dead("purchase", 400, "400 Bad Request", FailureCause::too_old)), one);
    EXPECT_NE(group_of(dead("purchase", 400, "400 Bad Request", FailureCause::poison, "other")),
              one);
}

TEST(Selection, WithoutPartsHasEverything) {
    EXPECT_TRUE(Selection().has(dead()));
}

TEST(Selection, HasWhatFitsEachPart) {
    const wal::Description one = dead();
    EXPECT_TRUE(has(one, "destination", "main"));
    EXPECT_FALSE(has(one, "destination", "other"));
    EXPECT_TRUE(has(one, "person", "42"));
    EXPECT_FALSE(has(one, "person", "2"));
    EXPECT_TRUE(has(one, "operation", "event"));
    EXPECT_FALSE(has(one, "operation", "identify"));
    EXPECT_TRUE(has(one, "name", "purchase"));
    EXPECT_FALSE(has(one, "name", "purchas"));
    EXPECT_TRUE(has(one, "cause", "poison"));
    EXPECT_FALSE(has(one, "cause", "ambiguous"));
    EXPECT_TRUE(has(one, "group", group_of(one)));
    EXPECT_FALSE(has(one, "group", "000000000000"));
}

TEST(Selection, TakesATimeFromItsBeginningAndWithoutItsEnd) {
    const wal::Description one = dead();
    EXPECT_TRUE(has(one, "since", "2026-01-02T03:04:05.678Z"));
    EXPECT_FALSE(has(one, "since", "2026-01-02T03:04:05.679Z"));
    EXPECT_TRUE(has(one, "until", "2026-01-02T03:04:05.679Z"));
    EXPECT_FALSE(has(one, "until", "2026-01-02T03:04:05.678Z"));
}

TEST(Selection, OfADamagedEntryNothingIsKnownButHowItFailed) {
    wal::Description one = dead("", 0, "damaged", FailureCause::damaged, "");
    one.is_readable = false;
    EXPECT_FALSE(has(one, "operation", "event")) << "it is made up";
    EXPECT_TRUE(has(one, "cause", "damaged"));
    EXPECT_TRUE(has(one, "group", group_of(one)));
}

TEST(Selection, RefusesWhatThereIsNot) {
    Selection selection;
    EXPECT_EQ(selection.set("colour", "red").error().code, Errc::bad_input);
    EXPECT_FALSE(selection.set("operation", "merge them"));
    EXPECT_FALSE(selection.set("cause", "bad luck"));
    EXPECT_FALSE(selection.set("since", "yesterday"));
}

}  // namespace
}  // namespace holdfast::agent
