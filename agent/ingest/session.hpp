// One app's connection: events in, as HTTP or as native frames (the first byte tells), appended to
// the log, answers out in order once the log says that they are on the disk.
//
// Runs on: the ingest executor. Owned by the server; the Poller tells when its socket is ready.
// Back-pressure: when the log is full, too many answers are outstanding or too many bytes of them
// were not taken, nothing more is read.
// Limits: requests in flight, and answers made in one turn, kOutstandingMax; bytes of answers that
// wait kUnsentBytesMax and those of one turn; bytes of requests that were begun kOwnBytesMax, and
// kLargeBytesMax in all, half of it for one process, for those that have more. The owner closes it
// when the app has let it wait for too long: a request that has begun must end, what is sent at
// once must be taken, and a connection that we ended be closed. Where all places for connections
// are taken it asks for one once the app speaks, and refuses what came if there is none.
#pragma once

#include "agent/ingest/answer_queue.hpp"
#include "agent/ingest/batch_intake.hpp"
#include "agent/ingest/batch_tally.hpp"
#include "agent/ingest/directory.hpp"
#include "agent/ingest/frame_reader.hpp"
#include "agent/ingest/poller.hpp"
#include "agent/ingest/request_reader.hpp"
#include "agent/ingest/turns.hpp"
#include "proto/event.hpp"
#include "proto/http/request.hpp"
#include "proto/idempotency.hpp"
#include "proto/ulid.hpp"
#include "wal/log.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/container/static_vector.hpp>

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace holdfast::agent {

inline constexpr std::size_t kOutstandingMax = 1024;
inline constexpr std::size_t kReadBytesMax = std::size_t{16} * 1024;
inline constexpr std::size_t kUnsentBytesMax = std::size_t{64} * 1024;
inline constexpr std::size_t kOwnBytesMax = std::size_t{64} * 1024;
inline constexpr std::size_t kLargeBytesMax = std::size_t{40} << 20U;

// By which an event may be found to be a repeat.
using Keys = boost::container::static_vector<IdempotencyKey, 2>;

// Who a session belongs to, and what it shares with the others on its thread.
struct IngestContext {
    boost::asio::any_io_executor executor;
    Poller& poller;
    wal::Log& log;
    const Directory& directory;
    UlidFactory ulids;
    customerio::Acceptor acceptor;
    http::Acceptor http_acceptor = {};
    std::uint64_t acknowledged = 0;
    std::uint64_t repeated = 0;                           // answered like an earlier one
    std::uint64_t refused = 0;                            // with a 4xx
    std::uint64_t failed = 0;                             // with a 5xx
    std::vector<std::weak_ptr<class Session>> held = {};  // wait for room in the log
    Turns turns = Turns(kLargeBytesMax);
    std::function<void()> on_appended;  // to the log, which is to be told to write
    std::function<void()> on_waiting;   // a session waits for its app: see is_stalled_since
    // One that was told to wait for a place gets it, or not.
    std::function<bool(Poller::Id, Turns::Process)> take_place;
    bool stopping = false;  // answers close their connections
    // What one read takes. All on the thread share it: it is empty between two reads.
    std::array<char, kReadBytesMax> in = {};
};

class Session : public std::enable_shared_from_this<Session> {
public:
    using Id = Poller::Id;

    // Owns the descriptor. `on_closed` is called once, when the session is over. `id` marks its
    // tickets in the log.
    Session(int descriptor,
            Id id,
            Peer peer,
            IngestContext& context,
            std::function<void(Id)> on_closed);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // False: the system lets no more sockets be watched (errno), and it is closed.
    [[nodiscard]] bool start();

    // It has no place among the connections: it asks for one when it is needed.
    void wait_for_place();

    // False: it has none and gets none, or was refused already.
    [[nodiscard]] bool take_place();

    void on_ready(Poller::Ready ready);

    // The log has stored, or not, what was appended with a ticket of this session.
    void on_stored(AnswerQueue::Slot slot, const wal::Commit& commit);

    // Sends what is ready and goes on reading: once after a batch of on_stored.
    void resume();

    // Nothing more is read; closes when the last answer is sent.
    void finish();

    void close();

    // It has been the app's turn since before `then`. Waiting for the log is not the app's fault.
    [[nodiscard]] bool is_stalled_since(Instant then) const;

    // Others wait for room that it has had since before `then`, and it is the app's turn.
    [[nodiscard]] bool is_in_the_way_since(Instant then) const;

    // It waits for the app, so that it may come to that.
    [[nodiscard]] bool may_stall() const { return inside_request_ || writing_ || lingering_; }

    // Since when nothing is under way, or it has been the app's turn since before `lately`.
    // nullopt: it is not to be closed.
    [[nodiscard]] std::optional<Instant> rests_since(Instant lately) const;

    [[nodiscard]] bool has_answers_outstanding() const { return answers_.size() > 0 || writing_; }

private:
    enum class Protocol : std::uint8_t { unknown, http, frames };

    // Whether what was read could be dealt with, or waits for room in the log.
    enum class Handled : std::uint8_t { yes, held };

    using Chosen = std::variant<const Directory::Destination*, customerio::Refusal>;

    [[nodiscard]] bool may_read();
    void read();
    void read_on();
    void on_read(std::size_t size);
    void advance();
    void go_on_soon();
    void process();
    void process_http();
    void process_frames();
    [[nodiscard]] bool is_full() const;

    [[nodiscard]] bool has_many_answers() const {
        return answers_.size() >= kOutstandingMax || batch_answer_bytes_ >= kUnsentBytesMax;
    }

    [[nodiscard]] bool is_inside_request() const;
    [[nodiscard]] bool take_turn();  // true: it may read on
    void give_turn_back();
    [[nodiscard]] bool waits_for_bytes() const;
    [[nodiscard]] std::size_t bytes_expected() const;

    [[nodiscard]] std::size_t bytes_held() const {
        return requests_.bytes_held() + frames_.bytes_held();
    }

    void feed(std::string_view bytes);
    [[nodiscard]] Handled handle(const HttpRequest& request);
    [[nodiscard]] Handled handle(const frame::Event& event);
    [[nodiscard]] Handled accept(const customerio::Route& route,
                                 const customerio::Request& request,
                                 const Chosen& chosen,
                                 std::string_view key,
                                 bool close);
    [[nodiscard]] Handled accept_batch(std::string_view body,
                                       const Chosen& chosen,
                                       std::string_view key,
                                       bool close);
    void settle_batch(AnswerQueue::Slot slot, const BatchTally& tally);
    // For a destination of type "http". `named`: by the frame; empty: the target alone names it.
    [[nodiscard]] Handled accept(const http::Request& request,
                                 std::string_view named,
                                 std::string_view key,
                                 bool close);
    [[nodiscard]] Answer begin_answer(Operation operation, bool close);
    [[nodiscard]] Handled append(Answer answer, const Event& event, const Keys& keys);
    void stored(Answer& answer);
    void hold();
    void refuse(const customerio::Refusal& why, bool close);
    void turn_away();
    void render_ready();
    void flush();
    void send();
    void linger();
    void wait_for_app(std::optional<Instant>& since) const;

    int descriptor_;
    const Id id_;
    const Peer peer_;
    IngestContext& context_;
    std::function<void(Id)> on_closed_;
    Protocol protocol_ = Protocol::unknown;
    RequestReader requests_;
    FrameReader frames_;
    AnswerQueue answers_;
    std::string out_;            // answers that are not sent yet
    bool readable_ = false;      // there are bytes that were not read
    bool hung_up_ = false;       // and behind them the end
    bool read_is_due_ = false;   // in the next turn
    bool goes_on_soon_ = false;  // with what was read: in the next turn
    bool held_ = false;          // an event that was read waits for room in the log
    bool last_ = false;          // no more requests are read on this connection
    bool at_end_ = false;        // the app has closed its half
    bool closed_ = false;
    std::size_t turn_ = 0;  // bytes of context_.turns
    Instant has_turn_since_{};
    bool waits_for_turn_ = false;
    bool waits_for_place_ = false;
    std::optional<BatchIntake> batch_;                 // the rest of it waits for room in the log
    std::map<AnswerQueue::Slot, BatchTally> tallies_;  // of batches that are not answered yet
    std::size_t batch_answer_bytes_ = 0;               // of those answered that wait for their turn
    // Since when it is so: the rest of a request is read; answers are waiting to be taken; our half
    // is closed and the app's is not.
    std::optional<Instant> inside_request_;
    std::optional<Instant> writing_;
    std::optional<Instant> lingering_;
    std::size_t overdue_bytes_ = 0;  // of out_, whose time writing_ is
    Instant last_read_at_;
};

}  // namespace holdfast::agent
