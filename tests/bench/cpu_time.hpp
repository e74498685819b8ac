// What a process has used of the CPUs.
#pragma once

#include <sys/types.h>

namespace holdfast::bench {

// Seconds of user and system time of this process, all threads.
[[nodiscard]] double own_cpu_time();

// The same of another, in steps of a tick of the kernel (10 ms); fail() if it is gone.
[[nodiscard]] double cpu_time_of(pid_t pid);

}  // namespace holdfast::bench
