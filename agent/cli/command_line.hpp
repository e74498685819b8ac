// The command line: from arguments to one of Commands.
#pragma once

#include "agent/cli/surroundings.hpp"

namespace holdfast::cli {

// Returns an ExitCode. Reads $HOLDFAST_SOCKET.
[[nodiscard]] int run(int argc, const char* const* argv, const Surroundings& around);

}  // namespace holdfast::cli
