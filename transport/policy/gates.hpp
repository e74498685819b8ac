// Why an endpoint may not be sent to now: an operator's pause, a refused credential, the far side's
// Retry-After, the breaker, the rate; and how much at once it bears. One set for each endpoint of a
// destination.
//
// Pure: told the time and the outcomes. One thread.
#pragma once

#include "transport/policy/backoff.hpp"
#include "transport/policy/breaker.hpp"
#include "transport/policy/concurrency.hpp"
#include "transport/policy/limiter.hpp"
#include "transport/policy/outcome.hpp"
#include "transport/policy/rate_factor.hpp"

#include <optional>
#include <string>
#include <vector>

namespace holdfast::transport {

struct GatesPolicy {
    BreakerPolicy breaker;
    LimiterPolicy rate;
    ConcurrencyPolicy concurrency;
    BackoffPolicy throttle;                            // for a 429 without Retry-After
    Duration retry_after_max = std::chrono::hours(1);  // a longer Retry-After is cut
    Duration auth_probe_every =
        std::chrono::minutes(1);  // one real entry tries a refused credential
};

enum class GateKind : std::uint8_t { auth_hold, retry_after, breaker, rate };

[[nodiscard]] std::string_view to_string(GateKind kind);

struct ClosedGate {
    GateKind kind;
    Instant until;  // when it may open by itself
    std::string reason;
};

class Gates {
public:
    explicit Gates(GatesPolicy policy);

    // Permission for one attempt, to be given back by on_result or on_cancelled.
    struct Pass {
        Breaker::Ticket ticket;
        std::uint32_t throttles = 0;  // in a row when it was given
    };

    [[nodiscard]] std::optional<Pass> try_enter(Instant now);

    // The attempt came to something. `seed` is chance for the waits that follow.
    void on_result(const Pass& pass,
                   const Verdict& verdict,
                   const AttemptResult& result,
                   std::uint64_t seed,
                   Instant now,
                   WallTime wall_now);

    // What was just delivered was the last entry of the endpoint.
    void on_drained();

    // The attempt was not made after all.
    void on_cancelled(const Pass& pass, Instant now);

    // Moves whenever the far side lets the credential pass: an entry that was refused before and is
    // refused again, although others passed meanwhile, is refused for a reason of its own.
    [[nodiscard]] std::uint32_t credential_passes() const { return credential_passes_; }

    [[nodiscard]] bool is_held() const { return auth_hold_; }

    [[nodiscard]] Duration auth_probe_every() const { return policy_.auth_probe_every; }

    // The credential is another now: the next entry tries it.
    void on_credential_changed();

    // As many are under way as it bears: the next thing to happen here is a result.
    [[nodiscard]] bool is_busy() const { return in_flight_ >= concurrency_.limit(); }

    [[nodiscard]] std::size_t in_flight() const { return in_flight_; }

    [[nodiscard]] std::size_t concurrency() const { return concurrency_.limit(); }

    // Of the configured rate, in RateFactor::kWhole parts.
    [[nodiscard]] std::uint32_t rate_factor() const { return factor_.factor(); }

    // All that are closed now; empty: try_enter says yes unless it is busy.
    [[nodiscard]] std::vector<ClosedGate> closed(Instant now) const;

    // When try_enter may say yes, but for is_busy(); `now` when it would now.
    [[nodiscard]] Instant opens_at(Instant now) const;

    // What enters tries a refused credential, or whether the far side is back.
    [[nodiscard]] bool is_probing(Instant now) const;

    // What enters is not refused again and again.
    [[nodiscard]] bool makes_progress(Instant now) const;

    [[nodiscard]] const Breaker& breaker() const { return breaker_; }

    // What must outlive the process. The bucket starts full, the concurrency with one.
    struct Snapshot {
        Breaker::Snapshot breaker;
        std::optional<WallTime> retry_after_until;
        std::string retry_after_reason;
        std::uint32_t throttles_in_a_row = 0;
        bool auth_hold = false;
        std::string auth_hold_reason;
        std::uint32_t rate_factor = RateFactor::kWhole;
    };

    [[nodiscard]] Snapshot save(Instant now, WallTime wall_now) const;
    // A hold that was saved is tried once at once: the new process may have a new credential.
    void restore(const Snapshot& snapshot, Instant now, WallTime wall_now);

    // Moves with every change of what save() returns, but for the passing of time.
    [[nodiscard]] std::uint64_t version() const { return version_; }

private:
    void close_for(Duration wait, std::string reason, Instant now);
    void tell_breaker(const Pass& pass,
                      const Verdict& verdict,
                      const AttemptResult& result,
                      std::uint64_t seed,
                      Instant now);
    void tell_concurrency(Outcome outcome, const AttemptResult& result, Instant now);
    void tell_rate(Outcome outcome, Instant now);

    GatesPolicy policy_;
    Breaker breaker_;
    Limiter limiter_;
    RateFactor factor_;
    Concurrency concurrency_;
    std::size_t in_flight_ = 0;
    Instant retry_after_until_{};
    std::string retry_after_reason_;
    std::uint32_t throttles_in_a_row_ = 0;
    std::uint32_t credential_passes_ = 0;
    bool auth_hold_ = false;
    Instant auth_probe_at_{};  // moves on with each probe: a probe that is lost costs one interval
    std::string auth_hold_reason_;
    std::uint64_t version_ = 0;
};

}  // namespace holdfast::transport
