#include "agent/service_manager.hpp"

#include <systemd/sd-daemon.h>

#include <cstdlib>

namespace holdfast::agent::service_manager {

std::map<std::string, int> take_sockets() {
    std::map<std::string, int> sockets;
    char** names = nullptr;
    const int count = sd_listen_fds_with_names(1, &names);
    for (int i = 0; i < count; ++i) {
        sockets.emplace(names[i], SD_LISTEN_FDS_START + i);
        std::free(names[i]);
    }
    std::free(names);
    return sockets;
}

void notify(std::string_view state) {
    // A manager that does not listen is no failure of ours.
    (void)sd_notify(0, std::string(state).c_str());
}

std::optional<std::chrono::microseconds> watchdog_interval() {
    std::uint64_t microseconds = 0;
    if (sd_watchdog_enabled(0, &microseconds) <= 0) return std::nullopt;
    return std::chrono::microseconds(microseconds);
}

}  // namespace holdfast::agent::service_manager
