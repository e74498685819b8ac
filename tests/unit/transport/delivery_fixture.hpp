// A delivery with its clocks and the far side's answers in the test's hand.
#pragma once

#include "transport/policy/delivery.hpp"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace holdfast::transport {

inline constexpr Lane kAda{1};
inline constexpr Lane kBob{2};
inline constexpr Lane kCyd{3};

class DeliveryFixture : public ::testing::Test {
protected:
    // So many attempts at once to each endpoint, always.
    void set_concurrency(std::size_t count) {
        for (GatesPolicy& gates : policy.gates) {
            gates.concurrency = {.max = count, .is_adaptive = false};
        }
    }

    DeliveryFixture() {
        policy.serves = {true, true, false, false};
        set_concurrency(10);
        delivery = Delivery(policy);
    }

    // With another policy: before the first entry.
    void restart(const DeliveryPolicy& changed) {
        policy = changed;
        delivery = Delivery(changed);
    }

    [[nodiscard]] Item item(std::uint64_t seq, Lane lane, Operation operation) const {
        Item made;
        made.seq = Seq{seq};
        made.id.bytes[15] = static_cast<std::uint8_t>(seq);
        made.lane = lane;
        made.operation = operation;
        made.accepted_at = wall;
        return made;
    }

    void add(std::uint64_t seq, Lane lane, Operation operation = Operation::event) {
        EXPECT_FALSE(delivery.add(item(seq, lane, operation)));
    }

    // The seq of what is sent now; 0: nothing. Whenever there is nothing, waking up must be for
    // something: at a later time, or when something is told.
    std::uint64_t next() {
        const std::optional<Attempt> attempt = delivery.next(now);
        if (attempt) return attempt->seq().value;
        if (const auto at = delivery.wake_at(now)) {
            EXPECT_GT(*at, now) << "a busy loop";
        }
        return 0;
    }

    std::vector<std::uint64_t> all_next() {
        std::vector<std::uint64_t> seqs;
        while (const std::uint64_t seq = next()) seqs.push_back(seq);
        return seqs;
    }

    void pass(Duration time) {
        now += time;
        wall += std::chrono::floor<std::chrono::milliseconds>(time);
    }

    // To when it wants to be woken.
    void sleep() {
        const auto at = delivery.wake_at(now);
        ASSERT_TRUE(at) << "it would sleep for ever";
        ASSERT_GT(*at, now);
        pass(*at - now);
    }

    std::uint64_t sleep_until_next() {
        for (int times = 0; times < 100; ++times) {
            if (const std::uint64_t seq = next()) return seq;
            sleep();
        }
        return 0;
    }

    Decision tell(std::uint64_t seq, const AttemptResult& result) {
        const std::vector<Settled> settled = delivery.on_result(Seq{seq}, result, now, wall);
        EXPECT_EQ(settled.size(), 1U);
        return settled.empty() ? Decision{} : settled.front().decision;
    }

    Decision answer(std::uint64_t seq, unsigned status) {
        AttemptResult result;
        result.phase = Phase::answered;
        result.status = status;
        return tell(seq, result);
    }

    Decision silence(std::uint64_t seq) {
        AttemptResult result;
        result.phase = Phase::no_answer;
        result.error = "no answer in time";
        return tell(seq, result);
    }

    static Again again(const Decision& decision) {
        EXPECT_TRUE(std::holds_alternative<Again>(decision));
        const auto* found = std::get_if<Again>(&decision);
        return found != nullptr ? *found : Again{};
    }

    static Dead dead(const Decision& decision) {
        EXPECT_TRUE(std::holds_alternative<Dead>(decision));
        const auto* found = std::get_if<Dead>(&decision);
        return found != nullptr ? *found : Dead{};
    }

    static bool done(const Decision& decision) { return std::holds_alternative<Done>(decision); }

    Instant now{std::chrono::seconds(1000)};
    WallTime wall{std::chrono::milliseconds(1'800'000'000'000)};
    DeliveryPolicy policy;
    Delivery delivery{policy};
};

}  // namespace holdfast::transport
