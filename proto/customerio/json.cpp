#include "proto/customerio/json.hpp"

#include <algorithm>
#include <array>
#include <charconv>

namespace holdfast::customerio {
namespace {

// The position of the quote that ends the string which starts with the quote at `begin`.
std::size_t end_of_string(std::string_view json, std::size_t begin) {
    std::size_t i = begin + 1;
    while (i < json.size() && json[i] != '"') i += json[i] == '\\' ? 2U : 1U;
    return i;
}

template <class Number>
void append_number(Number value, std::string& out) {
    std::array<char, 32> digits{};
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
    out.append(digits.data(), end);
}

}  // namespace

const Field* find_fields(simdjson::dom::object object, std::span<Field> fields) {
    std::size_t index = 0;
    for (const auto [key, value] : object) {
        for (Field& field : fields) {
            if (field.name != key) continue;
            if (field.present) return &field;
            field.value = value;
            field.index = index;
            field.present = true;
        }
        ++index;
    }
    return nullptr;
}

std::string_view string_in(simdjson::dom::object object, std::string_view name) {
    std::string_view string;
    return object.at_key(name).get(string) == simdjson::SUCCESS ? string : std::string_view();
}

std::string_view value_text(std::string_view object_text, std::size_t index) {
    std::size_t depth = 0;
    std::size_t colons = 0;
    std::size_t begin = std::string_view::npos;
    for (std::size_t i = 0; i < object_text.size(); ++i) {
        const char c = object_text[i];
        if (c == '"') {
            i = end_of_string(object_text, i);
            continue;
        }
        if (depth == 1 && begin != std::string_view::npos && (c == ',' || c == '}')) {
            return trimmed(object_text.substr(begin, i - begin));
        }
        if (depth == 1 && c == ':' && colons++ == index) begin = i + 1;
        if (c == '{' || c == '[') ++depth;
        if ((c == '}' || c == ']') && depth > 0) --depth;
    }
    return {};
}

std::vector<std::string_view> item_texts(std::string_view text) {
    std::vector<std::string_view> items;
    std::size_t depth = 0;
    std::size_t begin = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        const bool closes = c == '}' || c == ']';
        if (c == '"') {
            i = end_of_string(text, i);
        } else if (c == '{' || c == '[') {
            if (depth++ == 0) begin = i + 1;
        } else if (depth == 1 && (c == ',' || closes)) {
            const std::string_view item = trimmed(text.substr(begin, i - begin));
            if (!item.empty()) items.push_back(item);
            if (closes) return items;
            begin = i + 1;
        } else if (closes && depth > 0) {
            --depth;
        }
    }
    return items;
}

std::vector<FieldText> field_texts(std::string_view object_text) {
    std::vector<FieldText> fields;
    for (const std::string_view item : item_texts(object_text)) {
        const std::size_t name_end = std::min(end_of_string(item, 0) + 1, item.size());
        const std::string_view rest = item.substr(name_end);
        const std::size_t colon = std::min(rest.find(':'), rest.size());
        fields.push_back(
            {item.substr(0, name_end), trimmed(rest.substr(std::min(colon + 1, rest.size())))});
    }
    return fields;
}

std::size_t minified_size(std::string_view json) {
    std::string out(json.size() + simdjson::SIMDJSON_PADDING, '\0');
    std::size_t size = 0;
    const auto error = simdjson::minify(json.data(), json.size(), out.data(), size);
    return error == simdjson::SUCCESS ? size : json.size();
}

bool append_scalar(simdjson::dom::element value, std::string& out) {
    switch (value.type()) {
        case simdjson::dom::element_type::STRING:
            out.append(value.get_string().value_unsafe());
            return true;
        case simdjson::dom::element_type::INT64:
            append_number(value.get_int64().value_unsafe(), out);
            return true;
        case simdjson::dom::element_type::UINT64:
            append_number(value.get_uint64().value_unsafe(), out);
            return true;
        case simdjson::dom::element_type::DOUBLE:
            append_number(value.get_double().value_unsafe(), out);
            return true;
        default:
            return false;
    }
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\n\v\f\r";
    const std::size_t begin = text.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) return {};
    return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

}  // namespace holdfast::customerio
