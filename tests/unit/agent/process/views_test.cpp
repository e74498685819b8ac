// The admin API's answers, byte for byte as ADMIN.md describes them.
#include "agent/admin/views.hpp"

#include "proto/record.hpp"

#include <gtest/gtest.h>

namespace holdfast::agent {
namespace {

// 2026-01-02T03:04:05.678Z
constexpr std::int64_t kNowMs = 1'767'323'045'678;

Event purchase() {
    Event event;
    event.id = *Ulid::parse("01KDYGA0KE0000000000000018");
    event.accepted_at = wall_from_ms(kNowMs);
    event.operation = Operation::event;
    event.method = Method::post;
    event.peer = {1000, 1001, 4242};
    event.destination = "main";
    event.person = "id:42";
    event.name = "purchase";
    event.target = "/api/v1/customers/42/events";
    event.body = R"({"name":"purchase"})";
    return event;
}

wal::Description description(const Event& event, wal::EntryState state) {
    std::string record;
    encode_record(event, record);
    return {
        wal::Entry(Seq{17}, std::move(record)), state, std::nullopt, std::nullopt, std::nullopt};
}

std::string bytes_of(const Event& event) {
    std::string record;
    encode_record(event, record);
    return std::to_string(record.size());
}

std::string common(const Event& event, const std::string& state) {
    return R"({"seq":17,"id":"01KDYGA0KE0000000000000018","state":")" + state +
           R"(","accepted_at":"2026-01-02T03:04:05.678Z","destination":"main",)"
           R"("operation":"event","person":"id:42","name":"purchase","bytes":)" +
           bytes_of(event);
}

TEST(EntryView, OfAPendingEntry) {
    const auto pending = description(purchase(), wal::EntryState::pending);
    const std::string rest =
        R"(,"attempts":0,"next_attempt_at":null,"reason":null,"status":null,"failed_at":null,"cause":null})";
    EXPECT_EQ(entry_view(pending, {}).dump(), common(purchase(), "pending") + rest);
    EXPECT_EQ(entry_view(pending, {Seq{17}}).dump(), common(purchase(), "in_flight") + rest);
    EXPECT_EQ(entry_view(pending, {Seq{18}}).dump(), common(purchase(), "pending") + rest);
}

TEST(EntryView, OfARetryingEntry) {
    auto retrying = description(purchase(), wal::EntryState::retrying);
    retrying.retry = wal::Retry{.attempts = 3,
                                .first_attempt_at = wall_from_ms(kNowMs),
                                .next_attempt_at = wall_from_ms(kNowMs + 1000),
                                .status = 503,
                                .intended = false,
                                .reason = "503 Service Unavailable"};
    EXPECT_EQ(
        entry_view(retrying, {}).dump(),
        common(purchase(), "retrying") +
            R"(,"attempts":3,"next_attempt_at":"2026-01-02T03:04:06.678Z",)"
            R"("reason":"503 Service Unavailable","status":503,"failed_at":null,"cause":null})");
    retrying.retry->status = 0;
    EXPECT_EQ(entry_view(retrying, {})["status"], nullptr);
}

TEST(EntryView, OfADeadLetter) {
    auto failed = description(purchase(), wal::EntryState::failed);
    failed.failure = wal::Failure{.cause = FailureCause::too_old,
                                  .attempts = 2,
                                  .failed_at = wall_from_ms(kNowMs),
                                  .status = 400,
                                  .reason = "400 Bad Request",
                                  .answer = "no such event"};
    EXPECT_EQ(entry_view(failed, {Seq{17}}).dump(),
              common(purchase(), "failed") +
                  R"(,"attempts":2,"next_attempt_at":null,"reason":"400 Bad Request",)"
                  R"("status":400,"failed_at":"2026-01-02T03:04:05.678Z","cause":"too_old"})");
    EXPECT_EQ(entry_detail_view(failed, {}, false)["answer"], "no such event");
}

TEST(EntryView, OfADamagedEntryMakesNothingUp) {
    auto damaged = description({}, wal::EntryState::failed);
    damaged.failure = wal::Failure{.cause = FailureCause::damaged,
                                   .attempts = 2,
                                   .failed_at = wall_from_ms(kNowMs),
                                   .status = 0,
                                   .reason = "damaged: a checksum",
                                   .answer = ""};
    damaged.is_readable = false;
    const std::string list =
        R"({"seq":17,"id":null,"state":"failed","accepted_at":null,"destination":null,)"
        R"("operation":null,"person":null,"name":null,"bytes":null,"attempts":2,)"
        R"("next_attempt_at":null,"reason":"damaged: a checksum","status":null,)"
        R"("failed_at":"2026-01-02T03:04:05.678Z","cause":"damaged")";
    EXPECT_EQ(entry_view(damaged, {}).dump(), list + "}");
    const std::string more =
        R"(,"method":null,"target":null,"safety":null,"endpoint":null,"peer":null,)"
        R"("parent":null,"child":null,"ended_at":null,"answer":null)";
    EXPECT_EQ(entry_detail_view(damaged, {}, false).dump(), list + more + "}");
    EXPECT_EQ(entry_detail_view(damaged, {}, true).dump(), list + more + R"(,"body":null})");
}

TEST(EntryView, InDetailHasTheBodyOnlyWhereItIsAskedFor) {
    Event event = purchase();
    const auto complete = description(event, wal::EntryState::complete);
    const std::string list = entry_view(complete, {}).dump();
    const std::string more =
        R"(,"method":"POST","target":"/api/v1/customers/42/events","safety":"dedup_by_id",)"
        R"("endpoint":"track","peer":{"uid":1000,"gid":1001,"pid":4242},"parent":null,"child":null,"ended_at":null,"answer":null)";
    const std::string start = list.substr(0, list.size() - 1);
    EXPECT_EQ(entry_detail_view(complete, {}, false).dump(), start + more + "}");
    EXPECT_EQ(entry_detail_view(complete, {}, true).dump(),
              start + more + R"(,"body":"{\"name\":\"purchase\"}"})");
}

TEST(EntryView, OfAReplayOverTcpNamesItsParentAndNoPeer) {
    Event event = purchase();
    event.peer = {};
    event.parent = event.id;
    const auto view = entry_detail_view(description(event, wal::EntryState::pending), {}, false);
    EXPECT_EQ(view["peer"], nullptr);
    EXPECT_EQ(view["parent"], "01KDYGA0KE0000000000000018");
}

TEST(EntryView, OfAReplayedEntryNamesItsChild) {
    auto replayed = description(purchase(), wal::EntryState::replayed);
    replayed.ending = wal::Ending{.kind = wal::Ending::Kind::replayed,
                                  .at = wall_from_ms(kNowMs),
                                  .child = Seq{20},
                                  .child_id = purchase().id};
    const Json view = entry_detail_view(replayed, {}, false);
    EXPECT_EQ(view["state"], "replayed");
    EXPECT_EQ(view["child"].dump(), R"({"seq":20,"id":"01KDYGA0KE0000000000000018"})");
    EXPECT_EQ(view["ended_at"], "2026-01-02T03:04:05.678Z");
    replayed.state = wal::EntryState::dropped;
    replayed.ending = wal::Ending{.at = wall_from_ms(kNowMs)};
    EXPECT_EQ(entry_detail_view(replayed, {}, false)["child"], nullptr);
}

TEST(StatusView, OfAnAgentInTrouble) {
    AgentStatus status;
    status.pid = 812;
    status.started_at = wall_from_ms(kNowMs);
    status.log = {false, "no space", Seq{120}, Seq{17}, 2, {{{7}, {9}}, {{11}, {11}}}, 5, 3, {}};
    status.directory = "/d";
    status.durability = Durability::buffered;
    status.space = {{900, 800, 4000}, {1000, 700}, wal::SpaceLevel::critical, {5, 1, 0}, 64};
    status.ingest = {1, 119, 3, 4, 7};
    EndpointStatus track;
    track.name = "track";
    track.url = "https://track.customer.io";
    track.breaker = transport::Breaker::State::open;
    track.breaker_reason = "5 in a row";
    track.next_probe_at = wall_from_ms(kNowMs);
    track.gates.push_back({"retry_after", wall_from_ms(kNowMs), "429"});
    track.gates.push_back({"paused", std::nullopt, "by root"});
    track.attempts = 130;
    track.in_flight = 3;
    track.concurrency = 7;
    track.rate_share = 0.5;
    track.delivered = 104;
    track.last_error = "503";
    DestinationStatus delivery{"main",
                               "customerio",
                               {Seq{118}},
                               2,
                               {track},
                               {transport::Level::disabled, false, "an operator chose it"}};
    status.destinations.push_back({"main",
                                   {.pending = 12, .complete = 104, .failed = 1, .dropped = 5},
                                   wall_from_ms(kNowMs),
                                   delivery});
    status.destinations.push_back({"old", {}, std::nullopt, std::nullopt});
    const std::string expected =
        R"({"version":")" HOLDFAST_VERSION R"(","pid":812,"started_at":"2026-01-02T03:04:05.678Z",)"
        R"("log":{"state":"failed","reason":"no space","head":120,"tail":17,"failures":3,"damaged":2,)"
        R"("lost":4,"lost_ranges":[{"first":7,"last":9},{"first":11,"last":11}],"lost_unnamed":5,)"
        R"("directory":"/d","durability":"buffered","space":{"level":"critical","used":900,"max_bytes":1000,"free":800,)"
        R"("min_free":700,"ballast":64,"refused":{"ordinary":5,"state":1,"essential":0}}},)"
        R"("ingest":{"connections":1,"acknowledged":119,"repeated":3,"refused":4,"failed":7},)"
        R"("destinations":[{"name":"main","type":"customerio","pending":12,"in_flight":1,)"
        R"("retrying":2,"failed":1,"complete":104,"dropped":5,)"
        R"("oldest_pending_at":"2026-01-02T03:04:05.678Z",)"
        R"("degradation":{"level":"disabled","essential_first":false,"reason":"an operator chose it"},)"
        R"("endpoints":[{"name":"track",)"
        R"("url":"https://track.customer.io","breaker":{"state":"open","reason":"5 in a row",)"
        R"("next_probe_at":"2026-01-02T03:04:05.678Z"},)"
        R"("gates":[{"gate":"retry_after","until":"2026-01-02T03:04:05.678Z","reason":"429"},)"
        R"({"gate":"paused","until":null,"reason":"by root"}],"in_flight":3,"concurrency":7,"rate_share":0.5,)"
        R"("delivered":104,"attempts":130,"last_error":"503"}]},)"
        R"({"name":"old","type":"not configured","pending":0,"in_flight":0,"retrying":0,)"
        R"("failed":0,"complete":0,"dropped":0,"oldest_pending_at":null,"degradation":null,"endpoints":[]}]})";
    EXPECT_EQ(status_view(status).dump(), expected);
}

TEST(StatusView, OfALogThatWasNeverOpenSaysThatNothingIsKnown) {
    AgentStatus status;
    status.log = {false, "no room", {}, Seq{1}, 0, {}, 0, 0, {}};
    status.is_log_known = false;
    DestinationStatus delivery{"main", "customerio", {}, 0, {}, {}};
    status.destinations.push_back({"main", {}, std::nullopt, delivery});
    const Json view = status_view(status);
    for (const char* key : {"head", "tail", "lost"}) EXPECT_EQ(view["log"][key], nullptr) << key;
    for (const char* key : {"pending", "retrying", "failed", "complete", "oldest_pending_at"}) {
        EXPECT_EQ(view["destinations"][0][key], nullptr) << key;
    }
    EXPECT_EQ(view["destinations"][0]["in_flight"], 0);
}

TEST(ErrorView, HasACodeAndAMessage) {
    EXPECT_EQ(error_view({Errc::not_found, "there is no entry 7"}).dump(),
              R"({"error":{"code":"not_found","message":"there is no entry 7"}})");
}

}  // namespace
}  // namespace holdfast::agent
