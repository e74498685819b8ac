// RocksDB's checksum, with the instruction that x86-64 has for it. Debian's librocksdb computes it
// in software, a fifth of a busy committer's time; it exports the function, so that this definition
// in the executable takes the place of its own. Where the instruction is missing, its own is
// called.
#include "wal/crc32c.hpp"

#if defined(__x86_64__)

#include <dlfcn.h>
#include <nmmintrin.h>

#include <cstring>

namespace holdfast::wal {
namespace {

using Extend = std::uint32_t (*)(std::uint32_t, const char*, std::size_t);

[[gnu::target("sse4.2")]] std::uint32_t extend_by_instruction(std::uint32_t before,
                                                              const char* data,
                                                              std::size_t size) {
    std::uint64_t crc = ~before;
    for (; size >= sizeof(std::uint64_t); size -= sizeof(std::uint64_t)) {
        std::uint64_t word = 0;
        std::memcpy(&word, data, sizeof word);
        crc = _mm_crc32_u64(crc, word);
        data += sizeof word;
    }
    auto rest = static_cast<std::uint32_t>(crc);
    for (; size > 0; --size) rest = _mm_crc32_u8(rest, static_cast<unsigned char>(*data++));
    return ~rest;
}

Extend of_the_library() {
    return reinterpret_cast<Extend>(::dlsym(RTLD_NEXT, "_ZN7rocksdb6crc32c6ExtendEjPKcm"));
}

}  // namespace
}  // namespace holdfast::wal

namespace rocksdb::crc32c {

std::uint32_t Extend(std::uint32_t init_crc, const char* data, std::size_t n) {
    static const holdfast::wal::Extend extend = __builtin_cpu_supports("sse4.2") != 0
                                                    ? holdfast::wal::extend_by_instruction
                                                    : holdfast::wal::of_the_library();
    return extend(init_crc, data, n);
}

}  // namespace rocksdb::crc32c

#endif
