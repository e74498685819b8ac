// The other end of the line and the line itself: does the work, or not, and says so, or not.
#pragma once

#include "checker.hpp"
#include "plan.hpp"
#include "world.hpp"

#include <array>
#include <functional>
#include <optional>
#include <vector>

namespace holdfast::sim {

class FarSide {
public:
    using Then = std::function<void(transport::AttemptResult)>;

    FarSide(World& world, const Plan& plan, Checker& checker);

    // One attempt; `then` is told once, whatever happens.
    void send(const Accepted& event, Then then);

    // Random trouble begins or ends for an endpoint.
    void change_weather();

    // From now on all goes well. What was sent before may still be done late.
    void heal();

private:
    struct Weather {
        std::optional<Fault> outage;
        bool credential_is_refused = false;
    };

    [[nodiscard]] std::optional<Fault> fault_for(Endpoint endpoint);
    [[nodiscard]] transport::AttemptResult arrive(const Accepted& event);

    void do_it(const Accepted& event) { checker_.on_done(event); }

    World& world_;
    const Plan& plan_;
    Checker& checker_;
    std::vector<Fault> kinds_;  // of what may happen to a single attempt
    std::array<Weather, kEndpointCount> weather_;
    bool healed_ = false;
};

}  // namespace holdfast::sim
