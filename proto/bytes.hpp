// Reads and writes little-endian numbers, varints and big-endian keys in byte strings, with bounds
// checked.
#pragma once

#include <array>
#include <concepts>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace holdfast {

template <std::unsigned_integral T>
void put_le(std::string& out, T value) {
    std::array<char, sizeof(T)> bytes;
    for (char& byte : bytes) {  // compiled to one store
        byte = static_cast<char>(value & 0xff);
        if constexpr (sizeof(T) > 1) value = static_cast<T>(value >> 8);
    }
    out.append(bytes.data(), bytes.size());
}

inline void put_be64(std::string& out, std::uint64_t value) {
    for (int shift = 56; shift >= 0; shift -= 8)
        out.push_back(static_cast<char>(value >> shift & 0xff));
}

// As ByteReader::varint() reads it.
inline void put_varint(std::string& out, std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) out.push_back(static_cast<char>(value | 0x80));
    out.push_back(static_cast<char>(value));
}

// Takes numbers and texts off the front. After a read past the end everything is zero or empty and
// ok() is false: check once, at the end.
class ByteReader {
public:
    explicit ByteReader(std::string_view bytes) : rest_(bytes) {}

    template <std::unsigned_integral T>
    [[nodiscard]] T le() {
        const std::string_view raw = take(sizeof(T));
        T value = 0;
        for (std::size_t i = raw.size(); i-- > 0;) {
            if constexpr (sizeof(T) > 1) value = static_cast<T>(value << 8);
            value = static_cast<T>(value | static_cast<std::uint8_t>(raw[i]));
        }
        return value;
    }

    [[nodiscard]] std::uint64_t be64() {
        std::uint64_t value = 0;
        for (const char c : take(8)) value = value << 8 | static_cast<std::uint8_t>(c);
        return value;
    }

    // Seven bits a byte, the lowest first; the eighth says that another follows.
    [[nodiscard]] std::uint64_t varint() {
        std::uint64_t value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            const auto byte = le<std::uint8_t>();
            value |= std::uint64_t{byte & 0x7fU} << shift;
            if (byte < 0x80) return ok_ ? value : 0;
        }
        ok_ = false;
        return 0;
    }

    [[nodiscard]] std::string_view take(std::size_t size) {
        if (size > rest_.size()) {
            ok_ = false;
            rest_ = {};
            return {};
        }
        const std::string_view taken = rest_.substr(0, size);
        rest_.remove_prefix(size);
        return taken;
    }

    [[nodiscard]] bool ok() const { return ok_; }

    [[nodiscard]] std::size_t left() const { return rest_.size(); }

    [[nodiscard]] bool at_end() const { return ok_ && rest_.empty(); }

private:
    std::string_view rest_;
    bool ok_ = true;
};

}  // namespace holdfast
