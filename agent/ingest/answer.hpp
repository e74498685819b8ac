// What an app is answered to one event, and its bytes: HTTP, or a part of a native frame. The
// official clients want exactly 200 and a JSON object; for a form the vendor's 204.
#pragma once

#include "proto/customerio/request.hpp"
#include "proto/event.hpp"
#include "proto/frame.hpp"
#include "proto/result.hpp"
#include "proto/seq.hpp"

#include <string>

namespace holdfast::agent {

struct Answer {
    unsigned status = 0;          // HTTP's; 0: not known yet
    bool close = false;           // the connection ends with it
    bool may_pass_later = false;  // HTTP: `Retry-After: 1`
    bool is_of_stream = false;    // to what could not be read, rather than to an event
    bool is_of_batch = false;     // to many events; its body may be large
    Operation operation = Operation::event;
    Seq seq;  // these five are the receipt of a 200; a repeat has that of the event it repeats
    Ulid id;
    WallTime accepted_at;
    Durability durability = Durability::synced;
    bool is_repeat = false;
    std::string body;  // of any other: JSON

    [[nodiscard]] bool is_ready() const { return status != 0; }
};

// What was refused and would be refused again.
[[nodiscard]] Answer refusal(const customerio::Refusal& refusal, bool close);

// What may pass a moment later: 503, or 507 where there is no room, with `Retry-After: 1`. In
// doubt: it may have been stored after all.
[[nodiscard]] Answer failure(const Error& error, bool in_doubt, bool close);

// Asks for the body of a request that waits with "Expect: 100-continue".
[[nodiscard]] Answer go_on();

// A send and a trigger also get the fields that their clients read; the delivery id is ours, and
// the id of a trigger its seq, since the far side has not been asked yet. A form, which is stored
// with 200 as all are, gets 204 and no body. A request gets its id and seq. A repeat is told that
// it is one.
void append_http(const Answer& answer, std::string& out);

[[nodiscard]] frame::Answer as_frame_answer(const Answer& answer);

}  // namespace holdfast::agent
