// Events for a destination of type "http": any body, for an endpoint that is not the vendor's. What
// is accepted and refused is listed in README.md here.
#pragma once

#include "proto/customerio/request.hpp"
#include "proto/event.hpp"

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

namespace holdfast::http {

using customerio::Refusal;

inline constexpr std::size_t kRequestBytesMax = std::size_t{1} << 20U;
inline constexpr std::size_t kKeyBytesMax = 255;
inline constexpr std::size_t kEventNameBytesMax = 100;

// Fields of a request; in the target they are `key` and `name`.
inline constexpr std::string_view kKeyField = "Holdfast-Key";
inline constexpr std::string_view kNameField = "Holdfast-Event";

// A field of an HTTP request.
struct Field {
    std::string_view value;  // of the first
    std::size_t count = 0;   // how many of them there are
};

// One request as it came. Borrowed.
struct Request {
    std::string_view method;  // as sent: "POST"
    std::string_view target;  // as sent: "/destinations/orders/events?key=42"
    std::string_view body;
    Field key = {};
    Field name = {};
};

// Whether a target is one of these, or means to be.
[[nodiscard]] bool is_target(std::string_view target);

// The destination's name in the path of a request for which is_target() holds; it may be no name at
// all. 404 for another path, 405 for another method.
[[nodiscard]] std::variant<std::string_view, Refusal> destination_in(std::string_view method,
                                                                     std::string_view target);

// What acceptance adds to a request.
struct Acceptance {
    Ulid id;
    WallTime now;
    Peer peer;
    std::string_view destination;
    Operation operation;  // one of Kind::requests
};

// Checks key, name and size and makes the event that is stored: its person is "key:KEY", its target
// /destinations/NAME/events with key and name percent-encoded in its query, wherever they stood,
// and its body what came, byte for byte. Where it goes and with what headers is the destination's.
//
// Runs on one thread at a time: keeps scratch buffers between calls. The event borrows from the
// request, the acceptance and these buffers: use it before the next call.
class Acceptor {
public:
    Acceptor();
    ~Acceptor();
    Acceptor(Acceptor&&) noexcept;
    Acceptor& operator=(Acceptor&&) noexcept;

    [[nodiscard]] std::variant<Event, Refusal> accept(const Request& request,
                                                      const Acceptance& acceptance);

private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace holdfast::http
