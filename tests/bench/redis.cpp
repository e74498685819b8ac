#include "tests/bench/redis.hpp"

#include "tests/bench/payload.hpp"

#include <fmt/core.h>

#include <charconv>
#include <optional>

namespace holdfast::bench {
namespace {

constexpr auto kMalformed = std::string_view::npos;

std::optional<long> integer(std::string_view text) {
    long value = 0;
    const auto [last, error] = std::from_chars(text.begin(), text.end(), value);
    if (error != std::errc() || last != text.end()) return std::nullopt;
    return value;
}

std::size_t bulk_size(std::string_view in, std::size_t header, long length) {
    if (length < 0) return header;  // the null string
    const auto size = header + static_cast<std::size_t>(length) + 2;
    return in.size() < size ? 0 : size;
}

std::size_t array_size(std::string_view in, std::size_t header, long items) {
    auto size = header;
    for (long i = 0; i < items; ++i) {
        const auto item = resp_size(in.substr(size));
        if (item == 0 || item == kMalformed) return item;
        size += item;
    }
    return size;
}

}  // namespace

std::size_t resp_size(std::string_view in) {
    const auto end = in.find("\r\n");
    if (end == std::string_view::npos) return 0;
    const auto header = end + 2;
    const char type = in.front();
    if (type == '+' || type == '-') return header;
    const auto number = integer(in.substr(1, end - 1));
    if (!number) return kMalformed;
    if (type == ':') return header;
    if (type == '$') return bulk_size(in, header, *number);
    if (type == '*') return array_size(in, header, *number);
    return kMalformed;
}

Redis::Redis() {
    for (const auto& payload : payloads())
        requests_.push_back(fmt::format(
            "*5\r\n$4\r\nXADD\r\n$6\r\nevents\r\n$1\r\n*\r\n$4\r\nbody\r\n${}\r\n{}\r\n",
            payload.size(),
            payload));
}

void Redis::append_requests(std::size_t count, std::string& out) {
    for (std::size_t i = 0; i < count; ++i) {
        out += requests_[next_];
        next_ = (next_ + 1) % requests_.size();
    }
}

Reply Redis::parse(std::string_view in) const {
    const auto size = resp_size(in);
    if (size == 0) return {};
    if (size == kMalformed) return {Reply::Kind::malformed, 0};
    return {in.front() == '$' ? Reply::Kind::ok : Reply::Kind::refused, size};
}

}  // namespace holdfast::bench
