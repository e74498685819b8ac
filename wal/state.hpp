// What is kept of an entry that is not simply pending or complete, and its bytes in the log.
#pragma once

#include "proto/failure_cause.hpp"
#include "proto/result.hpp"
#include "proto/seq.hpp"
#include "proto/time.hpp"
#include "proto/ulid.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::wal {

inline constexpr std::size_t kReasonBytesMax = 512;
inline constexpr std::size_t kAnswerBytesMax = std::size_t{2} * 1024;

// An entry between two attempts.
struct Retry {
    std::uint32_t attempts = 0;  // made so far
    WallTime first_attempt_at{};
    WallTime next_attempt_at{};  // wall time: survives a restart
    std::uint16_t status = 0;    // HTTP, of the last attempt; 0: there was no answer
    bool intended = false;       // an attempt was about to be made, and nothing is known of it
    std::string reason;          // for people; cut at kReasonBytesMax

    bool operator==(const Retry&) const = default;
};

// An entry that ended without being delivered: a dead letter.
struct Failure {
    FailureCause cause = FailureCause::poison;
    std::uint32_t attempts = 0;
    WallTime failed_at{};
    std::uint16_t status = 0;
    std::string reason;  // cut at kReasonBytesMax
    std::string answer;  // the first bytes of the far side's answer; cut at kAnswerBytesMax

    bool operator==(const Failure&) const = default;
};

// How a dead letter ended, which an operator decides.
struct Ending {
    enum class Kind : std::uint8_t {  // stored: a number keeps its meaning for ever
        dropped = 1,
        replayed = 2,  // as it was or edited
    };

    Kind kind = Kind::dropped;
    WallTime at{};
    Seq child{};      // of a replayed one: the entry that repeats it
    Ulid child_id{};  // likewise

    bool operator==(const Ending&) const = default;
};

[[nodiscard]] std::string encode(const Retry& retry);
[[nodiscard]] std::string encode(const Failure& failure);
[[nodiscard]] std::string encode(const Ending& ending);
[[nodiscard]] Result<Retry> decode_retry(std::string_view bytes);      // corrupt, too_new
[[nodiscard]] Result<Failure> decode_failure(std::string_view bytes);  // corrupt, too_new
[[nodiscard]] Result<Ending> decode_ending(std::string_view bytes);    // corrupt, too_new

}  // namespace holdfast::wal
