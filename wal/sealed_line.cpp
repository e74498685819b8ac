#include "wal/sealed_line.hpp"

#include "wal/crc32c.hpp"

#include <sstream>

namespace holdfast::wal {

std::string sealed(std::string_view line) {
    std::ostringstream text;
    text << line << ' ' << std::hex << rocksdb::crc32c::Extend(0, line.data(), line.size()) << '\n';
    return text.str();
}

std::optional<std::string_view> unsealed(std::string_view bytes) {
    const std::string_view line = bytes.substr(0, bytes.find_last_of(' '));
    return sealed(line) == bytes ? std::optional(line) : std::nullopt;
}

}  // namespace holdfast::wal
