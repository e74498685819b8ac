// The bytes of an event in the log. They are written to the disk twice, so what is small takes
// little room: a varint has seven bits a byte, the lowest first; the eighth: another follows.
//
//   0   u8      version = 2; 3 with flag 4, which 2 does not know
//   1   u8      operation
//   2   u8      method
//   3   u8      flags: 1 = has parent, 2 = has a lane, not that of destination and person,
//             4 = is in other lanes too
//   4   u8[16]  id
//   20  varint  accepted_at: ms beyond those in the id, zigzag (0, -1, 1, -2: 0, 1, 2, 3)
//   …   varint  peer uid + 1, gid + 1, pid + 1; 0: unknown
//   …   varint  bytes of destination, person, name, target, body
//   …   u64     lane, little-endian, only with flag 2
//   …   u8      count of the other lanes, u64 each, only with flag 4
//   …   u8[16]  parent, only with flag 1
//   …           destination, person, name, target, body
//   end u32     checksum, little-endian: low half of XXH3-64 of all before it
//
// Version 1, of schema 3 and before, is still read: its numbers had fixed widths.
//
// The checksum covers the version, so a record of a newer version that is intact
// is told apart (Errc::too_new) from a damaged one (Errc::corrupt).
#pragma once

#include "proto/event.hpp"
#include "proto/result.hpp"

#include <string>
#include <string_view>

namespace holdfast {

inline constexpr std::uint8_t kRecordVersion = 3;  // the newest that is read
inline constexpr std::size_t kDestinationBytesMax = 64;
inline constexpr std::size_t kPersonBytesMax = 1024;
inline constexpr std::size_t kNameBytesMax = 1024;
inline constexpr std::size_t kTargetBytesMax = std::size_t{8} * 1024;
inline constexpr std::size_t kBodyBytesMax = std::size_t{8} * 1024 * 1024;

// Appends the record to `out`. The texts are within the limits above: who accepts an event checks.
void encode_record(const Event& event, std::string& out);

// The event borrows from `record`. Errors: corrupt, too_new.
[[nodiscard]] Result<Event> decode_record(std::string_view record);

}  // namespace holdfast
