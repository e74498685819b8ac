// The control endpoint's requests and answers. No sockets.
#pragma once

#include "tests/customerio-sim/message.hpp"
#include "tests/customerio-sim/simulator.hpp"

namespace holdfast::customerio_sim {

// What the control endpoint can switch off and on.
class Availability {
public:
    virtual ~Availability() = default;
    [[nodiscard]] virtual bool is_down() const = 0;
    // Done when it returns. Gives the reason when the ports cannot be had again.
    [[nodiscard]] virtual std::optional<std::string> set_down(bool down) = 0;
};

class Control {
public:
    // Borrows both.
    Control(Simulator& simulator, Availability& availability)
        : simulator_(simulator), availability_(availability) {}

    [[nodiscard]] Answer handle(const Request& request);

private:
    [[nodiscard]] Answer get(const Request& request) const;
    [[nodiscard]] Answer put_faults(const std::string& body);
    [[nodiscard]] Answer put_down(const std::string& body);

    Simulator& simulator_;
    Availability& availability_;
};

}  // namespace holdfast::customerio_sim
