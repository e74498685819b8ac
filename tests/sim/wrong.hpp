// Every check answers with what is wrong, or with nothing.
#pragma once

#include <optional>
#include <string_view>

namespace holdfast::sim {

using Wrong = std::optional<std::string_view>;

}  // namespace holdfast::sim
