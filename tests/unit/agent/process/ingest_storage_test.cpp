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
