#include "agent/client/holdfast/client.hpp"

#include "agent/client/pipeline.hpp"
#include "agent/client/socket.hpp"

#include <algorithm>
#include <array>
#include <system_error>

namespace holdfast::client {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t kFlushBytes = std::size_t{64} << 10U;
constexpr std::size_t kReadBytes = std::size_t{64} << 10U;
// Far beyond any use, and far from the end of the clock.
constexpr milliseconds kTimeoutMax = std::chrono::hours(24 * 365);

}  // namespace

class Client::Implementation {
public:
    Implementation(std::string path, milliseconds timeout)
        : path_(std::move(path)), timeout_(std::clamp(timeout, milliseconds(0), kTimeoutMax)) {}

    [[nodiscard]] std::size_t outstanding() const { return pipeline_.outstanding(); }

    [[nodiscard]] Result<Ticket> submit(const Event& event);
    void flush();
    [[nodiscard]] std::optional<Completion> receive();

private:
    [[nodiscard]] bool send_some(Deadline deadline);
    [[nodiscard]] bool connect(Deadline deadline);
    void await(Deadline deadline);
    void write();
    [[nodiscard]] bool read();
    void ended();
    void leave();
    void lose(const std::string& why);

    [[nodiscard]] Deadline deadline() const { return std::chrono::steady_clock::now() + timeout_; }

    const std::string path_;
    const milliseconds timeout_;
    Pipeline pipeline_;
    Socket socket_;
    bool has_answered_ = false;  // on this connection
    std::array<char, kReadBytes> buffer_;
};

Result<Ticket> Client::Implementation::submit(const Event& event) {
    if (std::optional<Error> wrong = check(event)) return *std::move(wrong);
    if (outstanding() == 0 && socket_.is_open()) {
        // The agent may have ended it meanwhile, without closing its other half.
        if (!pipeline_.is_clean() || !socket_.is_quiet()) leave();
    }
    const Ticket ticket = pipeline_.submit(event);
    if (pipeline_.unsent_bytes() >= kFlushBytes) flush();
    return ticket;
}

void Client::Implementation::flush() {
    const Deadline until = deadline();
    while (pipeline_.unsent_bytes() > 0) {
        if (send_some(until) && pipeline_.unsent_bytes() > 0) await(until);
    }
}

std::optional<Completion> Client::Implementation::receive() {
    const Deadline until = deadline();
    for (;;) {
        std::optional<Completion> completion = pipeline_.take();
        if (pipeline_.is_over()) socket_.close();
        if (completion || outstanding() == 0) return completion;
        if (send_some(until)) await(until);
    }
}

// False when there is no connection now: what is outstanding is lost, or is tried on another one.
bool Client::Implementation::send_some(Deadline deadline) {
    if (!socket_.is_open() && !connect(deadline)) return false;
    if (pipeline_.unsent_bytes() > 0) write();
    return socket_.is_open();
}

// Also reads while it is to write: the agent takes no more from who does not take its answers.
void Client::Implementation::await(Deadline deadline) {
    if (socket_.wait(pipeline_.unsent_bytes() > 0, deadline)) {
        (void)read();
    } else {
        lose("no answer within " + std::to_string(timeout_.count()) + " ms");
    }
}

bool Client::Implementation::connect(Deadline deadline) {
    const int error = socket_.connect(path_, deadline);
    if (error != 0) {
        lose("cannot connect to " + path_ + ": " + std::generic_category().message(error));
        return false;
    }
    pipeline_.begin();
    has_answered_ = false;
    return true;
}

void Client::Implementation::write() {
    const Socket::Moved moved = socket_.write(pipeline_.unsent());
    pipeline_.sent(moved.bytes);
    if (!moved.ended) return;
    // The agent does not read any more, but its last answers may be here.
    while (read()) {
    }
    if (socket_.is_open()) ended();
}

// False when nothing came.
bool Client::Implementation::read() {
    const Socket::Moved moved = socket_.read(buffer_.data(), buffer_.size());
    if (moved.bytes > 0) {
        has_answered_ = true;
        pipeline_.feed({buffer_.data(), moved.bytes});
    }
    if (moved.ended) ended();
    return moved.bytes > 0;
}

// An old connection of which nothing is owed costs nothing: what was submitted goes to a new one.
void Client::Implementation::ended() {
    if (!pipeline_.nothing_handed_over() || !has_answered_) {
        return lose("the agent closed the connection");
    }
    leave();
}

// What it may still have said is not heard.
void Client::Implementation::leave() {
    socket_.close();
    pipeline_.begin();
}

void Client::Implementation::lose(const std::string& why) {
    pipeline_.lose(why);
    socket_.close();
}

Client::Client(std::string socket, std::chrono::milliseconds timeout)
    : implementation_(std::make_unique<Implementation>(std::move(socket), timeout)) {}

Client::~Client() = default;
Client::Client(Client&& other) noexcept = default;
Client& Client::operator=(Client&& other) noexcept = default;

Result<Receipt> Client::send(const Event& event) {
    if (outstanding() > 0) {
        return Error{Errc::invalid, 0, "", "send() while submitted events are outstanding"};
    }
    const Result<Ticket> ticket = submit(event);
    if (!ticket) return ticket.error();
    return receive()->outcome;
}

Result<Ticket> Client::submit(const Event& event) {
    return implementation_->submit(event);
}

void Client::flush() {
    implementation_->flush();
}

std::optional<Completion> Client::receive() {
    return implementation_->receive();
}

std::size_t Client::outstanding() const {
    return implementation_->outstanding();
}

}  // namespace holdfast::client
