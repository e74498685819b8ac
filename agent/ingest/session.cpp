#include "agent/ingest/session.hpp"

#include "agent/clock.hpp"
#include "agent/ingest/answer.hpp"
#include "agent/ingest/placing.hpp"
#include "agent/ingest/request_key.hpp"
#include "proto/customerio/v2_operation.hpp"

#include <boost/asio/post.hpp>
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

namespace holdfast::agent {
namespace {

// The app's key for its event; empty: it gave none.
std::variant<std::string, customerio::Refusal> key_in(const HttpRequest& request) {
    if (request.key_fields == 0) return std::string();
    std::optional<std::string> key;
    if (request.key_fields == 1) key = parse_request_key(request.key_field);
    if (key) return std::move(*key);
    return customerio::Refusal{
        400,
        "invalid_idempotency_key",
        "Idempotency-Key must be one text of 1 to 255 visible ASCII characters"};
}

// What names the event: the app's key, and the id that the event has in its body.
Keys keys_of(std::string_view key,
             std::string_view given_id,
             const Event& event,
             std::string_view body) {
    Keys keys;
    if (!key.empty()) keys.push_back(idempotency_key(KeySource::request, key, event, body));
    if (!given_id.empty()) keys.push_back(idempotency_key(KeySource::event, given_id, event, body));
    return keys;
}

}  // namespace

Session::Session(
    int descriptor, Id id, Peer peer, IngestContext& context, std::function<void(Id)> on_closed)
    : descriptor_(descriptor),
      id_(id),
      peer_(peer),
      context_(context),
      on_closed_(std::move(on_closed)),
      last_read_at_(now()) {}

Session::~Session() {
    if (descriptor_ >= 0) ::close(descriptor_);
}

bool Session::start() {
    const bool is_watched =
        ::fcntl(descriptor_, F_SETFL, O_NONBLOCK) == 0 && context_.poller.add(descriptor_, id_);
    if (is_watched) return true;
    const int why = errno;
    close();
    errno = why;
    return false;
}

void Session::wait_for_place() {
    waits_for_place_ = true;
    wait_for_app(inside_request_);
}

bool Session::take_place() {
    if (waits_for_place_ && !last_ && context_.take_place(id_, peer_.pid)) {
        waits_for_place_ = false;
        inside_request_.reset();
    }
    return !waits_for_place_;
}

void Session::on_ready(Poller::Ready ready) {
    if (ready.gone && waits_for_turn_) return close();
    if (ready.to_write && writing_) {
        send();
        if (!is_full()) resume();
    }
    if (closed_ || !ready.to_read) return;
    readable_ = true;
    hung_up_ = hung_up_ || ready.ended;
    if (!read_is_due_ && may_read()) read_on();
}

bool Session::may_read() {
    if (closed_ || at_end_ || goes_on_soon_) return false;
    return lingering_ || !(last_ || held_ || is_full() || !take_turn());
}

// What is there already is read in a turn of its own: others have theirs in between.
void Session::read() {
    if (!may_read()) return;
    if (!inside_request_ && is_inside_request()) wait_for_app(inside_request_);
    if (!readable_ || read_is_due_) return;
    read_is_due_ = true;
    boost::asio::post(context_.executor, [self = shared_from_this()] {
        self->read_is_due_ = false;
        if (self->may_read()) self->read_on();
    });
}

void Session::read_on() {
    const ssize_t size = ::recv(descriptor_, context_.in.data(), context_.in.size(), 0);
    if (size >= 0) return on_read(static_cast<std::size_t>(size));
    if (errno != EAGAIN && errno != EINTR) return close();
    readable_ = errno == EINTR;
    read();
}

void Session::on_read(std::size_t size) {
    if (size == 0) {
        // The app may have closed its half only: what it sent is answered all the same.
        if (lingering_) return close();
        last_ = true;
        at_end_ = true;
    } else if (!lingering_) {
        last_read_at_ = now();
        feed({context_.in.data(), size});
    }
    const bool is_short = size < context_.in.size() && !hung_up_;
    if (is_short) readable_ = false;
    advance();
    // It may have been cut short by something else than the end of what there is (unix(7):
    // SCM_RIGHTS; an urgent byte): then there is no other event for the rest.
    if (is_short && is_inside_request() && !closed_) {
        readable_ = true;
        read();
    }
}

bool Session::is_inside_request() const {
    return requests_.is_inside_request() || frames_.is_inside_frame();
}

// Nothing is read as long as events that were read wait for a place among the answers. Of many that
// are answered at once only so many are in one turn.
void Session::advance() {
    if (!closed_ && !is_full()) {
        process();
        const bool was_full = has_many_answers();
        flush();
        if (was_full && !closed_ && !is_full()) return go_on_soon();
    }
    if (last_ && !held_) {
        requests_.forget();
        frames_.forget();
    }
    if (bytes_held() <= kOwnBytesMax) give_turn_back();
    flush();
    read();
}

void Session::go_on_soon() {
    if (std::exchange(goes_on_soon_, true)) return;
    boost::asio::post(context_.executor, [self = shared_from_this()] {
        self->goes_on_soon_ = false;
        if (!self->closed_) self->advance();
    });
}

// Waiting for a turn is not the app's fault: its time begins again.
bool Session::take_turn() {
    if (turn_ > 0 || bytes_held() <= kOwnBytesMax) return true;
    if (waits_for_turn_) return false;
    const std::size_t bytes = bytes_expected();
    const auto begin = [this, bytes] {
        turn_ = bytes;
        has_turn_since_ = now();
        waits_for_turn_ = false;
    };
    inside_request_.reset();
    waits_for_turn_ = !context_.turns.take(peer_.pid, bytes, [weak = weak_from_this(), begin] {
        const auto self = weak.lock();
        if (!self || self->closed_) return false;
        begin();
        self->read();
        return true;
    });
    if (!waits_for_turn_) begin();
    return !waits_for_turn_;
}

void Session::give_turn_back() {
    if (turn_ > 0) context_.turns.give_back(peer_.pid, std::exchange(turn_, 0));
}

std::size_t Session::bytes_expected() const {
    return std::max({requests_.bytes_expected(), frames_.bytes_expected(), bytes_held()});
}

bool Session::is_full() const {
    return has_many_answers() || out_.size() >= kUnsentBytesMax;
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
    if (protocol_ == Protocol::unknown) return;
    if (!last_ && !take_place()) return turn_away();
    if (protocol_ == Protocol::frames) {
        process_frames();
    } else {
        process_http();
    }
}

void Session::turn_away() {
    last_ = true;
    ++context_.failed;
    const Error why{Errc::overloaded,
                    "all places for connections are taken (ingest.connections_max)"};
    Answer answer = failure(why, false, true);
    answer.is_of_stream = protocol_ == Protocol::frames;
    answers_.add(std::move(answer));
}

void Session::process_http() {
    while (!closed_ && !last_ && !has_many_answers()) {
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
    const auto given = key_in(request);
    if (const auto* why = std::get_if<customerio::Refusal>(&given)) {
        refuse(*why, close);
        return Handled::yes;
    }
    const std::string& key = std::get<std::string>(given);
    if (http::is_target(request.target)) {
        return accept({.method = request.method,
                       .target = request.target,
                       .body = request.body,
                       .key = {request.lane_field, request.lane_fields},
                       .name = {request.name_field, request.name_fields}},
                      {},
                      key,
                      close);
    }
    const auto route = customerio::route(request.method, request.target);
    if (const auto* why = std::get_if<customerio::Refusal>(&route)) {
        refuse(*why, close);
        return Handled::yes;
    }
    const auto& to = std::get<customerio::Route>(route);
    const Chosen chosen =
        context_.directory.choose(request.authorization, info(to.operation).endpoint());
    if (to.shape == customerio::Route::Shape::batch) {
        return accept_batch(request.body, chosen, key, close);
    }
    return accept(to, {request.method, request.target, request.body}, chosen, key, close);
}

Session::Handled Session::handle(const frame::Event& event) {
    const std::string_view method = to_string(event.method);
    if (http::is_target(event.target)) {
        const http::Request request{.method = method, .target = event.target, .body = event.body};
        return accept(request, event.destination, event.key, false);
    }
    const auto route = customerio::route(method, event.target);
    if (const auto* why = std::get_if<customerio::Refusal>(&route)) {
        refuse(*why, false);
        return Handled::yes;
    }
    const auto& to = std::get<customerio::Route>(route);
    return accept(to,
                  {method, event.target, event.body},
                  context_.directory.find(event.destination, info(to.operation).endpoint()),
                  event.key,
                  false);
}

Session::Handled Session::accept(const customerio::Route& route,
                                 const customerio::Request& request,
                                 const Chosen& chosen,
                                 std::string_view key,
                                 bool close) {
    if (const auto* why = std::get_if<customerio::Refusal>(&chosen)) {
        refuse(*why, close);
        return Handled::yes;
    }
    Answer answer = begin_answer(route.operation, close);
    const std::string& destination = std::get<const Directory::Destination*>(chosen)->name;
    const auto accepted = context_.acceptor.accept(
        route, request, {answer.id, answer.accepted_at, peer_, destination});
    if (const auto* why = std::get_if<customerio::Refusal>(&accepted)) {
        refuse(*why, close);
        return Handled::yes;
    }
    const auto& event = std::get<Event>(accepted);
    return append(
        std::move(answer), event, keys_of(key, context_.acceptor.given_id(), event, request.body));
}

Session::Handled Session::accept(const http::Request& request,
                                 std::string_view named,
                                 std::string_view key,
                                 bool close) {
    const auto chosen = context_.directory.choose(request, named);
    if (const auto* why = std::get_if<customerio::Refusal>(&chosen)) {
        refuse(*why, close);
        return Handled::yes;
    }
    const Directory::Destination& destination = *std::get<const Directory::Destination*>(chosen);
    Answer answer = begin_answer(*destination.request, close);
    const auto accepted = context_.http_acceptor.accept(
        request, {answer.id, answer.accepted_at, peer_, destination.name, *destination.request});
    if (const auto* why = std::get_if<customerio::Refusal>(&accepted)) {
        refuse(*why, close);
        return Handled::yes;
    }
    const auto& event = std::get<Event>(accepted);
    return append(std::move(answer), event, keys_of(key, {}, event, request.body));
}

Answer Session::begin_answer(Operation operation, bool close) {
    Answer answer;
    answer.close = close;
    answer.operation = operation;
    answer.accepted_at = wall_now();
    answer.id = context_.ulids.make(answer.accepted_at);
    return answer;
}

Session::Handled Session::append(Answer answer, const Event& event, const Keys& keys) {
    const bool close = answer.close;
    const AnswerQueue::Slot slot = answers_.add(std::move(answer));
    const wal::Ticket ticket = wal::Ticket{id_} << 32U | slot;
    const Result<wal::Placed> placed = place(context_.log, event, keys, ticket);
    if (!placed && placed.error().code == Errc::overloaded) {
        answers_.drop_last();
        return Handled::held;
    }
    last_ = last_ || close;
    Answer& waiting = *answers_.find(slot);
    if (placed) {
        waiting.seq = placed->seq;
        waiting.id = placed->id;
        waiting.accepted_at = placed->accepted_at;
        waiting.is_repeat = placed->is_repeat;
        if (placed->is_stored) {
            waiting.durability = placed->durability;
            stored(waiting);
        } else {
            context_.on_appended();
        }
    } else if (placed.error().code == Errc::key_reused) {
        ++context_.refused;
        waiting = refusal({422, "idempotency_key_reused", placed.error().detail}, close);
    } else {
        ++context_.failed;
        waiting = failure(placed.error(), false, close);
    }
    return Handled::yes;
}

Session::Handled Session::accept_batch(std::string_view body,
                                       const Chosen& chosen,
                                       std::string_view key,
                                       bool close) {
    if (!batch_) {
        if (const auto* why = std::get_if<customerio::Refusal>(&chosen)) {
            refuse(*why, close);
            return Handled::yes;
        }
        auto operations = context_.acceptor.split_batch(body);
        if (const auto* why = std::get_if<customerio::Refusal>(&operations)) {
            refuse(*why, close);
            return Handled::yes;
        }
        Answer answer;
        answer.close = close;
        const AnswerQueue::Slot slot = answers_.add(std::move(answer));
        const std::string& destination = std::get<const Directory::Destination*>(chosen)->name;
        batch_.emplace(
            std::get<std::vector<std::string_view>>(std::move(operations)),
            destination,
            key.empty() ? std::nullopt : std::optional(batch_key(key, destination, body)),
            wal::Ticket{id_} << 32U | slot);
    }
    const auto slot = static_cast<AnswerQueue::Slot>(batch_->ticket());
    BatchTally& tally = tallies_[slot];
    if (!batch_->go_on(context_, peer_, tally)) return Handled::held;
    batch_.reset();
    last_ = last_ || close;
    settle_batch(slot, tally);
    return Handled::yes;
}

void Session::settle_batch(AnswerQueue::Slot slot, const BatchTally& tally) {
    if (!tally.is_known()) return;
    context_.acknowledged += tally.acknowledged();
    context_.repeated += tally.repeated();
    context_.refused += tally.refused();
    context_.failed += tally.failed();
    Answer& answer = *answers_.find(slot);
    answer = tally.answer(answer.close);
    batch_answer_bytes_ += answer.body.size();
    tallies_.erase(slot);
}

void Session::stored(Answer& answer) {
    ++(answer.is_repeat ? context_.repeated : context_.acknowledged);
    answer.status = 200;
}

void Session::on_stored(AnswerQueue::Slot slot, const wal::Commit& commit) {
    Answer* answer = answers_.find(slot);
    if (answer == nullptr) return;
    if (const auto batch = tallies_.find(slot); batch != tallies_.end()) {
        batch->second.stored(commit);
        return settle_batch(slot, batch->second);
    }
    if (commit.error) {
        ++context_.failed;
        *answer = failure(*commit.error, commit.in_doubt, answer->close);
    } else {
        answer->durability = commit.durability;
        stored(*answer);
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
            if (answer->is_of_batch) batch_answer_bytes_ -= answer->body.size();
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
    if (!writing_) send();
    if (closed_ || writing_) return;
    if (last_ && !held_ && answers_.size() == 0) linger();
}

// Most answers fit the socket's buffer: one system call, no turn of the loop.
void Session::send() {
    std::size_t sent = 0;
    while (sent < out_.size()) {
        const ssize_t size =
            ::send(descriptor_, out_.data() + sent, out_.size() - sent, MSG_NOSIGNAL);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0 && errno != EAGAIN) return close();
        if (size < 0) break;
        sent += static_cast<std::size_t>(size);
    }
    out_.erase(0, sent);
    if (out_.empty() && out_.capacity() > kUnsentBytesMax) out_ = std::string();
    overdue_bytes_ -= std::min(overdue_bytes_, sent);
    const bool is_stuck = !out_.empty();
    if (is_stuck != writing_.has_value()) {
        context_.poller.watch_writing(descriptor_, id_, is_stuck);
    }
    if (!is_stuck) {
        writing_.reset();
    } else if (overdue_bytes_ == 0) {
        // The app has so long to take what waits now; what comes meanwhile has its own time.
        wait_for_app(writing_);
        overdue_bytes_ = out_.size();
    }
}

// Closing with unread input would reset the connection and could take the last answer with it: the
// app gets an end of stream, and what it still sends is thrown away until it closes too.
void Session::linger() {
    if (at_end_) return close();
    if (lingering_) return;
    wait_for_app(lingering_);
    if (::shutdown(descriptor_, SHUT_WR) != 0) return close();
    read();
}

void Session::wait_for_app(std::optional<Instant>& since) const {
    since = now();
    context_.on_waiting();
}

// What has come and was not told yet counts: this thread may have been busy with others.
std::optional<Instant> Session::rests_since(Instant lately) const {
    const auto if_before = [&](Instant since) {
        return since < lately ? std::optional(since) : std::nullopt;
    };
    if (lingering_) return lingering_;
    if (writing_) return if_before(*writing_);
    if (!waits_for_bytes() || answers_.size() > 0) return std::nullopt;
    char byte = 0;
    const ssize_t unread = ::recv(descriptor_, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    if (unread > 0) return std::nullopt;
    const bool has_gone = unread == 0 || errno != EAGAIN;
    if (has_gone) return Instant::min();
    return inside_request_ ? if_before(*inside_request_) : last_read_at_;
}

bool Session::is_stalled_since(Instant then) const {
    const auto before = [&](const std::optional<Instant>& began) { return began && *began < then; };
    return before(lingering_) || before(writing_) || (waits_for_bytes() && before(inside_request_));
}

bool Session::is_in_the_way_since(Instant then) const {
    return turn_ > 0 && has_turn_since_ < then && (waits_for_bytes() || writing_) &&
           context_.turns.is_waited_for(peer_.pid);
}

bool Session::waits_for_bytes() const {
    return !readable_ && !goes_on_soon_ && !last_ && !held_ && !waits_for_turn_ && !is_full();
}

void Session::finish() {
    if (closed_) return;
    last_ = true;
    held_ = false;
    if (batch_) {
        // A part of it may be in the log; its answer waits for that.
        const auto slot = static_cast<AnswerQueue::Slot>(batch_->ticket());
        batch_.reset();
        BatchTally& tally = tallies_[slot];
        tally.give_up({Errc::overloaded, "the agent is being stopped"});
        settle_batch(slot, tally);
    }
    flush();
}

void Session::close() {
    if (closed_) return;
    closed_ = true;
    ::close(std::exchange(descriptor_, -1));
    on_closed_(id_);
    give_turn_back();
}

}  // namespace holdfast::agent
