// The bytes of a log, written as RocksDB writes them.
#pragma once

#include "proto/bytes.hpp"
#include "wal/crc32c.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::wal {

class RocksLog {
public:
    static constexpr std::size_t kBlock = 32 * 1024;

    void add(std::string_view batch) {
        constexpr std::size_t kHeader = 7;
        for (bool first = true; first || !batch.empty(); first = false) {
            const std::size_t left = kBlock - bytes.size() % kBlock;
            if (left < kHeader) bytes.append(left, '\0');
            const std::size_t room = kBlock - bytes.size() % kBlock - kHeader;
            const std::string_view part = batch.substr(0, room);
            batch.remove_prefix(part.size());
            const bool last = batch.empty();
            record(static_cast<std::uint8_t>(first ? (last ? 1 : 2) : (last ? 4 : 3)), part);
        }
    }

    void record(std::uint8_t type, std::string_view payload) {
        std::string summed(1, static_cast<char>(type));
        summed += payload;
        const std::uint32_t crc = rocksdb::crc32c::Extend(0, summed.data(), summed.size());
        put_le(bytes, ((crc >> 15U) | (crc << 17U)) + 0xa282ead8U);
        put_le(bytes, static_cast<std::uint16_t>(payload.size()));
        bytes += summed;
    }

    std::string bytes;
};

}  // namespace holdfast::wal
