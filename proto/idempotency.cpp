#include "proto/idempotency.hpp"

#include <xxhash.h>

#include <initializer_list>

namespace holdfast {
namespace {

// Each text is digested by itself, then all of them: no two lists run together to the same bytes.
Digest digest_of(std::uint64_t seed, std::initializer_list<std::string_view> texts) {
    XXH128_hash_t sum{0, seed};
    for (const std::string_view text : texts) {
        const XXH128_hash_t one = XXH3_128bits(text.data(), text.size());
        const std::uint64_t both[] = {sum.high64, sum.low64, one.high64, one.low64};
        sum = XXH3_128bits(both, sizeof(both));
    }
    return {sum.high64, sum.low64};
}

}  // namespace

IdempotencyKey idempotency_key(KeySource source,
                               std::string_view key,
                               const Event& event,
                               std::string_view body) {
    return {.name = digest_of(static_cast<std::uint64_t>(source), {event.destination, key}),
            .content = digest_of(static_cast<std::uint64_t>(event.method), {event.target, body})};
}

IdempotencyKey item_key(const IdempotencyKey& of_request, std::size_t index) {
    if (index == 0) return of_request;
    const std::uint64_t parts[] = {of_request.name.high, of_request.name.low, index};
    const XXH128_hash_t name = XXH3_128bits(parts, sizeof(parts));
    return {.name = {name.high64, name.low64}, .content = of_request.content};
}

}  // namespace holdfast
