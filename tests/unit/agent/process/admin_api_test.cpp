// Every call of ADMIN.md, over a real socket and a real log.
#include "agent/admin/edit.hpp"
#include "agent/admin/metrics.hpp"
#include "agent/admin/server.hpp"
#include "agent/clock.hpp"
#include "tests/unit/agent/process/ingest_world.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace holdfast::agent {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
namespace asio = boost::asio;

// Delivers nothing; a replay is done when it is in the log.
class Host final : public AdminHost {
public:
    explicit Host(IngestWorld& world) : world_(world) {}

    [[nodiscard]] wal::Log& log() override { return *world_.log; }

    asio::awaitable<AgentStatus> status() override {
        if (delayed_) co_await delayed_->async_wait(asio::as_tuple(asio::use_awaitable));
        AgentStatus status;
        status.pid = 812;
        co_return status;
    }

    asio::awaitable<std::set<Seq>> in_flight() override { co_return in_flight_; }

    asio::any_io_executor background() override { return world_.io.get_executor(); }

    asio::awaitable<std::vector<Result<Replayed>>> replay(std::vector<Seq> failed) override {
        std::vector<Result<Replayed>> results;
        for (const Seq one : failed) results.push_back(start_replay(one));
        asio::steady_timer step(world_.io);
        for (const Result<Replayed>& result : results) {
            while (result && log().health().head < result->seq) {
                step.expires_after(std::chrono::milliseconds(1));
                co_await step.async_wait(asio::as_tuple(asio::use_awaitable));
            }
        }
        co_return results;
    }

    asio::awaitable<std::vector<Result<void>>> drop(std::vector<Seq> failed, Peer peer) override {
        dropped_by_ = peer;
        std::vector<Result<void>> results;
        for (const Seq one : failed) results.push_back(log().drop(one, wall_now(), 0));
        co_return results;
    }

    asio::awaitable<Result<std::vector<std::string>>> set_level(std::string destination,
                                                                transport::Level level,
                                                                Peer) override {
        using Names = Result<std::vector<std::string>>;
        if (!destination.empty() && destination != "main") {
            co_return Names(Error{Errc::not_found, "no destination of that name"});
        }
        level_ = level;
        co_return Names(std::vector<std::string>{"main"});
    }

    asio::awaitable<Result<Replayed>> edit(Seq failed, std::string body, Peer) override {
        const Result<wal::Entry> old = log().get(failed);
        if (!old) co_return old.error();
        const Ulid id = world_.server->make_id(wall_now());
        const Result<Event> event = with_body(acceptor_, old->event(), body, id, id.time());
        if (!event) co_return event.error();
        const Result<Seq> seq = log().replace(failed, *event, 0);
        if (!seq) co_return seq.error();
        asio::steady_timer step(world_.io);
        while (log().health().head < *seq) {
            step.expires_after(std::chrono::milliseconds(1));
            co_await step.async_wait(asio::as_tuple(asio::use_awaitable));
        }
        co_return Replayed{*seq, id};
    }

    // The status is not there until go_on().
    void delay() { delayed_.emplace(world_.io, asio::steady_timer::time_point::max()); }

    void go_on() { delayed_->cancel(); }

    std::set<Seq> in_flight_;
    Peer dropped_by_;
    std::optional<transport::Level> level_;

private:
    customerio::Acceptor acceptor_;
    std::optional<asio::steady_timer> delayed_;

    Result<Replayed> start_replay(Seq failed) {
        const Ulid id = world_.server->make_id(wall_now());
        const Result<Seq> seq = log().replay(failed, id, id.time(), 0);
        if (!seq) return seq.error();
        return Replayed{*seq, id};
    }

    IngestWorld& world_;
};

class AdminApi : public testing::Test {
protected:
    AdminApi() { EXPECT_TRUE(admin_.listen_unix(dir_.path("admin.sock"))); }

    Json call(const std::string& method, const std::string& target, const std::string& body = {}) {
        App app = App::on_unix(dir_.path("admin.sock"));
        app.send(request(method, target, body));
        EXPECT_TRUE(world_.until([&] {
            app.pump();
            return !app.answers().empty() || app.ended();
        }));
        if (app.answers().empty()) return nullptr;
        status_ = app.answers()[0].status;
        EXPECT_EQ(app.answers()[0].field("Content-Type"), "application/json; charset=utf-8");
        return Json::parse(app.answers()[0].body);
    }

    Json get(const std::string& target) { return call("GET", target); }

    // Entries of these persons are in the log.
    void store(const std::vector<std::string>& persons) {
        App& app = world_.connect();
        for (const std::string& person : persons) app.send(identify(person));
        ASSERT_TRUE(world_.until([&] { return app.answers().size() == persons.size(); }));
    }

    // All that is in the log and is not among the dead letters yet is.
    void fail_all(FailureCause cause = FailureCause::poison) {
        const Result<wal::Taken> taken = world_.log->take("main", 10'000);
        for (const wal::Pending& one : taken->entries) {
            const wal::Failure failure{.cause = cause,
                                       .attempts = 1,
                                       .failed_at = wall_now(),
                                       .status = 400,
                                       .reason = "400",
                                       .answer = "no"};
            world_.log->fail("main", one.seq, failure, wal::Log::Mark::synced);
        }
        const auto listed = [&] {
            wal::Query query;
            query.state = wal::EntryState::failed;
            query.count_max = 20'000;
            query.scan_max = 20'000;
            return world_.log->list(query)->entries.size();
        };
        EXPECT_TRUE(world_.until([&] { return listed() == world_.log->counts("main").failed; }));
    }

    void expect_error(const Json& answer, unsigned status, const std::string& code) {
        EXPECT_EQ(status_, status);
        ASSERT_TRUE(answer.contains("error")) << answer;
        EXPECT_EQ(answer["error"]["code"], code) << answer;
        EXPECT_FALSE(answer["error"]["message"].get<std::string>().empty());
    }

    static std::vector<std::uint64_t> seqs(const Json& page) {
        std::vector<std::uint64_t> all;
        for (const Json& one : page["entries"]) all.push_back(one["seq"]);
        return all;
    }

    TempDir dir_;
    IngestWorld world_;
    Host host_{world_};
    AdminServer admin_{world_.io.get_executor(), host_};
    unsigned status_ = 0;
};

TEST_F(AdminApi, Status) {
    EXPECT_EQ(get("/v1/status")["pid"], 812);
    EXPECT_EQ(status_, 200U);
}

TEST_F(AdminApi, MetricsAreTextForPrometheus) {
    App app = App::on_unix(dir_.path("admin.sock"));
    app.send(request("GET", "/metrics"));
    ASSERT_TRUE(world_.until([&] {
        app.pump();
        return !app.answers().empty();
    }));
    EXPECT_EQ(app.answers()[0].field("Content-Type"), kMetricsType);
    EXPECT_THAT(app.answers()[0].body, HasSubstr("\nholdfast_log_up 1\n"));
}

TEST_F(AdminApi, ChecksTheLogStepByStep) {
    store({"1", "2", "3"});
    std::uint64_t entries = 0;
    Json from = "";
    for (int steps = 0; !from.is_null() && steps < 20; ++steps) {
        const Json step = get("/v1/check?from=" + from.get<std::string>());
        ASSERT_EQ(status_, 200U) << step;
        EXPECT_EQ(step["findings"], Json::array());
        EXPECT_EQ(step["head"], 3);
        EXPECT_EQ(step["tail"], 1);
        entries += step["entries"].get<std::uint64_t>();
        from = step["next"];
    }
    EXPECT_TRUE(from.is_null());
    EXPECT_EQ(entries, 3U);
}

TEST_F(AdminApi, ACheckGoesOnOnlyWhereOneWas) {
    expect_error(get("/v1/check?from=nowhere"), 400, "bad_input");
}

TEST_F(AdminApi, WhatIsLostCanBeSeen) {
    EXPECT_EQ(call("POST", "/v1/lost/seen", "{}"), (Json{{"seen", 0}}));
    EXPECT_EQ(status_, 200U);
}

TEST_F(AdminApi, TheLevelIsSetForOneDestinationOrForAll) {
    EXPECT_EQ(call("POST", "/v1/level", R"({"level": "disabled", "destination": "main"})"),
              (Json{{"level", "disabled"}, {"destinations", {"main"}}}));
    EXPECT_EQ(host_.level_, transport::Level::disabled);
    call("POST", "/v1/level", R"({"level": "full"})");
    EXPECT_EQ(status_, 200U);
    EXPECT_EQ(host_.level_, transport::Level::full);
    expect_error(
        call("POST", "/v1/level", R"({"level": "full", "destination": "x"})"), 404, "not_found");
    for (const char* body : {"",
                             "[]",
                             "{}",
                             R"({"level": "half"})",
                             R"({"level": 1})",
                             R"({"level": "full", "destination": ""})",
                             R"({"level": "full", "destination": 1})"}) {
        expect_error(call("POST", "/v1/level", body), 400, "bad_input");
    }
}

TEST_F(AdminApi, ListsInTheOrderOfTheLogPageByPage) {
    store({"1", "2", "3", "4", "5"});
    Json page = get("/v1/entries?limit=2");
    EXPECT_THAT(seqs(page), ElementsAre(1, 2));
    EXPECT_EQ(page["next"], 2);
    page = get("/v1/entries?limit=2&after=2");
    EXPECT_THAT(seqs(page), ElementsAre(3, 4));
    page = get("/v1/entries?limit=2&after=4");
    EXPECT_THAT(seqs(page), ElementsAre(5));
    EXPECT_EQ(page["next"], nullptr);
    EXPECT_THAT(seqs(get("/v1/entries?after=9223372036854775807")), IsEmpty());
}

TEST_F(AdminApi, ListsByStatePersonDestinationAndOperation) {
    store({"1", "2", "12"});
    host_.in_flight_ = {Seq{2}};
    EXPECT_THAT(seqs(get("/v1/entries?state=in_flight")), ElementsAre(2));
    EXPECT_EQ(get("/v1/entries?state=in_flight")["entries"][0]["state"], "in_flight");
    EXPECT_THAT(seqs(get("/v1/entries?state=in_flight&after=2")), IsEmpty());
    EXPECT_THAT(seqs(get("/v1/entries?state=pending")), ElementsAre(1, 2, 3));
    EXPECT_THAT(seqs(get("/v1/entries?state=all")), ElementsAre(1, 2, 3));
    EXPECT_THAT(seqs(get("/v1/entries?state=complete")), IsEmpty());
    EXPECT_THAT(seqs(get("/v1/entries?state=retrying")), IsEmpty());
    EXPECT_THAT(seqs(get("/v1/entries?person=id:2")), ElementsAre(2));
    EXPECT_THAT(seqs(get("/v1/entries?person=2")), ElementsAre(2));
    EXPECT_THAT(seqs(get("/v1/entries?person=id%3A2")), ElementsAre(2));
    EXPECT_THAT(seqs(get("/v1/entries?destination=main&limit=1")), ElementsAre(1));
    EXPECT_THAT(seqs(get("/v1/entries?destination=other")), IsEmpty());
    EXPECT_THAT(seqs(get("/v1/entries?operation=identify")), ElementsAre(1, 2, 3));
    EXPECT_THAT(seqs(get("/v1/entries?operation=event")), IsEmpty());
    fail_all();
    host_.in_flight_.clear();
    EXPECT_THAT(seqs(get("/v1/entries?state=failed")), ElementsAre(1, 2, 3));
    EXPECT_THAT(seqs(get("/v1/entries?state=failed&after=1&limit=1")), ElementsAre(2));
    EXPECT_THAT(seqs(get("/v1/entries?state=pending")), IsEmpty());
}

TEST_F(AdminApi, RefusesAListOfWhatThereIsNot) {
    for (const char* query : {"state=lost",
                              "state=",
                              "limit=0",
                              "limit=1001",
                              "limit=x",
                              "limit=-1",
                              "after=x",
                              "after=18446744073709551615",
                              "operation=send",
                              "colour=red"}) {
        expect_error(get(std::string("/v1/entries?") + query), 400, "bad_input");
    }
    get("/v1/entries?limit=1000");
    EXPECT_EQ(status_, 200U);
}

TEST_F(AdminApi, ShowsAnEntryByPositionOrIdAndItsBodyOnlyWhenAsked) {
    store({"1", "2"});
    const Json by_seq = get("/v1/entries/2");
    EXPECT_EQ(by_seq["person"], "id:2");
    EXPECT_FALSE(by_seq.contains("body"));
    const std::string id = by_seq["id"];
    EXPECT_EQ(get("/v1/entries/" + id), by_seq);
    EXPECT_EQ(get("/v1/entries/2?body=1")["body"], R"({"plan":"basic"})");
    expect_error(get("/v1/entries/3"), 404, "not_found");
    expect_error(get("/v1/entries/0"), 404, "not_found");
    expect_error(get("/v1/entries/01KDYGA0KE0000000000000018"), 404, "not_found");
    expect_error(get("/v1/entries/nonsense"), 400, "bad_input");
}

// Whether an e-mail that may have arrived is sent again is for a person to decide, one by one.
TEST_F(AdminApi, ReplayingAllLeavesAnEmailInDoubt) {
    store({"1"});
    fail_all();
    App& app = world_.connect();
    const std::string body =
        R"({"to":"a@b.c","identifiers":{"id":"1"},"transactional_message_id":"receipt"})";
    app.send("POST /v1/send/email HTTP/1.1\r\nHost: h\r\nContent-Length: " +
             std::to_string(body.size()) + "\r\n\r\n" + body);
    ASSERT_TRUE(world_.until([&] { return app.answers().size() == 1; }));
    fail_all(FailureCause::ambiguous);
    const Json all = call("POST", "/v1/replay", R"({"all":true})");
    ASSERT_EQ(all["replayed"].size(), 1U) << all;
    EXPECT_EQ(all["replayed"][0]["seq"], 1);
    ASSERT_EQ(all["skipped"].size(), 1U);
    EXPECT_EQ(all["skipped"][0]["entry"], "2");
    EXPECT_EQ(all["remaining"], 1);
    const Json one = call("POST", "/v1/replay", R"({"entries":["2"]})");
    EXPECT_EQ(one["replayed"].size(), 1U) << one;
}

TEST_F(AdminApi, ReplayingAllReachesWhatStandsBehindManyInDoubt) {
    store(std::vector<std::string>(1001, "1"));
    fail_all(FailureCause::ambiguous);
    store({"2"});
    fail_all();
    Json answer = call("POST", "/v1/replay", R"({"all":true})");
    EXPECT_TRUE(answer["replayed"].empty());
    EXPECT_EQ(answer["skipped"].size(), 1000U);
    EXPECT_EQ(answer["next"], 1000);
    EXPECT_EQ(answer["up_to"], 1002);
    answer = call("POST", "/v1/replay", R"({"all":true,"after":1000,"up_to":1002})");
    ASSERT_EQ(answer["replayed"].size(), 1U);
    EXPECT_EQ(answer["replayed"][0]["seq"], 1002);
    ASSERT_EQ(answer["skipped"].size(), 1U);
    EXPECT_EQ(answer["skipped"][0]["entry"], "1001");
    EXPECT_TRUE(answer["next"].is_null());
    EXPECT_EQ(answer["remaining"], 1001);
}

TEST_F(AdminApi, ReplaysOneByPositionAndOneById) {
    store({"1", "2", "3"});
    fail_all();
    const std::string id = get("/v1/entries/2")["id"];
    const Json answer =
        call("POST", "/v1/replay", R"({"entries":["1",")" + id + R"(","1","99","x"]})");
    EXPECT_EQ(status_, 200U);
    ASSERT_EQ(answer["replayed"].size(), 2U) << answer;
    EXPECT_EQ(answer["replayed"][0]["seq"], 1);
    EXPECT_EQ(answer["replayed"][0]["new_seq"], 4);
    EXPECT_EQ(answer["replayed"][1]["id"], id);
    ASSERT_EQ(answer["skipped"].size(), 3U);
    std::map<std::string, std::string> skipped;
    for (const Json& one : answer["skipped"]) skipped[one["entry"]] = one["reason"];
    EXPECT_THAT(skipped["99"], HasSubstr("no entry 99"));
    EXPECT_THAT(skipped["x"], HasSubstr("neither"));
    EXPECT_THAT(skipped["1"], HasSubstr("entry 1 is "));
    EXPECT_EQ(answer["remaining"], 1);
    const Json again = get("/v1/entries/4");
    EXPECT_EQ(again["state"], "pending");
    EXPECT_EQ(again["parent"], answer["replayed"][0]["id"]);
    EXPECT_EQ(again["id"], answer["replayed"][0]["new_id"]);
}

TEST_F(AdminApi, ReplaysAll) {
    store({"1", "2", "3"});
    fail_all();
    Json answer = call("POST", "/v1/replay", R"({"all":true})");
    EXPECT_EQ(answer["replayed"].size(), 3U);
    EXPECT_EQ(answer["remaining"], 0);
    answer = call("POST", "/v1/replay", R"({"all":true})");
    EXPECT_EQ(status_, 200U);
    EXPECT_TRUE(answer["replayed"].empty());
}

TEST_F(AdminApi, ReplaysAllUpToWhereTheFirstCallSaw) {
    store({"1", "2", "3"});
    fail_all();
    const Json first = call("POST", "/v1/replay", R"({"all":true})");
    EXPECT_EQ(first["replayed"].size(), 3U);
    EXPECT_EQ(first["up_to"], 3);
    fail_all();  // again
    const Json second = call("POST", "/v1/replay", R"({"all":true,"up_to":3})");
    EXPECT_TRUE(second["replayed"].empty()) << second;
    EXPECT_EQ(second["remaining"], 3);
    const Json behind_all =
        call("POST", "/v1/replay", R"({"all":true,"after":18446744073709551615})");
    EXPECT_TRUE(behind_all["replayed"].empty()) << behind_all;
    EXPECT_EQ(call("POST", "/v1/replay", R"({"all":true})")["replayed"].size(), 3U);
    for (const char* unclear : {R"({"all":true,"up_to":"3"})",
                                R"({"all":true,"up_to":-1})",
                                R"({"all":true,"after":null})",
                                R"({"entries":["1"],"after":3})",
                                R"({"entries":["1"],"up_to":3})"}) {
        expect_error(call("POST", "/v1/replay", unclear), 400, "bad_input");
    }
}

TEST_F(AdminApi, RefusesAReplayThatIsNotClear) {
    std::string many = R"({"entries":["1")";
    for (int i = 0; i < 1000; ++i) many += R"(,"1")";
    many += "]}";
    for (const std::string& body : {std::string("x"),
                                    std::string("[]"),
                                    std::string("{}"),
                                    std::string(R"({"all":false})"),
                                    std::string(R"({"all":"true"})"),
                                    std::string(R"({"entries":[]})"),
                                    std::string(R"({"entries":["1",2]})"),
                                    std::string(R"({"entries":"1"})"),
                                    std::string(R"({"all":true,"entries":["1"]})"),
                                    many}) {
        expect_error(call("POST", "/v1/replay", body), 400, "bad_input");
    }
}

// Events of these names, all of one person.
std::string track(const std::string& name) {
    return request("POST", "/api/v1/customers/1/events", R"({"name":")" + name + R"("})");
}

TEST_F(AdminApi, CountsDeadLettersByWhatWentWrong) {
    store({"1", "2"});
    fail_all();
    App& app = world_.connect();
    app.send(track("purchase"));
    ASSERT_TRUE(world_.until([&] { return app.answers().size() == 1; }));
    fail_all(FailureCause::too_old);
    const Json all = get("/v1/groups");
    ASSERT_EQ(all["groups"].size(), 2U) << all;
    EXPECT_TRUE(all["next"].is_null());
    std::map<std::string, Json> by_operation;
    for (const Json& group : all["groups"]) by_operation[group["operation"]] = group;
    const Json& identifies = by_operation["identify"];
    EXPECT_EQ(identifies["count"], 2);
    EXPECT_EQ(identifies["cause"], "poison");
    EXPECT_EQ(identifies["status"], 400);
    EXPECT_EQ(identifies["reason"], "400");
    EXPECT_EQ(identifies["destination"], "main");
    EXPECT_EQ(identifies["example"]["seq"], 1);
    EXPECT_EQ(identifies["group"].get<std::string>().size(), 12U);
    const Json& purchases = by_operation["event"];
    EXPECT_EQ(purchases["name"], "purchase");
    const std::string group = purchases["group"];
    EXPECT_THAT(seqs(get("/v1/entries?state=failed&group=" + group)), ElementsAre(3));
    EXPECT_EQ(get("/v1/groups?operation=event")["groups"].size(), 1U);
    EXPECT_EQ(get("/v1/groups?after=3")["groups"].size(), 0U);
    expect_error(get("/v1/groups?after=x"), 400, "bad_input");
    expect_error(get("/v1/groups?colour=red"), 400, "bad_input");
}

TEST_F(AdminApi, AStepOfCountingEndsAndTheNextGoesOn) {
    store(std::vector<std::string>(10'001, "1"));
    for (int i = 0; i < 3; ++i) fail_all();  // take() gives some thousands at once
    const Json first = get("/v1/groups");
    ASSERT_EQ(first["groups"].size(), 1U);
    EXPECT_EQ(first["groups"][0]["count"], 10'000);
    ASSERT_EQ(first["next"], 10'000);
    const Json second = get("/v1/groups?after=10000");
    EXPECT_EQ(second["groups"][0]["count"], 1);
    EXPECT_EQ(second["groups"][0]["group"], first["groups"][0]["group"]);
    EXPECT_TRUE(second["next"].is_null());
}

TEST_F(AdminApi, SelectsByNameCauseAndTime) {
    App& app = world_.connect();
    for (const char* name : {"a", "b", "a"}) app.send(track(name));
    ASSERT_TRUE(world_.until([&] { return app.answers().size() == 3; }));
    fail_all();
    EXPECT_THAT(seqs(get("/v1/entries?state=failed&name=a")), ElementsAre(1, 3));
    EXPECT_THAT(seqs(get("/v1/entries?state=failed&cause=poison&name=b")), ElementsAre(2));
    EXPECT_THAT(seqs(get("/v1/entries?state=failed&cause=ambiguous")), IsEmpty());
    EXPECT_THAT(seqs(get("/v1/entries?state=failed&since=2100-01-01T00:00:00Z")), IsEmpty());
    EXPECT_THAT(seqs(get("/v1/entries?state=failed&until=2100-01-01T00:00:00Z")),
                ElementsAre(1, 2, 3));
    EXPECT_THAT(seqs(get("/v1/entries?since=2000-01-01T00:00:00Z")), ElementsAre(1, 2, 3));
    for (const char* wrong : {"cause=x", "since=yesterday", "until=2100-01-01"}) {
        expect_error(get(std::string("/v1/entries?") + wrong), 400, "bad_input");
    }
}

TEST_F(AdminApi, AListHasBodiesOnlyWhereItIsAskedForThem) {
    store({"1"});
    EXPECT_FALSE(get("/v1/entries")["entries"][0].contains("body"));
    const Json one = get("/v1/entries?body=1")["entries"][0];
    EXPECT_EQ(one["body"], R"({"plan":"basic"})");
    EXPECT_EQ(one["target"], "/api/v1/customers/1");
}

TEST_F(AdminApi, ReplaysASelectionStepByStep) {
    App& app = world_.connect();
    for (const char* name : {"a", "b", "a", "a"}) app.send(track(name));
    ASSERT_TRUE(world_.until([&] { return app.answers().size() == 4; }));
    fail_all();
    const Json first = call("POST", "/v1/replay", R"({"where":{"name":"a"},"limit":2})");
    ASSERT_EQ(first["replayed"].size(), 2U) << first;
    EXPECT_EQ(first["replayed"][1]["seq"], 3);
    EXPECT_EQ(first["remaining"], 2);
    const Json second =
        call("POST", "/v1/replay", R"({"where":{"name":"a"},"limit":2,"after":3,"up_to":4})");
    ASSERT_EQ(second["replayed"].size(), 1U) << second;
    EXPECT_EQ(second["replayed"][0]["seq"], 4);
    EXPECT_TRUE(second["next"].is_null());
    EXPECT_THAT(seqs(get("/v1/entries?state=failed")), ElementsAre(2));
    // The vendor sees the event's own id again.
    EXPECT_EQ(get("/v1/entries/1?body=1")["body"], get("/v1/entries/5?body=1")["body"]);
    EXPECT_EQ(get("/v1/entries/1")["child"]["seq"], 5);
    EXPECT_EQ(get("/v1/entries/1")["state"], "replayed");
}

TEST_F(AdminApi, ASelectionOfWhatMayHaveArrivedIsReplayedOnlyWhenThatIsSaid) {
    store({"1", "2"});
    fail_all(FailureCause::ambiguous);
    const Json without = call("POST", "/v1/replay", R"({"where":{"person":"1"}})");
    EXPECT_TRUE(without["replayed"].empty());
    ASSERT_EQ(without["skipped"].size(), 1U);
    EXPECT_THAT(without["skipped"][0]["reason"].get<std::string>(), HasSubstr("may have arrived"));
    const Json with = call("POST", "/v1/replay", R"({"where":{"person":"1"},"ambiguous":true})");
    EXPECT_EQ(with["replayed"].size(), 1U) << with;
    EXPECT_EQ(call("POST", "/v1/drop", R"({"where":{"cause":"ambiguous"}})")["dropped"].size(), 1U);
}

TEST_F(AdminApi, DropsByNameBySelectionAndAll) {
    store({"1", "2", "3", "4"});
    fail_all();
    const Json one = call("POST", "/v1/drop", R"({"entries":["2","2","99"]})");
    ASSERT_EQ(one["dropped"].size(), 1U) << one;
    EXPECT_EQ(one["dropped"][0]["seq"], 2);
    EXPECT_EQ(one["skipped"].size(), 2U);
    EXPECT_EQ(one["remaining"], 3);
    EXPECT_EQ(get("/v1/entries/2")["state"], "dropped");
    EXPECT_THAT(seqs(get("/v1/entries?state=dropped")), ElementsAre(2));
    EXPECT_NE(host_.dropped_by_.uid, Peer::kUnknown);
    EXPECT_EQ(call("POST", "/v1/drop", R"({"where":{"person":"3"}})")["dropped"].size(), 1U);
    const Json all = call("POST", "/v1/drop", R"({"all":true})");
    EXPECT_EQ(all["dropped"].size(), 2U);
    EXPECT_EQ(all["remaining"], 0);
    EXPECT_EQ(world_.log->counts("main").dropped, 4U);
}

TEST_F(AdminApi, RefusesASelectionThatIsNotClear) {
    for (const char* body : {R"({"where":{}})",
                             R"({"where":"all"})",
                             R"({"where":{"name":""}})",
                             R"({"where":{"name":7}})",
                             R"({"where":{"colour":"red"}})",
                             R"({"where":{"name":"a"},"all":true})",
                             R"({"where":{"name":"a"},"limit":0})",
                             R"({"where":{"name":"a"},"limit":1001})",
                             R"({"entries":["1"],"limit":5})"}) {
        expect_error(call("POST", "/v1/replay", body), 400, "bad_input");
        expect_error(call("POST", "/v1/drop", body), 400, "bad_input");
    }
}

TEST_F(AdminApi, AnEditIsANewEntryWithAParentAndKeepsTheVendorsId) {
    App& app = world_.connect();
    app.send(track("a"));
    ASSERT_TRUE(world_.until([&] { return app.answers().size() == 1; }));
    fail_all();
    Json body = Json::parse(get("/v1/entries/1?body=1")["body"].get<std::string>());
    const std::string id = body["id"];
    body["data"] = {{"price", 7}};
    const Json edited = call("POST", "/v1/entries/1/edit", body.dump());
    ASSERT_EQ(status_, 200U) << edited;
    EXPECT_EQ(edited["seq"], 1);
    EXPECT_EQ(edited["new_seq"], 2);
    const Json child = get("/v1/entries/2?body=1");
    EXPECT_EQ(child["body"], body.dump());
    EXPECT_THAT(child["body"].get<std::string>(), HasSubstr(id));
    EXPECT_EQ(child["parent"], edited["id"]);
    EXPECT_EQ(child["id"], edited["new_id"]);
    EXPECT_EQ(get("/v1/entries/1")["child"]["id"], edited["new_id"]);
    EXPECT_THAT(seqs(get("/v1/entries?state=failed")), IsEmpty());
}

TEST_F(AdminApi, ABadEditIsRefusedAndChangesNothing) {
    store({"1", "2"});
    fail_all();
    store({"3"});
    const Json refused = call("POST", "/v1/entries/1/edit", "[");
    expect_error(refused, 400, "bad_input");
    EXPECT_THAT(refused["error"]["message"].get<std::string>(), HasSubstr("invalid_json"));
    expect_error(call("POST", "/v1/entries/3/edit", "{}"), 400, "bad_input");
    expect_error(call("POST", "/v1/entries/99/edit", "{}"), 404, "not_found");
    EXPECT_EQ(world_.log->counts("main").failed, 2U);
    // Larger than any other request may be.
    std::string large = R"({"note":")" + std::string(900, 'x');
    for (int i = 0; i < 100; ++i)
        large += R"(","n)" + std::to_string(i) + R"(":")" + std::string(900, 'x');
    call("POST", "/v1/entries/2/edit", large + R"("})");
    EXPECT_EQ(status_, 200U);
    expect_error(call("POST", "/v1/entries/1/edit", std::string(4'000'001, ' ')), 400, "bad_input");
}

TEST_F(AdminApi, WhatItDoesNotKnowIsNotFound) {
    for (const char* target : {"/", "/v1", "/v2/status", "/v1/status/x", "/v1/entries/1/x"}) {
        expect_error(get(target), 404, "not_found");
    }
    expect_error(call("POST", "/v1/status"), 404, "not_found");
    expect_error(get("/v1/replay"), 404, "not_found");
    expect_error(get("/v1/%zz"), 400, "bad_input");
    expect_error(get("http://x/v1/status"), 400, "bad_input");
}

TEST_F(AdminApi, WhatIsNoRequestOrTooLargeIsRefused) {
    expect_error(call("POST", "/v1/replay", std::string(70'000, 'x')), 400, "bad_input");
    expect_error(call("G\x01T", "/v1/status"), 400, "bad_input");
}

TEST_F(AdminApi, SaysThatTheLogCannotBeUsed) {
    store({"1"});
    fail_all();
    world_.disk.break_down();
    App& app = world_.connect();
    app.send(identify("2"));
    ASSERT_TRUE(world_.until([&] { return !app.answers().empty(); }));
    const Json answer = call("POST", "/v1/replay", R"({"entries":["1"]})");
    // One answer for each entry: the call itself was right.
    EXPECT_EQ(status_, 200U);
    EXPECT_EQ(answer["skipped"].size(), 1U);
    ASSERT_TRUE(world_.until([&] { return !world_.log->list({}); }));
    expect_error(get("/v1/entries"), 503, "storage_failed");
}

TEST_F(AdminApi, AnswersOneRequestAfterTheOtherOnAConnection) {
    App app = App::on_unix(dir_.path("admin.sock"));
    app.send(request("GET", "/v1/status") + request("GET", "/v1/nothing") +
             request("GET", "/v1/status", {}, "Connection: close\r\n"));
    EXPECT_TRUE(world_.until([&] {
        app.pump();
        return app.ended();
    }));
    ASSERT_EQ(app.answers().size(), 3U);
    EXPECT_EQ(app.answers()[1].status, 404U);
}

TEST_F(AdminApi, OfMoreThanSixteenConnectionsThatWhichWaitedTheLongestIsClosed) {
    std::vector<App> apps;
    for (int i = 0; i < 17; ++i) {
        apps.push_back(App::on_unix(dir_.path("admin.sock")));
        apps.back().send("GET /v1/sta");  // it does not matter
        apps.back().pump();
        world_.settle();
    }
    const auto ended = [&] {
        for (App& app : apps) app.pump();
        return std::count_if(apps.begin(), apps.end(), [](const App& app) { return app.ended(); });
    };
    EXPECT_EQ(ended(), 1);
    EXPECT_TRUE(apps.front().ended());
    EXPECT_TRUE(get("/v1/status").contains("pid"));
    EXPECT_EQ(ended(), 2);
}

TEST_F(AdminApi, OneThatSpokeIsNotClosedForThoseOfAnotherProcessThatDoNot) {
    App app = App::on_unix(dir_.path("admin.sock"));
    const std::vector<App> silent = App::elsewhere_on_unix(dir_.path("admin.sock"), 200);
    app.send(request("GET", "/v1/status"));
    EXPECT_TRUE(world_.until([&] {
        app.pump();
        return app.answers().size() == 1 || app.ended();
    }));
    EXPECT_EQ(app.answers().size(), 1U);
}

TEST_F(AdminApi, ABurstOfAProcessDoesNotCloseItsOwnOfAMomentAgo) {
    std::vector<App> apps;
    for (int i = 0; i < 17; ++i) {
        apps.push_back(App::on_unix(dir_.path("admin.sock")));
        apps.back().send(request("GET", "/v1/status"));
        apps.back().pump();
    }
    for (App& app : apps) {
        EXPECT_TRUE(world_.until([&] {
            app.pump();
            return !app.answers().empty() || app.ended();
        }));
        EXPECT_EQ(app.answers().size(), 1U);
    }
    EXPECT_EQ(apps.back().answers()[0].status, 503U);
}

TEST_F(AdminApi, WhatHasComeAndIsNotReadYetIsAnswered) {
    std::vector<App> apps;
    for (int i = 0; i < 16; ++i) apps.push_back(App::on_unix(dir_.path("admin.sock")));
    world_.settle();
    App& first = apps.front();
    const std::vector<App> other = App::elsewhere_on_unix(dir_.path("admin.sock"), 1);
    first.send(request("GET", "/v1/status"));
    first.pump();
    EXPECT_TRUE(world_.until([&] {
        first.pump();
        return !first.answers().empty() || first.ended();
    }));
    EXPECT_EQ(first.answers().size(), 1U);
}

TEST_F(AdminApi, OneTooManyWhileAllAreAnsweredIsRefused) {
    host_.delay();
    std::vector<App> apps;
    for (int i = 0; i < 17; ++i) {
        apps.push_back(App::on_unix(dir_.path("admin.sock")));
        apps.back().send(request("GET", "/v1/status"));
        apps.back().pump();
        world_.settle();
    }
    App& refused = apps.back();
    EXPECT_TRUE(world_.until([&] {
        refused.pump();
        return refused.ended();
    }));
    ASSERT_EQ(refused.answers().size(), 1U);
    EXPECT_EQ(refused.answers()[0].status, 503U);
    EXPECT_EQ(refused.answers()[0].field("Retry-After"), "1");
    host_.go_on();
    const auto answered = [&] {
        for (App& app : apps) app.pump();
        return std::count_if(apps.begin(), apps.end(), [](const App& app) {
            return !app.answers().empty() && app.answers()[0].status == 200;
        });
    };
    EXPECT_TRUE(world_.until([&] { return answered() == 16; }));
}

}  // namespace
}  // namespace holdfast::agent
