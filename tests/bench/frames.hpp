// Track API events in native frames: those that are asked for at once share a frame.
#pragma once

#include "tests/bench/calls.hpp"
#include "tests/bench/protocol.hpp"

#include <string>

namespace holdfast::bench {

class Frames final : public Protocol {
public:
    // Every event is of the next of 1,000,000 persons.
    void append_requests(std::size_t count, std::string& out) override;

    // A frame of answers; any status but 200 is refused, and so is the whole frame.
    [[nodiscard]] Reply parse(std::string_view in) const override;

private:
    Calls calls_{Api::track};
};

}  // namespace holdfast::bench
