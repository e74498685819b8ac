#include "agent/ingest/answer_queue.hpp"

#include "proto/assert.hpp"

#include <utility>

namespace holdfast::agent {

void AnswerQueue::fill(Slot slot, std::string answer) {
    const Slot index = slot - first_;
    HOLDFAST_ASSERT(index < answers_.size() && !answers_[index]);
    answers_[index] = std::move(answer);
}

void AnswerQueue::take_ready(std::string& out) {
    while (!answers_.empty() && answers_.front()) {
        out.append(*answers_.front());
        answers_.pop_front();
        ++first_;
    }
}

}  // namespace holdfast::agent
