// Native frames: what an app can send instead of HTTP on the same socket, and what it is answered.
// README.md here has the bytes, for clients in other languages.
//
// Pure. Numbers are little-endian. The checksum is that of gzip (CRC-32), since every language has
// it.
#pragma once

#include "proto/durability.hpp"
#include "proto/operation.hpp"
#include "proto/result.hpp"
#include "proto/seq.hpp"
#include "proto/time.hpp"
#include "proto/ulid.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace holdfast::frame {

// No HTTP request begins with it: the first byte of a connection tells which of the two is spoken.
inline constexpr std::uint8_t kMagic = 0xf5;
inline constexpr std::uint8_t kVersion = 1;
inline constexpr std::size_t kHeaderBytes = 12;
// Room for the largest event and many small ones.
inline constexpr std::size_t kPayloadBytesMax = std::size_t{5} << 20U;
inline constexpr std::size_t kEventBytes = 12;   // of an event without its texts
inline constexpr std::size_t kAnswerBytes = 40;  // of an answer without its body
inline constexpr std::size_t kKeyBytesMax = 255;

enum class Type : std::uint8_t {
    events = 1,   // app to agent
    answers = 2,  // agent to app: one for each event, in the order of the events
    refusal = 3,  // agent to app: a frame could not be read; the connection ends
};

// Borrows its texts.
struct Event {
    Method method = Method::post;
    std::string_view destination = {};  // empty: the only one that is configured
    std::string_view key = {};          // of idempotency; empty: none
    std::string_view target = {};
    std::string_view body = {};

    bool operator==(const Event&) const = default;
};

using holdfast::Durability;

// Borrows its body.
struct Answer {
    std::uint16_t status = 200;  // as HTTP has it; 200: stored
    Durability durability = Durability::none;
    bool is_repeat = false;  // the first answer to this key, again
    Seq seq = {};            // these three only with 200
    Ulid id = {};
    WallTime accepted_at = {};
    std::string_view body = {};  // JSON, as over HTTP; empty with 200

    bool operator==(const Answer&) const = default;
};

// Frames are put together in place: begin, append, end.
class Writer {
public:
    // Appends to `out`, which outlives this and is left alone until end().
    Writer(std::string& out, Type type);

    // Goes on with the frame that was begun at `begin` and stands at the end of `out`.
    [[nodiscard]] static Writer go_on(std::string& out, std::size_t begin) { return {out, begin}; }

    void add(const Event& event);
    void add(const Answer& answer);
    void end();

private:
    Writer(std::string& out, std::size_t begin) : out_(out), begin_(begin) {}

    std::string& out_;
    std::size_t begin_;
};

// Takes a frame apart. Errors are bad_input with a text for people.
struct Header {
    Type type;
    std::uint32_t payload_bytes;
    std::uint32_t checksum;
};

// Of kHeaderBytes bytes. Errors: not a frame, too_new, larger than kPayloadBytesMax.
[[nodiscard]] Result<Header> read_header(std::string_view bytes);

// `frame` is header and payload.
[[nodiscard]] bool matches_checksum(const Header& header, std::string_view frame);

// Takes the next event or answer off the front of a payload; what is left is in `payload`.
[[nodiscard]] Result<Event> take_event(std::string_view& payload);
[[nodiscard]] Result<Answer> take_answer(std::string_view& payload);

}  // namespace holdfast::frame
