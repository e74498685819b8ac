#include "proto/customerio/body.hpp"
#include "proto/customerio/limits.hpp"

namespace holdfast::customerio {
namespace {

Refusal refuse(std::string message) {
    return {400, "invalid_identify", std::move(message)};
}

}  // namespace

std::string value_too_long(std::string_view attribute) {
    std::string message = "value for attribute '";
    message.append(attribute).append("' cannot be longer than 1000 bytes");
    return message;
}

std::optional<Refusal> check_identify(simdjson::dom::object body) {
    std::size_t count = 0;
    for (const auto [name, value] : body) {
        if (++count > kAttributeCountMax) return refuse(std::string(text::kTooManyAttributes));
        if (name.size() > kAttributeNameBytesMax) {
            return refuse(std::string(text::kAttributeNameTooLong));
        }
        if (value.is_string() &&
            value.get_string().value_unsafe().size() > kAttributeValueBytesMax) {
            return refuse(value_too_long(name));
        }
    }
    return std::nullopt;
}

}  // namespace holdfast::customerio
