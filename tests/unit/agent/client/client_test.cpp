// The client against an agent that does everything wrong.
#include "agent/client/holdfast/client.hpp"

#include "tests/unit/agent/client/fake_agent.hpp"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <csignal>
#include <set>

namespace holdfast::client {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::HasSubstr;

Event identify(std::string_view body = R"({"plan":"basic"})") {
    Event event;
    event.method = Method::put;
    event.target = "/api/v1/customers/5";
    event.body = body;
    return event;
}

// "stored", or the error's code, of all that are outstanding.
std::vector<std::string> received_by(Client& client) {
    std::vector<std::string> all;
    while (const auto completion = client.receive()) {
        all.emplace_back(completion->outcome ? "stored"
                                             : to_string(completion->outcome.error().code));
    }
    return all;
}

void submit(Client& client, std::size_t count, std::string_view body = "{}") {
    for (std::size_t i = 0; i < count; ++i) ASSERT_TRUE(client.submit(identify(body)));
}

// Answers so many events of a connection, one by one.
FakeAgent::Script answers(std::size_t count) {
    return [count](Peer& peer) {
        for (std::size_t seq = 1; seq <= count; ++seq) {
            (void)peer.take(1);
            peer.send(frame_of({stored(seq)}));
        }
    };
}

TEST(Client, SendsAnEventAndReturnsItsReceipt) {
    std::vector<Peer::Seen> seen;
    FakeAgent agent({[&](Peer& peer) {
        seen = peer.take(1);
        peer.send(frame_of({stored(7)}));
    }});
    Client client(agent.path());
    Event event = identify();
    event.destination = "main";
    event.key = "k";
    const auto receipt = client.send(event);
    ASSERT_TRUE(receipt);
    EXPECT_EQ(receipt->seq, 7U);
    ASSERT_EQ(seen.size(), 1U);
    EXPECT_EQ(seen[0].method, holdfast::Method::put);
    EXPECT_EQ(seen[0].target, "/api/v1/customers/5");
    EXPECT_EQ(seen[0].body, R"({"plan":"basic"})");
    EXPECT_EQ(seen[0].destination, "main");
    EXPECT_EQ(seen[0].key, "k");
}

TEST(Client, ARefusedEventDoesNotCostTheConnection) {
    FakeAgent agent({[](Peer& peer) {
        (void)peer.take(1);
        peer.send(frame_of({refused(400, R"({"code":"invalid_json","message":"no"})")}));
        (void)peer.take(1);
        peer.send(frame_of({stored(1)}));
    }});
    Client client(agent.path());
    const auto no = client.send(identify());
    ASSERT_FALSE(no);
    EXPECT_EQ(no.error().code, Errc::refused);
    EXPECT_EQ(no.error().reason, "invalid_json");
    EXPECT_TRUE(client.send(identify()));
}

TEST(Client, WithoutAnAgentNothingIsSent) {
    const TempDir dir;
    for (const std::string& path : {dir.path("nothing"), std::string(200, 'x'), std::string()}) {
        Client client(path);
        for (int attempt = 0; attempt < 2; ++attempt) {
            const auto outcome = client.send(identify());
            ASSERT_FALSE(outcome);
            EXPECT_EQ(outcome.error().code, Errc::unreachable);
            EXPECT_THAT(outcome.error().message, HasSubstr("cannot connect to " + path));
            EXPECT_FALSE(outcome.error().may_be_stored());
        }
    }
}

TEST(Client, ALostAnswerLeavesTheEventInDoubtAndTheNextConnects) {
    std::string cut = frame_of({stored(1)});
    cut.resize(cut.size() - 1);
    std::string damaged = frame_of({stored(1)});
    damaged[20] = 'x';
    for (const std::string& bytes : {std::string(), cut, damaged, std::string("HTTP/1.1 200 OK")}) {
        FakeAgent agent({[&](Peer& peer) {
                             (void)peer.take(1);
                             peer.send(bytes);
                         },
                         answers(1)});
        Client client(agent.path());
        const auto outcome = client.send(identify());
        ASSERT_FALSE(outcome);
        EXPECT_EQ(to_string(outcome.error().code), "in_doubt");
        EXPECT_TRUE(client.send(identify()));
    }
}

TEST(Client, AnAgentThatEndsItsHalfOnlyIsGoneToo) {
    FakeAgent agent({[](Peer& peer) {
                         (void)peer.take(1);
                         peer.end_sending();
                         EXPECT_TRUE(peer.waits_for_end());
                     },
                     answers(1)});
    Client client(agent.path());
    EXPECT_EQ(client.send(identify()).error().code, Errc::in_doubt);
    EXPECT_TRUE(client.send(identify()));
}

TEST(Client, AnAnswerThatDoesNotComeInTimeCostsTheConnection) {
    FakeAgent agent({[](Peer& peer) {
                         (void)peer.take(1);
                         EXPECT_TRUE(peer.waits_for_end());
                     },
                     answers(1)});
    Client client(agent.path(), milliseconds(20));
    const auto outcome = client.send(identify());
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::in_doubt);
    EXPECT_THAT(outcome.error().message, HasSubstr("no answer within 20 ms"));
    Client patient(agent.path());
    EXPECT_TRUE(patient.send(identify()));
}

TEST(Client, ASlowAnswerIsPutTogether) {
    FakeAgent agent({[](Peer& peer) {
        (void)peer.take(1);
        for (const char byte : frame_of({stored(1)})) peer.send({&byte, 1});
    }});
    Client client(agent.path());
    EXPECT_TRUE(client.send(identify()));
}

TEST(Client, AnIdleConnectionThatTheAgentEndedIsReplaced) {
    for (const bool half : {false, true}) {
        std::atomic<bool> ended = false;
        FakeAgent agent({[&](Peer& peer) {
                             (void)peer.take(1);
                             peer.send(frame_of({stored(1)}));
                             half ? peer.end_sending() : peer.close();
                             ended = true;
                             if (half) (void)peer.waits_for_end();
                         },
                         answers(1)});
        Client client(agent.path());
        EXPECT_TRUE(client.send(identify()));
        while (!ended) ::poll(nullptr, 0, 1);
        EXPECT_TRUE(client.send(identify()));
    }
}

TEST(Client, AnAgentThatNobodyAskedIsNotBelieved) {
    FakeAgent agent({[](Peer& peer) {
                         (void)peer.take(1);
                         peer.send(frame_of({stored(1), stored(2)}));
                         EXPECT_TRUE(peer.waits_for_end());
                     },
                     [](Peer& peer) {
                         (void)peer.take(1);
                         peer.send(frame_of({stored(9)}));
                     }});
    Client client(agent.path());
    EXPECT_TRUE(client.send(identify()));
    EXPECT_EQ(client.send(identify())->seq, 9U);
}

TEST(Client, ManyEventsShareAFrame) {
    std::vector<Peer::Seen> seen;
    FakeAgent agent({[&](Peer& peer) {
        seen = peer.take(3);
        peer.send(frame_of({stored(1), stored(2), stored(3)}));
    }});
    Client client(agent.path());
    submit(client, 3);
    EXPECT_EQ(client.outstanding(), 3U);
    for (Ticket ticket = 1; ticket <= 3; ++ticket) {
        const auto completion = client.receive();
        ASSERT_TRUE(completion && completion->outcome);
        EXPECT_EQ(completion->ticket, ticket);
        EXPECT_EQ(completion->outcome->seq, ticket);
    }
    EXPECT_FALSE(client.receive());
    ASSERT_EQ(seen.size(), 3U);
    EXPECT_TRUE(seen[0].begins_frame);
    EXPECT_FALSE(seen[1].begins_frame);
    EXPECT_FALSE(seen[2].begins_frame);
}

TEST(Client, WhatIsFlushedIsSentBeforeAnybodyReceives) {
    std::atomic<bool> came = false;
    FakeAgent agent({[&](Peer& peer) {
        (void)peer.take(1);
        came = true;
        peer.send(frame_of({stored(1)}));
    }});
    Client client(agent.path());
    submit(client, 1);
    client.flush();
    while (!came) ::poll(nullptr, 0, 1);
    EXPECT_THAT(received_by(client), ElementsAre("stored"));
}

TEST(Client, OneEventIsNotSentAmongOthers) {
    FakeAgent agent({answers(1)});
    Client client(agent.path());
    submit(client, 1);
    EXPECT_EQ(client.send(identify()).error().code, Errc::invalid);
    EXPECT_THAT(received_by(client), ElementsAre("stored"));
}

TEST(Client, AnEventThatFitsNoFrameTakesNoTicket) {
    FakeAgent agent({answers(1)});
    Client client(agent.path());
    const std::string key(256, 'k');
    Event wrong = identify();
    wrong.key = key;
    EXPECT_EQ(client.submit(wrong).error().code, Errc::invalid);
    EXPECT_EQ(client.send(wrong).error().code, Errc::invalid);
    EXPECT_EQ(*client.submit(identify()), 1U);
    EXPECT_THAT(received_by(client), ElementsAre("stored"));
}

TEST(Client, ALossDuringManyTellsWhichAreStored) {
    FakeAgent agent({[](Peer& peer) {
                         (void)peer.take(3);
                         peer.send(frame_of({stored(1), refused(400, "{}")}));
                     },
                     answers(1)});
    Client client(agent.path());
    submit(client, 3);
    client.flush();
    EXPECT_TRUE(client.receive()->outcome);
    EXPECT_THAT(received_by(client), ElementsAre("refused", "in_doubt"));
    EXPECT_TRUE(client.send(identify()));
}

// The agent does not read on while its answers are not taken, and the client must not wait for it.
TEST(Client, TakesAnswersWhileItSends) {
    constexpr std::size_t kEvents = 3000;
    const std::string body(1000, 'x');
    FakeAgent agent({[&](Peer& peer) {
        for (std::size_t i = 0; i < kEvents; ++i) {
            (void)peer.take(1);
            peer.send(frame_of({refused(400, body)}));
        }
    }});
    Client client(agent.path());
    submit(client, kEvents, body);
    EXPECT_EQ(received_by(client).size(), kEvents);
}

TEST(Client, AnEventOfFourMegabytesGoesThrough) {
    const std::string body(4'000'000, 'x');
    std::vector<Peer::Seen> seen;
    FakeAgent agent({[&](Peer& peer) {
        seen = peer.take(1);
        peer.send(frame_of({stored(1)}));
    }});
    Client client(agent.path());
    EXPECT_TRUE(client.send(identify(body)));
    ASSERT_EQ(seen.size(), 1U);
    EXPECT_EQ(seen[0].body, body);
}

std::atomic<int> broken_pipes = 0;

TEST(Client, AnAgentThatClosesWithoutReadingIsNoSignal) {
    struct sigaction action {};

    action.sa_handler = [](int) { ++broken_pipes; };

    struct sigaction before {};

    ASSERT_EQ(::sigaction(SIGPIPE, &action, &before), 0);
    FakeAgent agent({[](Peer& peer) { peer.close(); }});
    Client client(agent.path());
    submit(client, 2000, std::string(1000, 'x'));
    for (const std::string& outcome : received_by(client)) {
        EXPECT_TRUE(outcome == "unreachable" || outcome == "in_doubt") << outcome;
    }
    EXPECT_EQ(broken_pipes, 0);
    ::sigaction(SIGPIPE, &before, nullptr);
}

// The event is larger than what the system takes from who is not read.
TEST(Client, AnAgentThatTakesNothingIsNotTriedForEver) {
    FakeAgent agent({[](Peer& peer) { peer.close(); }});
    Client client(agent.path());
    const std::string body(4'000'000, 'x');
    const auto outcome = client.send(identify(body));
    ASSERT_FALSE(outcome);
    EXPECT_EQ(outcome.error().code, Errc::unreachable);
    EXPECT_THAT(outcome.error().message, HasSubstr("the agent closed the connection"));
}

TEST(Client, TheLastAnswersOfAnAgentThatDoesNotReadAnyMoreCount) {
    std::atomic<bool> closed = false;
    FakeAgent agent({[&](Peer& peer) {
        (void)peer.take(1);
        peer.send(frame_of({stored(1)}));
        peer.close();
        closed = true;
    }});
    Client client(agent.path());
    submit(client, 1);
    client.flush();
    while (!closed) ::poll(nullptr, 0, 1);
    submit(client, 1, std::string(4'000'000, 'x'));
    EXPECT_THAT(received_by(client), ElementsAre("stored", "unreachable"));
}

std::atomic<int> alarms = 0;

TEST(Client, IsNotStoppedBySignals) {
    struct sigaction action {};

    action.sa_handler = [](int) { ++alarms; };  // without SA_RESTART

    struct sigaction before {};

    ASSERT_EQ(::sigaction(SIGALRM, &action, &before), 0);
    FakeAgent agent({[](Peer& peer) {
        (void)peer.take(1);
        const int until = alarms + 5;
        while (alarms < until) ::poll(nullptr, 0, 1);
        peer.send(frame_of({stored(1)}));
    }});
    const itimerval often{.it_interval = {0, 1000}, .it_value = {0, 1000}};
    const itimerval never{};
    ASSERT_EQ(::setitimer(ITIMER_REAL, &often, nullptr), 0);
    Client client(agent.path());
    EXPECT_TRUE(client.send(identify()));
    ::setitimer(ITIMER_REAL, &never, nullptr);
    ::sigaction(SIGALRM, &before, nullptr);
}

std::set<int> open_files() {
    std::set<int> all;
    for (int fd = 0; fd < 256; ++fd) {
        if (::fcntl(fd, F_GETFD) >= 0) all.insert(fd);
    }
    return all;
}

TEST(Client, ItsSocketIsNotForProgramsThatItsProcessStarts) {
    FakeAgent agent({[](Peer& peer) { (void)peer.waits_for_end(); }});
    const std::set<int> before = open_files();
    Client client(agent.path());
    submit(client, 1);
    client.flush();
    std::size_t own = 0;
    for (const int fd : open_files()) {
        if (before.contains(fd)) continue;
        ++own;
        EXPECT_NE(::fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
    }
    EXPECT_GT(own, 0U);
}

TEST(Client, MovesWithWhatIsOutstanding) {
    FakeAgent agent({answers(1)});
    Client first(agent.path());
    submit(first, 1);
    Client second = std::move(first);
    EXPECT_THAT(received_by(second), ElementsAre("stored"));
}

}  // namespace
}  // namespace holdfast::client
