// The breaker against 10,000 random lives: answers of every kind, in any order, late, twice or
// never.
#include "transport/policy/breaker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace holdfast::transport {
namespace {

using namespace std::chrono_literals;
using State = Breaker::State;
using Ticket = Breaker::Ticket;

constexpr std::uint64_t kLives = 10'000;
constexpr int kStepsOfALife = 60;
constexpr WallTime kWall{1'800'000'000'000ms};

// A breaker, the tickets that are out, and a model of what it owes us, kept beside it.
class Life {
public:
    explicit Life(std::uint64_t seed) : random_(seed) {
        if (random_() % 4 == 0) begin_after_a_restart();
        seen_ = breaker_.state(now_);
    }

    void step() {
        switch (random_() % 8) {
            case 0:
            case 1:
            case 2:
                acquire();
                break;
            case 3:
            case 4:
                answer(bias_ ? Answer::failure : Answer::success);
                break;
            case 5:
                answer(static_cast<Answer>(random_() % 3));
                break;
            case 6:
                pass_time();
                break;
            default:
                bias_ = random_() % 2 == 0;
                break;
        }
    }

    // From wherever it is: everything that is out is lost, and from now on all goes well.
    void recover() {
        out_.clear();
        for (int i = 0; i < 8 && breaker_.state(now_) != State::closed; ++i) {
            if (const auto next = breaker_.next_try_at(now_)) {
                ASSERT_GT(*next, now_);
                ASSERT_LE(*next, now_ + 5min) << "neither the cap nor a lease is longer";
                move_to(*next);
            }
            const auto ticket = breaker_.try_acquire(now_);
            ASSERT_TRUE(ticket) << "next_try_at() promised it";
            breaker_.on_success(*ticket, now_);
        }
        ASSERT_EQ(breaker_.state(now_), State::closed) << "stuck";
    }

    // Every lease comes back: all that are out end neutrally, and the door is free.
    void come_home() {
        for (const Out& out : out_) breaker_.on_neutral(out.ticket, now_);
        out_.clear();
        if (breaker_.state(now_) == State::open) return;
        ASSERT_EQ(breaker_.next_try_at(now_), std::nullopt);
        ASSERT_TRUE(breaker_.try_acquire(now_));
    }

private:
    enum class Answer { success, failure, neutral };

    struct Out {
        Ticket ticket;
        bool probe;
        int stay;  // the stay in one state that it was given in
        Instant expires_at;
    };

    void begin_after_a_restart() {
        const auto state = static_cast<State>(random_() % 3 + 1);
        const std::chrono::milliseconds left(static_cast<std::int64_t>(random_() % 600'000));
        breaker_.restore({.state = state,
                          .until = kWall + left - 5min,
                          .opens_in_a_row = static_cast<std::uint32_t>(random_() % 10),
                          .reason = "before"},
                         now_,
                         kWall);
    }

    void acquire() {
        const State before = breaker_.state(now_);
        const bool promised = !breaker_.next_try_at(now_);
        const auto ticket = breaker_.try_acquire(now_);
        ASSERT_EQ(ticket.has_value(), promised);
        if (before == State::closed) {
            ASSERT_TRUE(ticket);
        }
        if (before == State::open) {
            ASSERT_FALSE(ticket);
        }
        if (ticket) out_.push_back({*ticket, before == State::half_open, stay_, now_ + 30s});
        check();
    }

    void answer(Answer kind) {
        if (out_.empty()) return;
        const std::size_t index = random_() % out_.size();
        const Out out = out_[index];
        const bool told_again = random_() % 10 == 0;
        if (!told_again) out_.erase(out_.begin() + static_cast<std::ptrdiff_t>(index));
        const bool in_time = is_live(out);
        switch (kind) {
            case Answer::success:
                breaker_.on_success(out.ticket, now_);
                break;
            case Answer::failure:
                breaker_.on_failure(out.ticket, now_, random_(), "no");
                break;
            case Answer::neutral:
                breaker_.on_neutral(out.ticket, now_);
                break;
        }
        if (in_time && kind == Answer::success) ++successes_;
        if (in_time && kind == Answer::failure) {
            ASSERT_EQ(breaker_.state(now_), State::open);
        }
        if (told_again) done_.push_back(out.ticket.number);
        check();
    }

    void pass_time() {
        static constexpr Duration kSteps[] = {1ns, 1ms, 1s, 10s, 30s, 5min};
        move_to(now_ + kSteps[random_() % std::size(kSteps)]);
    }

    void move_to(Instant now) {
        now_ = now;
        check();
    }

    // Of this round of probes, not told, and its lease still runs.
    [[nodiscard]] bool is_live(const Out& out) const {
        return out.probe && out.stay == stay_ && now_ < out.expires_at &&
               std::find(done_.begin(), done_.end(), out.ticket.number) == done_.end();
    }

    void check() {
        const State state = breaker_.state(now_);
        if (state != seen_) {
            const bool legal = (seen_ == State::closed && state == State::open) ||
                               (seen_ == State::open && state == State::half_open) ||
                               (seen_ == State::half_open && state != State::half_open);
            ASSERT_TRUE(legal) << to_string(seen_) << " to " << to_string(state);
            if (state == State::closed) {
                ASSERT_EQ(successes_, 3);
            }
            successes_ = 0;
            ++stay_;
            seen_ = state;
        }
        if (state != State::half_open) return;
        ASSERT_LT(successes_, 3);
        const auto live = std::count_if(
            out_.begin(), out_.end(), [this](const Out& out) { return is_live(out); });
        ASSERT_LE(live, 1 << successes_) << "a flood of probes";
        ASSERT_EQ(!breaker_.next_try_at(now_), live < 1 << successes_) << "a lease leaked";
    }

    std::mt19937_64 random_;
    Instant now_{1000s};
    Breaker breaker_{BreakerPolicy{}};
    std::vector<Out> out_;
    std::vector<std::uint64_t> done_;  // told once already, and may be told again
    State seen_ = State::closed;
    int stay_ = 0;       // counts the changes of state
    int successes_ = 0;  // in this stay, if it is half_open
    bool bias_ = true;   // most answers are failures
};

TEST(BreakerPropertiesTest, NeverLetsMoreProbesOutThanAllowedAndMovesOnlyAsDrawn) {
    for (std::uint64_t seed = 0; seed < kLives && !testing::Test::HasFatalFailure(); ++seed) {
        SCOPED_TRACE(seed);
        Life life(seed);
        for (int i = 0; i < kStepsOfALife && !testing::Test::HasFatalFailure(); ++i) life.step();
    }
}

TEST(BreakerPropertiesTest, IsNeverStuckWhateverWasLost) {
    for (std::uint64_t seed = 0; seed < kLives && !testing::Test::HasFatalFailure(); ++seed) {
        SCOPED_TRACE(seed);
        Life life(seed);
        for (int i = 0; i < kStepsOfALife && !testing::Test::HasFatalFailure(); ++i) life.step();
        life.recover();
    }
}

TEST(BreakerPropertiesTest, EveryLeaseComesBack) {
    for (std::uint64_t seed = 0; seed < kLives && !testing::Test::HasFatalFailure(); ++seed) {
        SCOPED_TRACE(seed);
        Life life(seed);
        for (int i = 0; i < kStepsOfALife && !testing::Test::HasFatalFailure(); ++i) life.step();
        life.come_home();
    }
}

}  // namespace
}  // namespace holdfast::transport
