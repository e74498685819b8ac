// Where the log and the agent's admin socket are, as an operator says or a configuration does.
#pragma once

#include "proto/result.hpp"

#include <string>

namespace holdfast::cli {

struct LogArguments {
    std::string directory;  // --directory; empty: not given
    std::string config;     // --config; empty: not given
    std::string socket;     // --socket or $HOLDFAST_SOCKET; empty: not given
};

struct LogPlace {
    std::string directory;  // absolute; empty: only the agent knows
    std::string socket;
};

inline constexpr const char* kAdminSocket = "/run/holdfast/admin.sock";
inline constexpr const char* kDefaultConfig = "/etc/holdfast/holdfast.toml";

// Reads two keys of the configuration and nothing else: keys and credentials are not at hand here.
// Without any argument it is the default configuration, if there is one. Errors: bad_config.
[[nodiscard]] Result<LogPlace> find_log(const LogArguments& arguments);

}  // namespace holdfast::cli
