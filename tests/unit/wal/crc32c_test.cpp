#include "wal/crc32c.hpp"

#include <dlfcn.h>
#include <gtest/gtest.h>

#include <array>
#include <random>
#include <string>

namespace holdfast::wal {
namespace {

using Extend = std::uint32_t (*)(std::uint32_t, const char*, std::size_t);

// librocksdb's own, whatever this program has put in its place.
Extend own() {
    void* library = ::dlopen("librocksdb.so.7.8", RTLD_NOW | RTLD_NOLOAD);
    if (library == nullptr) return nullptr;
    return reinterpret_cast<Extend>(::dlsym(library, "_ZN7rocksdb6crc32c6ExtendEjPKcm"));
}

TEST(Crc32c, OfTheExamplesInRfc3720) {
    const std::string zeros(32, '\0');
    const std::string ones(32, '\xff');
    EXPECT_EQ(rocksdb::crc32c::Extend(0, zeros.data(), zeros.size()), 0x8a9136aaU);
    EXPECT_EQ(rocksdb::crc32c::Extend(0, ones.data(), ones.size()), 0x62a8ab43U);
    EXPECT_EQ(rocksdb::crc32c::Extend(0, "123456789", 9), 0xe3069283U);
    EXPECT_EQ(rocksdb::crc32c::Extend(7, nullptr, 0), 7U);
}

TEST(Crc32c, IsThatOfRocksDbForEveryLengthAndPlace) {
    const Extend library = own();
    ASSERT_NE(library, nullptr);
    std::mt19937 random(1);
    std::string bytes(4096, '\0');
    for (char& one : bytes) one = static_cast<char>(random());
    for (std::size_t size = 0; size < 300; ++size) {
        const std::size_t at = random() % (bytes.size() - size);
        const auto before = static_cast<std::uint32_t>(random());
        ASSERT_EQ(rocksdb::crc32c::Extend(before, bytes.data() + at, size),
                  library(before, bytes.data() + at, size))
            << size << " bytes at " << at;
    }
}

}  // namespace
}  // namespace holdfast::wal
