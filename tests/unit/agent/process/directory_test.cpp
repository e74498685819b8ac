// Which destination a request is for; the answers; and their order.
#include "agent/ingest/directory.hpp"

#include "agent/ingest/answer.hpp"
#include "agent/ingest/answer_queue.hpp"

#include <gtest/gtest.h>

namespace holdfast::agent {
namespace {

TEST(BasicUser, IsFoundInEitherAlphabetPaddedOrNot) {
    struct Row {
        const char* header;
        std::optional<std::string> user;
    };

    const Row rows[] = {
        {"Basic c2l0ZTprZXk=", "site"},
        {"basic c2l0ZTprZXk", "site"},
        {"BASIC c2l0ZTprZXk==", "site"},
        {"Basic Pj4+Pz8/Omtl", ">>>???"},  // "+" and "/"
        {"Basic Pj4-Pz8_Omtl", ">>>???"},  // "-" and "_"
        {"Basic c2l0ZQ==", "site"},        // no colon
        {"Basic c2l0ZTo=", "site"},        // no key
        {"Basic OmtleQ==", ""},            // no user
        {"Basic ", ""},
        {"Basic c2l0*", ""},
        {"Basic  c2l0ZTprZXk=", ""},
        {"Basic", std::nullopt},
        {"Bearer c2l0ZTprZXk=", std::nullopt},
        {"", std::nullopt},
    };
    for (const Row& row : rows) EXPECT_EQ(basic_user(row.header), row.user) << row.header;
}

// The name of the destination, or "!401".
std::string chosen(const Directory& directory, const char* authorization, Endpoint endpoint) {
    const auto choice = directory.choose(authorization, endpoint);
    if (const auto* refusal = std::get_if<customerio::Refusal>(&choice)) {
        return "!" + std::to_string(refusal->status);
    }
    return std::get<const Directory::Destination*>(choice)->name;
}

constexpr const char* kSiteA = "Basic YTprZXk=";
constexpr const char* kSiteB = "Basic YjprZXk=";
constexpr const char* kNoSite = "Basic Yzoga2V5";
constexpr const char* kMalformed = "Basic ***";

TEST(DirectoryTest, WithOneDestinationEverybodyIsItsUnlessHeNamesAnother) {
    const Directory one({{"one", "a", true}});
    for (const Endpoint endpoint : {Endpoint::track, Endpoint::app}) {
        EXPECT_EQ(chosen(one, "", endpoint), "one");
        EXPECT_EQ(chosen(one, kSiteA, endpoint), "one");
        EXPECT_EQ(chosen(one, "Bearer key", endpoint), "one");
        EXPECT_EQ(chosen(one, kSiteB, endpoint), "!401");
        EXPECT_EQ(chosen(one, kMalformed, endpoint), "!401");
    }
}

TEST(DirectoryTest, WithSeveralDestinationsTheSiteIdDecides) {
    const Directory two({{"one", "a", true}, {"two", "b", true}});
    for (const Endpoint endpoint : {Endpoint::track, Endpoint::app}) {
        EXPECT_EQ(chosen(two, kSiteA, endpoint), "one");
        EXPECT_EQ(chosen(two, kSiteB, endpoint), "two");
        EXPECT_EQ(chosen(two, kNoSite, endpoint), "!401");
        EXPECT_EQ(chosen(two, "", endpoint), "!401");
        EXPECT_EQ(chosen(two, "Bearer key", endpoint), "!401");
    }
}

TEST(DirectoryTest, CallsOfTheAppApiGoWhereThereIsAKeyForThem) {
    const Directory none({{"one", "a", false}});
    EXPECT_EQ(chosen(none, "Bearer key", Endpoint::app), "!401");
    EXPECT_EQ(chosen(none, "Bearer key", Endpoint::track), "one");
    const Directory second({{"one", "a", false}, {"two", "b", true}});
    EXPECT_EQ(chosen(second, "Bearer key", Endpoint::app), "two");
    EXPECT_EQ(chosen(second, kSiteA, Endpoint::app), "!401");
}

const Ulid kId = *Ulid::parse("01KDYGA0KE0000000000000018");
const WallTime kAt = wall_from_ms(1'700'000'000'123);

TEST(AnswerBytes, OfAReceipt) {
    EXPECT_EQ(receipt({Seq{7}, kId, kAt}, Operation::identify, false),
              "HTTP/1.1 200 OK\r\n"
              "Content-Type: application/json; charset=utf-8\r\n"
              "Content-Length: 3\r\n"
              "X-Holdfast-Id: 01KDYGA0KE0000000000000018\r\n"
              "X-Holdfast-Seq: 7\r\n"
              "\r\n"
              "{}\n");
}

TEST(AnswerBytes, OfAReceiptForARepeat) {
    EXPECT_EQ(receipt({Seq{7}, kId, kAt, true}, Operation::identify, false),
              "HTTP/1.1 200 OK\r\n"
              "Content-Type: application/json; charset=utf-8\r\n"
              "Content-Length: 3\r\n"
              "X-Holdfast-Id: 01KDYGA0KE0000000000000018\r\n"
              "X-Holdfast-Seq: 7\r\n"
              "Idempotent-Replayed: true\r\n"
              "\r\n"
              "{}\n");
}

TEST(AnswerBytes, OfAReceiptForASendAndAsTheLast) {
    EXPECT_EQ(receipt({Seq{7}, kId, kAt}, Operation::send_email, true),
              "HTTP/1.1 200 OK\r\n"
              "Content-Type: application/json; charset=utf-8\r\n"
              "Content-Length: 68\r\n"
              "X-Holdfast-Id: 01KDYGA0KE0000000000000018\r\n"
              "X-Holdfast-Seq: 7\r\n"
              "Connection: close\r\n"
              "\r\n"
              "{\"delivery_id\":\"01KDYGA0KE0000000000000018\",\"queued_at\":1700000000}\n");
}

TEST(AnswerBytes, OfARefusal) {
    EXPECT_EQ(refusal({400, "invalid_event", "no \"name\""}, false),
              "HTTP/1.1 400 Bad Request\r\n"
              "Content-Type: application/json; charset=utf-8\r\n"
              "Content-Length: 79\r\n"
              "\r\n"
              "{\"meta\":{\"error\":\"no \\\"name\\\"\"},\"code\":\"invalid_event\","
              "\"message\":\"no \\\"name\\\"\"}");
}

TEST(AnswerBytes, OfAFailureSayWhetherItMayHaveBeenStored) {
    const Error error{Errc::storage_failed, "disk"};
    const std::string sure = failure(error, false, false);
    EXPECT_TRUE(sure.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    EXPECT_NE(sure.find("\r\nRetry-After: 1\r\n"), std::string::npos);
    EXPECT_NE(sure.find("\"code\":\"storage_failed\""), std::string::npos);
    EXPECT_NE(failure(error, true, false).find("\"code\":\"unknown\""), std::string::npos);
}

TEST(AnswerQueueTest, HandsOutInTheOrderOfTheRequests) {
    AnswerQueue queue;
    const auto a = queue.reserve();
    const auto b = queue.reserve();
    const auto c = queue.reserve();
    std::string out;
    queue.fill(c, "c");
    queue.fill(b, "b");
    queue.take_ready(out);
    EXPECT_EQ(out, "");
    EXPECT_EQ(queue.size(), 3U);
    queue.fill(a, "a");
    queue.take_ready(out);
    EXPECT_EQ(out, "abc");
    EXPECT_EQ(queue.size(), 0U);
}

TEST(AnswerQueueTest, APlaceThatIsGivenBackIsGivenAgain) {
    AnswerQueue queue;
    const auto a = queue.reserve();
    const auto b = queue.reserve();
    queue.unreserve();
    EXPECT_EQ(queue.reserve(), b);
    queue.fill(a, "a");
    queue.fill(b, "b");
    std::string out;
    queue.take_ready(out);
    EXPECT_EQ(out, "ab");
}

TEST(AnswerQueueTest, NumbersWrapAround) {
    AnswerQueue queue(0xffffffff);
    const auto a = queue.reserve();
    const auto b = queue.reserve();
    EXPECT_EQ(a, 0xffffffffU);
    EXPECT_EQ(b, 0U);
    std::string out;
    queue.fill(b, "b");
    queue.fill(a, "a");
    queue.take_ready(out);
    const auto c = queue.reserve();
    queue.fill(c, "c");
    queue.take_ready(out);
    EXPECT_EQ(out, "abc");
    EXPECT_EQ(c, 1U);
}

}  // namespace
}  // namespace holdfast::agent
