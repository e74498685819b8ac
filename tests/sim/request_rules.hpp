// What may go in one request, and what may become of each entry in it. Pure.
#pragma once

#include "plan.hpp"
#include "sim_log.hpp"
#include "wrong.hpp"

#include <span>

namespace holdfast::sim {

// Of each lane in order and without a gap from its first on; a barrier without its lanes' others.
[[nodiscard]] Wrong check_order(std::span<const Seq> seqs, const SimLog& log);

// Alone, or within what the policy lets go together.
[[nodiscard]] Wrong check_sharing(std::span<const Seq> seqs,
                                  const SimLog& log,
                                  const transport::SharePolicy& policy);

[[nodiscard]] Wrong check_level(std::span<const Seq> seqs,
                                const SimLog& log,
                                transport::Level level);

// What the far side said of the entry at one place of a request.
struct Said {
    transport::Outcome outcome;
    bool of_all = false;  // it refused the whole request, and nobody knows for whom
};

[[nodiscard]] Said said_of(std::size_t index,
                           std::size_t count,
                           transport::Outcome outcome,
                           const transport::AttemptResult& result,
                           bool alone);

// `decision`: none if the entry goes again as if it had not been sent.
[[nodiscard]] Wrong check_decision(const Said& said, const transport::Decision* decision);

}  // namespace holdfast::sim
