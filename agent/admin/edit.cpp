#include "agent/admin/edit.hpp"

#include <string>
#include <variant>

namespace holdfast::agent {

Result<Event> with_body(customerio::Acceptor& acceptor,
                        const Event& old,
                        std::string_view body,
                        const Ulid& id,
                        WallTime now) {
    const auto refusal = [](const customerio::Refusal& why) {
        return Error{Errc::bad_input, why.code + ": " + why.message};
    };
    const std::string_view method = to_string(old.method);
    const auto route = customerio::route(method, old.target);
    if (const auto* why = std::get_if<customerio::Refusal>(&route)) return refusal(*why);
    const auto accepted = acceptor.accept(std::get<customerio::Route>(route),
                                          {method, old.target, body},
                                          {id, now, old.peer, old.destination});
    if (const auto* why = std::get_if<customerio::Refusal>(&accepted)) return refusal(*why);
    return std::get<Event>(accepted);
}

}  // namespace holdfast::agent
