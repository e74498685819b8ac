// What one kind of operation may have of its endpoint: so many attempts at once, and a rate of its
// own where the far side has one for it.
//
// Pure: told the time, which must not run backwards. One thread.
#pragma once

#include "transport/policy/limiter.hpp"

#include <cstddef>
#include <optional>

namespace holdfast::transport {

struct KindPolicy {
    std::size_t concurrency_max = 10;   // 1 or more
    std::optional<LimiterPolicy> rate;  // none: the endpoint's alone

    bool operator==(const KindPolicy&) const = default;
};

class KindLimits {
public:
    explicit KindLimits(const KindPolicy& policy);

    [[nodiscard]] bool is_busy() const { return in_flight_ >= concurrency_max_; }

    // When the rate lets the next one go; `now` when it does now.
    [[nodiscard]] Instant opens_at(Instant now) const;

    // False: not now. Otherwise it is under way until on_end().
    [[nodiscard]] bool try_enter(Instant now);
    void on_end();

private:
    std::size_t concurrency_max_;
    std::size_t in_flight_ = 0;
    std::optional<Limiter> limiter_;
};

}  // namespace holdfast::transport
