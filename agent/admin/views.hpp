// The admin API's answers as JSON (ADMIN.md). Pure: values in, JSON out.
#pragma once

#include "agent/delivery/replay_loop.hpp"
#include "wal/log.hpp"

#include <nlohmann/json.hpp>

#include <optional>
#include <string>
#include <vector>

namespace holdfast::agent {

struct IngestStatus {
    std::size_t connections = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t repeated = 0;
    std::uint64_t refused = 0;
    std::uint64_t failed = 0;
};

struct AgentStatus {
    int pid = 0;
    WallTime started_at;
    wal::Health log;
    // False: it could not be opened since the start, and nobody knows what is in it.
    bool is_log_known = true;
    wal::SpaceStatus space;
    std::string directory;
    Durability durability = Durability::synced;
    IngestStatus ingest;

    struct Destination {
        std::string name;
        wal::Counts counts;
        std::optional<WallTime> oldest_pending_at;
        std::optional<DestinationStatus> delivery;  // none: it is not configured any more
    };

    std::vector<Destination> destinations;
};

// The keys in the order of ADMIN.md.
using Json = nlohmann::ordered_json;

[[nodiscard]] Json status_view(const AgentStatus& status);
[[nodiscard]] Json entry_view(const wal::Description& description, const std::set<Seq>& in_flight);

// With what a list leaves out. The body is the customer's data: only where it is asked for.
[[nodiscard]] Json entry_detail_view(const wal::Description& description,
                                     const std::set<Seq>& in_flight,
                                     bool with_body);
// Dead letters that went wrong in the same way; the times are when they failed.
[[nodiscard]] Json group_view(const std::string& name,
                              const wal::Description& example,
                              std::uint64_t count,
                              WallTime oldest,
                              WallTime newest);
[[nodiscard]] Json check_view(const wal::CheckStep& step);
[[nodiscard]] Json error_view(const Error& error);

}  // namespace holdfast::agent
