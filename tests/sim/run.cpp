#include "run.hpp"

#include "checker.hpp"
#include "far_side.hpp"
#include "shell.hpp"
#include "sim_log.hpp"
#include "world.hpp"

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

namespace holdfast::sim {
namespace {

using namespace std::chrono_literals;

// In the simulation, after the last fault.
constexpr Duration kPardonAfter = 90min;
constexpr Duration kLongest = 3h;
constexpr std::uint64_t kStepsMax = 200'000;

class Run {
public:
    explicit Run(const Plan& plan)
        : plan_(plan),
          world_(plan.seed),
          log_(world_),
          checker_(world_, plan_, log_),
          far_side_(world_, plan_, checker_),
          ids_(plan.seed) {}

    Report go() {
        log_.is_in_trouble = plan_.has(Fault::log_trouble);
        plan_the_work();
        plan_the_faults();
        start_process();
        world_.after(plan_.trouble, [this] { end_faults(); });
        std::uint64_t steps = 0;
        while (!checker_.violation() && world_.step(plan_.trouble + kLongest)) {
            if (++steps > kStepsMax) return {"too many steps: a busy loop", checker_.seen, 0};
        }
        if (!checker_.violation()) checker_.on_end(process_->delivery());
        return {checker_.violation(), checker_.seen, checker_.digest()};
    }

private:
    // At some time while there are faults.
    void sometime(std::uint64_t times, const std::function<void()>& what) {
        for (std::uint64_t i = 0; i < times; ++i) {
            world_.after(world_.random.between(0s, plan_.trouble), what);
        }
    }

    void plan_the_work() {
        for (std::uint64_t left = plan_.events; left > 0;) {
            const std::uint64_t burst = std::min(left, world_.random.between(1, plan_.burst));
            left -= burst;
            sometime(1, [this, burst] {
                for (std::uint64_t i = 0; i < burst; ++i) accept();
            });
        }
    }

    void accept() {
        if (!process_) return world_.after(1s, [this] { accept(); });  // the app tries again
        const Accepted event = make_event();
        log_.append(event);
        std::string people;
        for (const Lane lane : event.lanes()) {
            people += " " + std::to_string(static_cast<std::uint64_t>(lane));
        }
        checker_.tell(event.seq,
                      "accepted: " + std::string(info(event.operation).name) + " of" + people);
        process_->wake();
    }

    Accepted make_event() {
        static constexpr Operation kOperations[] = {Operation::identify,
                                                    Operation::event,
                                                    Operation::event,
                                                    Operation::delete_person,
                                                    Operation::send_email,
                                                    Operation::send_email};
        const auto chance = [this](std::uint64_t percent) { return world_.random.chance(percent); };
        Accepted event;
        event.seq = {log_.events().size() + 1};
        event.accepted_at = world_.wall_now();
        event.id = ids_.make(event.accepted_at);
        event.lane = person();
        event.operation = kOperations[world_.random.between(0, std::size(kOperations) - 1)];
        if (event.kind() == Kind::people && chance(plan_.barrier_percent)) add_others(event);
        if (!event.is_once() && chance(plan_.share_percent)) {
            const std::uint64_t most = chance(5) ? 6000 : 800;
            event.traits.size = static_cast<std::uint32_t>(world_.random.between(1, most));
        }
        event.traits.is_essential = chance(plan_.essential_percent);
        event.traits.is_sheddable = chance(plan_.sheddable_percent);
        event.poison = plan_.has(Fault::poison) && chance(10);
        event.forbidden = plan_.has(Fault::forbidden) && chance(3);
        event.crashes = plan_.has(Fault::crasher) && chance(3);
        event.damaged = plan_.has(Fault::damage) && chance(3);
        return event;
    }

    // The first person is a busy one.
    Lane person() {
        return Lane{world_.random.chance(30) ? 1 : world_.random.between(1, plan_.lanes)};
    }

    void add_others(Accepted& event) {
        for (std::uint64_t left = world_.random.between(1, 2); left > 0; --left) {
            const std::vector<Lane> known = event.lanes();
            const Lane other = person();
            if (std::ranges::count(known, other) == 0) event.also.push_back(other);
        }
    }

    void plan_the_faults() {
        sometime(world_.random.between(0, 12), [this] { far_side_.change_weather(); });
        if (plan_.has(Fault::crash))
            sometime(world_.random.between(1, 5), [this] { crash(false); });
        if (plan_.has(Fault::power_cut)) {
            sometime(world_.random.between(1, 5), [this] { crash(true); });
        }
        if (plan_.has(Fault::clock_jumps)) {
            sometime(world_.random.between(1, 4),
                     [this] { world_.jump(world_.random.between(-30min, 30min)); });
        }
        if (plan_.has(Fault::credential_change)) {
            sometime(world_.random.between(1, 4), [this] { change_credential(); });
        }
        if (plan_.has(Fault::level_change)) {
            sometime(world_.random.between(1, 6), [this] { change_level(); });
        }
    }

    void change_level() {
        static constexpr transport::Level kLevels[] = {
            transport::Level::full, transport::Level::essential_only, transport::Level::disabled};
        if (process_) process_->set_level(kLevels[world_.random.between(0, 2)]);
    }

    void restore_full_level() {
        if (!process_) return world_.after(1s, [this] { restore_full_level(); });
        process_->set_level(transport::Level::full);
    }

    void change_credential() {
        if (!process_) return;
        process_->on_credential_changed(world_.random.chance(50) ? Endpoint::track : Endpoint::app);
    }

    void start_process() {
        process_ = std::make_shared<Shell>(world_, plan_, log_, far_side_, checker_);
        process_->start();
    }

    void crash(bool power_cut) {
        if (!process_) return;
        checker_.tell({}, power_cut ? "power cut" : "crash");
        ++checker_.seen[power_cut ? "power cuts" : "crashes"];
        process_.reset();
        log_.crash(power_cut);
        if (power_cut) world_.boot();
        const Duration down = world_.random.chance(20) ? world_.random.between(0s, 20min)
                                                       : world_.random.between(1ms, 5s);
        world_.after(down, [this] {
            checker_.on_restart();
            start_process();
        });
    }

    void end_faults() {
        checker_.tell({}, "no faults from here on");
        log_.is_in_trouble = false;
        far_side_.heal();
        // Half of the operators wait for the slow probe.
        if (world_.random.chance(50)) change_credential();
        // Some operators are late.
        world_.after(world_.random.chance(50) ? world_.random.between(0s, 20min) : Duration(0s),
                     [this] { restore_full_level(); });
        world_.after(kPardonAfter, [this] {
            checker_.on_pardon(process_->delivery());
            far_side_.pardon();
        });
    }

    const Plan& plan_;
    World world_;
    SimLog log_;
    Checker checker_;
    FarSide far_side_;
    UlidFactory ids_;
    std::shared_ptr<Shell> process_;
};

}  // namespace

Report run(const Plan& plan) {
    return Run(plan).go();
}

}  // namespace holdfast::sim
