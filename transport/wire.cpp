#include "transport/wire.hpp"

#include "proto/assert.hpp"

#include <boost/beast/core/string.hpp>

#include <algorithm>
#include <array>

namespace holdfast::transport {
namespace {

// RFC 9110 5.6.2
bool is_token_char(char c) {
    constexpr std::string_view kMarks = "!#$%&'*+-.^_`|~";
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           kMarks.find(c) != std::string_view::npos;
}

bool is_token(std::string_view text) {
    return !text.empty() && std::ranges::all_of(text, is_token_char);
}

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool is_target(std::string_view text) {
    return text.starts_with('/') &&
           std::ranges::none_of(text, [](char c) { return is_control(c) || c == ' '; });
}

// They frame the message, so two of them would make two messages of one.
bool is_ours(std::string_view name) {
    constexpr std::array<std::string_view, 4> kOurs = {
        "Host", "Content-Length", "Transfer-Encoding", "Connection"};
    return std::ranges::any_of(
        kOurs, [name](std::string_view ours) { return boost::beast::iequals(name, ours); });
}

Error refuse(std::string why) {
    return {Errc::bad_input, std::move(why)};
}

}  // namespace

bool is_header_name(std::string_view text) {
    return is_token(text);
}

bool is_header_value(std::string_view text) {
    return std::ranges::none_of(text, [](char c) { return is_control(c) && c != '\t'; });
}

std::string host_header(const Origin& origin) {
    const bool ipv6 = origin.host.find(':') != std::string::npos;
    std::string text = ipv6 ? "[" + origin.host + "]" : origin.host;
    if (origin.port != usual_port(origin.tls)) text += ":" + std::to_string(origin.port);
    return text;
}

Result<std::string> encode_request(const Origin& origin, const OutgoingRequest& request) {
    HOLDFAST_ASSERT(request.has_body || request.body.empty());
    const std::string target = origin.base_path + request.target;
    if (!is_token(request.method)) return refuse("the method is not a token");
    if (!is_target(target)) return refuse("the target has a space or a control character");

    std::string out;
    out.reserve(512 + request.body.size());
    out.append(request.method).append(" ").append(target).append(" HTTP/1.1\r\n");
    out.append("Host: ").append(host_header(origin)).append("\r\n");
    for (const Header& header : request.headers) {
        if (!is_header_name(header.name)) return refuse("a header's name is not a token");
        if (is_ours(header.name))
            return refuse("header " + header.name + " is not the caller's to set");
        if (!is_header_value(header.value)) {
            return refuse("header " + header.name + " holds a control character");
        }
        out.append(header.name).append(": ").append(header.value).append("\r\n");
    }
    if (request.has_body) {
        out.append("Content-Length: ").append(std::to_string(request.body.size())).append("\r\n");
    }
    out.append("\r\n").append(request.body);
    return out;
}

}  // namespace holdfast::transport
