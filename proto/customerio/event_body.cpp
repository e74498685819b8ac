#include "proto/customerio/body.hpp"
#include "proto/customerio/limits.hpp"

#include <algorithm>
#include <array>

namespace holdfast::customerio {
namespace {

Refusal refuse(std::string_view field, std::string_view message) {
    return {400, "invalid_event", std::string(message), std::string(field)};
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

std::optional<Refusal> check_name(const Field& name, std::string_view& out) {
    if (!name.given()) return refuse("name", text::kEventNameBlank);
    if (!name.is_string()) return refuse("name", "event name must be a string");
    out = trimmed(name.string());
    if (out.empty()) return refuse("name", text::kEventNameBlank);
    if (out.size() > kEventNameBytesMax) return refuse("name", text::kEventNameTooLong);
    return std::nullopt;
}

std::optional<Refusal> check_data(const Field& data,
                                  std::string_view json,
                                  std::string_view& recipient) {
    if (!data.given()) return std::nullopt;
    if (data.value.is_array()) {  // PHP cannot tell an empty map from an empty list
        if (data.value.get_array().value_unsafe().size() == 0) return std::nullopt;
        return refuse(data.name, text::kEventDataNotHash);
    }
    if (!data.value.is_object()) return refuse(data.name, text::kEventDataNotHash);
    if (json.size() > kEventDataBytesMax &&
        minified_size(value_text(json, data.index)) > kEventDataBytesMax) {
        return refuse(data.name, text::kEventDataTooLong);
    }
    std::string_view address;
    if (data.value.at_key("recipient").get(address) == simdjson::SUCCESS &&
        address.size() <= kAttributeValueBytesMax) {
        recipient = address;
    }
    return std::nullopt;
}

}  // namespace

bool is_unix_time(const Field& timestamp) {
    if (timestamp.value.is_number()) return true;
    if (!timestamp.is_string()) return false;
    const std::string_view digits = timestamp.string();
    return !digits.empty() && std::all_of(digits.begin(), digits.end(), is_digit);
}

std::string stands_twice(const Field& field) {
    std::string message = "'";
    message.append(field.name).append("' stands twice in the body");
    return message;
}

std::optional<Refusal> check_event(simdjson::dom::object body,
                                   std::string_view json,
                                   EventBody& out,
                                   std::string_view data_name) {
    std::array<Field, 5> fields{
        {{out.id.name}, {out.timestamp.name}, {"name"}, {data_name}, {"anonymous_id"}}};
    const auto& [id, timestamp, name, data, anonymous_id] = fields;
    if (const Field* twice = find_fields(body, fields))
        return refuse(twice->name, stands_twice(*twice));
    out.id = id;
    out.timestamp = timestamp;
    if (auto refusal = check_name(name, out.name)) return refusal;
    if (auto refusal = check_data(data, json, out.recipient)) return refusal;
    if (id.given() &&
        (!id.is_string() || id.string().empty() || id.string().size() > kIdentifierBytesMax)) {
        return refuse("id", "event id must be a string of 1 to 150 bytes");
    }
    if (timestamp.given() && !is_unix_time(timestamp)) {
        return refuse("timestamp", "event timestamp must be a number of unix seconds");
    }
    if (!anonymous_id.given()) return std::nullopt;
    if (!anonymous_id.is_string()) return refuse("anonymous_id", "anonymous_id must be a string");
    out.anonymous_id = anonymous_id.string();
    if (out.anonymous_id.size() > kAttributeValueBytesMax)
        return refuse("anonymous_id", value_too_long("anonymous_id"));
    return std::nullopt;
}

}  // namespace holdfast::customerio
