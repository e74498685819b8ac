// What delivery wants to know of an event besides what the log keeps of it anyway, as the log's
// tag. Pure.
#pragma once

#include "agent/config_policy.hpp"
#include "wal/log.hpp"

#include <cstdint>

namespace holdfast::agent {

struct Traits {
    std::uint32_t size = 0;  // bytes that it adds to a request that it shares; 0: it shares none
    bool is_essential = false;
    bool is_sheddable = false;

    bool operator==(const Traits&) const = default;
};

[[nodiscard]] constexpr wal::Tag to_tag(Traits traits) {
    return wal::Tag{traits.size} | wal::Tag{traits.is_essential ? 1U : 0U} << 32U |
           wal::Tag{traits.is_sheddable ? 1U : 0U} << 33U;
}

[[nodiscard]] constexpr Traits from_tag(wal::Tag tag) {
    return {.size = static_cast<std::uint32_t>(tag),
            .is_essential = (tag >> 32U & 1U) != 0,
            .is_sheddable = (tag >> 33U & 1U) != 0};
}

// Deletes, suppressions and messages are essential whatever the operator says.
[[nodiscard]] Traits traits_of(const Event& event, const PolicyConfig& policy);

}  // namespace holdfast::agent
