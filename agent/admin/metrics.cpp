#include "agent/admin/metrics.hpp"

#include "agent/text.hpp"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <chrono>
#include <sstream>
#include <utility>
#include <vector>

namespace holdfast::agent {
namespace {

using prometheus::ClientMetric;
using prometheus::MetricFamily;
using prometheus::MetricType;
using Labels = std::vector<ClientMetric::Label>;

double seconds(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

double unix_time(WallTime time) {
    return static_cast<double>(unix_ms(time)) / 1000;
}

// In the order in which they are added; a family's series one after the other.
class Families {
public:
    template <class Number>
    void gauge(const char* name, const char* help, Number value, Labels labels = {}) {
        ClientMetric& metric = series(name, help, MetricType::Gauge, std::move(labels));
        metric.gauge.value = static_cast<double>(value);
    }

    void counter(const char* name, const char* help, std::uint64_t value, Labels labels = {}) {
        ClientMetric& metric = series(name, help, MetricType::Counter, std::move(labels));
        metric.counter.value = static_cast<double>(value);
    }

    void times(const char* name, const char* help, const wal::SyncTimes& times) {
        ClientMetric& metric = series(name, help, MetricType::Histogram, {});
        std::uint64_t count = 0;
        for (std::size_t i = 0; i < times.kBounds.size(); ++i) {
            count += times.counts.at(i);
            metric.histogram.bucket.push_back({count, seconds(times.kBounds.at(i))});
        }
        metric.histogram.sample_count = count + times.counts.back();
        metric.histogram.sample_sum = seconds(times.sum);
    }

    [[nodiscard]] std::string text() const {
        std::ostringstream out;
        prometheus::TextSerializer().Serialize(out, families_);
        return out.str();
    }

private:
    ClientMetric& series(const char* name, const char* help, MetricType type, Labels labels) {
        auto family = families_.begin();
        while (family != families_.end() && family->name != name) ++family;
        if (family == families_.end()) {
            family = families_.insert(family, MetricFamily{name, help, type, {}});
        }
        ClientMetric metric;
        metric.label = std::move(labels);
        family->metric.push_back(std::move(metric));
        return family->metric.back();
    }

    std::vector<MetricFamily> families_;
};

void add_known_log(const wal::Health& log, Families& to) {
    to.gauge("holdfast_log_head", "The newest position.", log.head.value);
    to.gauge("holdfast_log_tail", "The oldest position that is kept in place.", log.tail.value);
    to.gauge("holdfast_log_lost",
             "Acknowledged entries that the disk did not give back, until somebody has seen it; at "
             "least 1 when nobody can say how many.",
             wal::count_of(log.lost) + log.lost_unnamed.value_or(1));
}

void add_log(const AgentStatus& status, Families& to) {
    const wal::Health& log = status.log;
    to.gauge("holdfast_log_up", "1 while the log takes events, 0 while it has failed.", log.ok);
    to.counter("holdfast_log_failures_total",
               "Writes that failed: nothing was acknowledged until the log was open again.",
               log.failures);
    to.times("holdfast_log_sync_seconds", "How long synced writes took.", log.syncs);
    if (status.is_log_known) add_known_log(log, to);
    to.counter("holdfast_log_damaged_total", "Entries that could not be read.", log.damaged);
    to.gauge("holdfast_log_bytes", "What the log's directory takes.", status.space.use.used);
    to.gauge("holdfast_log_disk_free_bytes", "Free on its disk.", status.space.use.free);
    const wal::SpaceLimits& limits = status.space.limits;
    if (limits.max_bytes > 0) {
        to.gauge("holdfast_log_max_bytes", "max_bytes in force.", limits.max_bytes);
    }
    to.gauge("holdfast_log_disk_min_free_bytes", "min_free in force.", limits.min_free);
    to.gauge("holdfast_log_ballast_bytes", "What the ballast holds.", status.space.ballast);
    to.gauge("holdfast_log_space_level",
             "0 ok, 1 tight: ordinary events are refused, 2 critical, 3 full: nothing is taken.",
             static_cast<int>(status.space.level));
    for (std::size_t i = 0; i < wal::kPriorityCount; ++i) {
        to.counter("holdfast_log_no_room_total",
                   "Events that were refused for want of room.",
                   status.space.refused.at(i),
                   {{"priority", std::string(to_string(wal::Priority(i)))}});
    }
}

void add_ingest(const IngestStatus& ingest, Families& to) {
    to.gauge("holdfast_ingest_connections", "Connections of apps.", ingest.connections);
    to.counter("holdfast_ingest_acknowledged_total", "Events acknowledged.", ingest.acknowledged);
    to.counter("holdfast_ingest_repeated_total",
               "Events answered like an earlier one with the same key.",
               ingest.repeated);
    to.counter(
        "holdfast_ingest_refused_total", "Events refused for what is in them.", ingest.refused);
    to.counter(
        "holdfast_ingest_failed_total", "Events that the log could not take.", ingest.failed);
}

void add_endpoint(const std::string& destination, const EndpointStatus& endpoint, Families& to) {
    const Labels labels{{"destination", destination}, {"endpoint", endpoint.name}};
    to.counter("holdfast_attempts_total", "Requests made.", endpoint.attempts, labels);
    to.counter("holdfast_delivered_total", "Entries accepted there.", endpoint.delivered, labels);
    using State = transport::Breaker::State;
    for (const State state : {State::closed, State::open, State::half_open}) {
        Labels with_state = labels;
        with_state.push_back({"state", std::string(transport::to_string(state))});
        to.gauge("holdfast_breaker",
                 "1 for the state that the breaker is in.",
                 endpoint.breaker == state,
                 with_state);
    }
    to.gauge("holdfast_concurrency",
             "Requests at once that the endpoint is thought to bear.",
             endpoint.concurrency,
             labels);
    to.gauge("holdfast_rate_share",
             "What 429s have left of the configured rate: 1 is all of it.",
             endpoint.rate_share,
             labels);
    to.gauge("holdfast_gates", "How many gates are closed.", endpoint.gates.size(), labels);
}

void add_counts(const AgentStatus::Destination& destination, WallTime now, Families& to) {
    const Labels labels{{"destination", destination.name}};
    to.gauge("holdfast_pending",
             "Entries neither complete nor failed.",
             destination.counts.pending,
             labels);
    to.gauge("holdfast_dead_letters", "Failed entries.", destination.counts.failed, labels);
    to.counter(
        "holdfast_complete_total", "Entries completed.", destination.counts.complete, labels);
    to.counter("holdfast_dropped_total",
               "Dead letters that an operator dropped.",
               destination.counts.dropped,
               labels);
    const auto since = destination.oldest_pending_at;
    to.gauge("holdfast_oldest_pending_seconds",
             "Age of the oldest pending entry; 0 when there is none.",
             since && *since < now ? seconds(now - *since) : 0.0,
             labels);
    if (!destination.delivery) return;
    to.gauge("holdfast_retrying",
             "Entries that wait for another attempt.",
             destination.delivery->retrying,
             labels);
}

void add_delivery(const AgentStatus::Destination& destination, Families& to) {
    if (!destination.delivery) return;
    const Labels labels{{"destination", destination.name}};
    to.gauge("holdfast_in_flight",
             "Entries with a request under way.",
             destination.delivery->in_flight.size(),
             labels);
    using transport::Level;
    for (const Level level : {Level::full, Level::essential_only, Level::disabled}) {
        Labels with_level = labels;
        with_level.push_back({"level", std::string(transport::to_string(level))});
        to.gauge("holdfast_level",
                 "1 for the degradation level that an operator chose.",
                 destination.delivery->degradation.level == level,
                 with_level);
    }
    to.gauge("holdfast_essential_first",
             "1 while essential entries go strictly first, by age or by disk.",
             destination.delivery->degradation.essential_first,
             labels);
    for (const EndpointStatus& endpoint : destination.delivery->endpoints) {
        add_endpoint(destination.name, endpoint, to);
    }
}

}  // namespace

std::string metrics_text(const AgentStatus& status, WallTime now) {
    Families families;
    families.gauge("holdfast_info", "The version.", 1, {{"version", HOLDFAST_VERSION}});
    families.gauge(
        "holdfast_start_time_seconds", "When the agent started.", unix_time(status.started_at));
    add_log(status, families);
    add_ingest(status.ingest, families);
    for (const AgentStatus::Destination& destination : status.destinations) {
        if (status.is_log_known) add_counts(destination, now, families);
        add_delivery(destination, families);
    }
    return families.text();
}

}  // namespace holdfast::agent
