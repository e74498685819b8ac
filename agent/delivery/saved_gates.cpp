#include "agent/delivery/saved_gates.hpp"

#include <nlohmann/json.hpp>

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
             {"auth_hold_reason", gates.auth_hold_reason}};
    if (gates.retry_after_until) {
        out["retry_after_until_ms"] = unix_ms(*gates.retry_after_until);
        out["retry_after_reason"] = gates.retry_after_reason;
    }
    return out;
}

Breaker::State state_of(int number) {
    const Breaker::State state{static_cast<std::uint8_t>(number)};
    for (const auto known :
         {Breaker::State::closed, Breaker::State::open, Breaker::State::half_open}) {
        if (state == known) return state;
    }
    return Breaker::State::closed;
}

Gates::Snapshot gates_of(const json& in) {
    Gates::Snapshot gates;
    const json breaker = in.value("breaker", json::object());
    gates.breaker.state = state_of(breaker.value("state", 1));
    gates.breaker.until = wall_from_ms(breaker.value("until_ms", std::int64_t{0}));
    gates.breaker.opens_in_a_row = breaker.value("opens_in_a_row", 0U);
    gates.breaker.reason = breaker.value("reason", "");
    gates.throttles_in_a_row = in.value("throttles_in_a_row", 0U);
    gates.auth_hold = in.value("auth_hold", false);
    gates.auth_hold_reason = in.value("auth_hold_reason", "");
    if (in.contains("retry_after_until_ms")) {
        gates.retry_after_until = wall_from_ms(in.value("retry_after_until_ms", std::int64_t{0}));
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
