#include "agent/ingest/session.hpp"

#include "agent/clock.hpp"
#include "agent/ingest/answer.hpp"
#include "agent/ingest/request_key.hpp"
#include "proto/idempotency.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <iterator>
#include <utility>

namespace holdfast::agent {
namespace {

std::string_view view(boost::beast::string_view text) {
    return {text.data(), text.size()};
}

// What names the event: the request's field, or else the id that it has in the body, if any.
std::variant<std::optional<IdempotencyKey>, customerio::Refusal> key_of(
    const RequestReader::Request& request, std::string_view given_id, const Event& event) {
    const auto [first, last] = request.equal_range({kKeyField.data(), kKeyField.size()});
    if (first == last) {
        if (given_id.empty()) return std::nullopt;
        return idempotency_key(KeySource::event, given_id, event, request.body());
    }
    const auto key = std::next(first) == last ? parse_request_key(view(first->value()))
                                              : std::optional<std::string>();
    if (key) return idempotency_key(KeySource::request, *key, event, request.body());
    return customerio::Refusal{
        400,
        "invalid_idempotency_key",
        "Idempotency-Key must be one text of 1 to 255 visible ASCII characters"};
}

customerio::Refusal key_reused(const Error& why) {
    return {422, "idempotency_key_reused", why.detail};
}

Result<wal::Placed> place(wal::Log& log,
                          const Event& event,
                          const std::optional<IdempotencyKey>& key,
                          wal::Ticket ticket) {
    if (key) return log.append(event, *key, ticket);
    const Result<Seq> seq = log.append(event, ticket);
    if (!seq) return seq.error();
    return wal::Placed{*seq, event.id, event.accepted_at};
}

}  // namespace

Session::Session(
    Socket socket, Id id, Peer peer, IngestContext& context, std::function<void(Id)> on_closed)
    : socket_(std::move(socket)),
      id_(id),
      peer_(peer),
      context_(context),
      on_closed_(std::move(on_closed)),
      last_read_at_(now()) {}

void Session::start() {
    boost::system::error_code ec;
    socket_.non_blocking(true, ec);
    read();
}

void Session::read() {
    if (reading_ || closed_ || at_end_) return;
    const bool full = answers_.size() >= kOutstandingMax || out_.size() >= kUnsentBytesMax;
    if (!lingering_ && (last_ || held_ || full)) return;
    reading_ = true;
    if (!inside_request_ && reader_.is_inside_request()) wait_for_app(inside_request_);
    socket_.async_read_some(
        boost::asio::buffer(in_),
        [self = shared_from_this()](boost::system::error_code ec, std::size_t size) {
            self->on_read(ec, size);
        });
}

void Session::on_read(boost::system::error_code ec, std::size_t size) {
    reading_ = false;
    if (closed_) return;
    if (ec) {
        // The app may have closed its half only: what it sent is answered all the same.
        if (lingering_ || ec != boost::asio::error::eof) return close();
        last_ = true;
        at_end_ = true;
    } else if (!lingering_) {
        last_read_at_ = now();
        reader_.feed({in_.data(), size});
        process();
    }
    flush();
    read();
}

void Session::process() {
    // The shortest request has 16 bytes: one read brings no more of them than may be outstanding,
    // so that nothing which flush() makes room for is left behind here.
    static_assert(sizeof(in_) / 16 <= kOutstandingMax);
    while (!closed_ && !last_ && answers_.size() < kOutstandingMax) {
        const bool again = std::exchange(held_, false);
        switch (again ? RequestReader::Status::complete : reader_.next()) {
            case RequestReader::Status::incomplete:
                if (reader_.take_expectation()) answer(std::string(kContinue));
                return;
            case RequestReader::Status::refused:
                ++context_.refused;
                last_ = true;
                answer(refusal(reader_.refusal(), true));
                break;
            case RequestReader::Status::complete:
                inside_request_.reset();
                if (!handle(reader_.request())) {
                    held_ = true;
                    context_.held.push_back(weak_from_this());
                    return;
                }
                break;
        }
    }
}

// False when the log has no room for it now: it is handled again after the next commit.
bool Session::handle(const RequestReader::Request& request) {
    // The answer to HEAD has a body, since nothing here is got: its client must not read on.
    const bool close = !request.keep_alive() || context_.stopping ||
                       request.method() == boost::beast::http::verb::head;
    const auto refuse = [&](const customerio::Refusal& why) {
        ++context_.refused;
        answer(refusal(why, close));
        last_ = last_ || close;
        return true;
    };
    if (request.count(boost::beast::http::field::origin) > 0) {
        // A page in a browser on this machine can reach a loopback port; no client of ours is one.
        return refuse({403, "browser", "requests of web pages are not taken"});
    }
    const customerio::Request wanted{
        view(request.method_string()), view(request.target()), request.body()};
    const auto route = customerio::route(wanted.method, wanted.target);
    if (const auto* why = std::get_if<customerio::Refusal>(&route)) return refuse(*why);
    const auto& to = std::get<customerio::Route>(route);
    const auto chosen = context_.directory.choose(
        view(request[boost::beast::http::field::authorization]), info(to.operation).endpoint);
    if (const auto* why = std::get_if<customerio::Refusal>(&chosen)) return refuse(*why);
    const WallTime at = wall_now();
    const Ulid id = context_.ulids.make(at);
    const auto accepted = context_.acceptor.accept(
        to, wanted, {id, at, peer_, std::get<const Directory::Destination*>(chosen)->name});
    if (const auto* why = std::get_if<customerio::Refusal>(&accepted)) return refuse(*why);
    const auto& event = std::get<Event>(accepted);
    const auto chosen_key = key_of(request, context_.acceptor.given_id(), event);
    if (const auto* why = std::get_if<customerio::Refusal>(&chosen_key)) return refuse(*why);
    const auto& key = std::get<std::optional<IdempotencyKey>>(chosen_key);

    const AnswerQueue::Slot slot = answers_.reserve();
    const wal::Ticket ticket = wal::Ticket{id_} << 32U | slot;
    const Result<wal::Placed> placed = place(context_.log, event, key, ticket);
    if (!placed && placed.error().code == Errc::overloaded) {
        answers_.unreserve();
        return false;
    }
    last_ = last_ || close;
    if (placed && placed->is_stored) {
        answer_stored(slot, {*placed, to.operation, close});
    } else if (placed) {
        unstored_.emplace(slot, Unstored{*placed, to.operation, close});
    } else if (placed.error().code == Errc::key_reused) {
        ++context_.refused;
        answers_.fill(slot, refusal(key_reused(placed.error()), close));
    } else {
        ++context_.failed;
        answers_.fill(slot, failure(placed.error(), false, close));
    }
    return true;
}

void Session::answer_stored(AnswerQueue::Slot slot, const Unstored& one) {
    ++(one.placed.is_repeat ? context_.repeated : context_.acknowledged);
    answers_.fill(slot, receipt(one.placed, one.operation, one.close));
}

void Session::on_stored(AnswerQueue::Slot slot, const std::optional<Error>& error, bool in_doubt) {
    auto node = unstored_.extract(slot);
    if (node.empty()) return;
    const Unstored& one = node.mapped();
    if (error) {
        ++context_.failed;
        answers_.fill(slot, failure(*error, in_doubt, one.close));
    } else {
        answer_stored(slot, one);
    }
}

void Session::resume() {
    if (closed_) return;
    flush();
    process();
    flush();
    read();
}

void Session::answer(std::string bytes) {
    answers_.fill(answers_.reserve(), std::move(bytes));
}

void Session::flush() {
    if (closed_) return;
    answers_.take_ready(out_);
    if (!writing_ && out_sent_ < out_.size()) {
        // Most answers fit the socket's buffer: one system call, no turn of the loop.
        boost::system::error_code ec;
        out_sent_ += socket_.write_some(
            boost::asio::buffer(out_.data() + out_sent_, out_.size() - out_sent_), ec);
        if (ec && ec != boost::asio::error::would_block) return close();
        if (out_sent_ < out_.size()) write_rest();
    }
    if (!writing_) {
        out_.clear();
        out_sent_ = 0;
        if (last_ && !held_ && answers_.size() == 0) linger();
    }
}

// Closing with unread input would reset the connection and could take the last answer with it: the
// app gets an end of stream, and what it still sends is thrown away until it closes too.
void Session::linger() {
    if (at_end_) return close();
    if (lingering_) return;
    wait_for_app(lingering_);
    boost::system::error_code ec;
    socket_.shutdown(Socket::shutdown_send, ec);
    if (ec) return close();
    read();
}

void Session::write_rest() {
    wait_for_app(writing_);
    // out_ may grow meanwhile: what is being sent is kept apart.
    auto sending = std::make_shared<std::string>(out_.substr(out_sent_));
    out_.clear();
    out_sent_ = 0;
    const auto buffer = boost::asio::buffer(*sending);
    boost::asio::async_write(
        socket_,
        buffer,
        [self = shared_from_this(), sending](boost::system::error_code ec, std::size_t) {
            self->writing_.reset();
            if (ec) return self->close();
            self->resume();
        });
}

void Session::wait_for_app(std::optional<Instant>& since) const {
    since = now();
    context_.on_waiting();
}

bool Session::is_idle_since(Instant then) const {
    return !may_stall() && !has_answers_outstanding() && !held_ && last_read_at_ < then;
}

bool Session::is_stalled_since(Instant then) const {
    const auto before = [&](const std::optional<Instant>& began) { return began && *began < then; };
    const bool reading = reading_ && !last_;
    return before(lingering_) || before(writing_) || (reading && before(inside_request_));
}

void Session::finish() {
    if (closed_) return;
    last_ = true;
    held_ = false;
    flush();
}

void Session::close() {
    if (closed_) return;
    closed_ = true;
    boost::system::error_code ec;
    socket_.close(ec);
    on_closed_(id_);
}

}  // namespace holdfast::agent
