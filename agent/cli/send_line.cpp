#include "agent/cli/send_line.hpp"

#include "agent/cli/format.hpp"

#include <algorithm>
#include <cctype>

namespace holdfast::cli {
namespace {

constexpr std::string_view kBlanks = " \t\r\n";

Error wrong(const std::string& what) {
    return {Errc::bad_input, what};
}

// Behind the string that begins at `at`. The text is known to be JSON, here and below.
std::size_t end_of_string(std::string_view json, std::size_t at) {
    for (++at; json[at] != '"'; ++at) {
        if (json[at] == '\\') ++at;
    }
    return at + 1;
}

// Behind the value that begins at `at`: at the comma or bracket that follows.
std::size_t end_of_value(std::string_view json, std::size_t at) {
    for (std::size_t depth = 0;;) {
        const char c = json[at];
        if (depth == 0 && (c == ',' || c == '}')) return at;
        if (c == '{' || c == '[') ++depth;
        if (c == '}' || c == ']') --depth;
        at = c == '"' ? end_of_string(json, at) : at + 1;
    }
}

// A member of an object as its bytes stand there; of several with one name the last, which is the
// one that the parser keeps. Empty when its name is written with escapes.
std::string_view raw_member(std::string_view json, std::string_view name) {
    std::string_view found;
    std::size_t at = json.find('{') + 1;
    while ((at = json.find_first_of("\"}", at)) != std::string_view::npos && json[at] == '"') {
        const std::size_t name_end = end_of_string(json, at);
        const bool is_it = json.substr(at + 1, name_end - at - 2) == name;
        const std::size_t begin = json.find_first_not_of(kBlanks, json.find(':', name_end) + 1);
        at = end_of_value(json, begin);
        if (is_it) found = json.substr(begin, at - begin);
        if (json[at] == ',') ++at;
    }
    return found.substr(0, found.find_last_not_of(kBlanks) + 1);
}

std::string body_of(std::string_view json, const Json& body) {
    if (body.is_string()) return body.get<std::string>();
    const std::string_view raw = raw_member(json, "body");
    return raw.empty() ? body.dump() : std::string(raw);
}

}  // namespace

Result<client::Method> parse_method(std::string_view text) {
    std::string upper(text);
    std::transform(upper.begin(), upper.end(), upper.begin(), [](unsigned char c) {
        return static_cast<char>(std::toupper(c));
    });
    if (upper == "POST") return client::Method::post;
    if (upper == "PUT") return client::Method::put;
    if (upper == "DELETE") return client::Method::del;
    return wrong("the method must be POST, PUT or DELETE, not \"" + std::string(text) + "\"");
}

Result<SendLine> parse_send_line(std::string_view json) {
    const Json document = Json::parse(json, nullptr, false);
    if (document.is_discarded()) return wrong("not JSON");
    if (!document.is_object()) return wrong("not a JSON object");
    SendLine line;
    std::string method;
    for (const auto& [name, value] : document.items()) {
        std::string* text = nullptr;
        if (name == "method") text = &method;
        if (name == "target") text = &line.target;
        if (name == "destination") text = &line.destination;
        if (name == "idempotency_key") text = &line.key;
        if (name == "body") {
            if (!value.is_null()) line.body = body_of(json, value);
        } else if (name == "entry" && value.is_object()) {
            continue;  // what an export tells besides
        } else if (text == nullptr) {
            return wrong("\"" + name + "\" is no member of an event");
        } else if (!value.is_string()) {
            return wrong("\"" + name + "\" must be a text");
        } else {
            *text = value.get<std::string>();
        }
    }
    if (method.empty() || line.target.empty()) return wrong("it needs \"method\" and \"target\"");
    const Result<client::Method> known = parse_method(method);
    if (!known) return known.error();
    line.method = *known;
    return line;
}

}  // namespace holdfast::cli
