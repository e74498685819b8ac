// What the gates of one endpoint must do, told a second time and more simply, from what the far
// side answered: bounds, not the exact moments.
#pragma once

#include "token_model.hpp"
#include "transport/policy/delivery.hpp"
#include "world.hpp"
#include "wrong.hpp"

#include <cstdint>
#include <map>

namespace holdfast::sim {

class GateModel {
public:
    using State = transport::Breaker::State;

    explicit GateModel(const transport::GatesPolicy& policy)
        : policy_(policy), tokens_(policy.rate) {}

    // What a restart must not forget.
    struct Kept {
        Duration retry_after_until{};
        Duration breaker_until{};
        std::uint32_t opens_in_a_row = 0;
        bool auth_hold = false;
        std::uint32_t rate_factor = transport::RateFactor::kWhole;

        bool operator==(const Kept&) const = default;
    };

    [[nodiscard]] const Kept& kept() const { return kept_; }

    // `then` was kept at `then_elapsed`; since then `wall_passed` by the clock on the wall.
    void restore(const Kept& then, Duration then_elapsed, Duration elapsed, Duration wall_passed);

    // Requests are known by their first entry. `gates` are as they are after they were told.

    // There is nothing more to send.
    [[nodiscard]] Wrong on_idle(const transport::Gates& gates, Instant now, Duration elapsed);
    [[nodiscard]] Wrong on_attempt(Seq first,
                                   const transport::Gates& gates,
                                   Instant now,
                                   Duration elapsed);
    void on_cancelled(Seq first);
    [[nodiscard]] Wrong on_result(Seq first,
                                  const transport::AttemptResult& result,
                                  transport::Outcome outcome,
                                  bool alone,  // refused, although others passed meanwhile
                                  const transport::Gates& gates,
                                  Instant now,
                                  Duration elapsed);

    void on_credential_changed() { kept_.auth_hold = false; }

    [[nodiscard]] std::uint64_t credential_passes() const { return credential_passes_; }

    [[nodiscard]] std::size_t in_flight() const { return in_flight_; }

private:
    struct Asked {
        std::uint64_t stay;  // the breaker's stay in one state that it was asked in
        Duration lease_until;
    };

    [[nodiscard]] Wrong on_state(State state, Duration elapsed);
    [[nodiscard]] Wrong check_limits(const transport::Gates& gates) const;
    [[nodiscard]] bool has_place_for_a_probe(Duration elapsed) const;
    void tell_breaker(Seq first,
                      const transport::AttemptResult& result,
                      transport::Outcome outcome,
                      Duration elapsed);
    void on_throttled(const transport::AttemptResult& result, Duration elapsed);
    [[nodiscard]] Wrong on_factor(std::uint32_t factor,
                                  transport::Outcome outcome,
                                  Duration elapsed);

    transport::GatesPolicy policy_;
    Kept kept_;
    Duration auth_probe_at_{};
    std::uint64_t credential_passes_ = 0;
    TokenModel tokens_;
    std::uint64_t throttles_ = 0;  // since the rate was lowered
    std::uint64_t successes_ = 0;  // since it was raised
    State state_ = State::closed;
    std::uint64_t stay_ = 0;  // counts the changes of state
    std::uint32_t failures_in_a_row_ = 0;
    std::uint32_t probes_succeeded_ = 0;
    std::map<Seq, Asked> asked_;
    std::size_t in_flight_ = 0;
};

}  // namespace holdfast::sim
