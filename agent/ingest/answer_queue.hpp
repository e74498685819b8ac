// The answers of one connection, sent in the order of the requests whichever is ready first.
//
// Pure. Limits: who fills it asks size() before it reads another request.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

namespace holdfast::agent {

class AnswerQueue {
public:
    // A place for an answer that comes later. Numbers wrap around at 2^32.
    using Slot = std::uint32_t;

    explicit AnswerQueue(Slot first = 0) : first_(first) {}

    [[nodiscard]] Slot reserve() {
        answers_.emplace_back();
        return first_ + static_cast<Slot>(answers_.size() - 1);
    }

    // Gives the last place back.
    void unreserve() { answers_.pop_back(); }

    void fill(Slot slot, std::string answer);

    // Moves what is ready at the front to `out`.
    void take_ready(std::string& out);

    [[nodiscard]] std::size_t size() const { return answers_.size(); }

private:
    std::deque<std::optional<std::string>> answers_;
    Slot first_;
};

}  // namespace holdfast::agent
