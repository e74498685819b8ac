#include "agent/places.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

namespace holdfast::agent {
namespace {

using namespace std::chrono_literals;
using testing::Optional;

constexpr Places::Process kOne = 1;
constexpr Places::Process kTwo = 2;
constexpr Places::Process kThree = 3;
constexpr Duration kForOwn = 1s;
constexpr Duration kForOthers = 30s;

class PlacesTest : public testing::Test {
protected:
    void add(Places::Id id, Places::Process who) {
        places_.add(id, who, now_);
        rests_[id] = now_;
        now_ += 1ms;
    }

    void use(Places::Id id) {
        rests_[id] = now_;
        now_ += 1ms;
    }

    void begin(Places::Id id) { rests_[id].reset(); }

    std::optional<Places::Id> find_room(Places::Process who) {
        return places_.find_room(who, now_, [this](Places::Id id) {
            ++looks_;
            return rests_.at(id);
        });
    }

    Instant now_{1h};
    Places places_{{.for_own = kForOwn, .for_others = kForOthers}};
    std::map<Places::Id, std::optional<Instant>> rests_;  // nullopt: something is under way
    std::size_t looks_ = 0;
};

TEST_F(PlacesTest, TheOneThatRestedTheLongestMakesRoom) {
    for (const Places::Id id : {1U, 2U, 3U}) add(id, kOne);
    EXPECT_THAT(find_room(kTwo), Optional(1));
    use(1);
    EXPECT_THAT(find_room(kTwo), Optional(2));
    use(2);
    use(3);
    EXPECT_THAT(find_room(kTwo), Optional(1));
}

TEST_F(PlacesTest, ItIsOfTheProcessThatHasTheMost) {
    add(1, kOne);
    for (const Places::Id id : {2U, 3U, 4U}) add(id, kTwo);
    for (const Places::Id id : {5U, 6U}) add(id, kThree);
    now_ += 1h;
    for (const Places::Process who : {kOne, kTwo, kThree}) EXPECT_THAT(find_room(who), Optional(2));
    for (const Places::Id id : {2U, 3U}) places_.remove(id);
    EXPECT_THAT(find_room(kOne), Optional(5));
}

TEST_F(PlacesTest, OfProcessesThatHaveAsManyTheOneThatRestedTheLongestMakesRoom) {
    add(1, kOne);
    add(2, kTwo);
    add(3, kThree);
    use(1);
    EXPECT_THAT(find_room(4), Optional(2));
}

TEST_F(PlacesTest, WhereSomethingIsUnderWayIsNotClosed) {
    for (const Places::Id id : {1U, 2U}) add(id, kOne);
    add(3, kTwo);
    begin(1);
    EXPECT_THAT(find_room(kThree), Optional(2));
    begin(2);
    EXPECT_THAT(find_room(kThree), Optional(3)) << "of another process, then";
    begin(3);
    EXPECT_EQ(find_room(kThree), std::nullopt);
    use(2);
    EXPECT_THAT(find_room(kThree), Optional(2));
}

TEST_F(PlacesTest, ItMustHaveRestedForAnotherOneOfItsProcess) {
    add(1, kOne);
    now_ = *rests_[1] + kForOwn - 1ns;
    EXPECT_EQ(find_room(kOne), std::nullopt);
    EXPECT_THAT(find_room(kTwo), Optional(1)) << "not for a process that has fewer";
    now_ += 1ns;
    EXPECT_THAT(find_room(kOne), Optional(1));
}

TEST_F(PlacesTest, AndLongerForAProcessThatHasNoFewer) {
    add(1, kOne);
    add(2, kTwo);
    begin(2);
    now_ = *rests_[1] + kForOthers - 1ns;
    EXPECT_EQ(find_room(kTwo), std::nullopt);
    now_ += 1ns;
    EXPECT_THAT(find_room(kTwo), Optional(1));
}

TEST_F(PlacesTest, LooksAtSomeBusyOnesOnlyAndAtOthersTheNextTime) {
    constexpr Places::Id kBusy = 3 * Places::kBusyLooksMax;
    for (Places::Id id = 1; id <= kBusy + 1; ++id) add(id, kOne);
    for (Places::Id id = 1; id <= kBusy; ++id) begin(id);
    for (int i = 0; i < 3; ++i) EXPECT_EQ(find_room(kTwo), std::nullopt);
    EXPECT_EQ(looks_, kBusy);
    EXPECT_THAT(find_room(kTwo), Optional(kBusy + 1));
}

TEST_F(PlacesTest, KnowsWhoHasTheMost) {
    EXPECT_EQ(places_.most().connections, 0U);
    add(1, kOne);
    for (const Places::Id id : {2U, 3U}) add(id, kTwo);
    EXPECT_EQ(places_.most().who, kTwo);
    EXPECT_EQ(places_.most().connections, 2U);
    places_.remove(3);
    places_.remove(3);
    EXPECT_FALSE(places_.has(3));
    EXPECT_EQ(places_.size(), 2U);
}

}  // namespace
}  // namespace holdfast::agent
