#include "agent/cli/command_line.hpp"

#include <unistd.h>

#include <iostream>

int main(int argc, char** argv) {
    using namespace std::chrono;
    std::ios::sync_with_stdio(false);  // so that stdin tells when there is nothing to read now
    const holdfast::cli::Surroundings around{.out = std::cout,
                                             .err = std::cerr,
                                             .now = floor<milliseconds>(system_clock::now()),
                                             .tty = ::isatty(STDERR_FILENO) == 1,
                                             .in = &std::cin};
    const int code = holdfast::cli::run(argc, argv, around);
    // What could not be written was not said.
    return code == 0 && !std::cout.flush() ? 1 : code;
}
