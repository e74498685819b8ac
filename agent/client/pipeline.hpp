// What a Client knows of its events: submitted, handed to the system, answered or lost. Pure: bytes
// in, bytes and outcomes out. Not installed.
#pragma once

#include "agent/client/holdfast/client.hpp"

#include <deque>

namespace holdfast::client {

class Pipeline {
public:
    // check() found it right.
    [[nodiscard]] Ticket submit(const Event& event);

    [[nodiscard]] std::size_t outstanding() const { return submitted_ - taken_; }

    // What is to be written now; ends the frame that was begun. Valid until the next call.
    [[nodiscard]] std::string_view unsent();

    // So many of these bytes were handed to the system.
    void sent(std::size_t bytes);

    [[nodiscard]] std::size_t unsent_bytes() const { return out_.size() - sent_; }

    // No event that is outstanding can have reached the agent: a frame counts only when it is
    // whole.
    [[nodiscard]] bool nothing_handed_over() const { return handed_ <= taken_; }

    // A new connection: what was sent in part is written from the beginning of its frame. Only when
    // nothing_handed_over().
    void begin();

    // What was read.
    void feed(std::string_view bytes) { in_.append(bytes); }

    // The outcome of the oldest that is outstanding, if it is known.
    [[nodiscard]] std::optional<Completion> take();

    // The connection is over. What was handed over is in doubt, the rest is not sent; so is what is
    // submitted until all of it is taken.
    void lose(const std::string& why);

    // By lose(), or because of what came. Until begin().
    [[nodiscard]] bool is_over() const { return over_; }

    // Nothing came that was not asked for.
    [[nodiscard]] bool is_clean() const { return outstanding() > 0 || in_.empty(); }

private:
    struct Frame {
        std::size_t end;  // in out_
        Ticket last;
    };

    struct Lost {
        Error sent;
        Error unsent;
    };

    [[nodiscard]] std::optional<Result<Receipt>> next_answer();
    [[nodiscard]] bool enter_frame();
    void break_off(Error sent, Error unsent);
    void end_frame();
    void forget_input();
    void forget_output();

    std::string out_;
    std::size_t sent_ = 0;          // of out_
    std::size_t handed_end_ = 0;    // of the last frame in out_ that was handed over whole
    std::optional<Encoder> frame_;  // the one that was begun
    std::deque<Frame> frames_;      // in out_, whole and not handed over yet
    std::string in_;
    std::size_t read_ = 0;         // of in_
    std::size_t answers_end_ = 0;  // of the frame that read_ is in; or read_
    Ticket submitted_ = 0;
    Ticket handed_ = 0;  // the last in a frame that was handed over whole
    Ticket taken_ = 0;
    bool over_ = false;
    std::optional<Lost> lost_;  // until all that is outstanding was taken
};

}  // namespace holdfast::client
