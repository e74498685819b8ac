// One seed from beginning to end.
#pragma once

#include "plan.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace holdfast::sim {

struct Report {
    std::optional<std::string> violation;
    std::map<std::string_view, std::uint64_t> seen;
    std::uint64_t digest = 0;
};

// Faults for as long as the plan says, with crashes and restarts; then none, until all is settled.
[[nodiscard]] Report run(const Plan& plan);

}  // namespace holdfast::sim
