#include "agent/ingest/answer_queue.hpp"

#include <utility>

namespace holdfast::agent {
namespace {

// Places kept when all is sent; what a burst took is given back.
constexpr std::size_t kKept = 64;

}  // namespace

AnswerQueue::Slot AnswerQueue::add(Answer answer) {
    answers_.push_back(std::move(answer));
    return first_ + static_cast<Slot>(size() - 1);
}

Answer* AnswerQueue::find(Slot slot) {
    const Slot index = slot - first_;
    return index < size() ? &answers_[gone_ + index] : nullptr;
}

const Answer* AnswerQueue::ready() const {
    return size() > 0 && answers_[gone_].is_ready() ? &answers_[gone_] : nullptr;
}

void AnswerQueue::drop_first() {
    ++gone_;
    ++first_;
    if (gone_ == answers_.size()) {
        answers_.clear();
        gone_ = 0;
        if (answers_.capacity() > kKept) answers_ = {};
    } else if (gone_ * 2 > answers_.size()) {
        // As many move up as have gone: each moves about once.
        answers_.erase(answers_.begin(), answers_.begin() + static_cast<std::ptrdiff_t>(gone_));
        gone_ = 0;
    }
}

}  // namespace holdfast::agent
