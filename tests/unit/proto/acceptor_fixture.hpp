// Takes a request the whole way, from its line and body to an event or a refusal.
#pragma once

#include "proto/customerio/request.hpp"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <variant>

namespace holdfast::customerio {

inline constexpr std::string_view kUlidText = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
inline constexpr std::int64_t kNowMs = 1'700'000'000'999;

class AcceptorTest : public testing::Test {
protected:
    std::variant<Event, Refusal> accept(std::string_view method,
                                        std::string_view target,
                                        std::string_view body) {
        auto routed = route(method, target);
        if (auto* refusal = std::get_if<Refusal>(&routed)) return *refusal;
        return acceptor_.accept(std::get<Route>(routed), {method, target, body}, acceptance_);
    }

    // For requests that must pass; an empty event if one does not.
    Event event(std::string_view method, std::string_view target, std::string_view body) {
        auto result = accept(method, target, body);
        if (auto* refusal = std::get_if<Refusal>(&result)) {
            ADD_FAILURE() << method << ' ' << target << ' ' << body << ": " << refusal->message;
            return {};
        }
        return std::get<Event>(result);
    }

    // For requests that must not; an empty refusal if one passes.
    Refusal refusal(std::string_view method, std::string_view target, std::string_view body) {
        auto result = accept(method, target, body);
        if (std::holds_alternative<Event>(result)) {
            ADD_FAILURE() << method << ' ' << target << ' ' << body.substr(0, 200) << ": accepted";
            return {0, "", ""};
        }
        return std::get<Refusal>(result);
    }

    Acceptance acceptance_{.id = *Ulid::parse(kUlidText),
                           .now = wall_from_ms(kNowMs),
                           .peer = {.uid = 1, .gid = 2, .pid = 3},
                           .destination = "customerio"};
    Acceptor acceptor_;
};

}  // namespace holdfast::customerio
