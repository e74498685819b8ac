// The HTTP answers that apps get, as bytes. The official clients want exactly 200 and a JSON
// object.
#pragma once

#include "proto/customerio/request.hpp"
#include "proto/event.hpp"
#include "proto/result.hpp"
#include "wal/log.hpp"

#include <string>

namespace holdfast::agent {

// The receipt: the event is on the disk. A send also gets the fields that its clients read; the
// delivery id is ours, since the far side has not been asked yet. A repeat gets the receipt of the
// event that it repeats, and is told.
[[nodiscard]] std::string receipt(const wal::Placed& placed, Operation operation, bool close);

// What was refused and would be refused again.
[[nodiscard]] std::string refusal(const customerio::Refusal& refusal, bool close);

// What may pass a moment later: 503, or 507 where there is no room, with `Retry-After: 1`. In
// doubt: it may have been stored after all.
[[nodiscard]] std::string failure(const Error& error, bool in_doubt, bool close);

// Asks for the body of a request that waits with "Expect: 100-continue".
inline constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";

}  // namespace holdfast::agent
