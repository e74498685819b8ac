#include "proto/customerio/identifier.hpp"

#include "proto/customerio/limits.hpp"

#include <simdjson.h>

#include <algorithm>

namespace holdfast::customerio {
namespace {

constexpr std::string_view kCioPrefix = "cio_";

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

char ascii_lower(char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

// The vendor compares addresses without case.
void append_email(std::string_view address, std::string& out) {
    out.append("email:");
    for (const char c : address) out.push_back(ascii_lower(c));
}

// Without the prefix that paths need and bodies may lack.
void append_cio_id(std::string_view cio_id, std::string& out) {
    if (cio_id.starts_with(kCioPrefix)) cio_id.remove_prefix(kCioPrefix.size());
    out.append("cio_id:").append(cio_id);
}

}  // namespace

std::string_view identifier_fault(std::string_view identifier) {
    if (identifier.empty()) return text::kIdEmpty;
    if (identifier.size() > kIdentifierBytesMax) return text::kIdTooLong;
    if (std::any_of(identifier.begin(), identifier.end(), is_control)) {
        return "identifier contains a control character";
    }
    if (!simdjson::validate_utf8(identifier)) return "identifier is not valid UTF-8";
    return {};
}

std::string_view item_fault(std::string_view item) {
    if (item.empty()) return "the path has an empty segment";
    if (item.size() > kItemBytesMax) return text::kItemTooLong;
    if (std::any_of(item.begin(), item.end(), is_control)) {
        return "the path contains a control character";
    }
    if (!simdjson::validate_utf8(item)) return "the path is not valid UTF-8";
    return {};
}

void append_person_in_path(std::string_view identifier, std::string& out) {
    if (identifier.find('@') != std::string_view::npos) {
        append_email(identifier, out);
    } else if (identifier.starts_with(kCioPrefix)) {
        append_cio_id(identifier, out);
    } else {
        out.append("id:").append(identifier);
    }
}

void append_person(std::string_view kind, std::string_view value, std::string& out) {
    if (kind == "email") return append_email(value, out);
    if (kind == "cio_id") return append_cio_id(value, out);
    out.append(kind == "anonymous_id" ? "anonymous" : kind).append(":").append(value);
}

void append_delivery(std::string_view id, std::string& out) {
    out.append("delivery:").append(id);
}

}  // namespace holdfast::customerio
