#include "wal/log_sectors.hpp"

#include "proto/bytes.hpp"
#include "wal/crc32c.hpp"
#include "wal/prescan.hpp"

#include <algorithm>
#include <cstring>
#include <optional>

namespace holdfast::wal {
namespace {

constexpr std::size_t kCrcBytes = 4;
constexpr std::size_t kHeader = kSectorBytes - kSectorPayload;
constexpr std::uint16_t kVersion = 1;
constexpr char kMissing = '\xff';

template <class T>
char* put(char* to, T value) {
    for (std::size_t i = 0; i < sizeof(T); ++i) {
        *to++ = static_cast<char>(static_cast<std::uint64_t>(value) >> (8 * i) & 0xffU);
    }
    return to;
}

std::uint32_t crc_of(const char* sector) {
    return rocksdb::crc32c::Extend(0, sector + kCrcBytes, kHeader - kCrcBytes);
}

struct Sector {
    std::uint32_t place = 0;
    std::uint32_t log = 0;
    std::string_view payload;
};

// nullopt: it is none, or not whole.
std::optional<Sector> read_sector(std::string_view bytes) {
    ByteReader reader(bytes);
    const auto crc = reader.le<std::uint32_t>();
    Sector sector;
    sector.place = reader.le<std::uint32_t>();
    sector.log = reader.le<std::uint32_t>();
    const std::size_t size = reader.le<std::uint16_t>();
    const auto version = reader.le<std::uint16_t>();
    if (!reader.ok() || version != kVersion || size == 0 || size > kSectorPayload) return {};
    sector.payload = reader.take(size);
    if (!reader.ok() || crc != crc_of(bytes.data())) return {};
    return sector;
}

// Of a file that begins with a record of RocksDB's, whatever its events hold further on.
bool has_sectors(std::string_view file) {
    if (read_sector(file.substr(0, kSectorBytes))) return true;
    if (begins_with_record(file)) return false;
    for (std::size_t at = 0; at < file.size(); at += kSectorBytes) {
        if (read_sector(file.substr(at, kSectorBytes))) return true;
    }
    return false;
}

bool is_damaged(std::string_view sector) {
    return sector.find_first_not_of('\0') != std::string_view::npos && !read_sector(sector);
}

}  // namespace

void put_sectors(std::string_view bytes, std::uint32_t log, std::uint32_t place, char* to) {
    for (; !bytes.empty(); to += kSectorBytes) {
        const std::size_t size = std::min(bytes.size(), kSectorPayload);
        char* at = put(to + kCrcBytes, place);
        at = put(at, log);
        at = put(at, static_cast<std::uint16_t>(size));
        at = put(at, kVersion);
        std::memcpy(at, bytes.data(), size);
        std::memset(at + size, 0, kSectorPayload - size);
        put(to, crc_of(to));
        bytes.remove_prefix(size);
        place += static_cast<std::uint32_t>(size);
    }
}

// In place: what lies in sectors takes less room than they do.
std::string log_in(std::string file, std::uint32_t log) {
    if (!has_sectors(file)) return file;
    std::size_t end = 0;          // of the bytes
    std::size_t sectors_end = 0;  // of the last sector that is the log's
    for (std::size_t at = 0; at < file.size(); at += kSectorBytes) {
        const auto sector = read_sector(std::string_view(file).substr(at, kSectorBytes));
        if (!sector || sector->log != log) continue;
        if (sector->place < end || sector->place > at / kSectorBytes * kSectorPayload) continue;
        std::memset(file.data() + end, kMissing, sector->place - end);
        std::memmove(file.data() + sector->place, sector->payload.data(), sector->payload.size());
        end = sector->place + sector->payload.size();
        sectors_end = at + kSectorBytes;
    }
    const auto is_damaged_at = [&](std::size_t at) {
        return at < file.size() && is_damaged(std::string_view(file).substr(at, kSectorBytes));
    };
    const bool is_cut = is_damaged_at(sectors_end) || is_damaged_at(up_to_page(sectors_end));
    file.resize(end);
    if (is_cut) file.append(kSectorPayload, kMissing);
    return file;
}

}  // namespace holdfast::wal
