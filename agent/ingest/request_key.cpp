#include "agent/ingest/request_key.hpp"

#include "proto/idempotency.hpp"

#include <algorithm>

namespace holdfast::agent {
namespace {

bool is_visible(char c) {
    return c > ' ' && c < '\x7f';
}

// RFC 8941, 3.3.3, without its quotes.
std::optional<std::string> unescaped(std::string_view text) {
    std::string key;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '\\') {
            if (++i == text.size() || (text[i] != '"' && text[i] != '\\')) return std::nullopt;
        } else if (text[i] == '"' || (text[i] != ' ' && !is_visible(text[i]))) {
            return std::nullopt;
        }
        key.push_back(text[i]);
    }
    return key;
}

// A comma is left by a proxy that has joined two fields.
std::optional<std::string> bare(std::string_view text) {
    const bool is_word = std::all_of(
        text.begin(), text.end(), [](char c) { return is_visible(c) && c != '"' && c != ','; });
    return is_word ? std::optional(std::string(text)) : std::nullopt;
}

}  // namespace

std::optional<std::string> parse_request_key(std::string_view value) {
    const bool is_quoted = value.size() >= 2 && value.front() == '"' && value.back() == '"';
    std::optional<std::string> key =
        is_quoted ? unescaped(value.substr(1, value.size() - 2)) : bare(value);
    if (!key || key->empty() || key->size() > kIdempotencyKeyBytesMax) return std::nullopt;
    return key;
}

}  // namespace holdfast::agent
