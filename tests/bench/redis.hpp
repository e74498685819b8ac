// Entries of one Redis stream, pipelined.
#pragma once

#include "tests/bench/protocol.hpp"

#include <string>
#include <vector>

namespace holdfast::bench {

class Redis final : public Protocol {
public:
    Redis();

    // XADD events * body PAYLOAD
    void append_requests(std::size_t count, std::string& out) override;

    // XADD answers with the id as a bulk string; an error reply (-) is refused, and so is any
    // other.
    [[nodiscard]] Reply parse(std::string_view in) const override;

private:
    std::vector<std::string> requests_;  // one for each payload
    std::size_t next_ = 0;
};

// The size of the first RESP2 value in `in`; 0 when it is incomplete, npos when it is malformed.
[[nodiscard]] std::size_t resp_size(std::string_view in);

}  // namespace holdfast::bench
