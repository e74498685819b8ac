#include "agent/delivery/log_terms.hpp"

#include "agent/delivery/traits.hpp"

#include <algorithm>

namespace holdfast::agent {

transport::Item item_of(const wal::Pending& pending,
                        Duration longest_wait,
                        Instant now,
                        WallTime wall_now) {
    transport::Item item;
    item.seq = pending.seq;
    item.id = pending.id;
    item.lane = pending.lane;
    item.also = pending.also;
    item.operation = pending.operation;
    item.accepted_at = pending.accepted_at;
    item.parked = pending.parked;
    const Traits traits = from_tag(pending.tag);
    item.size = traits.size;
    item.is_essential = traits.is_essential;
    item.is_sheddable = traits.is_sheddable;
    if (!pending.retry) return item;
    const wal::Retry& retry = *pending.retry;
    item.attempts = retry.attempts;
    if (retry.attempts > 0) item.first_attempt_at = retry.first_attempt_at;
    item.in_doubt = retry.intended;
    using std::chrono::milliseconds;
    const milliseconds longest = std::chrono::ceil<milliseconds>(longest_wait);
    const milliseconds left = retry.next_attempt_at - wall_now;
    item.not_before = now + std::clamp(left, milliseconds::zero(), longest);
    return item;
}

wal::Retry retry_of(const transport::Again& again) {
    return {.attempts = again.attempts,
            .first_attempt_at = again.first_attempt_at,
            .next_attempt_at = again.next_attempt_at,
            .status = static_cast<std::uint16_t>(again.status),
            .intended = false,
            .reason = again.reason};
}

wal::Failure failure_of(const transport::Dead& dead, WallTime wall_now) {
    return {.cause = dead.cause,
            .attempts = dead.attempts,
            .failed_at = wall_now,
            .status = static_cast<std::uint16_t>(dead.status),
            .reason = dead.reason,
            .answer = dead.answer};
}

}  // namespace holdfast::agent
