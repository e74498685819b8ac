// How much of the configured rate the far side lets pass, learnt from the share of its 429s: it
// needs no header of it, and the vendor promises none.
//
// In each window of a second with more than a tenth of 429s the factor falls by 0.3 of their share,
// and the next window is let settle; two windows without any raise it by a tenth. Additive both
// ways, as in RudderStack's adaptive throttler, but: only windows with a success count towards
// raising, or it would be full again after a pause in which nothing was sent; and it never reaches
// zero.
//
// Pure: told the time, which must not run backwards. One thread.
#pragma once

#include "proto/time.hpp"

#include <cstdint>

namespace holdfast::transport {

class RateFactor {
public:
    static constexpr std::uint32_t kWhole = 1024;

    // `min`: of kWhole; what is left for trying at the worst.
    explicit RateFactor(std::uint32_t min) : min_(min) {}

    // What an answer said about the rate. Whatever is neither is not told.
    void on_success(Instant now);
    void on_throttled(Instant now);

    [[nodiscard]] std::uint32_t factor() const { return factor_; }

    void restore(std::uint32_t factor);

private:
    void enter_window(Instant now);
    void close_window();

    std::uint32_t min_;
    std::uint32_t factor_ = kWhole;
    Instant window_ends_at_{};
    std::uint64_t successes_ = 0;
    std::uint64_t throttles_ = 0;
    std::uint32_t good_windows_ = 0;
    bool is_settling_ = false;  // this window follows one that lowered it
};

}  // namespace holdfast::transport
