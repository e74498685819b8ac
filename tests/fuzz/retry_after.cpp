// The first line is a Retry-After, the second one, if there is one, the answer's Date.
#include "transport/policy/retry_after.hpp"

#include "proto/assert.hpp"
#include "tests/fuzz/target.hpp"

#include <algorithm>

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace holdfast;
    using namespace std::chrono_literals;
    using transport::parse_retry_after;
    constexpr WallTime kNow(1'767'323'045'678ms);
    constexpr Duration kMax = 1h;

    const std::string_view input = fuzz::text(data, size);
    const std::size_t end = input.find('\n');
    const std::string_view value = input.substr(0, end);
    std::optional<std::string_view> date;
    if (end != std::string_view::npos) date = input.substr(end + 1);

    const auto cut = parse_retry_after(value, date, kNow, kMax);
    const auto uncut = parse_retry_after(value, date, kNow, Duration::max());
    HOLDFAST_ASSERT(cut.has_value() == uncut.has_value());
    if (!cut) return 0;
    HOLDFAST_ASSERT(uncut->wait >= Duration::zero());
    HOLDFAST_ASSERT(cut->wait == std::min(uncut->wait, kMax));
    HOLDFAST_ASSERT(cut->clamped == (uncut->wait > kMax));
    const Duration spread = transport::spread(*cut, size);
    HOLDFAST_ASSERT(spread >= cut->wait && spread <= cut->wait + cut->wait / 10);
    return 0;
}
