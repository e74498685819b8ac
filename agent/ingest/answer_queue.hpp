// The answers of one connection, sent in the order of the requests whichever is ready first.
//
// Pure. Limits: who fills it asks size() before it reads another request.
#pragma once

#include "agent/ingest/answer.hpp"

#include <cstdint>
#include <vector>

namespace holdfast::agent {

class AnswerQueue {
public:
    // The place of an answer. Numbers wrap around at 2^32.
    using Slot = std::uint32_t;

    explicit AnswerQueue(Slot first = 0) : first_(first) {}

    // An answer that is not ready is filled in later.
    Slot add(Answer answer);

    // Takes the last one back.
    void drop_last() { answers_.pop_back(); }

    // nullptr when there is no such place.
    [[nodiscard]] Answer* find(Slot slot);

    // The next answer, when it is ready; to be dropped once it was sent.
    [[nodiscard]] const Answer* ready() const;
    void drop_first();

    [[nodiscard]] std::size_t size() const { return answers_.size() - gone_; }

private:
    std::vector<Answer> answers_;
    std::size_t gone_ = 0;  // of answers_, from its front
    Slot first_;            // the place of answers_[gone_]
};

}  // namespace holdfast::agent
