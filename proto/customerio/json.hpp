// What simdjson leaves to us: the fields we look at, and where a value stands in the text.
// Within this folder only.
#pragma once

#include <simdjson.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace holdfast::customerio {

// One field of an object, looked for by name.
struct Field {
    std::string_view name;
    simdjson::dom::element value{};  // only when present
    std::size_t index = 0;           // its place among the fields of the object
    bool present = false;

    // A null is as good as nothing: several clients send one for what was not set.
    [[nodiscard]] bool given() const { return present && !value.is_null(); }

    [[nodiscard]] bool is_string() const { return present && value.is_string(); }

    [[nodiscard]] std::string_view string() const { return value.get_string().value_unsafe(); }
};

// Fills in the fields that the object has. Returns the first that it has twice, else nullptr: two
// readers of such an object may see two different things.
[[nodiscard]] const Field* find_fields(simdjson::dom::object object, std::span<Field> fields);

// The string of this name in the object; empty: there is none.
[[nodiscard]] std::string_view string_in(simdjson::dom::object object, std::string_view name);

// The text of the value of the index-th field, without blanks around it. `object_text` is one valid
// JSON object; in anything else the result is some part of it, or empty.
[[nodiscard]] std::string_view value_text(std::string_view object_text, std::size_t index);

// The texts of the elements of a valid JSON array, or of the fields of an object, in order, without
// blanks around them.
[[nodiscard]] std::vector<std::string_view> item_texts(std::string_view text);

// One field of an object as it stands in its text.
struct FieldText {
    std::string_view name;  // with its quotes
    std::string_view value;
};

[[nodiscard]] std::vector<FieldText> field_texts(std::string_view object_text);

// Its size without the blanks between tokens.
[[nodiscard]] std::size_t minified_size(std::string_view json);

// Appends a string as it is and a number in its shortest form; false for anything else.
[[nodiscard]] bool append_scalar(simdjson::dom::element value, std::string& out);

// Without blanks (ASCII) at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

}  // namespace holdfast::customerio
