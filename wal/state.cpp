#include "wal/state.hpp"

#include "proto/bytes.hpp"

#include <algorithm>

namespace holdfast::wal {
namespace {

constexpr std::uint8_t kVersion = 1;

void put_time(std::string& out, WallTime time) {
    put_le(out, static_cast<std::uint64_t>(unix_ms(time)));
}

WallTime take_time(ByteReader& reader) {
    return wall_from_ms(static_cast<std::int64_t>(reader.le<std::uint64_t>()));
}

void put_text(std::string& out, std::string_view text, std::size_t bytes_max) {
    const std::string_view cut = text.substr(0, bytes_max);
    put_le(out, static_cast<std::uint16_t>(cut.size()));
    out.append(cut);
}

std::string take_text(ByteReader& reader) {
    const std::size_t size = reader.le<std::uint16_t>();
    return std::string(reader.take(size));
}

Result<void> check_end(const ByteReader& reader, std::uint8_t version, std::string_view what) {
    if (version > kVersion) {
        return Error{Errc::too_new, std::string(what) + " of version " + std::to_string(version)};
    }
    if (version == 0 || !reader.at_end()) {
        return Error{Errc::corrupt, std::string(what) + " has an impossible layout"};
    }
    return {};
}

}  // namespace

std::string encode(const Retry& retry) {
    std::string out;
    put_le(out, kVersion);
    put_le(out, retry.attempts);
    put_time(out, retry.first_attempt_at);
    put_time(out, retry.next_attempt_at);
    put_le(out, retry.status);
    put_le(out, static_cast<std::uint8_t>(retry.intended));
    put_text(out, retry.reason, kReasonBytesMax);
    return out;
}

Result<Retry> decode_retry(std::string_view bytes) {
    ByteReader reader(bytes);
    const auto version = reader.le<std::uint8_t>();
    Retry retry;
    retry.attempts = reader.le<std::uint32_t>();
    retry.first_attempt_at = take_time(reader);
    retry.next_attempt_at = take_time(reader);
    retry.status = reader.le<std::uint16_t>();
    retry.intended = reader.le<std::uint8_t>() != 0;
    retry.reason = take_text(reader);
    if (Result<void> whole = check_end(reader, version, "retry state"); !whole)
        return whole.error();
    return retry;
}

std::string encode(const Failure& failure) {
    std::string out;
    put_le(out, kVersion);
    put_le(out, static_cast<std::uint8_t>(failure.cause));
    put_le(out, failure.attempts);
    put_time(out, failure.failed_at);
    put_le(out, failure.status);
    put_text(out, failure.reason, kReasonBytesMax);
    put_text(out, failure.answer, kAnswerBytesMax);
    return out;
}

Result<Failure> decode_failure(std::string_view bytes) {
    ByteReader reader(bytes);
    const auto version = reader.le<std::uint8_t>();
    Failure failure;
    const auto cause = reader.le<std::uint8_t>();
    failure.attempts = reader.le<std::uint32_t>();
    failure.failed_at = take_time(reader);
    failure.status = reader.le<std::uint16_t>();
    failure.reason = take_text(reader);
    failure.answer = take_text(reader);
    if (Result<void> whole = check_end(reader, version, "failure"); !whole) return whole.error();
    if (cause == 0 || cause > static_cast<std::uint8_t>(kLastFailureCause)) {
        return Error{Errc::corrupt, "failure has an impossible cause"};
    }
    failure.cause = FailureCause{cause};
    return failure;
}

std::string encode(const Ending& ending) {
    std::string out;
    put_le(out, kVersion);
    put_le(out, static_cast<std::uint8_t>(ending.kind));
    put_time(out, ending.at);
    put_le(out, ending.child.value);
    out.append(ending.child_id.bytes.begin(), ending.child_id.bytes.end());
    return out;
}

Result<Ending> decode_ending(std::string_view bytes) {
    ByteReader reader(bytes);
    const auto version = reader.le<std::uint8_t>();
    Ending ending;
    const auto kind = reader.le<std::uint8_t>();
    ending.at = take_time(reader);
    ending.child = {reader.le<std::uint64_t>()};
    const std::string_view id = reader.take(ending.child_id.bytes.size());
    std::copy(id.begin(), id.end(), ending.child_id.bytes.begin());
    if (Result<void> whole = check_end(reader, version, "ending"); !whole) return whole.error();
    if (kind != static_cast<std::uint8_t>(Ending::Kind::dropped) &&
        kind != static_cast<std::uint8_t>(Ending::Kind::replayed)) {
        return Error{Errc::corrupt, "ending has an impossible kind"};
    }
    ending.kind = Ending::Kind{kind};
    return ending;
}

}  // namespace holdfast::wal
