#include "agent/admin/views.hpp"

#include "agent/finding_view.hpp"
#include "agent/text.hpp"

namespace holdfast::agent {
namespace {

Json time_view(const std::optional<WallTime>& time) {
    return time ? Json(rfc3339(*time)) : Json(nullptr);
}

Json count_view(std::uint64_t count, bool is_known) {
    return is_known ? Json(count) : Json(nullptr);
}

Json text_view(std::string_view text) {
    return text.empty() ? Json(nullptr) : Json(text);
}

// The first of them: after much damage there may be very many.
Json ranges_view(const std::vector<wal::SeqRange>& ranges) {
    constexpr std::size_t kShown = 1000;
    Json view = Json::array();
    for (const wal::SeqRange& range : ranges) {
        if (view.size() == kShown) break;
        view.push_back({{"first", range.first.value}, {"last", range.last.value}});
    }
    return view;
}

Json endpoint_view(const EndpointStatus& endpoint) {
    Json gates = Json::array();
    for (const EndpointStatus::Gate& gate : endpoint.gates) {
        gates.push_back(
            {{"gate", gate.name}, {"until", time_view(gate.until)}, {"reason", gate.reason}});
    }
    return {{"name", endpoint.name},
            {"url", endpoint.url},
            {"breaker",
             {{"state", transport::to_string(endpoint.breaker)},
              {"reason", text_view(endpoint.breaker_reason)},
              {"next_probe_at", time_view(endpoint.next_probe_at)}}},
            {"gates", std::move(gates)},
            {"in_flight", endpoint.in_flight},
            {"concurrency", endpoint.concurrency},
            {"rate_share", endpoint.rate_share},
            {"delivered", endpoint.delivered},
            {"attempts", endpoint.attempts},
            {"last_error", text_view(endpoint.last_error)}};
}

Json degradation_view(const transport::Degradation& degradation) {
    return {{"level", transport::to_string(degradation.level)},
            {"essential_first", degradation.essential_first},
            {"reason", text_view(degradation.reason)}};
}

Json destination_view(const AgentStatus::Destination& destination, bool is_log_known) {
    Json endpoints = Json::array();
    const std::optional<DestinationStatus>& delivery = destination.delivery;
    if (delivery) {
        for (const EndpointStatus& endpoint : delivery->endpoints) {
            endpoints.push_back(endpoint_view(endpoint));
        }
    }
    return {{"name", destination.name},
            {"type", delivery ? delivery->type : "not configured"},
            {"pending", count_view(destination.counts.pending, is_log_known)},
            {"in_flight", delivery ? delivery->in_flight.size() : 0},
            {"retrying", count_view(delivery ? delivery->retrying : 0, is_log_known)},
            {"failed", count_view(destination.counts.failed, is_log_known)},
            {"complete", count_view(destination.counts.complete, is_log_known)},
            {"dropped", count_view(destination.counts.dropped, is_log_known)},
            {"oldest_pending_at", time_view(destination.oldest_pending_at)},
            {"degradation", delivery ? degradation_view(delivery->degradation) : Json(nullptr)},
            {"endpoints", std::move(endpoints)}};
}

Json space_view(const wal::SpaceStatus& space) {
    Json refused;
    for (std::size_t i = 0; i < wal::kPriorityCount; ++i) {
        refused[std::string(to_string(wal::Priority(i)))] = space.refused.at(i);
    }
    const std::uint64_t max_bytes = space.limits.max_bytes;
    return {{"level", to_string(space.level)},
            {"used", space.use.used},
            {"max_bytes", max_bytes == 0 ? Json(nullptr) : Json(max_bytes)},
            {"free", space.use.free},
            {"min_free", space.limits.min_free},
            {"ballast", space.ballast},
            {"refused", std::move(refused)}};
}

std::string_view state_name(const wal::Description& description, const std::set<Seq>& in_flight) {
    const bool is_open = description.state == wal::EntryState::pending ||
                         description.state == wal::EntryState::retrying;
    if (is_open && in_flight.contains(description.entry.seq())) return "in_flight";
    return wal::to_string(description.state);
}

Json peer_view(const Peer& peer) {
    if (peer == Peer{}) return nullptr;
    return {{"uid", peer.uid}, {"gid", peer.gid}, {"pid", peer.pid}};
}

Json child_view(const std::optional<wal::Ending>& ending) {
    if (!ending || ending->kind != wal::Ending::Kind::replayed) return nullptr;
    return {{"seq", ending->child.value}, {"id", ending->child_id.text()}};
}

// The event of a damaged entry is made up: what stands in the record is not known.
void forget_record(Json& view) {
    for (const char* key : {"id",
                            "accepted_at",
                            "destination",
                            "operation",
                            "person",
                            "name",
                            "bytes",
                            "method",
                            "target",
                            "safety",
                            "endpoint",
                            "body"}) {
        if (view.contains(key)) view[key] = nullptr;
    }
}

}  // namespace

Json status_view(const AgentStatus& status) {
    Json destinations = Json::array();
    for (const AgentStatus::Destination& destination : status.destinations) {
        destinations.push_back(destination_view(destination, status.is_log_known));
    }
    return {{"version", HOLDFAST_VERSION},
            {"pid", status.pid},
            {"started_at", rfc3339(status.started_at)},
            {"log",
             {{"state", status.log.ok ? "ok" : "failed"},
              {"reason", text_view(status.log.reason)},
              {"head", count_view(status.log.head.value, status.is_log_known)},
              {"tail", count_view(status.log.tail.value, status.is_log_known)},
              {"failures", status.log.failures},
              {"damaged", status.log.damaged},
              {"lost", count_view(wal::count_of(status.log.lost), status.is_log_known)},
              {"lost_ranges", ranges_view(status.log.lost)},
              {"lost_unnamed",
               status.log.lost_unnamed ? Json(*status.log.lost_unnamed) : Json(nullptr)},
              {"directory", status.directory},
              {"durability", to_string(status.durability)},
              {"space", space_view(status.space)}}},
            {"ingest",
             {{"connections", status.ingest.connections},
              {"acknowledged", status.ingest.acknowledged},
              {"repeated", status.ingest.repeated},
              {"refused", status.ingest.refused},
              {"failed", status.ingest.failed}}},
            {"destinations", std::move(destinations)}};
}

Json entry_view(const wal::Description& description, const std::set<Seq>& in_flight) {
    const Event& event = description.entry.event();
    const std::optional<wal::Retry>& retry = description.retry;
    const std::optional<wal::Failure>& failure = description.failure;
    Json view{{"seq", description.entry.seq().value},
              {"id", event.id.text()},
              {"state", state_name(description, in_flight)},
              {"accepted_at", rfc3339(event.accepted_at)},
              {"destination", event.destination},
              {"operation", info(event.operation).name},
              {"person", event.person},
              {"name", event.name},
              {"bytes", description.entry.bytes()},
              {"attempts", failure ? failure->attempts : (retry ? retry->attempts : 0)},
              {"next_attempt_at", nullptr},
              {"reason", nullptr},
              {"status", nullptr},
              {"failed_at", nullptr},
              {"cause", nullptr}};
    if (retry) {
        // Before its first attempt an entry may have an intent, which has no time.
        if (retry->attempts > 0) view["next_attempt_at"] = rfc3339(retry->next_attempt_at);
        view["reason"] = text_view(retry->reason);
        if (retry->status != 0) view["status"] = retry->status;
    }
    if (failure) {
        view["cause"] = to_string(failure->cause);
        view["reason"] = text_view(failure->reason);
        if (failure->status != 0) view["status"] = failure->status;
        view["failed_at"] = rfc3339(failure->failed_at);
    }
    if (!description.is_readable) forget_record(view);
    return view;
}

Json entry_detail_view(const wal::Description& description,
                       const std::set<Seq>& in_flight,
                       bool with_body) {
    const Event& event = description.entry.event();
    const OperationInfo& operation = info(event.operation);
    Json view = entry_view(description, in_flight);
    view["method"] = to_string(event.method);
    view["target"] = event.target;
    view["safety"] = to_string(operation.safety);
    view["endpoint"] = to_string(operation.endpoint());
    view["peer"] = peer_view(event.peer);
    view["parent"] = event.parent ? Json(event.parent->text()) : Json(nullptr);
    view["child"] = child_view(description.ending);
    view["ended_at"] = description.ending ? time_view(description.ending->at) : Json(nullptr);
    view["answer"] = description.failure ? text_view(description.failure->answer) : Json(nullptr);
    if (with_body) view["body"] = event.body;
    if (!description.is_readable) forget_record(view);
    return view;
}

Json group_view(const std::string& name,
                const wal::Description& example,
                std::uint64_t count,
                WallTime oldest,
                WallTime newest) {
    Json view{{"group", name}, {"count", count}};
    view["oldest"] = rfc3339(oldest);
    view["newest"] = rfc3339(newest);
    const Json one = entry_view(example, {});
    for (const char* key : {"destination", "operation", "name", "cause", "status", "reason"}) {
        view[key] = one[key];
    }
    view["example"] = {{"seq", one["seq"]}, {"id", one["id"]}};
    return view;
}

Json check_view(const wal::CheckStep& step) {
    Json findings = Json::array();
    for (const wal::Finding& one : step.findings) findings.push_back(finding_view(one));
    return {{"tail", step.tail.value},
            {"head", step.head.value},
            {"tables", step.counts.tables},
            {"marks", step.counts.marks},
            {"entries", step.counts.entries},
            {"bytes", step.counts.bytes},
            {"findings", std::move(findings)},
            {"next", step.next.empty() ? Json(nullptr) : Json(step.next)}};
}

Json error_view(const Error& error) {
    return {{"error", {{"code", to_string(error.code)}, {"message", error.detail}}}};
}

}  // namespace holdfast::agent
