// What the agent's answers (agent/ADMIN.md) look like to an operator. Pure; what a document lacks,
// because another version wrote it, is shown as empty.
#pragma once

#include "proto/time.hpp"

#include <nlohmann/json.hpp>

#include <string>
#include <vector>

namespace holdfast::cli {

using Json = nlohmann::ordered_json;  // keeps the keys in the agent's order

// Of GET /v1/status.
[[nodiscard]] std::string format_status(const Json& status, WallTime now);

// What of it somebody should look at, a line each: a log that failed, holds damaged
// entries or lost some, a breaker that is not closed, a
// destination that is held by hand or for its credential, dead letters.
[[nodiscard]] std::vector<std::string> findings(const Json& status);

// What of it is lost.
// The degradation level of each destination, or of the one named.
[[nodiscard]] std::string format_levels(const Json& status, std::string_view destination);

[[nodiscard]] std::string format_lost(const Json& status);

// Of GET /v1/entries.
[[nodiscard]] std::string format_entries(const Json& page, WallTime now);
[[nodiscard]] std::string format_dead(const Json& page, WallTime now);

// Of GET /v1/entries/{id}.
[[nodiscard]] std::string format_entry(const Json& known, WallTime now);

// Of POST /v1/replay and /v1/drop. `done`: "replayed" or "dropped"; `each`: with a line for each.
// Of a skipped one that is null no more is known.
[[nodiscard]] std::string format_ended(const Json& report, const std::string& done, bool each);

// Of the joined steps of GET /v1/groups.
[[nodiscard]] std::string format_groups(const Json& counted_groups, WallTime now);

// Of a dry run: {"count", "left_out", "groups", "other", "first", "skipped"}. `would`: "would be
// dropped".
[[nodiscard]] std::string format_plan(const Json& plan, const std::string& would, WallTime now);

// Without line breaks.
[[nodiscard]] std::string one_line(const Json& document);

// Access that takes any document: what is not there, or of another type, is empty or zero.
[[nodiscard]] const Json& at(const Json& document, const char* key);
[[nodiscard]] std::string text_at(const Json& document, const char* key);  // numbers too
[[nodiscard]] std::uint64_t number_at(const Json& document, const char* key);

// Of `lost_unnamed`, without a full stop; empty when that is 0 or not there.
[[nodiscard]] std::string unnamed_text(const Json& lost_from);

}  // namespace holdfast::cli
