// What apps are told when the disk fails.
#include "tests/unit/agent/process/ingest_world.hpp"

#include <gtest/gtest.h>

namespace holdfast::agent {
namespace {

TEST(IngestStorage, WhatWasBeingWrittenIsUnknownWhatComesLaterIsNotStoredAndThenItGoesOn) {
    IngestWorld world;
    world.disk.hold();
    App& app = world.connect();
    app.send(identify("1"));
    ASSERT_TRUE(world.until([&] { return world.disk.somebody_waits(); }));
    // In the batch after the one that fails.
    app.send(identify("2"));
    world.settle();
    world.disk.break_down();
    world.disk.release();
    ASSERT_TRUE(world.until([&] { return app.answers().size() == 2; }));
    app.send(identify("3"));
    ASSERT_TRUE(world.until([&] { return app.answers().size() == 3; }));
    const std::vector<Reply> answers = app.answers();
    for (const Reply& answer : answers) {
        EXPECT_EQ(answer.status, 503U);
        EXPECT_EQ(answer.field("Retry-After"), "1");
    }
    EXPECT_TRUE(answers[0].has(R"("code":"unknown")")) << answers[0].body;
    EXPECT_TRUE(answers[1].has(R"("code":"storage_failed")")) << answers[1].body;
    EXPECT_TRUE(answers[2].has(R"("code":"storage_failed")")) << answers[2].body;
    EXPECT_EQ(world.server->context().failed, 3U);
    EXPECT_EQ(world.server->context().acknowledged, 0U);

    world.disk.mend();
    ASSERT_TRUE(world.until([&] { return world.log->health().ok; }));
    app.send(identify("4"));
    ASSERT_TRUE(world.until([&] { return app.answers().size() == 4; }));
    EXPECT_EQ(app.answers()[3].status, 200U);
    // The unknown one was on the disk after all; the refused ones were not.
    EXPECT_EQ(world.log->health().head, Seq{2});
    EXPECT_EQ(world.log->describe(Seq{1})->entry.event().person, "id:1");
    EXPECT_EQ(world.log->describe(Seq{2})->entry.event().person, "id:4");
}

TEST(IngestStorage, WithoutRoomEventsAreRefusedFirstAndEmailsLastUntilThereIsRoomAgain) {
    IngestWorld world({.min_free = 1'000'000});
    const std::string event =
        request("POST", "/api/v1/customers/5/events", R"({"name":"purchase"})");
    const std::string suppress = request("POST", "/api/v1/customers/5/suppress");
    App& app = world.connect();
    const auto statuses = [&](std::size_t count) {
        EXPECT_TRUE(world.until([&] { return app.answers().size() == count; }));
        std::vector<unsigned> all;
        for (const Reply& answer : app.answers()) all.push_back(answer.status);
        return all;
    };
    const auto is_seen = [&](wal::SpaceLevel level, std::uint64_t free_bytes) {
        world.free_bytes = free_bytes;
        // What is refused makes the log look again.
        return world.until([&] {
            App& other = world.connect();
            other.send(event);
            EXPECT_TRUE(world.until([&] { return !other.answers().empty(); }));
            const bool is_taken = other.answers()[0].status == 200;
            other.close();
            return is_taken == (level == wal::SpaceLevel::ok);
        });
    };
    ASSERT_TRUE(is_seen(wal::SpaceLevel::tight, 900'000));
    app.send(event + identify("5") + suppress);
    EXPECT_EQ(statuses(3), (std::vector<unsigned>{507, 200, 200}));
    const Reply refused = app.answers()[0];
    EXPECT_EQ(refused.field("Retry-After"), "1");
    EXPECT_TRUE(refused.has(R"({"meta":{"error":"the event was not stored: the disk has )"));
    EXPECT_TRUE(refused.has(R"("code":"disk_full")")) << refused.body;
    EXPECT_TRUE(refused.has("HTTP/1.1 507 Insufficient Storage\r\n")) << refused.head;
    const Seq head = world.log->health().head;
    ASSERT_TRUE(is_seen(wal::SpaceLevel::ok, 5'000'000));
    app.send(event);
    EXPECT_EQ(statuses(4).back(), 200U);
    EXPECT_GT(world.log->health().head, head);
}

TEST(IngestStorage, ARequestThatWaitedForRoomIsRefusedWhenTheLogFails) {
    IngestWorld world({.open_batch_bytes_max = 300});
    world.disk.hold();
    App& app = world.connect();
    for (int i = 0; i < 20; ++i) app.send(identify(std::to_string(i)));
    world.settle();
    world.disk.break_down();
    world.disk.release();
    ASSERT_TRUE(world.until([&] { return app.answers().size() == 20; }));
    for (const Reply& answer : app.answers()) EXPECT_EQ(answer.status, 503U);
}

}  // namespace
}  // namespace holdfast::agent
