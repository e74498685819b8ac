#include "agent/delivery/saved_gates.hpp"

#include <nlohmann/json.hpp>

#include <algorithm>

namespace holdfast::agent {
namespace {

using nlohmann::json;
using transport::Breaker;
using transport::Gates;

json to_json(const Gates::Snapshot& gates) {
    json out{{"breaker",
              {{"state", static_cast<int>(gates.breaker.state)},
               {"until_ms", unix_ms(gates.breaker.until)},
               {"opens_in_a_row", gates.breaker.opens_in_a_row},
               {"reason", gates.breaker.reason}}},
             {"throttles_in_a_row", gates.throttles_in_a_row},
             {"auth_hold", gates.auth_hold},
             {"auth_hold_reason", gates.auth_hold_reason},
             {"rate_factor", gates.rate_factor}};
    if (gates.retry_after_until) {
        out["retry_after_until_ms"] = unix_ms(*gates.retry_after_until);
        out["retry_after_reason"] = gates.retry_after_reason;
    }
    return out;
}

// 0 when it is missing. Throws at what is no integer: any other number may not fit into one.
std::int64_t integer(const json& in, const char* key) {
    const auto at = in.find(key);
    return at == in.end() ? 0 : at->get_ref<const std::int64_t&>();
}

std::uint32_t count(const json& in, const char* key) {
    return static_cast<std::uint32_t>(integer(in, key));
}

// Near enough that the difference to any other time fits.
WallTime time(const json& in, const char* key) {
    constexpr std::int64_t kMsMax = std::int64_t{1} << 53;
    return wall_from_ms(std::clamp(integer(in, key), -kMsMax, kMsMax));
}

Breaker::State state_of(std::int64_t number) {
    for (const auto known :
         {Breaker::State::closed, Breaker::State::open, Breaker::State::half_open}) {
        if (number == static_cast<std::int64_t>(known)) return known;
    }
    return Breaker::State::closed;
}

Gates::Snapshot gates_of(const json& in) {
    Gates::Snapshot gates;
    const json breaker = in.value("breaker", json::object());
    gates.breaker.state = state_of(integer(breaker, "state"));
    gates.breaker.until = time(breaker, "until_ms");
    gates.breaker.opens_in_a_row = count(breaker, "opens_in_a_row");
    gates.breaker.reason = breaker.value("reason", "");
    gates.throttles_in_a_row = count(in, "throttles_in_a_row");
    gates.auth_hold = in.value("auth_hold", false);
    gates.auth_hold_reason = in.value("auth_hold_reason", "");
    if (in.contains("rate_factor")) gates.rate_factor = count(in, "rate_factor");
    if (in.contains("retry_after_until_ms")) {
        gates.retry_after_until = time(in, "retry_after_until_ms");
        gates.retry_after_reason = in.value("retry_after_reason", "");
    }
    return gates;
}

}  // namespace

std::string encode_gates(const GatesSnapshot& snapshot) {
    json out = json::array();
    for (const Gates::Snapshot& gates : snapshot) out.push_back(to_json(gates));
    return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

Result<GatesSnapshot> decode_gates(std::string_view text) {
    try {
        const json in = json::parse(text);
        GatesSnapshot snapshot;
        for (std::size_t i = 0; i < snapshot.size() && i < in.size(); ++i) {
            snapshot[i] = gates_of(in.at(i));
        }
        return snapshot;
    } catch (const json::exception& wrong) {
        return Error{Errc::corrupt, std::string("saved gates: ") + wrong.what()};
    }
}

}  // namespace holdfast::agent
