// A backlog: so many events, as fast as the agent takes them.
#pragma once

#include "tests/bench/calls.hpp"

#include <cstdint>
#include <string>

namespace holdfast::bench {

// Sends `events` in native frames over the ingest socket, and returns when all are acknowledged.
// False: the agent knows no such call (404). Any other refusal ends the program.
[[nodiscard]] bool fill(const std::string& socket, Api api, std::uint64_t events);

}  // namespace holdfast::bench
