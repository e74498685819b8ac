// Times as the API and the journal write them.
#pragma once

#include "proto/time.hpp"

#include <string>

namespace holdfast::agent {

// "2026-11-21T08:00:00.123Z"
[[nodiscard]] std::string rfc3339(WallTime time);

}  // namespace holdfast::agent
