#include "far_side.hpp"

#include <string>
#include <utility>

namespace holdfast::sim {
namespace {

using namespace std::chrono_literals;
using transport::AttemptResult;
using transport::Phase;

constexpr Fault kKinds[] = {Fault::refused,
                            Fault::unavailable,
                            Fault::server_error,
                            Fault::throttled,
                            Fault::throttled_plain,
                            Fault::hang,
                            Fault::answer_lost,
                            Fault::late};

AttemptResult answer(unsigned status) {
    AttemptResult result;
    result.phase = Phase::answered;
    result.status = status;
    return result;
}

AttemptResult silence() {
    AttemptResult result;
    result.phase = Phase::no_answer;
    result.error = "no answer in time";
    return result;
}

AttemptResult nobody_there() {
    AttemptResult result;
    result.error = "connection refused";
    return result;
}

std::string seconds_text(World& world) {
    return std::to_string(world.random.between(1, world.random.chance(10) ? 900 : 60));
}

}  // namespace

FarSide::FarSide(World& world, const Plan& plan, Checker& checker)
    : world_(world), plan_(plan), checker_(checker) {
    for (const Fault kind : kKinds) {
        if (plan.has(kind)) kinds_.push_back(kind);
    }
}

void FarSide::send(const Accepted& event, Then then) {
    world_.after(world_.random.between(1ms, 200ms), [this, event, then = std::move(then)] {
        AttemptResult result = arrive(event);
        // Without an answer it is the sender who gives up, but for a connection that breaks.
        const bool breaks = world_.random.chance(30);
        const Duration wait = result.phase == Phase::no_answer && !breaks
                                  ? plan_.deadline
                                  : world_.random.between(1ms, 100ms);
        world_.after(wait, [then, result = std::move(result)] { then(result); });
    });
}

std::optional<Fault> FarSide::fault_for(Endpoint endpoint) {
    if (healed_) return std::nullopt;
    const Weather& weather = weather_[static_cast<std::size_t>(endpoint)];
    if (weather.outage) return weather.outage;
    if (weather.credential_is_refused) return Fault::credential;
    if (kinds_.empty() || !world_.random.chance(plan_.fault_percent)) return std::nullopt;
    return kinds_[world_.random.between(0, kinds_.size() - 1)];
}

AttemptResult FarSide::arrive(const Accepted& event) {
    const std::optional<Fault> fault = fault_for(info(event.operation).endpoint());
    if (fault == Fault::refused) return nobody_there();
    if (fault == Fault::hang) return silence();
    if (fault == Fault::credential) return answer(world_.random.chance(50) ? 401 : 403);
    if (fault == Fault::throttled || fault == Fault::throttled_plain) {
        AttemptResult result = answer(429);
        if (fault == Fault::throttled) {
            result.retry_after = seconds_text(world_);
        } else if (world_.random.chance(50)) {
            result.retry_after = "0";
        }
        return result;
    }
    if (fault == Fault::unavailable) {
        AttemptResult result = answer(503);
        if (world_.random.chance(30)) result.retry_after = seconds_text(world_);
        return result;
    }
    if (event.poison) return answer(400);
    if (fault == Fault::late) {
        world_.after(world_.random.between(1ms, 2 * plan_.deadline),
                     [this, event] { do_it(event); });
        return silence();
    }
    if (fault == Fault::server_error) {
        if (world_.random.chance(30)) do_it(event);
        return answer(world_.random.chance(50) ? 500 : 502);
    }
    do_it(event);
    return fault == Fault::answer_lost ? silence() : answer(200);
}

void FarSide::change_weather() {
    Weather& weather = weather_[world_.random.between(0, kEndpointCount - 1)];
    if (plan_.has(Fault::credential) && world_.random.chance(50)) {
        weather.credential_is_refused = !weather.credential_is_refused;
    } else if (weather.outage) {
        weather.outage.reset();
    } else if (plan_.has(Fault::outage) && !kinds_.empty()) {
        weather.outage = kinds_[world_.random.between(0, kinds_.size() - 1)];
    }
}

void FarSide::heal() {
    healed_ = true;
}

}  // namespace holdfast::sim
