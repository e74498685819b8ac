// Whose turn it is at one endpoint: essential lanes go first, and each fourth request is for the
// oldest entry. Counted from what could have gone instead.
#pragma once

#include "wrong.hpp"

#include <cstdint>

namespace holdfast::sim {

class TurnModel {
public:
    // `overtook`: it is of an essential lane, and an older one of another lane could have gone.
    // `was_let_by`: it is not, and one of an essential lane could have gone.
    [[nodiscard]] Wrong on_request(bool overtook, bool was_let_by) {
        overtaken_ = overtook ? overtaken_ + 1 : 0;
        ++since_let_by_;
        if (overtaken_ >= kTurns) return "essential ones starve the others";
        if (!was_let_by) return std::nullopt;
        const bool is_its_turn = since_let_by_ >= kTurns;
        since_let_by_ = 0;
        return is_its_turn ? std::nullopt : Wrong("went before an essential one");
    }

private:
    static constexpr std::uint64_t kTurns = 4;

    std::uint64_t overtaken_ = 0;  // requests in a row
    std::uint64_t since_let_by_ = 0;
};

}  // namespace holdfast::sim
