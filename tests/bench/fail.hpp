// What the load generator does with anything unexpected: a measurement that hit trouble is none.
#pragma once

#include <string_view>

namespace holdfast::bench {

// Says why on standard error and ends the program with status 1.
[[noreturn]] void fail(std::string_view why);

// The same, with the text of `errno` added.
[[noreturn]] void fail_errno(std::string_view doing);

}  // namespace holdfast::bench
