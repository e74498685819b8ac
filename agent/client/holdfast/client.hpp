// Sends events to holdfastd, the local delivery agent, in its native frames.
//
//     holdfast::client::Client client;
//     holdfast::client::Event event;
//     event.method = holdfast::client::Method::put;
//     event.target = "/api/v1/customers/5";
//     event.body = R"({"plan":"pro"})";
//     event.key = "signup-5";
//     if (auto receipt = client.send(event)) { use(receipt->seq); }
//
// C++17 and its standard library, and libdeflate to link with: `pkg-config --libs holdfast-client`,
// or CMake's find_package(holdfast-client) and holdfast::client, name both. Errors are values:
// nothing here throws but std::bad_alloc, and no SIGPIPE is raised.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

namespace holdfast::client {

// Where the packaged agent listens.
inline constexpr const char* kDefaultSocket = "/run/holdfast/ingest.sock";

enum class Method : std::uint8_t { post = 2, put = 3, del = 4 };

// A call of the vendor's API. Borrows its texts, which are copied before a function that takes it
// returns.
struct Event {
    Method method = Method::post;
    std::string_view target = {};       // "/api/v1/customers/5/events"; at most 65535 bytes
    std::string_view body = {};         // JSON; the agent takes at most 4 MB
    std::string_view destination = {};  // its name in the agent's configuration, at most 255 bytes;
                                        // empty: the only one
    // The idempotency key, at most 255 bytes; empty: none. Sent again with the same key and the
    // same content an event is stored once, and answered like the first time.
    std::string_view key = {};
};

// The event's ULID, the same in each attempt to deliver it.
struct Id {
    std::array<std::uint8_t, 16> bytes = {};

    [[nodiscard]] std::string text() const;  // 26 characters

    friend bool operator==(const Id& a, const Id& b) { return a.bytes == b.bytes; }

    friend bool operator!=(const Id& a, const Id& b) { return a.bytes != b.bytes; }
};

// How it was stored when the answer left.
enum class Durability : std::uint8_t {
    buffered = 1,  // the agent has it; a power cut may lose it (the agent is configured so)
    synced = 2,    // it is on the disk
};

struct Receipt {
    std::uint64_t seq = 0;  // position in the agent's log
    Id id = {};
    std::chrono::system_clock::time_point accepted_at = {};  // whole milliseconds
    Durability durability = Durability::synced;
    bool is_repeat = false;  // of an event with the same key; the rest is the first one's
};

// What to do now. Only after `in_doubt` may the event be stored.
enum class Errc : std::uint8_t {
    invalid = 1,  // not sent: it does not fit a frame. The same again fails again
    refused,      // not stored: the agent says what is wrong with it. The same again fails again
    try_later,    // not stored: the agent has no room, or its disk fails. Wait, send it again
    unreachable,  // not sent: nobody listens, or the connection broke before. Wait, send it again
    in_doubt,     // no answer came, or the disk failed meanwhile: it may be stored or not. Send it
                  // again; with a key (or an `id` in its body) it has no effect twice
};

[[nodiscard]] std::string_view to_string(Errc code);
[[nodiscard]] std::string_view to_string(Durability durability);  // "fsync", "buffered"

struct Error {
    Errc code = Errc::in_doubt;
    unsigned status = 0;       // of the agent's answer, as over HTTP (400, 507, …); 0 without one
    std::string reason = {};   // stable, of the agent's answer: "invalid_json", "log_full", …
    std::string message = {};  // for people

    [[nodiscard]] bool may_be_stored() const { return code == Errc::in_doubt; }

    [[nodiscard]] bool may_pass_later() const {
        return code != Errc::invalid && code != Errc::refused;
    }
};

// Ask first, then use `*result` or `result.error()`.
template <class T>
class [[nodiscard]] Result {
public:
    // Implicit, so that a function returns either.
    // NOLINTBEGIN(google-explicit-constructor)
    Result(T value) : either_(std::in_place_index<0>, std::move(value)) {}

    Result(Error error) : either_(std::in_place_index<1>, std::move(error)) {}

    // NOLINTEND(google-explicit-constructor)

    [[nodiscard]] explicit operator bool() const { return either_.index() == 0; }

    [[nodiscard]] const T& operator*() const { return *std::get_if<0>(&either_); }

    [[nodiscard]] const T* operator->() const { return std::get_if<0>(&either_); }

    [[nodiscard]] const Error& error() const { return *std::get_if<1>(&either_); }

private:
    std::variant<T, Error> either_;
};

// Counts the submitted events of a Client: 1, 2, 3, …
using Ticket = std::uint64_t;

struct Completion {
    Ticket ticket = 0;
    Result<Receipt> outcome;
};

// A connection to the agent, made when it is needed and again when it was lost.
//
// Threads: one at a time; have one Client per thread. A child of fork() must not use its parent's;
// the socket is closed on exec. A signal handler may interrupt each call, which then goes on.
//
// One event: send(). Many: submit() them, receive() their outcomes, in the order of submitting. The
// caller bounds how many are outstanding; 64 to 1024 use the disk well.
//
// Order: events are stored in the order in which they are submitted. When the connection is lost,
// all that is outstanding fails, and so does what is submitted before the last of those outcomes
// was received; only then a new connection is made. So who then sends again from the first that
// failed keeps the order. An event that the agent answers with an error does not hold up those
// behind it.
class Client {
public:
    // `timeout` is for each call, connecting included. An answer that does not come in time costs
    // the connection: what is outstanding is in doubt.
    explicit Client(std::string socket = kDefaultSocket,
                    std::chrono::milliseconds timeout = std::chrono::seconds(10));
    ~Client();
    Client(Client&& other) noexcept;
    Client& operator=(Client&& other) noexcept;

    // Blocks until the event is stored or the error is known. Not while others are outstanding
    // (`invalid`).
    [[nodiscard]] Result<Receipt> send(const Event& event);

    // Takes the event into a frame, which is sent when it has 64 KiB, or by flush() or receive().
    // Blocks while the agent does not take what was sent. The only error is `invalid`: there is no
    // ticket then. What else goes wrong is the outcome of the ticket.
    [[nodiscard]] Result<Ticket> submit(const Event& event);

    // Sends what was submitted, without waiting for an answer.
    void flush();

    // Blocks until the outcome of the oldest outstanding event is known; flushes before it waits.
    // Nothing when none is outstanding.
    [[nodiscard]] std::optional<Completion> receive();

    // Submitted and not received.
    [[nodiscard]] std::size_t outstanding() const;

private:
    class Implementation;
    std::unique_ptr<Implementation> implementation_;
};

// The codec alone, for those with sockets of their own: bytes in, bytes out. proto/README.md of
// Holdfast's source has the bytes.

// Why it fits no frame, if so.
[[nodiscard]] std::optional<Error> check(const Event& event);

// Puts a frame of events together at the end of a string.
class Encoder {
public:
    // `out` outlives this and is left alone until end().
    explicit Encoder(std::string& out);

    // Whether this frame has room for it. An empty one has for each that check() finds right.
    [[nodiscard]] bool has_room_for(const Event& event) const;

    // It is right, and there is room for it.
    void add(const Event& event);
    void end();

private:
    std::string* out_;
    std::size_t begin_;
};

struct AnswerFrame {
    enum class Status : std::uint8_t {
        incomplete,  // read more
        complete,
        refusal,    // as complete: its one answer says why a frame could not be read, and is of no
                    // event. All that has no answer by now is not stored; the connection ends
        malformed,  // not what an agent sends: what is outstanding is in doubt
    };

    Status status = Status::incomplete;
    std::size_t size = 0;           // bytes of `received` that it takes
    std::string_view answers = {};  // for take_answer
};

// The first frame in what was received. Frames of answers need not match frames of events.
[[nodiscard]] AnswerFrame read_answers(std::string_view received);

// Takes the next answer off the front; they come in the order of the events. Nothing when it is
// malformed.
[[nodiscard]] std::optional<Result<Receipt>> take_answer(std::string_view& answers);

}  // namespace holdfast::client
