#include "agent/cli/command_line.hpp"

#include <unistd.h>

#include <csignal>
#include <ctime>
#include <iostream>

namespace {

volatile std::sig_atomic_t interrupted = 0;

void interrupt(int) {
    interrupted = 1;
}

// From its first call on Ctrl-C does not end the process, but the work between two calls. A second
// one does.
bool wait_or_stop(holdfast::Duration time) {
    static const bool is_set = [] {
        struct sigaction action {};
        action.sa_handler = interrupt;
        action.sa_flags = static_cast<int>(SA_RESETHAND);
        return ::sigaction(SIGINT, &action, nullptr) == 0;
    }();
    using namespace std::chrono;
    const auto whole = duration_cast<seconds>(time);
    timespec rest{.tv_sec = whole.count(), .tv_nsec = (time - whole).count()};
    while (is_set && interrupted == 0 && ::nanosleep(&rest, &rest) != 0) {
    }
    return interrupted == 0;
}

}  // namespace

int main(int argc, char** argv) {
    using namespace std::chrono;
    std::ios::sync_with_stdio(false);  // so that stdin tells when there is nothing to read now
    const holdfast::cli::Surroundings around{.out = std::cout,
                                             .err = std::cerr,
                                             .now = floor<milliseconds>(system_clock::now()),
                                             .tty = ::isatty(STDERR_FILENO) == 1,
                                             .in = &std::cin,
                                             .in_tty = ::isatty(STDIN_FILENO) == 1,
                                             .pause = wait_or_stop};
    const int code = holdfast::cli::run(argc, argv, around);
    // What could not be written was not said.
    return code == 0 && !std::cout.flush() ? 1 : code;
}
