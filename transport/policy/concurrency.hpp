// How many attempts at once an endpoint bears, learnt from how long its answers take: one more
// while they come as quickly as ever, a tenth fewer when they slow down or it pushes back.
//
// The law is that of Vector's adaptive request concurrency (AIMD on a moving average of the
// round-trip time; constants alpha 0.4, 2.5 deviations, ratio 0.9): one decision for each mean
// round trip, and growth only with evidence, that is when the limit was reached. It is no breaker:
// it never falls below one, and before anything succeeded it does not move.
//
// Pure: told the time, which must not run backwards. One thread.
#pragma once

#include "proto/time.hpp"

#include <cstddef>
#include <cstdint>

namespace holdfast::transport {

struct ConcurrencyPolicy {
    std::size_t max = 10;     // 1 or more
    bool is_adaptive = true;  // else it is always `max`
};

class Concurrency {
public:
    explicit Concurrency(ConcurrencyPolicy policy);

    [[nodiscard]] std::size_t limit() const { return limit_; }

    // There are so many now, this one included.
    void on_start(std::size_t in_flight);

    // An answer came after `took`; a refusal of one entry is an answer like any other.
    void on_answer(Duration took, Instant now);

    // 429, 5xx, no answer.
    void on_push_back(Instant now);

private:
    void decide(Instant now);

    ConcurrencyPolicy policy_;
    std::size_t limit_;
    bool limit_reached_ = false;  // these four since the last decision
    bool was_pushed_back_ = false;
    double sum_ = 0;  // of round trips, in seconds
    std::uint64_t count_ = 0;
    bool knows_mean_ = false;
    double mean_ = 0;  // moving average of the round trip, in seconds
    double variance_ = 0;
    Instant decides_at_{};
};

}  // namespace holdfast::transport
