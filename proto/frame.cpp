#include "proto/frame.hpp"

#include "proto/assert.hpp"
#include "proto/bytes.hpp"

#include <libdeflate.h>

#include <algorithm>
#include <limits>

namespace holdfast::frame {
namespace {

constexpr std::size_t kChecksumAt = 8;

std::uint32_t checksum(std::string_view frame) {
    const std::uint32_t head = libdeflate_crc32(0, frame.data(), kChecksumAt);
    return libdeflate_crc32(head, frame.data() + kHeaderBytes, frame.size() - kHeaderBytes);
}

void overwrite_le32(std::string& out, std::size_t at, std::size_t value) {
    std::string bytes;
    put_le(bytes, static_cast<std::uint32_t>(value));
    out.replace(at, bytes.size(), bytes);
}

Error malformed(std::string_view what) {
    return Error{Errc::bad_input, "malformed frame: " + std::string(what)};
}

// What the reader has not taken.
std::string_view rest_of(std::string_view payload, std::size_t taken) {
    return payload.substr(std::min(taken, payload.size()));
}

}  // namespace

Writer::Writer(std::string& out, Type type) : out_(out), begin_(out.size()) {
    put_le(out_, kMagic);
    put_le(out_, kVersion);
    put_le(out_, static_cast<std::uint8_t>(type));
    put_le(out_, std::uint8_t{0});
    out_.append(kHeaderBytes - 4, '\0');
}

void Writer::add(const Event& event) {
    HOLDFAST_ASSERT(event.destination.size() <= std::numeric_limits<std::uint8_t>::max() &&
                    event.key.size() <= kKeyBytesMax &&
                    event.target.size() <= std::numeric_limits<std::uint16_t>::max() &&
                    event.body.size() <= kPayloadBytesMax);
    put_le(out_, static_cast<std::uint8_t>(event.method));
    put_le(out_, static_cast<std::uint8_t>(event.destination.size()));
    put_le(out_, static_cast<std::uint8_t>(event.key.size()));
    put_le(out_, std::uint8_t{0});
    put_le(out_, static_cast<std::uint32_t>(event.target.size()));
    put_le(out_, static_cast<std::uint32_t>(event.body.size()));
    out_.append(event.destination).append(event.key).append(event.target).append(event.body);
}

void Writer::add(const Answer& answer) {
    put_le(out_, answer.status);
    put_le(out_, static_cast<std::uint8_t>(answer.durability));
    put_le(out_, static_cast<std::uint8_t>(answer.is_repeat));
    put_le(out_, static_cast<std::uint32_t>(answer.body.size()));
    put_le(out_, answer.seq.value);
    out_.append(reinterpret_cast<const char*>(answer.id.bytes.data()), answer.id.bytes.size());
    put_le(out_, static_cast<std::uint64_t>(unix_ms(answer.accepted_at)));
    out_.append(answer.body);
}

void Writer::end() {
    overwrite_le32(out_, begin_ + 4, out_.size() - begin_ - kHeaderBytes);
    overwrite_le32(out_, begin_ + kChecksumAt, checksum(std::string_view(out_).substr(begin_)));
}

Result<Header> read_header(std::string_view bytes) {
    HOLDFAST_ASSERT(bytes.size() >= kHeaderBytes);
    ByteReader reader(bytes);
    const auto magic = reader.le<std::uint8_t>();
    const auto version = reader.le<std::uint8_t>();
    const auto type = reader.le<std::uint8_t>();
    const auto zero = reader.le<std::uint8_t>();
    if (magic != kMagic) return malformed("it does not begin with 0xf5");
    if (version != kVersion) {
        return Error{Errc::too_new,
                     "frames of version " + std::to_string(version) +
                         " are not known here, only of version 1"};
    }
    const Header header{Type{type}, reader.le<std::uint32_t>(), reader.le<std::uint32_t>()};
    if (type < static_cast<std::uint8_t>(Type::events) ||
        type > static_cast<std::uint8_t>(Type::refusal)) {
        return malformed("unknown type");
    }
    if (zero != 0) return malformed("its byte 3 is not 0");
    if (header.payload_bytes > kPayloadBytesMax) {
        return malformed("its payload is larger than " + std::to_string(kPayloadBytesMax) +
                         " bytes");
    }
    return header;
}

bool matches_checksum(const Header& header, std::string_view frame) {
    return checksum(frame) == header.checksum;
}

Result<Event> take_event(std::string_view& payload) {
    ByteReader reader(payload);
    Event event;
    const auto method = reader.le<std::uint8_t>();
    const std::size_t destination_size = reader.le<std::uint8_t>();
    const std::size_t key_size = reader.le<std::uint8_t>();
    const auto zero = reader.le<std::uint8_t>();
    const std::size_t target_size = reader.le<std::uint32_t>();
    const std::size_t body_size = reader.le<std::uint32_t>();
    event.method = Method{method};
    event.destination = reader.take(destination_size);
    event.key = reader.take(key_size);
    event.target = reader.take(target_size);
    event.body = reader.take(body_size);
    if (!reader.ok()) return malformed("an event does not end within it");
    if (zero != 0) return malformed("an event has an unknown flag");
    if (!is_known(event.method)) return malformed("an event has an unknown method");
    payload = rest_of(payload, kEventBytes + destination_size + key_size + target_size + body_size);
    return event;
}

Result<Answer> take_answer(std::string_view& payload) {
    ByteReader reader(payload);
    Answer answer;
    answer.status = reader.le<std::uint16_t>();
    const auto durability = reader.le<std::uint8_t>();
    const auto repeat = reader.le<std::uint8_t>();
    const std::size_t body_size = reader.le<std::uint32_t>();
    answer.seq = Seq{reader.le<std::uint64_t>()};
    const std::string_view id = reader.take(answer.id.bytes.size());
    std::copy(id.begin(), id.end(), answer.id.bytes.begin());
    answer.accepted_at = wall_from_ms(static_cast<std::int64_t>(reader.le<std::uint64_t>()));
    answer.body = reader.take(body_size);
    if (!reader.ok()) return malformed("an answer does not end within it");
    if (repeat > 1 || durability > static_cast<std::uint8_t>(Durability::synced)) {
        return malformed("an answer has an unknown flag");
    }
    answer.durability = Durability{durability};
    answer.is_repeat = repeat != 0;
    payload = rest_of(payload, kAnswerBytes + body_size);
    return answer;
}

}  // namespace holdfast::frame
