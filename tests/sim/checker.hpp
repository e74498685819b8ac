// Watches a run from above: knows what was accepted, what the far side really did and what really
// passed of time, and says at once when a promise is broken.
#pragma once

#include "gate_model.hpp"
#include "plan.hpp"
#include "sim_log.hpp"
#include "world.hpp"

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace holdfast::sim {

class Checker {
public:
    Checker(World& world, const Plan& plan, const SimLog& log);

    // --- told by the driver ---
    void on_attempt(const transport::Attempt& attempt, const transport::Delivery& delivery);
    void on_sent(Seq seq);
    void on_cancelled(Seq seq);
    void on_result(Seq seq,
                   const transport::AttemptResult& result,
                   const transport::Decision& decision,
                   const transport::Delivery& delivery);
    void on_complete(Seq seq);
    void on_dead(Seq seq, const transport::Dead& dead);
    void on_park(Seq seq, const transport::Delivery& delivery);
    void on_credential_changed(Endpoint endpoint);
    // next() had nothing more to give.
    void on_idle(const transport::Delivery& delivery);
    void on_restart();

    // --- told by the far side ---
    void on_done(const Accepted& event);

    // --- told by the run ---
    void on_end(const transport::Delivery& delivery);

    // The gates are being saved: what a restart must not forget. The log keeps it beside them.
    [[nodiscard]] std::any on_save();

    [[nodiscard]] const std::optional<std::string>& violation() const { return violation_; }

    // For a run that tells what happens.
    void tell(Seq seq, std::string_view what) const;

    // How often things happened, so that a run that tries nothing is noticed.
    std::map<std::string_view, std::uint64_t> seen;

    // The same for the same seed.
    [[nodiscard]] std::uint64_t digest() const { return digest_; }

private:
    struct EntryModel {
        std::uint32_t attempts = 0;
        Duration not_before{};  // not to be tried earlier
        Duration due_at{};      // may be tried from here on
        bool in_flight = false;
        bool sent = false;                        // in any life
        bool auth = false;                        // the last answer refused the credential
        std::optional<std::uint64_t> refused_at;  // how often it had passed when it was refused
        std::uint64_t done = 0;
    };

    struct Kept {
        std::array<GateModel::Kept, kEndpointCount> gates;
        Duration elapsed{};
        WallTime wall;
    };

    [[nodiscard]] Endpoint endpoint_of(Seq seq) const;
    [[nodiscard]] GateModel& gate(Endpoint endpoint);

    [[nodiscard]] std::size_t& in_flight_to(Endpoint endpoint) {
        return in_flight_to_[static_cast<std::size_t>(endpoint)];
    }

    [[nodiscard]] bool is_busy(Endpoint endpoint) const {
        return in_flight_to_[static_cast<std::size_t>(endpoint)] >= plan_.policy.concurrency_max;
    }

    void expect(bool holds, std::string_view otherwise, Seq seq = {});
    void expect(const Wrong& wrong, Seq seq);
    [[nodiscard]] bool may_go(Seq seq, const transport::Delivery& delivery);
    void check_that_nobody_waits_for_others(const transport::Delivery& delivery);
    void check_that_nobody_is_slept_through(const transport::Delivery& delivery);

    World& world_;
    const Plan& plan_;
    const SimLog& log_;
    std::array<GateModel, kEndpointCount> gates_;
    std::array<GateModel::Kept, kEndpointCount> saved_;
    std::map<Seq, EntryModel> entries_;
    std::map<Lane, Seq> last_first_done_;
    std::array<std::size_t, kEndpointCount> in_flight_to_{};
    std::set<Lane> lanes_in_flight_;
    std::uint64_t digest_ = 0;
    std::optional<std::string> violation_;
};

}  // namespace holdfast::sim
