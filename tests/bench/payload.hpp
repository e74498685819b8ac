// What every contender stores: the same 512-byte events, so that none gains by compressing them.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace holdfast::bench {

inline constexpr std::size_t kPayloadBytes = 512;

// 64 different JSON bodies of Track API events, each of kPayloadBytes, in turn. Most of a body is
// random text: equal or empty filler would vanish in RocksDB's compression, and Redis has none.
[[nodiscard]] const std::vector<std::string>& payloads();

// The same events as operations of the v2 API, of a person "bench-000000", also of kPayloadBytes.
[[nodiscard]] const std::vector<std::string>& entity_payloads();

}  // namespace holdfast::bench
