// Between what delivery decides on and what the log stores of it. Pure.
#pragma once

#include "transport/policy/delivery.hpp"
#include "wal/log.hpp"

namespace holdfast::agent {

// `longest_wait`: the stored time of the next attempt is wall time, and a clock that jumped must
// not make an entry wait longer than this.
[[nodiscard]] transport::Item item_of(const wal::Pending& pending,
                                      Duration longest_wait,
                                      Instant now,
                                      WallTime wall_now);

[[nodiscard]] wal::Retry retry_of(const transport::Again& again);
[[nodiscard]] wal::Failure failure_of(const transport::Dead& dead, WallTime wall_now);

}  // namespace holdfast::agent
