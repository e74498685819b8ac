// What a simulated run stands on: chance from a seed, the two clocks, and what happens later.
//
// Nothing here looks at a real clock, an address or an unordered container, so a seed is a run.
#pragma once

#include "proto/time.hpp"

#include <cstdint>
#include <functional>
#include <map>
#include <random>
#include <utility>

namespace holdfast::sim {

class Random {
public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}

    [[nodiscard]] std::uint64_t next() { return engine_(); }

    // In [low, high]. By remainder: the standard distributions differ between libraries.
    [[nodiscard]] std::uint64_t between(std::uint64_t low, std::uint64_t high) {
        return low + next() % (high - low + 1);
    }

    [[nodiscard]] Duration between(Duration low, Duration high) {
        return low + Duration(static_cast<Duration::rep>(
                         between(0, static_cast<std::uint64_t>((high - low).count()))));
    }

    [[nodiscard]] bool chance(std::uint64_t percent) { return next() % 100 < percent; }

private:
    std::mt19937_64 engine_;
};

class World {
public:
    explicit World(std::uint64_t seed) : random(seed) {}

    Random random;

    // What really passed since the beginning: for the checker, which is above all clocks.
    [[nodiscard]] Duration elapsed() const { return elapsed_; }

    [[nodiscard]] Instant now() const { return Instant(since_boot_ + elapsed_); }

    [[nodiscard]] WallTime wall_now() const {
        return std::chrono::floor<std::chrono::milliseconds>(
            std::chrono::sys_time<Duration>(kBegin + wall_is_off_by_ + elapsed_));
    }

    // Somebody sets the clock.
    void jump(Duration by) { wall_is_off_by_ += by; }

    // The machine starts again: the monotonic clock means something else.
    void boot() { since_boot_ = random.between(Duration(1), Duration(std::chrono::hours(1))); }

    // What is due at one time happens in the order in which it was told.
    void after(Duration wait, std::function<void()> then) {
        events_.emplace(elapsed_ + wait, std::move(then));
    }

    // The next thing happens; false: there is none before `until`.
    bool step(Duration until) {
        if (events_.empty() || events_.begin()->first > until) return false;
        auto event = events_.extract(events_.begin());
        elapsed_ = event.key();
        event.mapped()();
        return true;
    }

private:
    static constexpr Duration kBegin = std::chrono::seconds(1'800'000'000);

    Duration elapsed_{};
    Duration since_boot_ = std::chrono::seconds(1000);
    Duration wall_is_off_by_{};
    std::multimap<Duration, std::function<void()>> events_;
};

}  // namespace holdfast::sim
