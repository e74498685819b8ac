// A line of `holdfast send --from`: one event as JSON. Pure.
#pragma once

#include "agent/client/holdfast/client.hpp"
#include "proto/result.hpp"

#include <string>
#include <string_view>

namespace holdfast::cli {

struct SendLine {
    client::Method method = client::Method::post;
    std::string target;
    std::string body;  // byte for byte as it stands in the line; of a text, what is in it
    std::string destination;
    std::string key;

    [[nodiscard]] client::Event event() const { return {method, target, body, destination, key}; }
};

// POST, PUT or DELETE, in either case. Errors: bad_input.
[[nodiscard]] Result<client::Method> parse_method(std::string_view text);

// {"method", "target", "body", "destination", "idempotency_key"}, the first two required; an object
// "entry", as an export has it, is passed over. Errors: bad_input, also for a member of another
// name: it would be a mistake that nobody sees.
[[nodiscard]] Result<SendLine> parse_send_line(std::string_view json);

}  // namespace holdfast::cli
