// How the bytes of one of RocksDB's logs lie in its file: in sectors, each with the number of the
// log and the place of its bytes in it. So the file of a log that is not needed any more can be
// written over: what is left of that one, and what a power cut kept from the disk, is told from
// what the log holds. The bytes themselves have RocksDB's checksums.
//
// Why: the sync of a file that gets longer waits for the file system too, for its journal or its
// inode; that of blocks that were written before waits for the disk alone. On ext4 with a journal
// that is a third of the time (tests/bench/RESULTS.md).
//
//   offset size
//        0    4  CRC-32C of the next 12 bytes
//        4    4  place in the log of the first byte
//        8    4  number of the log, its low 32 bits
//       12    2  bytes, 1 to 496
//       14    2  version of this layout, 1
//       16  496  bytes of the log, then padding
//
// Little-endian. A sector is never written again with something else in it: a torn write takes
// nothing away that was on the disk.
//
// Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::wal {

// What any disk writes whole or not at all.
inline constexpr std::size_t kSectorBytes = 512;
inline constexpr std::size_t kSectorPayload = 496;

// What is written begins on one, or goes on in the page of what was written before.
inline constexpr std::size_t kPageBytes = 4096;

constexpr std::size_t up_to_page(std::size_t bytes) {
    return (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
}

constexpr std::size_t sectors_of(std::size_t bytes) {
    return (bytes + kSectorPayload - 1) / kSectorPayload;
}

// Lays the bytes from `place` on out at `to`, where there are sectors_of(bytes.size()) sectors.
void put_sectors(std::string_view bytes, std::uint32_t log, std::uint32_t place, char* to);

// What a file holds of the log with this number: RocksDB's own bytes. Where some are missing there
// is 0xff, and also behind the last if something else than a sector follows, there or on the next
// page: RocksDB takes neither for the end of what was written. A file of an older version, without
// sectors, is given as it is.
[[nodiscard]] std::string log_in(std::string file, std::uint32_t log);

}  // namespace holdfast::wal
