#include "agent/admin/answers.hpp"

#include <charconv>
#include <limits>

namespace holdfast::agent {

AdminAnswer refuse(const Error& error) {
    switch (error.code) {
        case Errc::not_found:
            return {404, error_view(error)};
        case Errc::bad_input:
            return {400, error_view(error)};
        default:
            return {503, error_view(error)};
    }
}

// Up to what JSON's integers hold everywhere, so that the next one exists too.
std::optional<std::uint64_t> number(std::string_view text) {
    constexpr std::uint64_t kMax = std::numeric_limits<std::int64_t>::max();
    std::uint64_t value = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (ec != std::errc() || end != text.data() + text.size() || value > kMax) return std::nullopt;
    return value;
}

Result<Seq> find_entry(const wal::Log& log, const std::string& name) {
    if (const auto seq = number(name)) return Seq{*seq};
    if (const auto id = Ulid::parse(name)) return log.find(*id);
    return Error{Errc::bad_input, "'" + name + "' is neither a position in the log nor an id"};
}

}  // namespace holdfast::agent
