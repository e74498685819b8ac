#include "agent/admin/metrics.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <sstream>

namespace holdfast::agent {
namespace {

using testing::HasSubstr;
using testing::Not;
using namespace std::chrono_literals;

const WallTime kNow = wall_from_ms(1'700'000'000'000);

AgentStatus in_trouble() {
    AgentStatus status;
    status.started_at = kNow - 100s;
    status.log.ok = false;
    status.log.failures = 3;
    status.log.lost = {{{7}, {9}}, {{11}, {11}}};
    status.log.syncs.record(90us);
    status.log.syncs.record(3ms);
    status.log.syncs.record(2s);
    status.space.level = wal::SpaceLevel::critical;
    status.space.refused = {5, 1, 0};
    status.space.limits = {.max_bytes = 4096, .min_free = 512};
    status.space.ballast = 96;
    status.ingest.acknowledged = 119;
    EndpointStatus track;
    track.name = "track";
    track.breaker = transport::Breaker::State::open;
    track.attempts = 130;
    track.delivered = 104;
    DestinationStatus delivery{"main", "customerio", {Seq{118}}, 2, {track}, {}};
    status.destinations.push_back({"main",
                                   {.pending = 12, .complete = 104, .failed = 1, .dropped = 5},
                                   kNow - 90s,
                                   delivery});
    status.destinations.push_back({"a \"b\"", {}, std::nullopt, std::nullopt});
    return status;
}

TEST(Metrics, SayWhatTheStatusSays) {
    const std::string text = metrics_text(in_trouble(), kNow);
    for (const char* line : {
             "# TYPE holdfast_log_up gauge\nholdfast_log_up 0\n",
             "# TYPE holdfast_log_failures_total counter\nholdfast_log_failures_total 3\n",
             "\nholdfast_log_lost 4\n",
             "\nholdfast_log_max_bytes 4096\n",
             "\nholdfast_log_disk_min_free_bytes 512\n",
             "\nholdfast_log_ballast_bytes 96\n",
             "\nholdfast_log_space_level 2\n",
             "\nholdfast_log_no_room_total{priority=\"ordinary\"} 5\n",
             "\nholdfast_ingest_acknowledged_total 119\n",
             "\nholdfast_pending{destination=\"main\"} 12\n",
             "\nholdfast_dead_letters{destination=\"main\"} 1\n",
             "\nholdfast_dropped_total{destination=\"main\"} 5\n",
             "\nholdfast_oldest_pending_seconds{destination=\"main\"} 90\n",
             "\nholdfast_in_flight{destination=\"main\"} 1\n",
             "\nholdfast_attempts_total{destination=\"main\",endpoint=\"track\"} 130\n",
             "\nholdfast_breaker{destination=\"main\",endpoint=\"track\",state=\"open\"} 1\n",
             "\nholdfast_breaker{destination=\"main\",endpoint=\"track\",state=\"closed\"} 0\n",
             "\nholdfast_pending{destination=\"a \\\"b\\\"\"} 0\n",
         }) {
        EXPECT_THAT(text, HasSubstr(line));
    }
}

TEST(Metrics, LeaveOutWhatALogThatWasNeverOpenHides) {
    AgentStatus status = in_trouble();
    status.is_log_known = false;
    const std::string text = metrics_text(status, kNow);
    for (const char* name : {"log_head",
                             "log_tail",
                             "log_lost",
                             "pending",
                             "dead_letters",
                             "complete_total",
                             "oldest_pending_seconds",
                             "retrying"}) {
        EXPECT_THAT(text, Not(HasSubstr("\nholdfast_" + std::string(name)))) << name;
    }
    EXPECT_THAT(text, HasSubstr("\nholdfast_log_up 0\n"));
    EXPECT_THAT(text, HasSubstr("\nholdfast_in_flight{destination=\"main\"} 1\n"));
}

TEST(Metrics, HaveTheTimesOfSyncsAsAHistogram) {
    const std::string text = metrics_text(in_trouble(), kNow);
    EXPECT_THAT(text, HasSubstr("holdfast_log_sync_seconds_bucket{le=\"0.0001\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("holdfast_log_sync_seconds_bucket{le=\"0.0025\"} 1\n"));
    EXPECT_THAT(text, HasSubstr("holdfast_log_sync_seconds_bucket{le=\"0.005\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("holdfast_log_sync_seconds_bucket{le=\"1\"} 2\n"));
    EXPECT_THAT(text, HasSubstr("holdfast_log_sync_seconds_bucket{le=\"+Inf\"} 3\n"));
    EXPECT_THAT(text, HasSubstr("holdfast_log_sync_seconds_count 3\n"));
    EXPECT_THAT(text, HasSubstr("holdfast_log_sync_seconds_sum 2.0030"));
}

// A family that is begun twice is an error to a scraper.
TEST(Metrics, NameEachFamilyOnce) {
    std::istringstream lines(metrics_text(in_trouble(), kNow));
    std::set<std::string> families;
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("# TYPE")) {
            EXPECT_TRUE(families.insert(line).second) << line;
        }
    }
    EXPECT_GT(families.size(), 20U);
}

}  // namespace
}  // namespace holdfast::agent
