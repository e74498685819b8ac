// The bytes of an event in the log. All numbers are little-endian.
//
//   0   u8   version = 1             48  u8   length of destination
//   1   u8   operation               49  u8   zero
//   2   u8   method                  50  u16  length of person
//   3   u8   flags: 1 = has parent   52  u16  length of name
//   4   i64  accepted_at, unix ms    54  u16  length of target
//   12  u8[16] id                    56  u32  length of body
//   28  u64  lane                    60  u8[16] parent, only with flag 1
//   36  u32  peer uid                …   destination, person, name, target, body
//   40  u32  peer gid                end u32  checksum: low half of XXH3-64 of all before it
//   44  u32  peer pid
//
// The checksum covers the version, so a record of a newer version that is intact
// is told apart (Errc::too_new) from a damaged one (Errc::corrupt).
#pragma once

#include "proto/event.hpp"
#include "proto/result.hpp"

#include <string>
#include <string_view>

namespace holdfast {

inline constexpr std::uint8_t kRecordVersion = 1;
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
