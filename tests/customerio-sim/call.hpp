// What a request asks for, once understood: one call, or one for each item of a batch.
#pragma once

#include "tests/customerio-sim/message.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::customerio_sim {

struct Identity {
    enum class Kind : std::uint8_t { none, id, email, cio_id, phone, anonymous_id };

    Kind kind = Kind::none;
    std::string value;  // an e-mail address in lower case; a cio_id without its `cio_`

    // As the request log shows it and faults match it: `5`, `a@b.c`, `cio_03`, `anonymous:x`.
    [[nodiscard]] std::string text() const;

    // The vendor infers the kind from the shape of the value.
    [[nodiscard]] static Identity from_path(std::string_view segment);
};

struct Call {
    std::string_view operation;  // a literal: `identify`, `event`, …
    Identity person;
    Identity other;  // of a merge: who is gone after it
    std::string event_id;
    std::optional<std::int64_t> timestamp;
    Json payload;           // attributes, event fields, or the body of a send
    bool accepted = false;  // passed validation: will be applied unless a fault comes between
    std::string refusal;    // the vendor's text when it did not
};

struct Decision {
    Answer answer;
    std::string_view operation;  // of the request; empty when the path is unknown
    std::vector<Call> calls;
};

}  // namespace holdfast::customerio_sim
