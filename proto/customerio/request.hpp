// Customer.io's API as its official clients speak it: an HTTP request becomes an event, or is
// refused with the vendor's own status and text. What it accepts and refuses is listed in README.md
// here.
#pragma once

#include "proto/event.hpp"

#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace holdfast::customerio {

// One request as it came. Borrowed.
struct Request {
    std::string_view method;  // as sent: "PUT"
    std::string_view target;  // origin form, as sent: "/api/v1/customers/a%2Fb/events"
    std::string_view body;
};

// What a request asks for, by its method and path alone.
struct Route {
    Operation operation;
    std::string identifier;  // of the person in the path, decoded; empty where the path has none
};

// Why a request is not taken. The same request will be refused again.
struct Refusal {
    unsigned status;      // HTTP
    std::string code;     // for programs, ours: "not_found", "invalid_json", "invalid_event", …
    std::string message;  // for people: the vendor's text where it has one

    // {"meta":{"error":message},"code":code,"message":message}: the one body that every official
    // client can read.
    [[nodiscard]] std::string body() const;
};

// 404 for an unknown path, 405 for a known one with another method.
[[nodiscard]] std::variant<Route, Refusal> route(std::string_view method, std::string_view target);

// What acceptance adds to a request.
struct Acceptance {
    Ulid id;
    WallTime now;
    Peer peer;
    std::string_view destination;
};

// Checks the body against the vendor's limits and makes the event that is stored and sent: the path
// with its identifier percent-encoded in full, the body byte for byte as it came except that an
// event without "id" (or with a null one) gets `id` and one without "timestamp" gets `now` in unix
// seconds; an absent or null identify body becomes {}, the bodies of delete, suppress and
// unsuppress are dropped.
//
// Runs on one thread at a time: keeps a parser and scratch buffers between calls. The event borrows
// from the request, the acceptance and these buffers: use it before the next call.
class Acceptor {
public:
    Acceptor();
    ~Acceptor();
    Acceptor(Acceptor&&) noexcept;
    Acceptor& operator=(Acceptor&&) noexcept;

    [[nodiscard]] std::variant<Event, Refusal> accept(const Route& route,
                                                      const Request& request,
                                                      const Acceptance& acceptance);

    // The id that the app gave the event which was accepted last; empty: none. Until the next call.
    [[nodiscard]] std::string_view given_id() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::customerio
