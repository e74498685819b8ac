#include "agent/cli/command_line.hpp"

#include <unistd.h>

#include <iostream>

int main(int argc, char** argv) {
    using namespace std::chrono;
    const holdfast::cli::Surroundings around{.out = std::cout,
                                             .err = std::cerr,
                                             .now = floor<milliseconds>(system_clock::now()),
                                             .tty = ::isatty(STDERR_FILENO) == 1};
    return holdfast::cli::run(argc, argv, around);
}
