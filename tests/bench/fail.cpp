#include "tests/bench/fail.hpp"

#include <fmt/core.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace holdfast::bench {

void fail(std::string_view why) {
    fmt::print(stderr, "holdfast-bench: {}\n", why);
    // Not exit(): a committer thread may still run.
    std::_Exit(EXIT_FAILURE);
}

void fail_errno(std::string_view doing) {
    fail(fmt::format("{}: {}", doing, std::strerror(errno)));
}

}  // namespace holdfast::bench
