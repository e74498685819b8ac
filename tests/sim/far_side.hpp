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
    // Those that share it are in the order in which they stand in it.
    using Request = std::vector<Accepted>;
    using Then = std::function<void(transport::AttemptResult)>;

    FarSide(World& world, const Plan& plan, Checker& checker);

    // One attempt; `then` is told once, whatever happens.
    void send(const Request& request, Then then);

    // Random trouble begins or ends for an endpoint.
    void change_weather();

    // From now on all goes well. What was sent before may still be done late.
    void heal();

    // Nobody is forbidden any more, and it bears everything.
    void pardon() { pardoned_ = true; }

private:
    struct Weather {
        std::optional<Fault> outage;
        bool credential_is_refused = false;
    };

    [[nodiscard]] std::optional<Fault> fault_for(Endpoint endpoint);
    [[nodiscard]] transport::AttemptResult arrive(const Request& request);
    [[nodiscard]] std::optional<transport::AttemptResult> turn_away(std::optional<Fault> fault);
    [[nodiscard]] transport::AttemptResult judge(const Request& request);
    void do_first(const Request& request, std::size_t count);

    void do_all(const Request& request) { do_first(request, request.size()); }

    World& world_;
    const Plan& plan_;
    Checker& checker_;
    std::vector<Fault> kinds_;  // of what may happen to a single attempt
    std::array<Weather, kEndpointCount> weather_;
    bool healed_ = false;
    bool pardoned_ = false;
};

}  // namespace holdfast::sim
