#include "proto/record.hpp"

#include "proto/assert.hpp"
#include "proto/bytes.hpp"

#include <xxhash.h>

#include <algorithm>

namespace holdfast {
namespace {

constexpr std::uint8_t kHasParent = 1;
constexpr std::size_t kChecksumBytes = 4;

std::uint32_t checksum(std::string_view bytes) {
    return static_cast<std::uint32_t>(XXH3_64bits(bytes.data(), bytes.size()));
}

void put_bytes(std::string& out, const Ulid& id) {
    out.append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
}

Ulid take_ulid(ByteReader& reader) {
    Ulid id;
    const std::string_view raw = reader.take(id.bytes.size());
    std::copy(raw.begin(), raw.end(), id.bytes.begin());
    return id;
}

bool is_within_limits(const Event& event) {
    return event.destination.size() <= kDestinationBytesMax &&
           event.person.size() <= kPersonBytesMax && event.name.size() <= kNameBytesMax &&
           event.target.size() <= kTargetBytesMax && event.body.size() <= kBodyBytesMax;
}

}  // namespace

Lane lane_of(std::string_view destination, std::string_view person) {
    const XXH64_hash_t seed = XXH3_64bits(destination.data(), destination.size());
    return Lane{XXH3_64bits_withSeed(person.data(), person.size(), seed)};
}

void encode_record(const Event& event, std::string& out) {
    HOLDFAST_ASSERT(is_within_limits(event));
    const std::size_t begin = out.size();
    put_le(out, kRecordVersion);
    put_le(out, static_cast<std::uint8_t>(event.operation));
    put_le(out, static_cast<std::uint8_t>(event.method));
    put_le(out, event.parent ? kHasParent : std::uint8_t{0});
    put_le(out, static_cast<std::uint64_t>(unix_ms(event.accepted_at)));
    put_bytes(out, event.id);
    put_le(out, static_cast<std::uint64_t>(event.lane));
    put_le(out, event.peer.uid);
    put_le(out, event.peer.gid);
    put_le(out, event.peer.pid);
    put_le(out, static_cast<std::uint8_t>(event.destination.size()));
    put_le(out, std::uint8_t{0});
    put_le(out, static_cast<std::uint16_t>(event.person.size()));
    put_le(out, static_cast<std::uint16_t>(event.name.size()));
    put_le(out, static_cast<std::uint16_t>(event.target.size()));
    put_le(out, static_cast<std::uint32_t>(event.body.size()));
    if (event.parent) put_bytes(out, *event.parent);
    out.append(event.destination).append(event.person).append(event.name);
    out.append(event.target).append(event.body);
    put_le(out, checksum(std::string_view(out).substr(begin)));
}

Result<Event> decode_record(std::string_view record) {
    if (record.size() <= kChecksumBytes) return Error{Errc::corrupt, "record is too short"};
    const std::string_view covered = record.substr(0, record.size() - kChecksumBytes);
    ByteReader tail(record.substr(covered.size()));
    if (tail.le<std::uint32_t>() != checksum(covered)) {
        return Error{Errc::corrupt, "record does not match its checksum"};
    }
    ByteReader reader(covered);
    const auto version = reader.le<std::uint8_t>();
    if (version > kRecordVersion) {
        return Error{Errc::too_new, "record of version " + std::to_string(version)};
    }
    Event event;
    event.operation = Operation{reader.le<std::uint8_t>()};
    event.method = Method{reader.le<std::uint8_t>()};
    const auto flags = reader.le<std::uint8_t>();
    event.accepted_at = wall_from_ms(static_cast<std::int64_t>(reader.le<std::uint64_t>()));
    event.id = take_ulid(reader);
    event.lane = Lane{reader.le<std::uint64_t>()};
    event.peer = {.uid = reader.le<std::uint32_t>(),
                  .gid = reader.le<std::uint32_t>(),
                  .pid = reader.le<std::uint32_t>()};
    const std::size_t destination_size = reader.le<std::uint8_t>();
    const auto zero = reader.le<std::uint8_t>();
    const std::size_t person_size = reader.le<std::uint16_t>();
    const std::size_t name_size = reader.le<std::uint16_t>();
    const std::size_t target_size = reader.le<std::uint16_t>();
    const std::size_t body_size = reader.le<std::uint32_t>();
    if (flags & kHasParent) event.parent = take_ulid(reader);
    event.destination = reader.take(destination_size);
    event.person = reader.take(person_size);
    event.name = reader.take(name_size);
    event.target = reader.take(target_size);
    event.body = reader.take(body_size);
    if (version == 0 || zero != 0 || flags > kHasParent || !reader.at_end()) {
        return Error{Errc::corrupt, "record has an impossible layout"};
    }
    if (find_operation(event.operation) == nullptr || !is_known(event.method)) {
        return Error{Errc::corrupt, "record has an unknown operation"};
    }
    if (!is_within_limits(event)) {
        return Error{Errc::corrupt, "record has a text beyond its limit"};
    }
    return event;
}

}  // namespace holdfast
