// What makes an event the repeat of an earlier one: a key that the app chose, and what it stood
// for.
#pragma once

#include "proto/event.hpp"

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>

namespace holdfast {

// 128 bits that two different inputs do not share by chance. XXH3; stored, so that never changes.
struct Digest {
    std::uint64_t high = 0;
    std::uint64_t low = 0;

    auto operator<=>(const Digest&) const = default;
};

// Where an app can name its event. The same text in both places is two keys.
enum class KeySource : std::uint8_t {
    request = 1,  // of an Idempotency-Key header, or of a frame's field
    event = 2,    // the event's own "id"
};

inline constexpr std::size_t kIdempotencyKeyBytesMax = 255;

struct IdempotencyKey {
    Digest name;     // of the destination and the key
    Digest content;  // of the method, the target and the body as it came, without what we add
};

// `event` as it was accepted, `body` as the app sent it.
[[nodiscard]] IdempotencyKey idempotency_key(KeySource source,
                                             std::string_view key,
                                             const Event& event,
                                             std::string_view body);

// Of one of the events that came in one request with a key: the first has the request's own.
[[nodiscard]] IdempotencyKey item_key(const IdempotencyKey& of_request, std::size_t index);

}  // namespace holdfast

template <>
struct std::hash<holdfast::Digest> {
    std::size_t operator()(const holdfast::Digest& digest) const noexcept { return digest.low; }
};
