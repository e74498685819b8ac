// What a check and a repair say: as JSON (README.md) and for people. Pure.
#pragma once

#include "agent/cli/format.hpp"
#include "wal/check.hpp"
#include "wal/repair.hpp"

#include <string>

namespace holdfast::cli {

[[nodiscard]] Json check_report(const std::string& directory, const wal::CheckReport& report);

// The same of a running agent: begins with what `status` says, and takes each step of GET
// /v1/check.
[[nodiscard]] Json begin_report(const Json& status);
void add_step(Json& report, const Json& step);

[[nodiscard]] Json repair_report(const std::string& directory,
                                 const wal::RepairReport& report,
                                 bool dry_run);

[[nodiscard]] bool is_damaged(const Json& check);

[[nodiscard]] std::string format_check(const Json& check);
[[nodiscard]] std::string format_repair(const Json& repair);

}  // namespace holdfast::cli
