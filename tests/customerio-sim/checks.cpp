#include "tests/customerio-sim/checks.hpp"

#include "proto/customerio/limits.hpp"
#include "tests/customerio-sim/text.hpp"

#include <fmt/format.h>

namespace holdfast::customerio_sim {
namespace {

namespace text = customerio::text;

bool has_limits_of_its_own(const std::string& attribute) {
    return attribute == "cio_relationships" || attribute == "cio_subscription_preferences";
}

std::size_t value_bytes(const Json& value) {
    return value.is_string() ? value.get_ref<const std::string&>().size() : dump(value).size();
}

}  // namespace

Refusal check_identifier(std::string_view value) {
    if (value.empty()) return std::string(text::kIdEmpty);
    if (value.size() > customerio::kIdentifierBytesMax) {
        return "id attribute cannot be longer than 150 bytes";
    }
    return std::nullopt;
}

Refusal check_attributes(const Json& attributes) {
    if (!attributes.is_object()) return "attributes must be a hash";
    if (attributes.size() > customerio::kAttributeCountMax) {
        return std::string(text::kTooManyAttributes);
    }
    for (const auto& [name, value] : attributes.items()) {
        if (name.size() > customerio::kAttributeNameBytesMax) {
            return std::string(text::kAttributeNameTooLong);
        }
        if (has_limits_of_its_own(name)) continue;
        if (value_bytes(value) > customerio::kAttributeValueBytesMax) {
            return fmt::format("value for attribute '{}' cannot be longer than 1000 bytes", name);
        }
    }
    const auto id = attributes.find("id");
    if (id == attributes.end() || id->is_null()) return std::nullopt;
    // The Ruby client sends numbers in the body, and the vendor takes them.
    if (id->is_number()) return std::nullopt;
    if (!id->is_string()) return "id attribute must be a string value";
    return check_identifier(id->get_ref<const std::string&>());
}

Refusal check_event(const Json& event, const char* data_key) {
    const std::string given = string_field(event, "name");
    const std::string_view name = trim(given);
    if (name.empty()) return std::string(text::kEventNameBlank);
    if (name.size() > customerio::kEventNameBytesMax) return std::string(text::kEventNameTooLong);

    const auto data = event.find(data_key);
    if (data == event.end() || data->is_null()) return std::nullopt;
    if (data->is_array() && data->empty()) return std::nullopt;  // PHP's empty hash
    if (!data->is_object()) return std::string(text::kEventDataNotHash);
    if (dump(*data).size() > customerio::kEventDataBytesMax) {
        return std::string(text::kEventDataTooLong);
    }
    return std::nullopt;
}

std::string string_field(const Json& object, const char* key) {
    if (!object.is_object()) return {};
    const auto it = object.find(key);
    if (it == object.end() || !it->is_string()) return {};
    return it->get<std::string>();
}

std::optional<std::int64_t> integer_field(const Json& object, const char* key) {
    if (!object.is_object()) return std::nullopt;
    const auto it = object.find(key);
    if (it == object.end() || !it->is_number_integer()) return std::nullopt;
    return it->get<std::int64_t>();
}

}  // namespace holdfast::customerio_sim
