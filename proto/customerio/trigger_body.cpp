#include "proto/customerio/body.hpp"
#include "proto/customerio/limits.hpp"

#include <algorithm>
#include <array>

namespace holdfast::customerio {
namespace {

Refusal refuse(std::string message) {
    return {400, "invalid_trigger", std::move(message)};
}

std::optional<Refusal> check_data(const Field& data, std::string_view json) {
    if (!data.given()) return std::nullopt;
    simdjson::dom::array none;  // PHP cannot tell an empty map from an empty list
    const bool is_empty_list = data.value.get(none) == simdjson::SUCCESS && none.size() == 0;
    if (!data.value.is_object() && !is_empty_list) return refuse("data must be an object");
    if (json.size() > kTriggerDataBytesMax &&
        minified_size(value_text(json, data.index)) > kTriggerDataBytesMax) {
        return refuse("data cannot be longer than 50000 bytes");
    }
    return std::nullopt;
}

std::optional<Refusal> check_rows(const Field& rows) {
    if (!rows.given()) return std::nullopt;
    simdjson::dom::array list;
    if (rows.value.get(list) != simdjson::SUCCESS) {
        return refuse(std::string(rows.name) + " must be a list");
    }
    if (list.size() > kTriggerRowCountMax) {
        return refuse(std::string(rows.name) + " cannot have more than 10000 entries");
    }
    return std::nullopt;
}

// The vendor does not take "recipients": {} for everybody.
std::optional<Refusal> check_recipients(const Field& recipients) {
    if (!recipients.given()) return std::nullopt;
    simdjson::dom::object filter;
    if (recipients.value.get(filter) != simdjson::SUCCESS) {
        return refuse("recipients must be an object");
    }
    if (filter.size() == 0) {
        return Refusal{422, "invalid_trigger", "recipients cannot be empty; leave it out"};
    }
    return std::nullopt;
}

}  // namespace

std::optional<Refusal> check_trigger(simdjson::dom::object body, std::string_view json) {
    std::array<Field, 6> fields{
        {{"data"}, {"recipients"}, {"ids"}, {"emails"}, {"per_user_data"}, {"data_file_url"}}};
    const auto& [data, recipients, ids, emails, per_user_data, file] = fields;
    if (const Field* twice = find_fields(body, fields)) return refuse(stands_twice(*twice));
    if (std::count_if(fields.begin() + 1, fields.end(), [](auto& one) { return one.given(); }) >
        1) {
        return refuse(
            "only one of recipients, ids, emails, per_user_data, data_file_url can be given");
    }
    if (auto refusal = check_data(data, json)) return refusal;
    if (auto refusal = check_recipients(recipients)) return refusal;
    for (const Field* rows : {&ids, &emails, &per_user_data}) {
        if (auto refusal = check_rows(*rows)) return refusal;
    }
    if (file.given() && !file.is_string()) return refuse("data_file_url must be a string");
    return std::nullopt;
}

}  // namespace holdfast::customerio
