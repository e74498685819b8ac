// Track API events as the vendor's Node client 5 sends them, pipelined.
#pragma once

#include "tests/bench/protocol.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace holdfast::bench {

class Http final : public Protocol {
public:
    Http();

    // POST /api/v1/customers/ID/events; every request is of the next of 1,000,000 persons.
    void append_requests(std::size_t count, std::string& out) override;

    // Any status but 200 is refused; a reply without Content-Length is malformed.
    [[nodiscard]] Reply parse(std::string_view in) const override;

private:
    void append_request(std::string& out);

    std::vector<std::string> requests_;  // one for each payload
    std::size_t id_at_;
    std::uint32_t person_ = 0;
};

}  // namespace holdfast::bench
