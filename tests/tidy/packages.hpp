// The one list of packages, and what Debian's control file makes of it.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace holdfast::tidy {

using Packages = std::set<std::string>;

// The packages of one [section] of packaging/dependencies; empty if there is no such section.
[[nodiscard]] Packages section_of(std::string_view dependencies, std::string_view section);

// The packages of a field of the first paragraph of a control file that has it, without versions
// and without ${substitutions}.
[[nodiscard]] Packages field_of(std::string_view control, std::string_view field);

}  // namespace holdfast::tidy
