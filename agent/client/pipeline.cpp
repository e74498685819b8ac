#include "agent/client/pipeline.hpp"

#include <algorithm>

namespace holdfast::client {

Ticket Pipeline::submit(const Event& event) {
    if (!lost_) {
        if (frame_ && !frame_->has_room_for(event)) end_frame();
        if (!frame_) frame_.emplace(out_);
        frame_->add(event);
    }
    return ++submitted_;
}

void Pipeline::end_frame() {
    frame_->end();
    frame_.reset();
    frames_.push_back({out_.size(), submitted_});
}

std::string_view Pipeline::unsent() {
    if (frame_) end_frame();
    return std::string_view(out_).substr(sent_);
}

void Pipeline::sent(std::size_t bytes) {
    sent_ += bytes;
    while (!frames_.empty() && frames_.front().end <= sent_) {
        handed_ = frames_.front().last;
        handed_end_ = frames_.front().end;
        frames_.pop_front();
    }
    if (sent_ == out_.size()) forget_output();
}

void Pipeline::forget_output() {
    out_.clear();
    sent_ = 0;
    handed_end_ = 0;
}

void Pipeline::begin() {
    sent_ = handed_end_;
    over_ = false;
    forget_input();
}

void Pipeline::forget_input() {
    in_.clear();
    read_ = 0;
    answers_end_ = 0;
}

std::optional<Completion> Pipeline::take() {
    if (outstanding() == 0) return std::nullopt;
    std::optional<Result<Receipt>> outcome = next_answer();
    if (!outcome && lost_) outcome = taken_ < handed_ ? lost_->sent : lost_->unsent;
    if (!outcome) return std::nullopt;
    const Ticket ticket = ++taken_;
    if (outstanding() == 0 && lost_) {
        lost_.reset();
        forget_input();
    }
    return Completion{ticket, std::move(*outcome)};
}

std::optional<Result<Receipt>> Pipeline::next_answer() {
    while (read_ == answers_end_) {
        if (!enter_frame()) return std::nullopt;
    }
    std::string_view answers = std::string_view(in_).substr(read_, answers_end_ - read_);
    std::optional<Result<Receipt>> answer = take_answer(answers);
    if (!answer) {
        lose("an answer is malformed");
        return std::nullopt;
    }
    read_ = answers_end_ - answers.size();
    if (read_ == in_.size()) forget_input();
    return answer;
}

// False when there is none, or the stream is over.
bool Pipeline::enter_frame() {
    const AnswerFrame frame = read_answers(std::string_view(in_).substr(read_));
    switch (frame.status) {
        case AnswerFrame::Status::incomplete:
            in_.erase(0, read_);
            read_ = 0;
            answers_end_ = 0;
            return false;
        case AnswerFrame::Status::malformed:
            lose("what answers is not holdfastd, or of another version");
            return false;
        case AnswerFrame::Status::refusal: {
            std::string_view answers = frame.answers;
            const auto why = take_answer(answers);
            if (!why || *why) {
                lose("a refusal is malformed");
            } else {
                break_off(why->error(), why->error());
            }
            return false;
        }
        case AnswerFrame::Status::complete:
            break;
    }
    answers_end_ = read_ + frame.size;
    read_ = answers_end_ - frame.answers.size();
    return true;
}

void Pipeline::lose(const std::string& why) {
    break_off({Errc::in_doubt, 0, "", why + ": the event may be stored or not"},
              {Errc::unreachable, 0, "", why + ": the event was not sent"});
}

// What came whole before is still read.
void Pipeline::break_off(Error sent, Error unsent) {
    if (lost_) return;
    over_ = true;
    if (frame_) end_frame();
    forget_output();
    frames_.clear();
    if (outstanding() > 0) lost_ = Lost{std::move(sent), std::move(unsent)};
}

}  // namespace holdfast::client
