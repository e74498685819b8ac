// What the gates of one endpoint must do, told a second time and more simply, from what the far
// side answered: bounds, not the exact moments.
#pragma once

#include "transport/policy/delivery.hpp"
#include "world.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>

namespace holdfast::sim {

// Every check answers with what is wrong, or with nothing.
using Wrong = std::optional<std::string_view>;

class GateModel {
public:
    using State = transport::Breaker::State;

    explicit GateModel(const transport::GatesPolicy& policy) : policy_(policy) {}

    // What a restart must not forget.
    struct Kept {
        Duration retry_after_until{};
        Duration breaker_until{};
        std::uint32_t opens_in_a_row = 0;
        bool auth_hold = false;

        bool operator==(const Kept&) const = default;
    };

    [[nodiscard]] const Kept& kept() const { return kept_; }

    // `then` was kept at `then_elapsed`; since then `wall_passed` by the clock on the wall.
    void restore(const Kept& then, Duration then_elapsed, Duration elapsed, Duration wall_passed);

    // The breaker is seen in this state.
    [[nodiscard]] Wrong on_state(State state, Duration elapsed);
    // There is nothing more to send.
    [[nodiscard]] Wrong on_idle(bool breaker_is_shut, Duration elapsed) const;
    [[nodiscard]] Wrong on_attempt(Seq seq, State state, Duration elapsed);
    void on_cancelled(Seq seq);
    // `state` is the breaker's after it was told.
    [[nodiscard]] Wrong on_result(Seq seq,
                                  const transport::AttemptResult& result,
                                  transport::Outcome outcome,
                                  bool alone,  // refused, although others passed meanwhile
                                  State state,
                                  Duration elapsed);

    void on_credential_changed() { kept_.auth_hold = false; }

    [[nodiscard]] std::uint64_t credential_passes() const { return credential_passes_; }

private:
    struct Asked {
        std::uint64_t stay;  // the breaker's stay in one state that it was asked in
        Duration lease_until;
    };

    [[nodiscard]] bool has_place_for_a_probe(Duration elapsed) const;
    [[nodiscard]] Wrong take_token(Duration elapsed);
    void on_throttled(const transport::AttemptResult& result, Duration elapsed);

    transport::GatesPolicy policy_;
    Kept kept_;
    Duration auth_probe_at_{};
    std::uint64_t credential_passes_ = 0;
    std::optional<double> tokens_;  // none: full
    Duration tokens_at_{};
    State state_ = State::closed;
    std::uint64_t stay_ = 0;  // counts the changes of state
    std::uint32_t failures_in_a_row_ = 0;
    std::uint32_t successes_ = 0;
    std::map<Seq, Asked> asked_;
};

}  // namespace holdfast::sim
