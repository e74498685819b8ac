// Retry states, failures and endings: what is decoded comes back from its own encoding, but for
// texts beyond their limits, which are cut.
#include "proto/assert.hpp"
#include "tests/fuzz/target.hpp"
#include "wal/state.hpp"

#include <algorithm>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace holdfast::wal;
    const auto cut = [](std::string& text, std::size_t bytes_max) {
        text.resize(std::min(text.size(), bytes_max));
    };
    const std::string_view bytes = holdfast::fuzz::text(data, size);
    if (auto retry = decode_retry(bytes)) {
        const auto again = decode_retry(encode(*retry));
        cut(retry->reason, kReasonBytesMax);
        HOLDFAST_ASSERT(again && *again == *retry);
    }
    if (auto failure = decode_failure(bytes)) {
        const auto again = decode_failure(encode(*failure));
        cut(failure->reason, kReasonBytesMax);
        cut(failure->answer, kAnswerBytesMax);
        HOLDFAST_ASSERT(again && *again == *failure);
    }
    if (const auto ending = decode_ending(bytes)) {
        const auto again = decode_ending(encode(*ending));
        HOLDFAST_ASSERT(again && *again == *ending);
    }
    return 0;
}
