#include "tests/bench/http.hpp"

#include "tests/bench/payload.hpp"

#include <fmt/core.h>

#include <algorithm>
#include <charconv>
#include <optional>

namespace holdfast::bench {
namespace {

constexpr std::string_view kFirstId = "000000";
constexpr std::uint32_t kPersons = 1'000'000;

// bench:bench-key, as tests/bench/run configures the destination.
constexpr std::string_view kCredentials = "YmVuY2g6YmVuY2gta2V5";

bool same_ignoring_case(std::string_view a, std::string_view lower) {
    return std::ranges::equal(a, lower, [](char x, char y) {
        return (x >= 'A' && x <= 'Z' ? static_cast<char>(x - 'A' + 'a') : x) == y;
    });
}

// From the header lines, each ended by CRLF.
std::optional<std::size_t> content_length(std::string_view lines) {
    constexpr std::string_view kName = "content-length:";
    while (!lines.empty()) {
        const auto end = lines.find("\r\n");
        auto line = lines.substr(0, end);
        lines.remove_prefix(end + 2);
        if (!same_ignoring_case(line.substr(0, kName.size()), kName)) continue;
        line.remove_prefix(std::min(line.find_first_not_of(' ', kName.size()), line.size()));
        std::size_t value = 0;
        const auto [last, error] = std::from_chars(line.begin(), line.end(), value);
        if (error == std::errc() && last == line.end()) return value;
        return std::nullopt;
    }
    return std::nullopt;
}

}  // namespace

Http::Http() {
    const auto head = fmt::format(
        "POST /api/v1/customers/bench-{}/events HTTP/1.1\r\n"
        "host: localhost\r\n"
        "connection: keep-alive\r\n"
        "Authorization: Basic {}\r\n"
        "Content-Type: application/json\r\n"
        "User-Agent: Customer.io Node Client/5.2.0\r\n"
        "accept: */*\r\n"
        "accept-language: *\r\n"
        "sec-fetch-mode: cors\r\n"
        "accept-encoding: gzip, deflate\r\n"
        "content-length: {}\r\n"
        "\r\n",
        kFirstId,
        kCredentials,
        kPayloadBytes);
    for (const auto& body : payloads()) requests_.push_back(head + body);
    id_at_ = head.find(kFirstId);
}

void Http::append_requests(std::size_t count, std::string& out) {
    for (std::size_t i = 0; i < count; ++i) append_request(out);
}

void Http::append_request(std::string& out) {
    const auto start = out.size();
    out += requests_[person_ % requests_.size()];
    auto rest = person_;
    for (auto digit = start + id_at_ + kFirstId.size(); rest != 0; rest /= 10)
        out[--digit] = static_cast<char>('0' + rest % 10);
    person_ = (person_ + 1) % kPersons;
}

Reply Http::parse(std::string_view in) const {
    const auto head = in.find("\r\n\r\n");
    if (head == std::string_view::npos) return {};
    if (!in.starts_with("HTTP/1.1 ")) return {Reply::Kind::malformed, 0};
    const auto status_end = in.find("\r\n") + 2;
    const auto length = content_length(in.substr(status_end, head + 2 - status_end));
    if (!length) return {Reply::Kind::malformed, 0};
    const auto size = head + 4 + *length;
    if (in.size() < size) return {};
    const bool ok = in.substr(9, 4) == "200 ";
    return {ok ? Reply::Kind::ok : Reply::Kind::refused, size};
}

}  // namespace holdfast::bench
