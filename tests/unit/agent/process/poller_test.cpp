#include "agent/ingest/poller.hpp"

#include <boost/asio/io_context.hpp>
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

namespace holdfast::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// Two ends of a connection; ours does not block.
class Pair {
public:
    Pair() {
        std::array<int, 2> ends{};
        EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
        ours = ends[0];
        theirs = ends[1];
        EXPECT_EQ(::fcntl(ours, F_SETFL, O_NONBLOCK), 0);
    }

    ~Pair() {
        close(ours);
        close(theirs);
    }

    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;

    static void close(int& end) {
        if (end >= 0) ::close(end);
        end = -1;
    }

    void send(const std::string& text) const {
        EXPECT_EQ(::send(theirs, text.data(), text.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(text.size()));
    }

    [[nodiscard]] std::string read() const {
        std::string text(100, '\0');
        const ssize_t size = ::recv(ours, text.data(), text.size(), 0);
        text.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
        return text;
    }

    // Until it would block.
    void fill() const {
        const std::string some(4096, 'x');
        while (::send(ours, some.data(), some.size(), MSG_NOSIGNAL) > 0) {
        }
    }

    void drain() const {
        std::string some(4096, '\0');
        while (::recv(theirs, some.data(), some.size(), MSG_DONTWAIT) > 0) {
        }
    }

    int ours = -1;
    int theirs = -1;
};

class PollerTest : public testing::Test {
protected:
    // What was told in the turns that are due now: "id" and r(ead), w(rite), e(nd).
    std::vector<std::string> told() {
        context_.restart();
        context_.poll();
        return std::exchange(told_, {});
    }

    boost::asio::io_context context_;
    std::vector<std::string> told_;
    Poller poller_{context_.get_executor(), [this](Poller::Id id, Poller::Ready ready) {
                       told_.push_back(std::to_string(id) + (ready.to_read ? "r" : "") +
                                       (ready.to_write ? "w" : "") + (ready.ended ? "e" : ""));
                   }};
};

TEST_F(PollerTest, TellsOnceOfWhatCame) {
    Pair a;
    Pair b;
    ASSERT_TRUE(poller_.add(a.ours, 1));
    ASSERT_TRUE(poller_.add(b.ours, 2));
    EXPECT_THAT(told(), IsEmpty());
    b.send("x");
    EXPECT_THAT(told(), ElementsAre("2r"));
    EXPECT_THAT(told(), IsEmpty()) << "it was told, though it was not read";
    b.send("y");
    EXPECT_THAT(told(), ElementsAre("2r"));
    EXPECT_EQ(b.read(), "xy");
    EXPECT_THAT(told(), IsEmpty());
}

TEST_F(PollerTest, TellsOfWhatWasThereBefore) {
    Pair a;
    a.send("x");
    ASSERT_TRUE(poller_.add(a.ours, 1));
    EXPECT_THAT(told(), ElementsAre("1r"));
}

TEST_F(PollerTest, TellsThatTheOtherSideHasEnded) {
    Pair half;
    Pair whole;
    ASSERT_TRUE(poller_.add(half.ours, 1));
    ASSERT_TRUE(poller_.add(whole.ours, 2));
    half.send("last");
    EXPECT_EQ(::shutdown(half.theirs, SHUT_WR), 0);
    EXPECT_THAT(told(), ElementsAre("1re"));
    EXPECT_EQ(half.read(), "last");
    Pair::close(whole.theirs);
    EXPECT_THAT(told(), ElementsAre("2rwe"));
}

TEST_F(PollerTest, TellsThatThereIsRoomOnlyWhenAsked) {
    Pair a;
    ASSERT_TRUE(poller_.add(a.ours, 1));
    a.fill();
    a.drain();
    EXPECT_THAT(told(), IsEmpty());
    a.fill();
    poller_.watch_writing(a.ours, 1, true);
    EXPECT_THAT(told(), IsEmpty());
    a.drain();
    EXPECT_THAT(told(), ElementsAre("1w"));
    poller_.watch_writing(a.ours, 1, false);
    a.fill();
    a.drain();
    EXPECT_THAT(told(), IsEmpty());
}

TEST_F(PollerTest, TellsOfMoreThanItTellsInATurn) {
    constexpr std::size_t kMany = 400;
    std::vector<Pair> pairs(kMany);
    for (std::size_t i = 0; i < kMany; ++i) {
        ASSERT_TRUE(poller_.add(pairs[i].ours, static_cast<Poller::Id>(i)));
        pairs[i].send("x");
    }
    std::vector<std::string> all;
    for (std::vector<std::string> some = told(); !some.empty(); some = told()) {
        all.insert(all.end(), some.begin(), some.end());
    }
    std::sort(all.begin(), all.end());
    EXPECT_EQ(all.size(), kMany);
    EXPECT_EQ(std::unique(all.begin(), all.end()), all.end());
}

TEST_F(PollerTest, ForgetsWhatIsClosed) {
    Pair a;
    ASSERT_TRUE(poller_.add(a.ours, 1));
    a.send("x");
    Pair::close(a.ours);
    EXPECT_THAT(told(), IsEmpty());
}

TEST_F(PollerTest, CannotWatchWhatIsNoSocket) {
    EXPECT_FALSE(poller_.add(-1, 1));
}

}  // namespace
}  // namespace holdfast::agent
