#include "agent/text.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

namespace holdfast::agent {

std::string rfc3339(WallTime time) {
    const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
    const auto milliseconds = (time - seconds).count();
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z",
                       fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)),
                       milliseconds);
}

}  // namespace holdfast::agent
