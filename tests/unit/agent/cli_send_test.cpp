// `holdfast send` against an agent that a test plays.
#include "agent/cli/command_line.hpp"
#include "tests/unit/agent/client/fake_agent.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>

#include <algorithm>
#include <sstream>

namespace holdfast::cli {
namespace {

using client::FakeAgent;
using client::frame_of;
using client::Peer;
using client::refused;
using client::stored;
using testing::HasSubstr;

constexpr const char* kStored =
    R"("id":"01KDYGA0KE0000000000000018","accepted_at":"2023-11-14T22:13:20.123Z",)"
    R"("durability":"fsync","repeat":false})";

std::string lines(std::size_t count) {
    std::string text;
    for (std::size_t i = 0; i < count; ++i)
        text += R"({"method":"PUT","target":"/x"})"
                "\n";
    return text;
}

// Answers of so many events that are stored, with the seqs from `first` on.
std::string all_stored(std::uint64_t first, std::size_t count) {
    std::vector<frame::Answer> answers;
    for (std::size_t i = 0; i < count; ++i) answers.push_back(stored(first + i));
    return frame_of(answers);
}

class SendTest : public testing::Test {
protected:
    struct Outcome {
        int code;
        std::string out;
        std::string err;
    };

    [[nodiscard]] Outcome run(const std::string& socket,
                              std::vector<std::string> arguments,
                              const std::string& input = {}) const {
        arguments.insert(arguments.begin(), {"holdfast", "--socket", socket, "send"});
        std::vector<const char*> argv;
        for (const std::string& argument : arguments) argv.push_back(argument.c_str());
        std::ostringstream out;
        std::ostringstream err;
        std::istringstream in(input);
        const Surroundings around{
            .out = out, .err = err, .now = {}, .tty = tty_, .timeout = timeout_, .in = &in};
        const int code = cli::run(static_cast<int>(argv.size()), argv.data(), around);
        return {code, out.str(), err.str()};
    }

    // Takes so many events, answers with these bytes and ends the connection when the client does.
    [[nodiscard]] FakeAgent::Script answering(std::size_t count, std::string bytes) {
        return [this, count, bytes = std::move(bytes)](Peer& peer) {
            seen_ = peer.take(count);
            peer.send(bytes);
            (void)peer.waits_for_end();
        };
    }

    // As above, but ends it.
    [[nodiscard]] FakeAgent::Script leaving(std::size_t count, std::string bytes) {
        return [this, count, bytes = std::move(bytes)](Peer& peer) {
            seen_ = peer.take(count);
            peer.send(bytes);
        };
    }

    TempDir dir_;
    std::vector<Peer::Seen> seen_;
    bool tty_ = false;
    Duration timeout_ = std::chrono::seconds(10);
};

TEST_F(SendTest, SendsOneEvent) {
    const FakeAgent agent({answering(1, all_stored(7, 1))});
    const Outcome outcome = run(agent.path(),
                                {"put",
                                 "/api/v1/customers/5",
                                 R"({"plan":"pro"})",
                                 "--destination",
                                 "main",
                                 "--idempotency-key",
                                 "k"});
    EXPECT_EQ(outcome.code, 0);
    EXPECT_EQ(outcome.out, "stored 7 01KDYGA0KE0000000000000018 (fsync)\n");
    EXPECT_EQ(outcome.err, "");
    EXPECT_EQ(seen_.at(0).method, Method::put);
    EXPECT_EQ(seen_.at(0).target, "/api/v1/customers/5");
    EXPECT_EQ(seen_.at(0).body, R"({"plan":"pro"})");
    EXPECT_EQ(seen_.at(0).destination, "main");
    EXPECT_EQ(seen_.at(0).key, "k");
}

TEST_F(SendTest, ShowsAReceiptAsJson) {
    const FakeAgent agent({answering(1, all_stored(7, 1))});
    EXPECT_EQ(run(agent.path(), {"DELETE", "/x", "--json"}).out,
              std::string(R"({"seq":7,)") + kStored + "\n");
}

TEST_F(SendTest, SaysWhenTheEventWasStoredBefore) {
    frame::Answer answer = stored(7);
    answer.is_repeat = true;
    const FakeAgent agent({answering(1, frame_of({answer}))});
    EXPECT_THAT(run(agent.path(), {"POST", "/x"}).out, testing::StartsWith("already stored 7 "));
}

TEST_F(SendTest, TakesTheBodyFromAFileAndFromStandardInput) {
    const std::string body = "{\"a\":\n1}\n";
    const std::string file = dir_.write("body", body);
    for (const std::string& given : {std::string("-"), "@" + file}) {
        const FakeAgent agent({answering(1, all_stored(1, 1))});
        EXPECT_EQ(run(agent.path(), {"POST", "/x", given}, body).code, 0);
        EXPECT_EQ(seen_.at(0).body, body);
    }
}

TEST_F(SendTest, EndsWith2WhenTheCommandLineIsWrong) {
    const std::string path = dir_.path("nobody");
    EXPECT_EQ(run(path, {}).code, 2);
    EXPECT_EQ(run(path, {"PUT"}).code, 2);
    EXPECT_EQ(run(path, {"GET", "/x"}).err,
              "holdfast: the method must be POST, PUT or DELETE, not \"GET\"\n");
    EXPECT_EQ(run(path, {"PUT", "/x", "@" + dir_.path("nothing")}).code, 2);
    EXPECT_EQ(run(path, {"--from", dir_.path("nothing")}).code, 2);
    EXPECT_EQ(run(path, {"PUT", "/x", "--from", "-"}).code, 2);
    EXPECT_EQ(run(path, {"PUT", "/x", "--after", "1"}).code, 2);
    EXPECT_EQ(run(path, {"PUT", "/x", "--continue"}).code, 2);
}

TEST_F(SendTest, EndsWith1WhenTheAgentRefuses) {
    const std::string answer =
        frame_of({refused(400, R"({"code":"invalid_json","message":"bad\u001b"})")});
    {
        const FakeAgent agent({answering(1, answer)});
        const Outcome outcome = run(agent.path(), {"PUT", "/x", "{"});
        EXPECT_EQ(outcome.code, 1);
        EXPECT_EQ(outcome.err, "holdfast: refused: bad\\x1b\n");
    }
    const FakeAgent agent({answering(1, answer)});
    EXPECT_EQ(run(agent.path(), {"PUT", "/x", "{", "--json"}).out,
              R"({"error":{"outcome":"refused","status":400,"code":"invalid_json",)"
              R"("message":"bad\u001b"}})"
              "\n");
}

TEST_F(SendTest, EndsWith69WhenItMayPassLater) {
    EXPECT_EQ(run(dir_.path("nobody"), {"PUT", "/x"}).code, 69);
    {
        const FakeAgent agent({answering(1, frame_of({refused(507, "")}))});
        EXPECT_EQ(run(agent.path(), {"PUT", "/x"}).code, 69);
    }
    {
        const FakeAgent agent({leaving(1, "")});
        const Outcome outcome = run(agent.path(), {"PUT", "/x"});
        EXPECT_EQ(outcome.code, 69);
        EXPECT_THAT(outcome.err, HasSubstr("may be stored twice"));
    }
    const FakeAgent agent({leaving(1, "")});
    const Outcome outcome = run(agent.path(), {"PUT", "/x", "--idempotency-key", "k"});
    EXPECT_EQ(outcome.code, 69);
    EXPECT_THAT(outcome.err, HasSubstr("the same command again stores it once"));
}

TEST_F(SendTest, SendsTheLinesOfAFileAndOfStandardInput) {
    const std::string text = R"({"method":"PUT","target":"/a","body":{"a": 1}})"
                             "\n\n"
                             R"({"method":"POST","target":"/b","destination":"d",)"
                             R"("idempotency_key":"own"})";
    const std::string file = dir_.write("events", text);
    for (const std::string& from : {std::string("-"), file}) {
        const FakeAgent agent({answering(2, all_stored(1, 2))});
        const Outcome outcome =
            run(agent.path(),
                {"--from", from, "--idempotency-key", "run", "--destination", "main"},
                text);
        EXPECT_EQ(outcome.code, 0);
        EXPECT_EQ(outcome.out, "stored 2\n");
        EXPECT_EQ(outcome.err, "");
        EXPECT_EQ(seen_.at(0).body, R"({"a": 1})");
        EXPECT_EQ(seen_.at(0).key, "run:1");
        EXPECT_EQ(seen_.at(0).destination, "main");
        EXPECT_EQ(seen_.at(1).key, "own");
        EXPECT_EQ(seen_.at(1).destination, "d");
    }
}

TEST_F(SendTest, LeavesOutLinesAndKeepsTheirNumbers) {
    const FakeAgent agent({answering(1, all_stored(1, 1))});
    const Outcome outcome = run(agent.path(),
                                {"--from", "-", "--after", "2", "--idempotency-key", "r", "--json"},
                                lines(3));
    EXPECT_EQ(outcome.out, std::string(R"({"line":3,"seq":1,)") + kStored + "\n");
    EXPECT_EQ(seen_.at(0).key, "r:3");
}

TEST_F(SendTest, StopsAtALineThatIsNoEventAndSaysWhereToGoOn) {
    const FakeAgent agent({answering(2, all_stored(1, 2))});
    const Outcome outcome = run(agent.path(), {"--from", "-"}, lines(2) + "nonsense\n" + lines(2));
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out, "stored 2, 1 refused\n");
    EXPECT_EQ(outcome.err,
              "holdfast: line 3: invalid: not JSON\n"
              "holdfast: stopped at the first refused line, with the lines up to 3 sent; go on "
              "with --after 3\n");
}

TEST_F(SendTest, GoesOnAfterRefusedLinesWhenItIsToldTo) {
    const FakeAgent agent({[](Peer& peer) {
        (void)peer.take(3);
        const frame::Answer no = refused(404, R"({"message":"no"})");
        peer.send(frame_of({stored(1), no, no}));
        (void)peer.take(1);
        peer.send(frame_of({stored(2)}));
    }});
    const Outcome outcome =
        run(agent.path(), {"--from", "-", "--continue"}, lines(3) + "{}\n" + lines(1));
    EXPECT_EQ(outcome.code, 1);
    EXPECT_EQ(outcome.out, "stored 2, 3 refused\n");
    EXPECT_EQ(outcome.err,
              "holdfast: lines 2 to 3: refused: no\n"
              "holdfast: line 4: invalid: it needs \"method\" and \"target\"\n");
}

TEST_F(SendTest, SaysWhichLinesAreStoredAndWhichAreInDoubtWhenTheConnectionBreaks) {
    for (const bool has_keys : {false, true}) {
        const FakeAgent agent({leaving(3, all_stored(1, 1))});
        std::vector<std::string> arguments{"--from", "-", "--json"};
        if (has_keys) arguments.insert(arguments.end(), {"--idempotency-key", "k"});
        const Outcome outcome = run(agent.path(), arguments, lines(3));
        EXPECT_EQ(outcome.code, 69);
        EXPECT_THAT(outcome.out, HasSubstr(R"({"line":1,"seq":1,)"));
        EXPECT_THAT(outcome.out, HasSubstr(R"({"line":3,"error":{"outcome":"in_doubt")"));
        EXPECT_THAT(outcome.err, HasSubstr("holdfast: lines 2 to 3: in_doubt: "));
        EXPECT_THAT(outcome.err,
                    HasSubstr(has_keys ? "send it again with --after 1\n"
                                       : "send it again with --after 1; what has no idempotency "
                                         "key may be stored twice then\n"));
    }
}

TEST_F(SendTest, SendsNoMoreThanWasUnderWayWhenTheAgentHasNoRoom) {
    std::size_t taken = 0;
    const FakeAgent agent({[&](Peer& peer) {
        taken = peer.take(1024).size();
        const std::vector<frame::Answer> no(1024, refused(507, R"({"message":"full"})"));
        peer.send(frame_of(no));
        EXPECT_TRUE(peer.waits_for_end());
    }});
    const Outcome outcome =
        run(agent.path(), {"--from", "-", "--idempotency-key", "k"}, lines(5000));
    EXPECT_EQ(outcome.code, 69);
    EXPECT_EQ(outcome.out, "stored 0, 1024 not stored\n");
    EXPECT_EQ(
        outcome.err,
        "holdfast: lines 1 to 1024: try_later: full\nholdfast: send it again with --after 0\n");
    EXPECT_EQ(taken, 1024U);
}

TEST_F(SendTest, ShowsProgressOnATerminal) {
    tty_ = true;
    const FakeAgent agent({[](Peer& peer) {
        for (const std::uint64_t first : {1U, 1001U}) {
            (void)peer.take(1000);
            peer.send(all_stored(first, 1000));
        }
    }});
    EXPECT_EQ(run(agent.path(), {"--from", "-"}, lines(2000)).err, "\rstored 1000\rstored 2000\n");
}

// It is waited for, so what was read before must not wait.
TEST_F(SendTest, WhatWasReadHasItsOutcomeBeforeMoreInputIsWaitedFor) {
    class Slow : public std::streambuf {
    public:
        explicit Slow(const std::ostringstream& out) : out_(out) {}

        std::string seen;  // of the output, when the second line was asked for

    private:
        int_type underflow() override {
            if (given_ == 2) return traits_type::eof();
            if (given_ == 1) seen = out_.str();
            line_ = lines(1);
            ++given_;
            setg(line_.data(), line_.data(), line_.data() + line_.size());
            return traits_type::to_int_type(*gptr());
        }

        const std::ostringstream& out_;
        std::string line_;
        int given_ = 0;
    };

    const FakeAgent agent({[](Peer& peer) {
        (void)peer.take(1);
        peer.send(all_stored(1, 1));
        (void)peer.take(1);
        peer.send(all_stored(2, 1));
    }});
    std::ostringstream out;
    std::ostringstream err;
    Slow slow(out);
    std::istream in(&slow);
    const std::string path = agent.path();
    const std::vector<const char*> argv{
        "holdfast", "send", "--json", "--socket", path.c_str(), "--from", "-"};
    const Surroundings around{.out = out, .err = err, .now = {}, .timeout = timeout_, .in = &in};
    EXPECT_EQ(cli::run(static_cast<int>(argv.size()), argv.data(), around), 0);
    EXPECT_EQ(slow.seen, std::string(R"({"line":1,"seq":1,)") + kStored + "\n");
}

TEST_F(SendTest, TakesItsSocketFromAVariableOfItsOwn) {
    const FakeAgent agent({answering(1, all_stored(1, 1))});
    ASSERT_EQ(::setenv("HOLDFAST_SOCKET", "/no/such", 1), 0);
    ASSERT_EQ(::setenv("HOLDFAST_INGEST_SOCKET", agent.path().c_str(), 1), 0);
    std::ostringstream out;
    std::ostringstream err;
    const Surroundings around{.out = out, .err = err, .now = {}};
    const std::vector<const char*> argv{"holdfast", "send", "PUT", "/x"};
    EXPECT_EQ(cli::run(static_cast<int>(argv.size()), argv.data(), around), 0) << err.str();
    ASSERT_EQ(::unsetenv("HOLDFAST_SOCKET"), 0);
    ASSERT_EQ(::unsetenv("HOLDFAST_INGEST_SOCKET"), 0);
}

}  // namespace
}  // namespace holdfast::cli
