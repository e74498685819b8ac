// What an operator makes of a dead letter. Pure.
#pragma once

#include "proto/customerio/request.hpp"
#include "proto/result.hpp"

#include <string_view>

namespace holdfast::agent {

// The same call with another body, checked as at its acceptance: person and name may be others
// then. The event's own "id" is that in the body. Errors: bad_input, with the vendor's text.
//
// Borrows from the acceptor, which is used before its next call, and from all that is given.
[[nodiscard]] Result<Event> with_body(customerio::Acceptor& acceptor,
                                      const Event& old,
                                      std::string_view body,
                                      const Ulid& id,
                                      WallTime now);

}  // namespace holdfast::agent
