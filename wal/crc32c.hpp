// The checksum of RocksDB's logs and tables: CRC-32C (Castagnoli, RFC 3720).
#pragma once

#include <cstddef>
#include <cstdint>

// Exported by librocksdb, without a header. `init_crc`: of the bytes before; 0 at the beginning.
namespace rocksdb::crc32c {
std::uint32_t Extend(std::uint32_t init_crc, const char* data, std::size_t n);
}
