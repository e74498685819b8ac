// What an event asks the far side to do, and how safe it is to ask twice. One table; a new call of
// the vendor's API is a row here, a row in proto/customerio/route.cpp and its checks.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast {

// Numbers are stored in records: never renumber, nor use one again.
enum class Operation : std::uint8_t {
    identify = 1,
    event = 2,
    anonymous_event = 3,
    delete_person = 4,
    suppress = 5,
    unsuppress = 6,
    send_email = 7,
    add_device = 8,
    delete_device = 9,
    merge = 10,
    add_to_segment = 11,
    remove_from_segment = 12,
    submit_form = 13,
    report_metric = 14,
    report_push_event = 15,
    unsubscribe = 16,
    send_push = 17,
    send_sms = 18,
    send_whatsapp = 19,
    send_in_app = 20,
    send_inbox_message = 21,
    trigger_broadcast = 22,
    // Of Track API v2 alone.
    add_relationships = 43,
    delete_relationships = 44,
    object_identify = 45,
    object_identify_anonymous = 46,
    object_delete = 47,
    object_add_relationships = 48,
    object_delete_relationships = 49,
    delivery_event = 50,
    // Of a destination that is not the vendor; 8 to 63 are for the vendor's.
    request = 64,
    request_once = 65,
};

// What a second delivery of the same event does.
enum class Safety : std::uint8_t {
    dedup_by_id,        // carries our ULID; the far side drops the repeat
    idempotent,         // the repeat converges
    order_sensitive,    // as idempotent, but a barrier for everybody it names
    once_if_ambiguous,  // a repeat is seen by a person: never repeat when the result is in doubt
};

// Which of a destination's endpoints (host and credential) takes it. Each has gates of its own, so
// that a refused key for e-mail does not hold up the events.
//
// Broadcasts are of the app's host and key too, but have another limit there.
enum class Endpoint : std::uint8_t { track, app, http, broadcasts };
inline constexpr std::array kEndpoints = {
    Endpoint::track, Endpoint::app, Endpoint::http, Endpoint::broadcasts};
inline constexpr std::size_t kEndpointCount = kEndpoints.size();

// What a destination's limits are set by: each kind has a rate and a concurrency of its own.
enum class Kind : std::uint8_t {
    people,      // what changes a person or an object
    events,      // what happened to one
    sends,       // messages to one person
    broadcasts,  // messages to many
    requests,    // of a destination that is not the vendor
};
inline constexpr std::array kKinds = {
    Kind::people, Kind::events, Kind::sends, Kind::broadcasts, Kind::requests};
inline constexpr std::size_t kKindCount = kKinds.size();

[[nodiscard]] Endpoint endpoint_of(Kind kind);

// Numbers are stored in records.
enum class Method : std::uint8_t { get = 1, post = 2, put = 3, del = 4 };

struct OperationInfo {
    Operation operation;
    std::string_view name;  // as the API, the CLI and the metrics show it
    Safety safety;
    Kind kind;
    // Takes back what came before: a repeat after later events would take those back too.
    bool erases = false;

    [[nodiscard]] Endpoint endpoint() const { return endpoint_of(kind); }
};

// nullptr for a number that is not in the table: bytes from a disk may hold any.
[[nodiscard]] const OperationInfo* find_operation(Operation operation);
[[nodiscard]] const OperationInfo* find_operation(std::string_view name);

// For an operation that is known to be in the table.
[[nodiscard]] const OperationInfo& info(Operation operation);

[[nodiscard]] std::string_view to_string(Safety safety);
[[nodiscard]] std::string_view to_string(Endpoint endpoint);
[[nodiscard]] std::string_view to_string(Kind kind);
[[nodiscard]] std::string_view to_string(Method method);
[[nodiscard]] bool is_known(Method method);

}  // namespace holdfast
