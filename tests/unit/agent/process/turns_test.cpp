#include "agent/ingest/turns.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace holdfast::agent {
namespace {

constexpr Turns::Process kOne = 1;
constexpr Turns::Process kTwo = 2;
constexpr Turns::Process kThree = 3;

class TurnsTest : public testing::Test {
protected:
    // Whether at once; else `name` is added to granted_ when it is its turn.
    bool take(Turns::Process who, std::size_t bytes, char name = '?') {
        return turns_.take(who, bytes, [this, name] {
            granted_ += name;
            return gone_.find(name) == std::string::npos;
        });
    }

    Turns turns_{100};
    std::string granted_;
    std::string gone_;  // names of those that do not want it any more
};

TEST_F(TurnsTest, AreGivenAtOnceWhileThereIsRoom) {
    EXPECT_TRUE(take(kOne, 50));
    EXPECT_TRUE(take(kTwo, 50));
    EXPECT_FALSE(take(kThree, 1));
    EXPECT_TRUE(turns_.is_waited_for(kOne));
}

TEST_F(TurnsTest, OneProcessHasNoMoreThanHalf) {
    EXPECT_TRUE(take(kOne, 30));
    EXPECT_FALSE(take(kOne, 30, 'a'));
    EXPECT_FALSE(take(kOne, 1, 'b')) << "in order";
    EXPECT_TRUE(turns_.is_waited_for(kOne));
    EXPECT_FALSE(turns_.is_waited_for(kTwo)) << "only for its own";
    EXPECT_TRUE(take(kTwo, 50)) << "another goes by";
    turns_.give_back(kOne, 30);
    EXPECT_EQ(granted_, "ab");
}

TEST_F(TurnsTest, ThoseThatWaitTakeTurnsWhateverTheirNumber) {
    EXPECT_TRUE(take(kOne, 50));
    EXPECT_TRUE(take(kTwo, 50));
    for (const char name : {'a', 'b', 'c'}) EXPECT_FALSE(take(kOne, 25, name));
    EXPECT_FALSE(take(kThree, 25, 'x'));
    EXPECT_FALSE(take(kThree, 25, 'y'));
    turns_.give_back(kTwo, 50);
    EXPECT_EQ(granted_, "xy") << "the first has its half";
    turns_.give_back(kOne, 50);
    EXPECT_EQ(granted_, "xyab");
    turns_.give_back(kThree, 25);
    EXPECT_EQ(granted_, "xyab");
    turns_.give_back(kOne, 25);
    EXPECT_EQ(granted_, "xyabc");
}

TEST_F(TurnsTest, ALargeOneIsNotOvertakenForEver) {
    EXPECT_TRUE(take(kOne, 50));
    EXPECT_TRUE(take(kTwo, 30));
    EXPECT_FALSE(take(kThree, 50, 'l'));
    EXPECT_FALSE(take(kTwo, 10, 's'));
    turns_.give_back(kTwo, 10);
    EXPECT_EQ(granted_, "");
    turns_.give_back(kOne, 20);
    EXPECT_EQ(granted_, "l");
    turns_.give_back(kOne, 30);
    EXPECT_EQ(granted_, "ls");
}

TEST_F(TurnsTest, WhoIsGoneIsPassedOver) {
    EXPECT_TRUE(take(kOne, 50));
    gone_ = "a";
    EXPECT_FALSE(take(kOne, 50, 'a'));
    EXPECT_FALSE(take(kOne, 50, 'b'));
    turns_.give_back(kOne, 50);
    EXPECT_EQ(granted_, "ab");
    turns_.give_back(kOne, 50);
    EXPECT_EQ(turns_.waiting(), 0U);
    EXPECT_TRUE(take(kTwo, 50));
    EXPECT_TRUE(take(kThree, 50)) << "all came back";
}

}  // namespace
}  // namespace holdfast::agent
