#include "run.hpp"

#include "checker.hpp"
#include "far_side.hpp"
#include "shell.hpp"
#include "sim_log.hpp"
#include "world.hpp"

#include <memory>

namespace holdfast::sim {
namespace {

using namespace std::chrono_literals;

constexpr Duration kLongest = 3h;  // in the simulation, after the last fault
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
            const std::uint64_t burst = std::min(left, world_.random.between(1, 10));
            left -= burst;
            sometime(1, [this, burst] {
                for (std::uint64_t i = 0; i < burst; ++i) accept();
            });
        }
    }

    void accept() {
        if (!process_) return world_.after(1s, [this] { accept(); });  // the app tries again
        static constexpr Operation kOperations[] = {Operation::identify,
                                                    Operation::event,
                                                    Operation::event,
                                                    Operation::delete_person,
                                                    Operation::send_email,
                                                    Operation::send_email};
        Accepted event;
        event.seq = {log_.events().size() + 1};
        event.accepted_at = world_.wall_now();
        event.id = ids_.make(event.accepted_at);
        // The first person is a busy one.
        event.lane = Lane{world_.random.chance(30) ? 1 : world_.random.between(1, plan_.lanes)};
        event.operation = kOperations[world_.random.between(0, std::size(kOperations) - 1)];
        event.poison = plan_.has(Fault::poison) && world_.random.chance(10);
        log_.append(event);
        checker_.tell(event.seq,
                      "accepted: " + std::string(info(event.operation).name) + " of person " +
                          std::to_string(static_cast<std::uint64_t>(event.lane)));
        process_->wake();
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
