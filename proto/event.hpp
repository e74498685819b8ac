// An event: what an app asked for, with all that is fixed at acceptance. In the log it is an entry.
#pragma once

#include "proto/operation.hpp"
#include "proto/time.hpp"
#include "proto/ulid.hpp"

#include <boost/container/static_vector.hpp>

#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast {

// Who sent it, as the kernel says (SO_PEERCRED). From a TCP connection all are kUnknown.
struct Peer {
    static constexpr std::uint32_t kUnknown = 0xffffffff;

    std::uint32_t uid = kUnknown;
    std::uint32_t gid = kUnknown;
    std::uint32_t pid = kUnknown;  // at connect(); may be another process by now

    auto operator<=>(const Peer&) const = default;
};

// A lane: one destination and one person, in which order is kept. A hash: two lanes that collide
// only wait for one another. Records count on it: the function behind it never changes.
enum class Lane : std::uint64_t {};

[[nodiscard]] Lane lane_of(std::string_view destination, std::string_view person);

inline constexpr std::size_t kAlsoLanesMax = 4;
using AlsoLanes = boost::container::static_vector<Lane, kAlsoLanesMax>;

// Borrows every text from a buffer that outlives it: the request it was made of, or a record.
struct Event {
    Ulid id;  // ours; grows with the log. The event's own "id" may be another, if the app gave one
    WallTime accepted_at;
    Operation operation = Operation::event;
    Method method = Method::post;
    Lane lane{};
    AlsoLanes also;  // the others that it is a barrier in, each once
    Peer peer;
    std::optional<Ulid> parent;    // the first entry that this one repeats, for a replay
    std::string_view destination;  // name in the configuration
    // "id:42", "email:a@b.c", "cio_id:…", "anonymous:…", of a request "key:…"; of a call that is
    // not about one person what its order is kept for: "segment:7", "delivery:…", "broadcast:…";
    // empty: nobody
    std::string_view person;
    std::string_view name;    // of the event ("purchase"), message, form or metric; else empty
    std::string_view target;  // path and query as they are sent; of a request: as it was taken
    std::string_view body;    // as it is sent: JSON, of a request any bytes; may be empty
};

}  // namespace holdfast
