// A far side that breaks TLS: in the handshake, in an answer, between requests, and by a flood.
#include "tests/unit/transport/io/client_world.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace holdfast::transport {
namespace {

namespace asio = boost::asio;
using namespace testing;
using namespace std::chrono_literals;
using ::testing::HasSubstr;
using Task = asio::awaitable<void>;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

class HostileTls : public ClientWorld {
protected:
    // Past the TLS session.
    static void write_raw(Peer& peer, const std::string& bytes) {
        boost::system::error_code ignored;
        asio::write(peer.socket(), asio::buffer(bytes), ignored);
    }
};

INSTANTIATE_TEST_SUITE_P(Over, HostileTls, ::testing::Values(true), plain_or_tls);

const std::string kAlert("\x15\x03\x03\x00\x02\x02\x28", 7);       // handshake_failure
const std::string kLongRecord("\x16\x03\x03\xff\xff\x02\x00", 7);  // longer than a record may be

// What the far side says instead of its part of the handshake, and whether it stays.
TEST_P(HostileTls, NothingIsSentToWhoDoesNotShakeHands) {
    options.deadlines.connect = 200ms;
    for (const std::string& bytes : {std::string(),
                                     ok(),
                                     std::string("SSH-2.0-OpenSSH_9.2\r\n"),
                                     std::string(100, '\0'),
                                     std::string(1 << 20, '\xff'),
                                     kAlert,
                                     kLongRecord}) {
        for (const bool stays : {false, true}) {
            drop_client();
            listen(
                [&bytes, stays](Peer& peer) -> Task {
                    (void)co_await peer.socket().async_wait(asio::ip::tcp::socket::wait_read,
                                                            kNoThrow);
                    write_raw(peer, bytes);
                    if (stays) co_await pause(10s);
                },
                false);
            const AttemptResult result = send();
            EXPECT_EQ(result.phase, Phase::not_sent);
            EXPECT_THAT(result.error, HasSubstr("TLS handshake with"));
            EXPECT_LT(took, 5s);
        }
    }
}

TEST_P(HostileTls, GarbageInsideOfTheSessionEndsIt) {
    for (const std::string& garbage :
         {std::string("garbage, not a record\r\n"), kLongRecord, kAlert}) {
        drop_client();
        listen([&garbage](Peer& peer) -> Task {
            (void)co_await peer.read_request();
            (void)co_await peer.write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
            write_raw(peer, garbage);
            co_await peer.read_until_end();
        });
        EXPECT_EQ(send().phase, Phase::no_answer);
        EXPECT_LT(took, 5s);
    }
}

TEST_P(HostileTls, AConnectionWithGarbageBetweenRequestsIsNotUsedAgain) {
    bool answered = false;
    bool planted = false;
    listen([&](Peer& peer) -> Task {
        (void)co_await peer.read_request();
        (void)co_await peer.write(ok());
        while (!answered) co_await pause(0ms);
        write_raw(peer, "garbage, not a record\r\n");
        planted = true;
        co_await peer.read_until_end();
    });
    EXPECT_EQ(send().status, 200U);
    answered = true;
    ASSERT_TRUE(run_until([&planted] { return planted; }));
    EXPECT_EQ(send().status, 200U);
    EXPECT_EQ(far->connections(), 2);
}

// Refused in so many words, so that it ends there and not at the deadline.
TEST_P(HostileTls, ARenegotiationIsRefused) {
    SSL_CTX_set_max_proto_version(far_tls()->native_handle(), TLS1_2_VERSION);
    listen([](Peer& peer) -> Task {
        (void)co_await peer.read_request();
        EXPECT_EQ(SSL_renegotiate(peer.native()), 1);
        (void)co_await peer.shake_hands();  // asks for it
        co_await peer.read_until_end();
    });
    const AttemptResult result = send();
    EXPECT_EQ(result.phase, Phase::no_answer);
    EXPECT_LT(took, 5s) << result.error;
}

// Records that carry nothing of an answer: nobody counts them, so the deadline must hold.
TEST_P(HostileTls, AFloodOfSessionTicketsIsCutOffAtTheDeadline) {
    constexpr int kTicketsAtOnce = 500;
    listen([](Peer& peer) -> Task {
        (void)co_await peer.read_request();
        bool open = true;
        for (int round = 0; open && round < 10'000; ++round) {
            for (int i = 0; i < kTicketsAtOnce; ++i) SSL_new_session_ticket(peer.native());
            open = co_await peer.shake_hands();  // sends what is due
        }
    });
    options.deadlines.first_byte = 100ms;
    const AttemptResult result = send();
    EXPECT_EQ(result.phase, Phase::no_answer);
    EXPECT_THAT(result.error, HasSubstr("deadline passed"));
    EXPECT_LT(took, 5s);
}

}  // namespace
}  // namespace holdfast::transport
