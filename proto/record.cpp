#include "proto/record.hpp"

#include "proto/assert.hpp"
#include "proto/bytes.hpp"

#include <xxhash.h>

#include <algorithm>
#include <optional>

namespace holdfast {
namespace {

constexpr std::uint8_t kHasParent = 1;
constexpr std::uint8_t kHasLane = 2;
constexpr std::uint8_t kHasOtherLanes = 4;  // since version 3
constexpr std::uint8_t kFlagsMax = kHasParent | kHasLane | kHasOtherLanes;
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

// Small whatever its sign.
constexpr std::uint64_t zigzag(std::uint64_t value) {
    return value << 1 ^ (value >> 63 != 0 ? ~std::uint64_t{0} : 0);
}

constexpr std::uint64_t unzigzag(std::uint64_t value) {
    return value >> 1 ^ (value % 2 != 0 ? ~std::uint64_t{0} : 0);
}

std::uint64_t ms_of(WallTime time) {
    return static_cast<std::uint64_t>(unix_ms(time));
}

WallTime time_of(std::uint64_t ms) {
    return wall_from_ms(static_cast<std::int64_t>(ms));
}

struct Sizes {
    std::uint64_t destination = 0;
    std::uint64_t person = 0;
    std::uint64_t name = 0;
    std::uint64_t target = 0;
    std::uint64_t body = 0;
};

// What stands between the flags and the parent; nullopt: no record has that.
std::optional<Sizes> read_version_1(ByteReader& reader, std::uint8_t flags, Event& event) {
    event.accepted_at = time_of(reader.le<std::uint64_t>());
    event.id = take_ulid(reader);
    event.lane = Lane{reader.le<std::uint64_t>()};
    event.peer = {.uid = reader.le<std::uint32_t>(),
                  .gid = reader.le<std::uint32_t>(),
                  .pid = reader.le<std::uint32_t>()};
    Sizes sizes;
    sizes.destination = reader.le<std::uint8_t>();
    const auto zero = reader.le<std::uint8_t>();
    sizes.person = reader.le<std::uint16_t>();
    sizes.name = reader.le<std::uint16_t>();
    sizes.target = reader.le<std::uint16_t>();
    sizes.body = reader.le<std::uint32_t>();
    if (zero != 0 || (flags & kHasLane) != 0) return std::nullopt;
    return sizes;
}

std::optional<Sizes> read_version_2(ByteReader& reader, std::uint8_t flags, Event& event) {
    event.id = take_ulid(reader);
    event.accepted_at = time_of(ms_of(event.id.time()) + unzigzag(reader.varint()));
    for (std::uint32_t* number : {&event.peer.uid, &event.peer.gid, &event.peer.pid}) {
        const std::uint64_t value = reader.varint();
        if (value > Peer::kUnknown) return std::nullopt;
        *number = static_cast<std::uint32_t>(value) - 1;
    }
    Sizes sizes;
    for (std::uint64_t* size :
         {&sizes.destination, &sizes.person, &sizes.name, &sizes.target, &sizes.body}) {
        *size = reader.varint();
    }
    if ((flags & kHasLane) != 0) event.lane = Lane{reader.le<std::uint64_t>()};
    if ((flags & kHasOtherLanes) != 0) {
        const std::size_t count = reader.le<std::uint8_t>();
        if (count == 0 || count > kAlsoLanesMax) return std::nullopt;
        for (std::size_t i = 0; i < count; ++i) {
            event.also.push_back(Lane{reader.le<std::uint64_t>()});
        }
    }
    return sizes;
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
    put_le(out, event.also.empty() ? std::uint8_t{2} : kRecordVersion);
    put_le(out, static_cast<std::uint8_t>(event.operation));
    put_le(out, static_cast<std::uint8_t>(event.method));
    const bool has_lane = event.lane != lane_of(event.destination, event.person);
    out.push_back(static_cast<char>((event.parent ? kHasParent : 0) | (has_lane ? kHasLane : 0) |
                                    (event.also.empty() ? 0 : kHasOtherLanes)));
    put_bytes(out, event.id);
    put_varint(out, zigzag(ms_of(event.accepted_at) - ms_of(event.id.time())));
    for (const std::uint32_t number : {event.peer.uid, event.peer.gid, event.peer.pid}) {
        put_varint(out, static_cast<std::uint32_t>(number + 1));  // kUnknown: 0
    }
    for (const std::string_view text :
         {event.destination, event.person, event.name, event.target, event.body}) {
        put_varint(out, text.size());
    }
    if (has_lane) put_le(out, static_cast<std::uint64_t>(event.lane));
    if (!event.also.empty()) {
        put_le(out, static_cast<std::uint8_t>(event.also.size()));
        for (const Lane lane : event.also) put_le(out, static_cast<std::uint64_t>(lane));
    }
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
    const std::optional<Sizes> sizes =
        version == 1 ? read_version_1(reader, flags, event) : read_version_2(reader, flags, event);
    if ((flags & kHasParent) != 0) event.parent = take_ulid(reader);
    if (sizes) {
        event.destination = reader.take(sizes->destination);
        event.person = reader.take(sizes->person);
        event.name = reader.take(sizes->name);
        event.target = reader.take(sizes->target);
        event.body = reader.take(sizes->body);
    }
    if (version != 1 && (flags & kHasLane) == 0) {
        event.lane = lane_of(event.destination, event.person);
    }
    const bool are_flags_known = flags <= (version < 3 ? kHasParent | kHasLane : kFlagsMax);
    if (version == 0 || !sizes || !are_flags_known || !reader.at_end()) {
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
