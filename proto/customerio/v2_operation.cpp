#include "proto/customerio/v2_operation.hpp"

#include "proto/customerio/json.hpp"
#include "proto/customerio/limits.hpp"

#include <boost/url/decode_view.hpp>
#include <boost/url/pct_string_view.hpp>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <array>
#include <span>
#include <vector>

namespace holdfast::customerio {
namespace {

namespace urls = boost::urls;

constexpr std::string_view kPeople = "/api/v1/customers/";
constexpr std::string_view kCioPrefix = "cio_";

// The segments behind kPeople, decoded. Empty: it is not such a path, or not one that we store.
std::vector<std::string> segments_of(std::string_view target) {
    if (!target.starts_with(kPeople)) return {};
    std::string_view rest = target.substr(kPeople.size());
    std::vector<std::string> segments;
    for (;;) {
        const std::size_t size = std::min(rest.find('/'), rest.size());
        const auto segment = urls::make_pct_string_view(rest.substr(0, size));
        if (!segment) return {};
        segments.emplace_back(segment->decode());
        if (segments.back().empty() || !simdjson::validate_utf8(segments.back())) return {};
        if (size == rest.size()) return segments;
        rest.remove_prefix(size + 1);
    }
}

// `text` is UTF-8.
std::string quoted(std::string_view text) {
    return nlohmann::json(text).dump();
}

// Whether there is one of these and nothing else. The vendor may make something of another field
// that it would not make of it in v2.
bool has_only(simdjson::dom::object object, std::span<const Field> fields) {
    std::size_t present = 0;
    for (const Field& field : fields) present += field.present ? 1U : 0U;
    return object.size() == present;
}

bool is_integer(const Field& field) {
    return field.value.is_int64() || field.value.is_uint64();
}

// The text of an operation, a field after the other.
class Writer {
public:
    Writer() { out_.reserve(512); }

    void add(std::string_view name, std::string_view json) {
        out_.append(out_.empty() ? "{\"" : ",\"").append(name).append("\":").append(json);
    }

    [[nodiscard]] std::optional<std::string> end() && {
        out_.push_back('}');
        if (out_.size() > kV2OperationBytesMax) return std::nullopt;
        return std::move(out_);
    }

private:
    std::string out_;
};

// One call about a person. Each of its parts is false when it has no form in v2.
class Call {
public:
    Call(std::string_view body, Writer& out) : body_(body), out_(out) {}

    [[nodiscard]] bool begin(std::string_view identifier, PathIdentifier holds);
    [[nodiscard]] bool identify();
    [[nodiscard]] bool event();
    [[nodiscard]] bool add_device();
    void delete_device(std::string_view token);

    void action(std::string_view name) { out_.add("action", quoted(name)); }

private:
    [[nodiscard]] bool parse(simdjson::dom::object& object) {
        return parser_.parse(body_.data(), body_.size()).get(object) == simdjson::SUCCESS;
    }

    [[nodiscard]] std::string_view text(const Field& field) const {
        return value_text(body_, field.index);
    }

    [[nodiscard]] bool add_relationships(const Field& relationships);
    void add_attributes(std::span<const Field* const> without);

    std::string_view body_;
    Writer& out_;
    simdjson::dom::parser parser_;
};

bool Call::begin(std::string_view identifier, PathIdentifier holds) {
    std::string_view kind = holds == PathIdentifier::id ? "id" : "email";
    if (identifier.starts_with(kCioPrefix)) {
        kind = "cio_id";
        identifier.remove_prefix(kCioPrefix.size());
        if (identifier.empty()) return false;
    } else if (holds == PathIdentifier::email && identifier.find('@') == std::string_view::npos) {
        return false;
    }
    out_.add("type", "\"person\"");
    out_.add("identifiers",
             std::string("{\"").append(kind).append("\":").append(quoted(identifier)).append("}"));
    return true;
}

// `_update` and `cio_subscription_preferences` are attributes in v2 too; what moves the profile to
// another cio_id is not known there.
bool Call::identify() {
    simdjson::dom::object attributes;
    if (!parse(attributes)) return false;
    std::array<Field, 3> fields{{{"cio_relationships"}, {"_timestamp"}, {"cio_id"}}};
    const auto& [relationships, timestamp, cio_id] = fields;
    if (find_fields(attributes, fields) != nullptr || cio_id.given()) return false;
    if (timestamp.given() && !is_integer(timestamp)) return false;
    action("identify");
    if (timestamp.given()) out_.add("timestamp", text(timestamp));
    const std::array moved{&relationships, &timestamp};
    add_attributes(moved);
    return add_relationships(relationships);
}

void Call::add_attributes(std::span<const Field* const> without) {
    const auto is_left_out = [&](std::size_t index) {
        return std::any_of(without.begin(), without.end(), [&](const Field* field) {
            return field->present && field->index == index;
        });
    };
    std::string attributes;
    std::size_t index = 0;
    for (const FieldText& field : field_texts(body_)) {
        if (is_left_out(index++)) continue;
        attributes.append(attributes.empty() ? "{" : ",");
        attributes.append(field.name).append(":").append(field.value);
    }
    out_.add("attributes", attributes.empty() ? "{}" : attributes + "}");
}

// In v1 an object that says what to do with them; in v2 an identify can only add some.
bool Call::add_relationships(const Field& relationships) {
    if (!relationships.given()) return true;
    simdjson::dom::object object;
    if (relationships.value.get(object) != simdjson::SUCCESS) return false;
    std::array<Field, 2> fields{{{"action"}, {"relationships"}}};
    const auto& [what, list] = fields;
    if (find_fields(object, fields) != nullptr || !has_only(object, fields)) return false;
    if (!what.is_string() || what.string() != "add_relationships") return false;
    if (!list.given() || !list.value.is_array()) return false;
    out_.add("cio_relationships", value_text(text(relationships), list.index));
    return true;
}

bool Call::event() {
    simdjson::dom::object object;
    if (!parse(object)) return false;
    std::array<Field, 5> fields{{{"name"}, {"data"}, {"type"}, {"id"}, {"timestamp"}}};
    const auto& [name, data, type, id, timestamp] = fields;
    if (find_fields(object, fields) != nullptr || !has_only(object, fields)) return false;
    if (!name.is_string() || (id.given() && !id.is_string())) return false;
    if (timestamp.given() && !is_integer(timestamp)) return false;
    const bool is_typed =
        type.is_string() && (type.string() == "page" || type.string() == "screen");
    action(is_typed ? type.string() : "event");
    // v1 trims it; nobody says so of v2.
    const std::string_view trimmed_name = trimmed(name.string());
    if (trimmed_name.empty()) return false;
    const bool is_trimmed = trimmed_name.size() == name.string().size();
    out_.add("name", is_trimmed ? std::string(text(name)) : quoted(trimmed_name));
    if (id.given()) out_.add("id", text(id));
    if (timestamp.given()) out_.add("timestamp", text(timestamp));
    if (!data.given()) return true;
    if (data.value.is_array()) return data.value.get_array().value_unsafe().size() == 0;
    if (!data.value.is_object()) return false;
    out_.add("attributes", text(data));
    return true;
}

bool Call::add_device() {
    simdjson::dom::object object;
    if (!parse(object)) return false;
    std::array<Field, 1> outer{{{"device"}}};
    const Field& device = outer.front();
    simdjson::dom::object inside;
    if (find_fields(object, outer) != nullptr || !has_only(object, outer)) return false;
    if (!device.present || device.value.get(inside) != simdjson::SUCCESS) return false;
    std::array<Field, 4> fields{{{"id"}, {"platform"}, {"last_used"}, {"attributes"}}};
    const auto& [id, platform, last_used, attributes] = fields;
    // Some clients put attributes beside these: nobody says what v2 makes of them.
    if (find_fields(inside, fields) != nullptr || !has_only(inside, fields)) return false;
    if (!id.is_string() || id.string().empty() || !platform.is_string()) return false;
    if (last_used.given() && !is_integer(last_used)) return false;
    if (attributes.given() && !attributes.value.is_object()) return false;
    const std::string_view device_text = text(device);
    Writer out;
    out.add("token", value_text(device_text, id.index));
    for (const Field* field : {&platform, &last_used, &attributes}) {
        if (field->given()) out.add(field->name, value_text(device_text, field->index));
    }
    const std::optional<std::string> written = std::move(out).end();
    if (!written) return false;
    action("add_device");
    out_.add("device", *written);
    return true;
}

void Call::delete_device(std::string_view token) {
    action("delete_device");
    out_.add("device", "{\"token\":" + quoted(token) + "}");
}

// False: none of the calls that have a form in v2.
bool write_call(Method method, const std::vector<std::string>& segments, Call& call) {
    const std::string_view what = segments.size() > 1 ? std::string_view(segments[1]) : "";
    if (segments.size() == 1 && method == Method::put) return call.identify();
    if (segments.size() == 3 && method == Method::del && what == "devices") {
        call.delete_device(segments[2]);
        return true;
    }
    if (segments.size() == 2 && method == Method::put && what == "devices") {
        return call.add_device();
    }
    if (segments.size() == 2 && method == Method::post && what == "events") return call.event();
    const bool is_delete = segments.size() == 1 && method == Method::del;
    const bool is_plain = segments.size() == 2 && method == Method::post &&
                          (what == "suppress" || what == "unsuppress");
    if (is_delete || is_plain) call.action(is_delete ? "delete" : what);
    return is_delete || is_plain;
}

}  // namespace

bool is_v2_operation(const Event& event) {
    return event.method == Method::post && event.target == kEntityTarget;
}

std::optional<std::string> as_v2_operation(const Event& event, PathIdentifier holds) {
    const std::vector<std::string> segments = segments_of(event.target);
    if (segments.empty()) return std::nullopt;
    Writer out;
    Call call(event.body, out);
    if (!call.begin(segments.front(), holds)) return std::nullopt;
    if (!write_call(event.method, segments, call)) return std::nullopt;
    return std::move(out).end();
}

}  // namespace holdfast::customerio
