// What systemd passes to us and wants to hear: sockets, readiness, the watchdog. Without systemd
// every call does nothing.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace holdfast::agent::service_manager {

// The sockets that systemd opened, by FileDescriptorName=. Asked once: they are ours then.
[[nodiscard]] std::map<std::string, int> take_sockets();

void notify(std::string_view state);  // "READY=1", "STATUS=…", "STOPPING=1", "WATCHDOG=1"

// How often the watchdog wants to hear of us at the least; half of that is a good interval.
[[nodiscard]] std::optional<std::chrono::microseconds> watchdog_interval();

}  // namespace holdfast::agent::service_manager
