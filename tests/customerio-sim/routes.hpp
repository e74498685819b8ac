// From a request to a decision: which endpoint it is, whether the credentials fit, and what the
// endpoint's handler makes of it. A new endpoint is a row in routes.cpp and a handler.
#pragma once

#include "tests/customerio-sim/call.hpp"

#include <cstdint>
#include <string>

namespace holdfast::customerio_sim {

struct Account {
    std::string site_id;
    std::string api_key;
    std::string app_key;
    std::string region;  // us | eu
};

// What a handler may know besides the request.
struct Surroundings {
    const Account& account;
    std::int64_t now_unix_s;
    std::uint64_t request_number;  // never repeats: makes delivery ids unique
};

// Pure: nothing is applied. The far side's state never changes an answer, as with the vendor, who
// accepts first and processes later. (How often triggers come is for the simulator.)
[[nodiscard]] Decision decide(const Request& request, const Surroundings& around);

// Takes some items out of an accepted batch, as if they had been invalid, and answers 207.
void refuse_items(Decision& decision, const std::vector<std::size_t>& indices);

}  // namespace holdfast::customerio_sim
