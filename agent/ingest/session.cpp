#include "agent/ingest/session.hpp"

#include "agent/clock.hpp"
#include "agent/ingest/answer.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>

#include <utility>

namespace holdfast::agent {
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
    if (!lingering_ && (last_ || held_ || is_full())) return;
    reading_ = true;
    const bool inside = requests_.is_inside_request() || frames_.is_inside_frame();
    if (!inside_request_ && inside) wait_for_app(inside_request_);
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
        feed({in_.data(), size});
    }
    advance();
}

// Nothing is read as long as events that were read wait for a place among the answers.
void Session::advance() {
    bool was_full = true;
    while (was_full && !closed_ && !is_full()) {
        process();
        was_full = answers_.size() >= kOutstandingMax;
        flush();
    }
    flush();
    read();
}

bool Session::is_full() const {
    return answers_.size() >= kOutstandingMax || out_.size() >= kUnsentBytesMax;
}

void Session::feed(std::string_view bytes) {
    if (protocol_ == Protocol::unknown) {
        const bool is_frame = static_cast<std::uint8_t>(bytes.front()) == frame::kMagic;
        protocol_ = is_frame ? Protocol::frames : Protocol::http;
    }
    if (protocol_ == Protocol::frames) {
        frames_.feed(bytes);
    } else {
        requests_.feed(bytes);
    }
}

void Session::process() {
    if (protocol_ == Protocol::frames) {
        process_frames();
    } else if (protocol_ == Protocol::http) {
        process_http();
    }
}

void Session::process_http() {
    while (!closed_ && !last_ && answers_.size() < kOutstandingMax) {
        const bool again = std::exchange(held_, false);
        switch (again ? RequestReader::Status::complete : requests_.next()) {
            case RequestReader::Status::incomplete:
                if (requests_.take_expectation()) answers_.add(go_on());
                return;
            case RequestReader::Status::refused:
                last_ = true;
                refuse(requests_.refusal(), true);
                break;
            case RequestReader::Status::complete:
                inside_request_.reset();
                if (handle(requests_.request()) == Handled::held) return hold();
                break;
        }
    }
}

void Session::process_frames() {
    while (!closed_ && !last_ && answers_.size() < kOutstandingMax) {
        const bool again = std::exchange(held_, false);
        switch (again ? FrameReader::Status::complete : frames_.next()) {
            case FrameReader::Status::incomplete:
                return;
            case FrameReader::Status::refused: {
                last_ = true;
                ++context_.refused;
                Answer answer = refusal({400, "malformed", frames_.error().detail}, true);
                answer.is_of_stream = true;
                answers_.add(std::move(answer));
                break;
            }
            case FrameReader::Status::complete:
                inside_request_.reset();
                if (handle(frames_.event()) == Handled::held) return hold();
                break;
        }
    }
}

// It is handled again after the next commit.
void Session::hold() {
    held_ = true;
    context_.held.push_back(weak_from_this());
}

void Session::refuse(const customerio::Refusal& why, bool close) {
    ++context_.refused;
    last_ = last_ || close;
    answers_.add(refusal(why, close));
}

Session::Handled Session::handle(const HttpRequest& request) {
    // The answer to HEAD has a body, since nothing here is got: its client must not read on.
    const bool close = !request.keep_alive || context_.stopping || request.method == "HEAD";
    if (request.has_origin) {
        // A page in a browser on this machine can reach a loopback port; no client of ours is one.
        refuse({403, "browser", "requests of web pages are not taken"}, close);
        return Handled::yes;
    }
    const auto route = customerio::route(request.method, request.target);
    if (const auto* why = std::get_if<customerio::Refusal>(&route)) {
        refuse(*why, close);
        return Handled::yes;
    }
    const auto& to = std::get<customerio::Route>(route);
    return accept(to,
                  {request.method, request.target, request.body},
                  context_.directory.choose(request.authorization, info(to.operation).endpoint),
                  close);
}

Session::Handled Session::handle(const frame::Event& event) {
    const std::string_view method = to_string(event.method);
    const auto route = customerio::route(method, event.target);
    if (const auto* why = std::get_if<customerio::Refusal>(&route)) {
        refuse(*why, false);
        return Handled::yes;
    }
    const auto& to = std::get<customerio::Route>(route);
    return accept(to,
                  {method, event.target, event.body},
                  context_.directory.find(event.destination, info(to.operation).endpoint),
                  false);
}

Session::Handled Session::accept(const customerio::Route& route,
                                 const customerio::Request& request,
                                 const Chosen& chosen,
                                 bool close) {
    if (const auto* why = std::get_if<customerio::Refusal>(&chosen)) {
        refuse(*why, close);
        return Handled::yes;
    }
    Answer answer;
    answer.close = close;
    answer.operation = route.operation;
    answer.accepted_at = wall_now();
    answer.id = context_.ulids.make(answer.accepted_at);
    const std::string& destination = std::get<const Directory::Destination*>(chosen)->name;
    const auto accepted = context_.acceptor.accept(
        route, request, {answer.id, answer.accepted_at, peer_, destination});
    if (const auto* why = std::get_if<customerio::Refusal>(&accepted)) {
        refuse(*why, close);
        return Handled::yes;
    }
    const AnswerQueue::Slot slot = answers_.add(std::move(answer));
    const wal::Ticket ticket = wal::Ticket{id_} << 32U | slot;
    const Result<Seq> seq = context_.log.append(std::get<Event>(accepted), ticket);
    if (!seq && seq.error().code == Errc::overloaded) {
        answers_.drop_last();
        return Handled::held;
    }
    last_ = last_ || close;
    if (!seq) {
        ++context_.failed;
        *answers_.find(slot) = failure(seq.error(), false, close);
    }
    return Handled::yes;
}

void Session::on_stored(AnswerQueue::Slot slot,
                        Seq seq,
                        const std::optional<Error>& error,
                        bool in_doubt) {
    Answer* answer = answers_.find(slot);
    if (answer == nullptr) return;
    if (error) {
        ++context_.failed;
        *answer = failure(*error, in_doubt, answer->close);
    } else {
        ++context_.acknowledged;
        answer->status = 200;
        answer->seq = seq;
    }
}

void Session::resume() {
    if (closed_) return;
    flush();
    advance();
}

// Puts the answers that are ready behind out_: as many frames as there are kinds in a row, or HTTP.
void Session::render_ready() {
    while (const Answer* answer = answers_.ready()) {
        if (protocol_ == Protocol::http) {
            append_http(*answer, out_);
            answers_.drop_first();
            continue;
        }
        const bool is_of_stream = answer->is_of_stream;
        frame::Writer frame(out_, is_of_stream ? frame::Type::refusal : frame::Type::answers);
        for (; answer != nullptr && answer->is_of_stream == is_of_stream;
             answer = answers_.ready()) {
            frame.add(as_frame_answer(*answer));
            answers_.drop_first();
        }
        frame.end();
    }
}

void Session::flush() {
    if (closed_) return;
    render_ready();
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
