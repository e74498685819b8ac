#include "proto/operation.hpp"

#include "proto/assert.hpp"

#include <array>

namespace holdfast {
namespace {

constexpr Safety kOnce = Safety::once_if_ambiguous;

constexpr std::array kOperations = {
    OperationInfo{Operation::identify, "identify", Safety::idempotent, Kind::people},
    OperationInfo{Operation::event, "event", Safety::dedup_by_id, Kind::events},
    OperationInfo{Operation::anonymous_event, "anonymous_event", Safety::dedup_by_id, Kind::events},
    OperationInfo{Operation::delete_person, "delete", Safety::order_sensitive, Kind::people, true},
    OperationInfo{Operation::suppress, "suppress", Safety::idempotent, Kind::people, true},
    OperationInfo{Operation::unsuppress, "unsuppress", Safety::idempotent, Kind::people},
    OperationInfo{Operation::send_email, "send_email", kOnce, Kind::sends},
    OperationInfo{Operation::add_device, "add_device", Safety::idempotent, Kind::people},
    OperationInfo{
        Operation::delete_device, "delete_device", Safety::idempotent, Kind::people, true},
    OperationInfo{Operation::merge, "merge", Safety::order_sensitive, Kind::people, true},
    OperationInfo{Operation::add_to_segment, "add_to_segment", Safety::idempotent, Kind::people},
    OperationInfo{Operation::remove_from_segment,
                  "remove_from_segment",
                  Safety::idempotent,
                  Kind::people,
                  true},
    OperationInfo{Operation::submit_form, "submit_form", kOnce, Kind::events},
    OperationInfo{Operation::report_metric, "report_metric", kOnce, Kind::events},
    OperationInfo{Operation::report_push_event, "report_push_event", kOnce, Kind::events},
    OperationInfo{Operation::unsubscribe, "unsubscribe", Safety::idempotent, Kind::people},
    OperationInfo{Operation::send_push, "send_push", kOnce, Kind::sends},
    OperationInfo{Operation::send_sms, "send_sms", kOnce, Kind::sends},
    OperationInfo{Operation::send_whatsapp, "send_whatsapp", kOnce, Kind::sends},
    OperationInfo{Operation::send_in_app, "send_in_app", kOnce, Kind::sends},
    OperationInfo{Operation::send_inbox_message, "send_inbox_message", kOnce, Kind::sends},
    OperationInfo{Operation::trigger_broadcast, "trigger_broadcast", kOnce, Kind::broadcasts},
    OperationInfo{
        Operation::add_relationships, "add_relationships", Safety::idempotent, Kind::people},
    OperationInfo{Operation::delete_relationships,
                  "delete_relationships",
                  Safety::idempotent,
                  Kind::people,
                  true},
    OperationInfo{Operation::object_identify, "object_identify", Safety::idempotent, Kind::people},
    OperationInfo{Operation::object_identify_anonymous,
                  "object_identify_anonymous",
                  Safety::idempotent,
                  Kind::people},
    OperationInfo{
        Operation::object_delete, "object_delete", Safety::idempotent, Kind::people, true},
    OperationInfo{Operation::object_add_relationships,
                  "object_add_relationships",
                  Safety::idempotent,
                  Kind::people},
    OperationInfo{Operation::object_delete_relationships,
                  "object_delete_relationships",
                  Safety::idempotent,
                  Kind::people,
                  true},
    OperationInfo{Operation::delivery_event, "delivery_event", kOnce, Kind::events},
    OperationInfo{Operation::request, "request", Safety::dedup_by_id, Kind::requests},
    OperationInfo{
        Operation::request_once, "request_once", Safety::once_if_ambiguous, Kind::requests},
};

}  // namespace

const OperationInfo* find_operation(Operation operation) {
    for (const OperationInfo& row : kOperations) {
        if (row.operation == operation) return &row;
    }
    return nullptr;
}

const OperationInfo* find_operation(std::string_view name) {
    for (const OperationInfo& row : kOperations) {
        if (row.name == name) return &row;
    }
    return nullptr;
}

const OperationInfo& info(Operation operation) {
    const OperationInfo* row = find_operation(operation);
    HOLDFAST_ASSERT(row != nullptr);
    return *row;
}

Endpoint endpoint_of(Kind kind) {
    switch (kind) {
        case Kind::people:
        case Kind::events:
            return Endpoint::track;
        case Kind::sends:
            return Endpoint::app;
        case Kind::broadcasts:
            return Endpoint::broadcasts;
        case Kind::requests:
            break;
    }
    return Endpoint::http;
}

std::string_view to_string(Safety safety) {
    switch (safety) {
        case Safety::dedup_by_id:
            return "dedup_by_id";
        case Safety::idempotent:
            return "idempotent";
        case Safety::order_sensitive:
            return "order_sensitive";
        case Safety::once_if_ambiguous:
            return "once_if_ambiguous";
    }
    return "unknown";
}

std::string_view to_string(Endpoint endpoint) {
    switch (endpoint) {
        case Endpoint::track:
            return "track";
        case Endpoint::app:
            return "app";
        case Endpoint::http:
            return "http";
        case Endpoint::broadcasts:
            return "broadcasts";
    }
    return "unknown";
}

std::string_view to_string(Kind kind) {
    switch (kind) {
        case Kind::people:
            return "people";
        case Kind::events:
            return "events";
        case Kind::sends:
            return "sends";
        case Kind::broadcasts:
            return "broadcasts";
        case Kind::requests:
            return "requests";
    }
    return "unknown";
}

std::string_view to_string(Method method) {
    switch (method) {
        case Method::get:
            return "GET";
        case Method::post:
            return "POST";
        case Method::put:
            return "PUT";
        case Method::del:
            return "DELETE";
    }
    return "unknown";
}

bool is_known(Method method) {
    return to_string(method) != "unknown";
}

}  // namespace holdfast
