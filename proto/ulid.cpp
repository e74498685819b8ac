#include "proto/ulid.hpp"

#include "proto/assert.hpp"

#include <algorithm>

namespace holdfast {
namespace {

constexpr std::string_view kAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
constexpr std::uint8_t kNoDigit = 0xff;

constexpr std::array<std::uint8_t, 256> make_digits() {
    std::array<std::uint8_t, 256> digits{};
    digits.fill(kNoDigit);
    for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
        const char c = kAlphabet[i];
        digits[static_cast<std::uint8_t>(c)] = static_cast<std::uint8_t>(i);
        if (c >= 'A')
            digits[static_cast<std::uint8_t>(c - 'A' + 'a')] = static_cast<std::uint8_t>(i);
    }
    return digits;
}

constexpr std::array<std::uint8_t, 256> kDigits = make_digits();

std::uint64_t milliseconds_of(const Ulid& id) {
    std::uint64_t ms = 0;
    for (std::size_t i = 0; i < 6; ++i) ms = ms << 8 | id.bytes[i];
    return ms;
}

// Adds one to the 128-bit number; the 48-bit time grows with a carry, which keeps the order.
void increment(Ulid& id) {
    for (std::size_t i = id.bytes.size(); i-- > 0;) {
        if (++id.bytes[i] != 0) return;
    }
    HOLDFAST_ASSERT(false && "no ULID is left");
}

}  // namespace

WallTime Ulid::time() const {
    return wall_from_ms(static_cast<std::int64_t>(milliseconds_of(*this)));
}

void Ulid::write_text(char* out) const {
    // 130 bits of text for 128 of value: the first digit holds three.
    unsigned bits = 2;
    unsigned value = 0;
    std::size_t at = 0;
    for (const std::uint8_t byte : bytes) {
        value = value << 8 | byte;
        bits += 8;
        while (bits >= 5) {
            bits -= 5;
            out[at++] = kAlphabet[value >> bits & 31U];
        }
        value &= (1U << bits) - 1;
    }
}

std::string Ulid::text() const {
    std::string out(kTextSize, '\0');
    write_text(out.data());
    return out;
}

std::optional<Ulid> Ulid::parse(std::string_view text) {
    if (text.size() != kTextSize) return std::nullopt;
    Ulid id;
    std::size_t at = 0;
    unsigned value = 0;
    unsigned bits = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const std::uint8_t digit = kDigits[static_cast<std::uint8_t>(text[i])];
        if (digit == kNoDigit) return std::nullopt;
        if (i == 0) {
            if (digit > 7) return std::nullopt;
            value = digit;
            bits = 3;
            continue;
        }
        value = value << 5 | digit;
        bits += 5;
        if (bits >= 8) {
            bits -= 8;
            id.bytes[at++] = static_cast<std::uint8_t>(value >> bits);
            value &= (1U << bits) - 1;
        }
    }
    return id;
}

void UlidFactory::continue_after(const Ulid& last) {
    last_ = std::max(last_, last);
}

Ulid UlidFactory::make(WallTime now) {
    const auto ms = static_cast<std::uint64_t>(std::max<std::int64_t>(unix_ms(now), 0));
    if (ms <= milliseconds_of(last_)) {
        increment(last_);
        return last_;
    }
    for (std::size_t i = 0; i < 6; ++i)
        last_.bytes[i] = static_cast<std::uint8_t>(ms >> (40 - 8 * i));
    const std::uint64_t high = random_();
    const std::uint64_t low = random_();
    // The top random bit stays clear, so that increments within this millisecond cannot overflow.
    last_.bytes[6] = static_cast<std::uint8_t>(high >> 8 & 0x7f);
    last_.bytes[7] = static_cast<std::uint8_t>(high);
    for (std::size_t i = 0; i < 8; ++i)
        last_.bytes[8 + i] = static_cast<std::uint8_t>(low >> (56 - 8 * i));
    return last_;
}

}  // namespace holdfast
