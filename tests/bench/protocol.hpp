// What the closed loop needs to know about the language that a server speaks.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast::bench {

struct Reply {
    enum class Kind { incomplete, ok, refused, malformed };

    Kind kind = Kind::incomplete;
    std::size_t size = 0;   // bytes of `in` that it takes, when ok or refused
    std::size_t count = 1;  // events that it answers
};

class Protocol {
public:
    Protocol() = default;
    Protocol(const Protocol&) = delete;
    Protocol& operator=(const Protocol&) = delete;
    virtual ~Protocol() = default;

    // Adds the requests of the next `count` events to `out`.
    virtual void append_requests(std::size_t count, std::string& out) = 0;

    // Looks at the first reply in `in`.
    [[nodiscard]] virtual Reply parse(std::string_view in) const = 0;
};

}  // namespace holdfast::bench
