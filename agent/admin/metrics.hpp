// The status as metrics, in the text format of Prometheus (version 0.0.4). Pure.
#pragma once

#include "agent/admin/views.hpp"

#include <string>

namespace holdfast::agent {

inline constexpr const char* kMetricsType = "text/plain; version=0.0.4; charset=utf-8";

[[nodiscard]] std::string metrics_text(const AgentStatus& status, WallTime now);

}  // namespace holdfast::agent
