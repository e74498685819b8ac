// Track API events in native frames: those that are asked for at once share a frame.
#pragma once

#include "tests/bench/protocol.hpp"

#include <cstdint>
#include <string>

namespace holdfast::bench {

class Frames final : public Protocol {
public:
    // Every event is of the next of 1,000,000 persons.
    void append_requests(std::size_t count, std::string& out) override;

    // A frame of answers; any status but 200 is refused, and so is the whole frame.
    [[nodiscard]] Reply parse(std::string_view in) const override;

private:
    std::uint32_t person_ = 0;
};

}  // namespace holdfast::bench
