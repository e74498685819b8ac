// An event's way into the log, with the keys that it has.
#pragma once

#include "proto/idempotency.hpp"
#include "wal/log.hpp"

#include <boost/container/static_vector.hpp>

namespace holdfast::agent {

// At most the app's key and the id that the event has in its body.
using Keys = boost::container::static_vector<IdempotencyKey, 2>;

// Errors: as of Log::append.
[[nodiscard]] Result<wal::Placed> place(wal::Log& log,
                                        const Event& event,
                                        const Keys& keys,
                                        wal::Ticket ticket);

}  // namespace holdfast::agent
