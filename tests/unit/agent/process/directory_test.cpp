// Which destination a request is for; the answers; and their order.
#include "agent/ingest/directory.hpp"

#include "agent/ingest/answer.hpp"
#include "agent/ingest/answer_queue.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::agent {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

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

std::string http(const Answer& answer) {
    std::string out;
    append_http(answer, out);
    return out;
}

Answer receipt(Operation operation, bool close) {
    Answer answer;
    answer.status = 200;
    answer.close = close;
    answer.operation = operation;
    answer.seq = Seq{7};
    answer.id = kId;
    answer.accepted_at = kAt;
    return answer;
}

TEST(AnswerBytes, OfAReceipt) {
    EXPECT_EQ(http(receipt(Operation::identify, false)),
              "HTTP/1.1 200 OK\r\n"
              "Content-Type: application/json; charset=utf-8\r\n"
              "Content-Length: 3\r\n"
              "X-Holdfast-Id: 01KDYGA0KE0000000000000018\r\n"
              "X-Holdfast-Seq: 7\r\n"
              "\r\n"
              "{}\n");
}

TEST(AnswerBytes, OfAReceiptForARepeat) {
    Answer answer = receipt(Operation::identify, false);
    answer.is_repeat = true;
    EXPECT_EQ(http(answer),
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
    EXPECT_EQ(http(receipt(Operation::send_email, true)),
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
    EXPECT_EQ(http(refusal({400, "invalid_event", "no \"name\""}, false)),
              "HTTP/1.1 400 Bad Request\r\n"
              "Content-Type: application/json; charset=utf-8\r\n"
              "Content-Length: 79\r\n"
              "\r\n"
              "{\"meta\":{\"error\":\"no \\\"name\\\"\"},\"code\":\"invalid_event\","
              "\"message\":\"no \\\"name\\\"\"}");
}

TEST(AnswerBytes, OfAFailureSayWhetherItMayHaveBeenStored) {
    const Error error{Errc::storage_failed, "disk"};
    const std::string sure = http(failure(error, false, false));
    EXPECT_TRUE(sure.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    EXPECT_NE(sure.find("\r\nRetry-After: 1\r\n"), std::string::npos);
    EXPECT_NE(sure.find("\"code\":\"storage_failed\""), std::string::npos);
    EXPECT_NE(http(failure(error, true, false)).find("\"code\":\"unknown\""), std::string::npos);
}

void make_ready(AnswerQueue& queue, AnswerQueue::Slot slot, unsigned status) {
    queue.find(slot)->status = status;
}

std::vector<unsigned> take_ready(AnswerQueue& queue) {
    std::vector<unsigned> out;
    for (; queue.ready() != nullptr; queue.drop_first()) out.push_back(queue.ready()->status);
    return out;
}

TEST(AnswerQueueTest, HandsOutInTheOrderOfTheRequests) {
    AnswerQueue queue;
    const auto a = queue.add({});
    const auto b = queue.add({});
    const auto c = queue.add({});
    make_ready(queue, c, 3);
    make_ready(queue, b, 2);
    EXPECT_THAT(take_ready(queue), IsEmpty());
    EXPECT_EQ(queue.size(), 3U);
    make_ready(queue, a, 1);
    EXPECT_THAT(take_ready(queue), ElementsAre(1, 2, 3));
    EXPECT_EQ(queue.size(), 0U);
}

TEST(AnswerQueueTest, APlaceThatIsGivenBackIsGivenAgain) {
    AnswerQueue queue;
    const auto a = queue.add({});
    const auto b = queue.add({});
    queue.drop_last();
    EXPECT_EQ(queue.add({}), b);
    make_ready(queue, a, 1);
    make_ready(queue, b, 2);
    EXPECT_THAT(take_ready(queue), ElementsAre(1, 2));
}

TEST(AnswerQueueTest, APlaceThatIsGoneIsNotFound) {
    AnswerQueue queue;
    const auto a = queue.add({});
    const auto b = queue.add({});
    make_ready(queue, a, 1);
    EXPECT_THAT(take_ready(queue), ElementsAre(1));
    EXPECT_EQ(queue.find(a), nullptr);
    EXPECT_EQ(queue.find(b + 1), nullptr);
    EXPECT_NE(queue.find(b), nullptr);
}

TEST(AnswerQueueTest, NumbersWrapAroundAndMemoryIsUsedAgain) {
    AnswerQueue queue(0xffffffff - 100);
    std::vector<AnswerQueue::Slot> slots;
    for (unsigned i = 0; i < 3; ++i) slots.push_back(queue.add({}));
    for (unsigned i = 1; i <= 300; ++i) {
        make_ready(queue, slots.at(i - 1), i);
        ASSERT_THAT(take_ready(queue), ElementsAre(i));
        slots.push_back(queue.add({}));
        ASSERT_EQ(queue.size(), 3U);
    }
    EXPECT_EQ(slots.back(), 201U);
}

}  // namespace
}  // namespace holdfast::agent
