// Customer.io's API as its official clients speak it: an HTTP request becomes an event, or is
// refused with the vendor's own status and text. What it accepts and refuses is listed in README.md
// here.
#pragma once

#include "proto/event.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace holdfast::customerio {

// One request as it came. Borrowed.
struct Request {
    std::string_view method;  // as sent: "PUT"
    std::string_view target;  // origin form, as sent: "/api/v1/customers/a%2Fb/events"
    std::string_view body;
};

// What a request asks for, by its method and path alone.
struct Route {
    enum class Shape : std::uint8_t {
        call,    // method and path say what is asked for
        entity,  // one operation of Track API v2: its body says so, and `operation` is any of them
        batch,   // many of them
    };

    Operation operation;
    std::string identifier = {};  // of the person in the path, decoded; empty: it names none
    std::string item = {};  // what else it names: a device, segment, form, delivery or broadcast
    std::string_view id_type = {};  // of a segment call: "id", "email", "cio_id"; empty: not said
    Shape shape = Shape::call;
};

// Why a request is not taken. The same request will be refused again.
struct Refusal {
    unsigned status;      // HTTP
    std::string code;     // for programs, ours: "not_found", "invalid_json", "invalid_event", …
    std::string message;  // for people: the vendor's text where it has one
    std::string field = {};  // the one that is at fault; "": none, or not known
    bool is_of_v2 = false;   // a call of Track API v2

    // {"meta":{"error":message},"code":code,"message":message}: the one body that every official
    // client can read. Of v2 before these {"errors":[{"reason":code,"field":…,"message":…}], …
    [[nodiscard]] std::string body() const;
};

// 404 for an unknown path, 405 for a known one with another method; 400 for one that cannot be
// sent.
[[nodiscard]] std::variant<Route, Refusal> route(std::string_view method, std::string_view target);

// What acceptance adds to a request.
struct Acceptance {
    Ulid id;
    WallTime now;
    Peer peer;
    std::string_view destination;
};

// Checks the body against the vendor's limits and makes the event that is stored and sent: the path
// with its identifiers percent-encoded in full, the body byte for byte as it came except that an
// event without "id" (or with a null one) gets `id` and one without "timestamp" gets `now` in unix
// seconds; an absent or null body that may be so becomes {}, the bodies of calls that have none are
// dropped. An operation of v2 keeps its shape, in which page and screen are events.
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

    // The operations of a batch, in order, as they came: each is accepted by itself, as a request
    // to kEntityTarget (v2_operation.hpp). They borrow from `body`.
    [[nodiscard]] std::variant<std::vector<std::string_view>, Refusal> split_batch(
        std::string_view body);

    // The id that the app gave the event which was accepted last; empty: none. Until the next call.
    [[nodiscard]] std::string_view given_id() const;

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::customerio
