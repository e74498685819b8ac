// Watches a run from above: knows what was accepted, what the far side really did and what really
// passed of time, and says at once when a promise is broken.
#pragma once

#include "gate_model.hpp"
#include "plan.hpp"
#include "request_rules.hpp"
#include "sim_log.hpp"
#include "turn_model.hpp"
#include "world.hpp"
#include "wrong.hpp"

#include <array>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace holdfast::sim {

class Checker {
public:
    using Seqs = std::span<const Seq>;

    Checker(World& world, const Plan& plan, const SimLog& log);

    // --- told by the driver ---
    void on_attempt(const transport::Attempt& attempt, const transport::Delivery& delivery);
    // Of the attempt only the first are left.
    void on_trim(const transport::Attempt& attempt, std::size_t count);
    void on_cancelled(Seq attempt);
    void on_result(Seq attempt,
                   const transport::AttemptResult& result,
                   std::span<const transport::Settled> settled,
                   const transport::Delivery& delivery);
    void on_complete(Seq seq);
    void on_dead(Seq seq, const transport::Dead& dead);
    void on_park(Seq seq, const transport::Delivery& delivery);
    void on_credential_changed(Endpoint endpoint);
    void on_level(transport::Level level);
    // next() had nothing more to give.
    void on_idle(const transport::Delivery& delivery);
    void on_restart();

    // --- told by the far side ---
    void on_done(const Accepted& event);

    // --- told by the run ---
    // From now on the far side takes those too that it would not let pass before.
    void on_pardon(const transport::Delivery& delivery);
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
        bool auth = false;      // the last answer refused the credential
        bool waits_for_credential = false;
        bool gave_up = false;                     // it was failed, in any life
        std::optional<std::uint64_t> refused_at;  // how often it had passed when it was refused
        std::optional<std::size_t> company_max;   // with so many it may go at most
        std::uint64_t done = 0;
    };

    struct KindModel {
        std::size_t in_flight = 0;
        std::optional<TokenModel> tokens;
    };

    using Gates = std::array<GateModel::Kept, kEndpointCount>;

    struct Kept {
        Gates gates;
        Duration elapsed{};
        WallTime wall;
    };

    [[nodiscard]] GateModel& gate(Endpoint endpoint) {
        return gates_[static_cast<std::size_t>(endpoint)];
    }

    [[nodiscard]] KindModel& kind(Kind kind) { return kinds_[static_cast<std::size_t>(kind)]; }

    [[nodiscard]] Gates kept() const;
    void start_kinds();
    [[nodiscard]] bool is_busy(Kind which, const transport::Delivery& delivery);
    [[nodiscard]] static Instant opens_at(Kind kind,
                                          const transport::Delivery& delivery,
                                          Instant now);
    void expect(bool holds, std::string_view otherwise, Seq seq = {});
    void expect(const Wrong& wrong, Seq seq);

    void count(Seqs seqs);
    void check_request(const transport::Attempt& attempt);
    void check_turn(Seqs seqs, Endpoint endpoint, bool is_probe);
    void enter(Seqs seqs, const transport::Delivery& delivery);
    // The request is under way no more. Answers with its entries.
    [[nodiscard]] std::vector<Seq> land(Seq attempt);
    void set_free(Seqs seqs);
    [[nodiscard]] bool is_refused_alone(Seqs seqs, transport::Outcome outcome);
    void on_answer(Seq seq, transport::Outcome outcome, bool alone, bool again);
    void make_smaller(Seqs seqs);
    void check_shed(Seq seq);

    [[nodiscard]] bool is_under_way(Seq seq) const;
    // It is the first of its lanes, none of which is under way, its time has come and the level
    // lets it go.
    [[nodiscard]] bool is_ready(Seq seq);
    [[nodiscard]] Duration due_at(Seq seq);
    [[nodiscard]] bool is_let_go(Seq seq) const;
    [[nodiscard]] bool may_go(Seq seq, const transport::Delivery& delivery);
    void check_that_nobody_waits_for_others(const transport::Delivery& delivery);
    void check_that_nobody_is_slept_through(const transport::Delivery& delivery);
    void check_that_what_is_to_be_shed_is();

    World& world_;
    const Plan& plan_;
    const SimLog& log_;
    std::vector<GateModel> gates_;
    Gates saved_;
    std::array<KindModel, kKindCount> kinds_;
    std::array<TurnModel, kEndpointCount> turns_;
    transport::Level level_ = transport::Level::full;
    std::map<Seq, EntryModel> entries_;
    std::map<Lane, Seq> last_first_done_;
    std::map<Seq, std::vector<Seq>> requests_;  // under way, by the first entry of each
    std::set<Lane> lanes_under_way_;
    std::uint64_t digest_ = 0;
    std::optional<std::string> violation_;
};

}  // namespace holdfast::sim
