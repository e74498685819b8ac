#include "tests/customerio-sim/message.hpp"

#include "tests/customerio-sim/text.hpp"

#include <boost/beast/http/status.hpp>
#include <fmt/format.h>

namespace holdfast::customerio_sim {
namespace {

constexpr std::size_t kDepthMax = 100;

bool is_too_deep(std::string_view text) {
    std::size_t depth = 0;
    bool in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (in_string) {
            if (c == '\\') ++i;
            if (c == '"') in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if (c == '[' || c == '{') {
            if (++depth > kDepthMax) return true;
        } else if ((c == ']' || c == '}') && depth > 0) {
            --depth;
        }
    }
    return false;
}

}  // namespace

std::string_view Request::path() const {
    return std::string_view(target).substr(0, target.find('?'));
}

std::map<std::string, std::string> Request::query() const {
    std::map<std::string, std::string> values;
    const std::size_t begin = target.find('?');
    if (begin == std::string::npos) return values;
    for (const std::string_view pair : split(std::string_view(target).substr(begin + 1), '&')) {
        const std::size_t equals = pair.find('=');
        const auto name = decode_percent(pair.substr(0, equals));
        const auto value =
            decode_percent(equals == std::string_view::npos ? "" : pair.substr(equals + 1));
        if (name && value) values[*name] = *value;
    }
    return values;
}

Answer json_answer(unsigned status, const Json& body) {
    return {status, dump(body) + "\n", {}};
}

Answer error_answer(unsigned status, std::string_view text) {
    const Json body = {{"meta", {{"error", text}}}};
    return json_answer(status, body);
}

std::string wire(const Answer& answer,
                 std::string_view http_date,
                 bool keep_alive,
                 bool with_body) {
    namespace http = boost::beast::http;
    const http::status known = http::int_to_status(answer.status);
    const std::string_view reason =
        known == http::status::unknown ? "Unknown" : std::string_view(http::obsolete_reason(known));
    fmt::memory_buffer out;
    const auto to = fmt::appender(out);
    // The header that is literally named `status` is the vendor's.
    fmt::format_to(to,
                   "HTTP/1.1 {0} {1}\r\n"
                   "Content-Type: application/json; charset=utf-8\r\n"
                   "Cache-Control: no-cache, no-store, must-revalidate, max-age=0\r\n"
                   "Access-Control-Allow-Origin: *\r\n"
                   "status: {0} {1}\r\n"
                   "Date: {2}\r\n"
                   "Via: 1.1 google\r\n"
                   "Strict-Transport-Security: max-age=31536000; includeSubDomains\r\n"
                   "Alt-Svc: h3=\":443\"; ma=2592000,h3-29=\":443\"; ma=2592000\r\n",
                   answer.status,
                   reason,
                   http_date);
    for (const auto& [name, value] : answer.headers) {
        fmt::format_to(to, "{}: {}\r\n", name, value);
    }
    const bool may_have_body = answer.status != 204 && answer.status != 304;
    if (may_have_body) fmt::format_to(to, "Content-Length: {}\r\n", answer.body.size());
    if (!keep_alive) fmt::format_to(to, "Connection: close\r\n");
    fmt::format_to(to, "\r\n");
    if (may_have_body && with_body) out.append(answer.body);
    return fmt::to_string(out);
}

std::string dump(const Json& value) {
    return value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<Json> parse_json(std::string_view text) {
    if (is_too_deep(text)) return std::nullopt;
    Json value = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (value.is_discarded()) return std::nullopt;
    return value;
}

}  // namespace holdfast::customerio_sim
