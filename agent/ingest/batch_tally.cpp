#include "agent/ingest/batch_tally.hpp"

#include <algorithm>
#include <utility>

namespace holdfast::agent {

void BatchTally::refuse(std::size_t index, const customerio::Refusal& why) {
    errors_.push_back({index, why.code, why.field, why.message});
}

void BatchTally::place(const wal::Placed& placed) {
    ++placed_;
    repeats_ += placed.is_repeat ? 1U : 0U;
    last_ = placed;
    if (placed.is_stored) {
        durability_ = std::min(durability_, placed.durability);
    } else {
        ++unstored_;
    }
}

void BatchTally::stored(const wal::Commit& commit) {
    --unstored_;
    if (!commit.error) {
        durability_ = std::min(durability_, commit.durability);
        return;
    }
    ++lost_;
    in_doubt_ = in_doubt_ || commit.in_doubt;
    if (!failure_) failure_ = *commit.error;
}

void BatchTally::refuse_all(customerio::Refusal why) {
    refusal_ = std::move(why);
    end();
}

void BatchTally::give_up(Error why) {
    if (!failure_) failure_ = std::move(why);
    end();
}

Answer BatchTally::answer(bool close) const {
    Answer answer = refusal_   ? refusal(*refusal_, close)
                    : failure_ ? failure_answer(close)
                               : answer_to_each(close);
    answer.is_of_batch = true;
    return answer;
}

Answer BatchTally::answer_to_each(bool close) const {
    Answer answer;
    answer.close = close;
    answer.status = errors_.empty() ? 200 : placed_ > 0 ? 207 : 400;
    if (answer.status == 200) {
        answer.seq = last_->seq;
        answer.id = last_->id;
        answer.accepted_at = last_->accepted_at;
        answer.durability = durability_;
        answer.is_repeat = repeats_ == placed_;
    } else if (answer.status == 207) {
        answer.body = customerio::batch_errors_body(errors_);
    } else {
        answer.body = customerio::batch_errors_body(
            errors_, "no operation of the batch can be taken: " + errors_.front().message);
    }
    return answer;
}

Answer BatchTally::failure_answer(bool close) const {
    if (in_doubt_ || placed_ == lost_) return failure(*failure_, in_doubt_, close);
    Answer answer = refusal({503,
                             "unknown",
                             "only a part of the batch was stored: send it again with the same key "
                             "or ids: " +
                                 failure_->detail},
                            close);
    answer.may_pass_later = true;
    return answer;
}

std::uint64_t BatchTally::acknowledged() const {
    return refusal_ || failure_ ? 0 : placed_ - repeats_;
}

std::uint64_t BatchTally::repeated() const {
    return refusal_ || failure_ ? 0 : repeats_;
}

std::uint64_t BatchTally::refused() const {
    return refusal_ ? 1 : failure_ ? 0 : errors_.size();
}

std::uint64_t BatchTally::failed() const {
    return failure_ ? 1 : 0;
}

}  // namespace holdfast::agent
