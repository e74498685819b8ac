// What an app is answered that sends operations of Track API v2, and what is stored of them.
#include "proto/customerio/v2_batch.hpp"
#include "tests/unit/agent/process/ingest_world.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::agent {
namespace {

using testing::ElementsAre;

std::string operation(std::string_view person,
                      std::string_view action,
                      std::string_view more = "") {
    return R"({"type":"person","identifiers":{"id":")" + std::string(person) + R"("},"action":")" +
           std::string(action) + "\"" + std::string(more) + "}";
}

std::string event(std::string_view person, std::string_view name, std::string_view id = "") {
    std::string more = R"(,"name":")" + std::string(name) + "\"";
    if (!id.empty()) more += R"(,"id":")" + std::string(id) + "\"";
    return operation(person, "event", more);
}

std::string batch(const std::vector<std::string>& operations, std::string_view key = "") {
    std::string body = R"({"batch":[)";
    for (const std::string& one : operations) body += (body.back() == '[' ? "" : ", ") + one;
    return request("POST",
                   "/api/v2/batch",
                   body + "]}",
                   key.empty() ? "" : "Idempotency-Key: " + std::string(key) + "\r\n");
}

const std::string kBad = operation("5", "fly");

class IngestBatch : public testing::Test {
protected:
    explicit IngestBatch(IngestWorld::Options options = {}) : world_(options) {}

    Reply answer(std::string_view request) {
        App& app = world_.connect();
        app.send(request);
        EXPECT_TRUE(world_.until([&] { return !app.answers().empty(); }));
        return app.answers().empty() ? Reply{} : app.answers()[0];
    }

    [[nodiscard]] Seq head() const { return world_.log->health().head; }

    // In the order of the log.
    [[nodiscard]] std::vector<std::string> people() const {
        std::vector<std::string> all;
        for (std::uint64_t seq = 1; seq <= head().value; ++seq) {
            all.emplace_back(world_.log->describe(Seq{seq})->entry.event().person);
        }
        return all;
    }

    IngestWorld world_;
};

TEST_F(IngestBatch, EachOperationIsAnEntryAsIfItHadComeByItself) {
    const Reply yes = answer(batch({event("1", "a"), operation("2", "identify"), event("1", "b")}));
    EXPECT_EQ(yes.status, 200U);
    EXPECT_EQ(yes.body, "{}\n");
    EXPECT_EQ(yes.field("X-Holdfast-Seq"), "3");
    EXPECT_THAT(people(), ElementsAre("id:1", "id:2", "id:1"));
    const auto entry = world_.log->describe(Seq{2});
    EXPECT_EQ(entry->entry.event().target, "/api/v2/entity");
    EXPECT_EQ(entry->entry.event().body, operation("2", "identify"));
    EXPECT_EQ(entry->entry.event().operation, Operation::identify);
    EXPECT_EQ(world_.server->context().acknowledged, 3U);
    EXPECT_EQ(answer(request("POST", "/api/v2/entity", event("3", "c"))).status, 200U);
    EXPECT_EQ(head(), Seq{4});
}

TEST_F(IngestBatch, OfSomeBadOperationsTheGoodOnesAreStored) {
    const Reply some = answer(batch({event("1", "a"), kBad, "7", event("2", "b")}));
    EXPECT_EQ(some.status, 207U);
    EXPECT_TRUE(some.has("HTTP/1.1 207 Multi-Status\r\n")) << some.head;
    const auto errors = customerio::parse_batch_errors(some.body, 4);
    ASSERT_TRUE(errors) << some.body;
    EXPECT_EQ(errors->errors,
              (std::vector<customerio::BatchError>{
                  {1, "invalid_operation", "action", "unknown type or action"},
                  {2, "invalid_json", "", "body must be a JSON object"}}));
    EXPECT_THAT(people(), ElementsAre("id:1", "id:2"));
    EXPECT_EQ(world_.server->context().acknowledged, 2U);
    EXPECT_EQ(world_.server->context().refused, 2U);
}

TEST_F(IngestBatch, OfNothingGoodNothingIsStored) {
    const Reply none = answer(batch({kBad, kBad}));
    EXPECT_EQ(none.status, 400U);
    EXPECT_EQ(customerio::parse_batch_errors(none.body, 2)->errors.size(), 2U) << none.body;
    EXPECT_TRUE(none.has(R"("meta":{"error":)"));
    for (const char* body : {"{}", "{", R"({"batch":[]})"}) {
        const Reply malformed = answer(request("POST", "/api/v2/batch", body));
        EXPECT_EQ(malformed.status, 400U);
        EXPECT_TRUE(malformed.has(R"({"errors":[{"reason":)")) << malformed.body;
    }
    EXPECT_EQ(answer(request("POST", "/api/v2/entity", kBad)).status, 400U);
    EXPECT_EQ(head(), Seq{0});
}

TEST_F(IngestBatch, TheAnswerLeavesWhenAllOfItIsOnTheDisk) {
    world_.disk.hold();
    App& app = world_.connect();
    app.send(batch({event("1", "a"), kBad, event("2", "b")}));
    ASSERT_TRUE(world_.until([&] { return world_.disk.somebody_waits(); }));
    world_.settle();
    EXPECT_EQ(app.received(), "");
    world_.disk.release();
    ASSERT_TRUE(world_.until([&] { return app.answers().size() == 1; }));
    EXPECT_EQ(app.answers()[0].status, 207U);
    EXPECT_EQ(head(), Seq{2});
}

TEST_F(IngestBatch, AKeyNamesTheWholeRequest) {
    const std::vector<std::string> two = {event("1", "a"), event("2", "b")};
    const Reply first = answer(batch(two, "k"));
    EXPECT_EQ(first.status, 200U);
    EXPECT_EQ(first.field("Idempotent-Replayed"), "");
    const Reply again = answer(batch(two, "k"));
    EXPECT_EQ(again.status, 200U);
    EXPECT_EQ(again.field("Idempotent-Replayed"), "true");
    EXPECT_EQ(again.field("X-Holdfast-Id"), first.field("X-Holdfast-Id"));
    EXPECT_EQ(head(), Seq{2});
    for (const std::string& other :
         {batch({two[0], two[1], event("3", "c")}, "k"),
          batch({kBad, two[0]}, "k"),
          request("PUT", "/api/v1/customers/5", "{}", "Idempotency-Key: k\r\n")}) {
        const Reply reused = answer(other);
        EXPECT_EQ(reused.status, 422U);
        EXPECT_TRUE(reused.has("idempotency_key_reused")) << reused.body;
    }
    EXPECT_EQ(head(), Seq{2});
    EXPECT_EQ(answer(batch(two)).status, 200U);
    EXPECT_EQ(head(), Seq{4});
}

TEST_F(IngestBatch, AnEventsIdNamesItInABatchAndByItself) {
    EXPECT_EQ(answer(request("POST", "/api/v2/entity", event("1", "a", "one"))).status, 200U);
    const Reply some =
        answer(batch({event("1", "a", "one"), event("1", "b", "two"), event("1", "b", "two")}));
    EXPECT_EQ(some.status, 200U);
    EXPECT_EQ(head(), Seq{2});
    EXPECT_EQ(world_.server->context().repeated, 2U);
    const Reply reused = answer(batch({event("1", "other", "one"), event("2", "c")}));
    EXPECT_EQ(reused.status, 207U);
    const auto errors = customerio::parse_batch_errors(reused.body, 2);
    ASSERT_EQ(errors->errors.size(), 1U) << reused.body;
    EXPECT_EQ(errors->errors[0].index, 0U);
    EXPECT_EQ(errors->errors[0].reason, "idempotency_key_reused");
    EXPECT_THAT(people(), ElementsAre("id:1", "id:1", "id:2"));
}

TEST_F(IngestBatch, WhatFailedInTheWriteIsUnknown) {
    world_.disk.hold();
    App& app = world_.connect();
    app.send(batch({event("1", "a"), event("2", "b")}));
    ASSERT_TRUE(world_.until([&] { return world_.disk.somebody_waits(); }));
    world_.disk.break_down();
    world_.disk.release();
    ASSERT_TRUE(world_.until([&] { return app.answers().size() == 1; }));
    EXPECT_EQ(app.answers()[0].status, 503U);
    EXPECT_EQ(app.answers()[0].field("Retry-After"), "1");
    EXPECT_TRUE(app.answers()[0].has(R"("code":"unknown")"));
    EXPECT_EQ(world_.server->context().acknowledged, 0U);
    EXPECT_EQ(world_.server->context().failed, 1U);
}

TEST_F(IngestBatch, LargeAnswersThatWaitForAnotherStopTheReading) {
    world_.disk.hold();
    App& app = world_.connect();
    std::vector<std::string> bad(700, "0");
    std::string requests = identify("1");
    for (int i = 0; i < 200; ++i) requests += batch(bad);
    app.send(requests);
    ASSERT_TRUE(world_.until([&] { return world_.disk.somebody_waits(); }));
    world_.settle();
    EXPECT_EQ(app.received(), "");
    EXPECT_LT(world_.server->context().refused, 10 * bad.size());
    world_.disk.release();
    ASSERT_TRUE(world_.until([&] { return app.answers().size() == 201; }));
    EXPECT_EQ(app.answers().back().status, 400U);
    EXPECT_EQ(world_.server->context().refused, 200 * bad.size());
}

class IngestBatchWithoutRoom : public IngestBatch {
protected:
    IngestBatchWithoutRoom() : IngestBatch({.open_batch_bytes_max = 1000}) {}

    // Takes part of a batch of `count` into the log, no more, and the disk stands still.
    App& send_half(std::size_t count) {
        world_.disk.hold();
        App& app = world_.connect();
        std::vector<std::string> operations;
        for (std::size_t i = 0; i < count; ++i) {
            operations.push_back(event(std::to_string(i), "a"));
        }
        app.send(batch(operations) + identify("last"));
        world_.settle();
        EXPECT_FALSE(world_.server->context().held.empty());
        return app;
    }
};

TEST_F(IngestBatchWithoutRoom, ItGoesOnWhereItStopped) {
    App& app = send_half(40);
    EXPECT_EQ(app.received(), "");
    world_.disk.release();
    ASSERT_TRUE(world_.until([&] { return app.answers().size() == 2; }));
    EXPECT_EQ(app.answers()[0].status, 200U);
    EXPECT_EQ(app.answers()[0].field("X-Holdfast-Seq"), "40");
    std::vector<std::string> want;
    for (int i = 0; i < 40; ++i) want.push_back("id:" + std::to_string(i));
    want.push_back("id:last");
    EXPECT_EQ(people(), want);
    EXPECT_EQ(world_.server->context().acknowledged, 41U);
}

TEST_F(IngestBatchWithoutRoom, OneThatIsHalfInWhenTheAgentStopsIsUnknown) {
    App& app = send_half(40);
    world_.server->stop();
    world_.disk.release();
    ASSERT_TRUE(world_.until([&] { return app.ended(); }));
    ASSERT_EQ(app.answers().size(), 1U);
    EXPECT_EQ(app.answers()[0].status, 503U);
    EXPECT_TRUE(app.answers()[0].has("only a part of the batch was stored")) << app.received();
    EXPECT_FALSE(world_.server->has_answers_outstanding());
    EXPECT_LT(head(), Seq{40});
}

TEST_F(IngestBatchWithoutRoom, OneThatIsHalfInWhenTheLogFailsIsUnknown) {
    App& app = send_half(40);
    world_.disk.break_down();
    world_.disk.release();
    ASSERT_TRUE(world_.until([&] { return app.answers().size() == 2; }));
    EXPECT_EQ(app.answers()[0].status, 503U);
    EXPECT_TRUE(app.answers()[0].has(R"("code":"unknown")")) << app.received();
}

TEST_F(IngestBatchWithoutRoom, AnAppThatLeavesTakesItsBatchAlong) {
    App& app = send_half(40);
    app.close();
    world_.disk.release();
    EXPECT_TRUE(world_.until([&] { return world_.server->connections() == 0; }));
    EXPECT_EQ(answer(identify("5")).status, 200U);
}

}  // namespace
}  // namespace holdfast::agent
