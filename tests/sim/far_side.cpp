#include "far_side.hpp"

#include <algorithm>
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
                            Fault::slow,
                            Fault::hang,
                            Fault::cut_short,
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

void FarSide::send(const Request& request, Then then) {
    const Duration there = world_.random.between(1ms, 200ms);
    world_.after(there, [this, request, there, then = std::move(then)] {
        AttemptResult result = arrive(request);
        // Without an answer it is the sender who gives up, but for a connection that breaks.
        const bool breaks = world_.random.chance(30);
        const Duration wait = result.phase == Phase::no_answer && !breaks
                                  ? plan_.deadline
                                  : result.latency + world_.random.between(1ms, 100ms);
        result.latency = there + wait;
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

// Before any of the work.
std::optional<AttemptResult> FarSide::turn_away(std::optional<Fault> fault) {
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
    return std::nullopt;
}

AttemptResult FarSide::arrive(const Request& request) {
    const std::optional<Fault> fault = fault_for(request.front().endpoint());
    if (auto answered = turn_away(fault)) return *std::move(answered);
    if (!pardoned_ && std::ranges::any_of(request, &Accepted::forbidden)) return answer(403);
    if (!pardoned_ && std::ranges::any_of(request, &Accepted::crashes)) return answer(500);
    if (request.size() == 1 && request.front().poison) return answer(400);
    if (fault == Fault::late) {
        world_.after(world_.random.between(1ms, 2 * plan_.deadline),
                     [this, request] { do_all(request); });
        return silence();
    }
    if (fault == Fault::cut_short) {
        ++checker_.seen["requests that were cut short"];
        do_first(request, world_.random.between(0, request.size()));
        return silence();
    }
    if (fault == Fault::server_error) {
        if (world_.random.chance(30)) do_first(request, world_.random.between(1, request.size()));
        return answer(world_.random.chance(50) ? 500 : 502);
    }
    AttemptResult result = judge(request);
    if (fault == Fault::answer_lost) return silence();
    if (fault == Fault::slow) {
        ++checker_.seen["slow answers"];
        result.latency = world_.random.between(3s, 20s);
    }
    return result;
}

// Does what can be done, and says what of it cannot.
AttemptResult FarSide::judge(const Request& request) {
    const bool is_shared = request.size() > 1;
    const bool is_bad = std::ranges::any_of(request, &Accepted::poison);
    if (is_bad && plan_.has(Fault::opaque) && world_.random.chance(50)) return answer(400);
    do_all(request);
    if (!is_shared || !(is_bad || world_.random.chance(20))) return answer(200);
    AttemptResult result = answer(207);
    if (!healed_ && plan_.has(Fault::unreadable_answer) && world_.random.chance(30)) {
        ++checker_.seen["answers that cannot be read"];
        return result;
    }
    result.rejected.emplace();
    for (std::size_t i = 0; i < request.size(); ++i) {
        if (request[i].poison) result.rejected->push_back({i, "it is refused"});
    }
    // Nobody stands there.
    if (world_.random.chance(20)) result.rejected->push_back({request.size(), "it is refused"});
    return result;
}

void FarSide::do_first(const Request& request, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        if (!request[i].poison) checker_.on_done(request[i]);
    }
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
