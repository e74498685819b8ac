// What an app is answered that sends the same event again.
#include "tests/unit/agent/process/ingest_world.hpp"

#include <gtest/gtest.h>

namespace holdfast::agent {
namespace {

std::string keyed(std::string_view key,
                  std::string_view body = R"({"name":"purchase"})",
                  std::string_view person = "5") {
    return request("POST",
                   "/api/v1/customers/" + std::string(person) + "/events",
                   body,
                   "Idempotency-Key: " + std::string(key) + "\r\n");
}

class IngestRepeats : public testing::Test {
protected:
    std::vector<Reply> answers(std::string_view requests, std::size_t count) {
        App& app = world_.connect();
        app.send(requests);
        EXPECT_TRUE(world_.until([&] { return app.answers().size() >= count; }));
        std::vector<Reply> all = app.answers();
        all.resize(count);
        return all;
    }

    Reply answer(std::string_view request) { return answers(request, 1)[0]; }

    [[nodiscard]] Seq head() const { return world_.log->health().head; }

    IngestWorld world_;
};

TEST_F(IngestRepeats, GetTheFirstAnswerAgainAndAreMarked) {
    const Reply first = answer(keyed("k1"));
    EXPECT_EQ(first.status, 200U);
    EXPECT_EQ(first.field("Idempotent-Replayed"), "");
    for (const char* key : {"k1", "\"k1\""}) {
        const Reply repeat = answer(keyed(key));
        EXPECT_EQ(repeat.status, 200U);
        EXPECT_EQ(repeat.field("Idempotent-Replayed"), "true");
        EXPECT_EQ(repeat.field("X-Holdfast-Id"), first.field("X-Holdfast-Id"));
        EXPECT_EQ(repeat.field("X-Holdfast-Seq"), "1");
        EXPECT_EQ(repeat.body, first.body);
    }
    EXPECT_EQ(head(), Seq{1});
    EXPECT_EQ(world_.server->context().acknowledged, 1U);
    EXPECT_EQ(world_.server->context().repeated, 2U);
}

TEST_F(IngestRepeats, OfASendGetTheSameDeliveryId) {
    const std::string send =
        request("POST",
                "/v1/send/email",
                R"({"transactional_message_id":1,"to":"a@b.c","identifiers":{"id":"5"}})",
                "Authorization: Bearer x\r\nIdempotency-Key: mail\r\n");
    const Reply first = answer(send);
    EXPECT_EQ(first.status, 200U) << first.body;
    EXPECT_TRUE(first.has("delivery_id"));
    EXPECT_EQ(answer(send).body, first.body);
    EXPECT_EQ(head(), Seq{1});
}

TEST_F(IngestRepeats, OfATriggerGetTheSameIdByEitherPath) {
    const auto trigger = [](std::string_view path) {
        return request("POST", path, R"({"ids":["5"]})", "Idempotency-Key: news\r\n");
    };
    const Reply first = answer(trigger("/v1/campaigns/3/triggers"));
    EXPECT_EQ(first.status, 200U) << first.body;
    EXPECT_EQ(first.body, "{\"id\":1}\n");
    const Reply repeat = answer(trigger("/v1/api/campaigns/3/triggers"));
    EXPECT_EQ(repeat.field("Idempotent-Replayed"), "true");
    EXPECT_EQ(repeat.body, first.body);
    EXPECT_EQ(head(), Seq{1});
}

TEST_F(IngestRepeats, OfAFormAreAnswered204AndTheNextRequestAsEver) {
    const std::string form = request(
        "POST", "/api/v1/forms/f/submit", R"({"data":{"id":"5"}})", "Idempotency-Key: form\r\n");
    const std::vector<Reply> replies = answers(form + form + keyed("k1"), 3);
    EXPECT_EQ(replies[0].status, 204U);
    EXPECT_EQ(replies[0].body, "");
    EXPECT_EQ(replies[1].status, 204U);
    EXPECT_EQ(replies[1].field("Idempotent-Replayed"), "true");
    EXPECT_EQ(replies[2].status, 200U);
    EXPECT_EQ(head(), Seq{2});
}

TEST_F(IngestRepeats, OfASegmentCallWithAnotherKindOfIdIsAnotherEvent) {
    const auto add = [](std::string_view query) {
        return request("POST",
                       "/api/v1/segments/7/add_customers" + std::string(query),
                       R"({"ids":["5"]})",
                       "Idempotency-Key: add\r\n");
    };
    EXPECT_EQ(answer(add("?id_type=id")).status, 200U);
    EXPECT_EQ(answer(add("?id_type=id&x=1")).field("Idempotent-Replayed"), "true");
    EXPECT_EQ(answer(add("?id_type=cio_id")).status, 422U);
}

TEST_F(IngestRepeats, WithAnotherContentAreRefused) {
    EXPECT_EQ(answer(keyed("k1")).status, 200U);
    for (const std::string& other :
         {keyed("k1", R"({"name":"other"})"),
          keyed("k1", R"({"name":"purchase"})", "6"),
          request(
              "PUT", "/api/v1/customers/5", R"({"name":"purchase"})", "Idempotency-Key: k1\r\n")}) {
        const Reply refused = answer(other);
        EXPECT_EQ(refused.status, 422U);
        EXPECT_TRUE(refused.has(R"("code":"idempotency_key_reused")")) << refused.body;
        EXPECT_TRUE(refused.has(R"({"meta":{"error":)")) << refused.body;
    }
    EXPECT_EQ(head(), Seq{1});
    EXPECT_EQ(world_.server->context().refused, 3U);
}

TEST_F(IngestRepeats, AKeyThatIsMalformedOrStandsTwiceIsRefused) {
    const std::string twice =
        request("PUT", "/api/v1/customers/5", "{}", "Idempotency-Key: a\r\nIdempotency-Key: a\r\n");
    for (const std::string& bad : {keyed(std::string(256, 'x')), keyed(""), keyed("a b"), twice}) {
        const Reply refused = answer(bad);
        EXPECT_EQ(refused.status, 400U);
        EXPECT_TRUE(refused.has(R"("code":"invalid_idempotency_key")")) << refused.body;
    }
    EXPECT_EQ(head(), Seq{0});
}

TEST_F(IngestRepeats, ThatComeTooSoonWaitForTheFirst) {
    world_.disk.hold();
    App& app = world_.connect();
    app.send(identify("9") + keyed("k1") + keyed("k1"));
    ASSERT_TRUE(world_.until([&] { return world_.disk.somebody_waits(); }));
    app.send(keyed("k1"));
    world_.settle();
    EXPECT_EQ(app.received(), "");
    world_.disk.release();
    ASSERT_TRUE(world_.until([&] { return app.answers().size() == 4; }));
    const std::vector<Reply> all = app.answers();
    EXPECT_EQ(all[1].field("Idempotent-Replayed"), "");
    for (const std::size_t i : {2U, 3U}) {
        EXPECT_EQ(all[i].field("Idempotent-Replayed"), "true");
        EXPECT_EQ(all[i].field("X-Holdfast-Id"), all[1].field("X-Holdfast-Id"));
    }
    EXPECT_EQ(head(), Seq{2});
}

TEST_F(IngestRepeats, TheIdOfAnEventIsItsKey) {
    const std::string target = "/api/v1/customers/5/events";
    const std::string body = R"({"name":"a","id":"order-7"})";
    const Reply first = answer(request("POST", target, body));
    EXPECT_EQ(first.status, 200U);
    const Reply repeat = answer(request("POST", target, body));
    EXPECT_EQ(repeat.field("Idempotent-Replayed"), "true");
    EXPECT_EQ(repeat.field("X-Holdfast-Id"), first.field("X-Holdfast-Id"));
    EXPECT_EQ(answer(request("POST", target, R"({"name":"b","id":"order-7"})")).status, 422U);
    // Also beside the field, as of a client that makes a new one for each attempt.
    const Reply again = answer(keyed("k2", body));
    EXPECT_EQ(again.field("X-Holdfast-Id"), first.field("X-Holdfast-Id"));
    EXPECT_EQ(answer(keyed("order-7")).field("Idempotent-Replayed"), "");
    EXPECT_EQ(head(), Seq{2});
}

TEST_F(IngestRepeats, OfAnEventWithAKeyAndAnIdEachNamesIt) {
    const std::string target = "/api/v1/customers/5/events";
    const std::string body = R"({"name":"a","id":"order-7"})";
    EXPECT_EQ(answer(keyed("k", body)).status, 200U);
    EXPECT_EQ(answer(request("POST", target, body)).field("Idempotent-Replayed"), "true");
    EXPECT_EQ(answer(keyed("k", R"({"name":"a"})")).status, 422U);
    EXPECT_EQ(head(), Seq{1});
}

TEST_F(IngestRepeats, EventsWithoutAKeyAreNeverRepeats) {
    const std::string event =
        request("POST", "/api/v1/customers/5/events", R"({"name":"a","id":null})");
    answers(event + event + event, 3);
    EXPECT_EQ(head(), Seq{3});
}

}  // namespace
}  // namespace holdfast::agent
