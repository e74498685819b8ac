// The calls that the load is made of: the same 512-byte event, as each kind of destination takes
// it.
#pragma once

#include "agent/client/holdfast/client.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::bench {

enum class Api {
    track,   // POST /api/v1/customers/PERSON/events
    entity,  // POST /api/v2/entity, one operation
    http,    // POST /destinations/bench/events, PERSON as its key
};

inline constexpr std::array kApis = {Api::track, Api::entity, Api::http};

[[nodiscard]] std::string_view name_of(Api api);

class Calls {
public:
    explicit Calls(Api api);

    // Each event is of the next of 1,000,000 persons. Its texts last until the next call.
    [[nodiscard]] client::Event next();

private:
    std::string target_;
    std::vector<std::string> bodies_;
    std::size_t in_target_;  // where the person stands; npos: nowhere
    std::size_t in_body_;
    std::uint32_t person_ = 0;
};

}  // namespace holdfast::bench
