// The rules of this tree that no compiler checks. Each takes a file and returns what is wrong in
// it, "path:line: what"; an empty answer is a pass.
#pragma once

#include "tests/tidy/source.hpp"

#include <string>
#include <vector>

namespace holdfast::tidy {

using Findings = std::vector<std::string>;

// Includes of our own run one way: proto <- wal, proto <- transport, and agent joins them.
[[nodiscard]] Findings check_layers(const Source& source);

// Each library comes in by its own doors, so that it can be replaced there.
[[nodiscard]] Findings check_library_doors(const Source& source);

[[nodiscard]] Findings check_pragma_once(const Source& source);

// g++ 12 destroys a closure or a braced temporary twice if it is made inside a co_await's operand.
[[nodiscard]] Findings check_awaits(const Source& source);

// No left-overs of the work: reminders for the same day, and paths of somebody's machine.
[[nodiscard]] Findings check_left_overs(const Source& source);

}  // namespace holdfast::tidy
