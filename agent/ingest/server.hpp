// All that listens for apps, and their sessions.
//
// Runs on: the ingest executor, whose context does not run any more once this is gone.
#pragma once

#include "agent/ingest/session.hpp"
#include "agent/listener.hpp"
#include "agent/places.hpp"

#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <map>
#include <memory>
#include <optional>

namespace holdfast::agent {

// More than may be open at once (connections_max): these say nothing yet, or were refused and do
// not go. So who is refused learns why, and who connects and says nothing takes nobody's place.
inline constexpr std::size_t kInLobbyMax = 16;

struct IngestLimits {
    // Of apps, at once. For one more another one is closed, or it is refused: see Places.
    std::size_t connections_max = 1024;
    // An app that lets us wait for so long is cut off. A connection that rests for so long makes
    // room for any other.
    Duration stall_max = std::chrono::seconds(30);
    // For a request while others wait for a place, and for a large one while they wait for their
    // turn.
    Duration turn_max = std::chrono::seconds(5);
    // A connection that rests for so long makes room for another one of its process. A burst of
    // new ones does not close those that were opened a moment ago.
    Duration own_rest = std::chrono::seconds(1);
};

class IngestServer {
public:
    // Tickets with this session id are somebody else's.
    static constexpr Session::Id kNoSession = 0;

    IngestServer(boost::asio::any_io_executor executor,
                 wal::Log& log,
                 const Directory& directory,
                 UlidFactory ulids,
                 IngestLimits limits);

    [[nodiscard]] Result<void> listen_unix(const std::string& path, std::uint32_t mode);
    [[nodiscard]] Result<void> listen_tcp(const boost::asio::ip::tcp::endpoint& endpoint);
    [[nodiscard]] Result<void> adopt_unix(int descriptor);

    // Hands the outcome of a write to the sessions that wait for it.
    void on_commit(const wal::Commit& commit);

    // Accepts and reads no more; sessions close when their answers are sent.
    void stop();
    void close();

    [[nodiscard]] bool has_answers_outstanding() const;

    [[nodiscard]] std::size_t connections() const { return sessions_.size(); }

    [[nodiscard]] const IngestContext& context() const { return context_; }

    // Ids of events are made after this one.
    void continue_ids_after(const Ulid& newest) { context_.ulids.continue_after(newest); }

    // Ids of what is stored otherwise come from here too, so that they grow with the log.
    [[nodiscard]] Ulid make_id(WallTime now) { return context_.ulids.make(now); }

private:
    Listener& add_listener();
    void accepted(Listener::Socket socket, Peer peer);
    void enter_lobby(Session& session, Session::Id id, Peer peer);
    void leave_lobby(Session::Id id);
    [[nodiscard]] bool give_place(Session::Id id, Places::Process who);
    [[nodiscard]] bool make_room(Places::Process who);
    void on_closed(Session::Id id);
    void warn_of_no_watch(int why);
    void warn_of_crowd();

    [[nodiscard]] bool is_full() const { return places_.size() >= limits_.connections_max; }

    void write_soon();
    void give_memory_back();
    void watch_stalls();
    void close_stalled();

    boost::asio::any_io_executor executor_;
    Poller poller_;
    IngestContext context_;
    const IngestLimits limits_;
    std::deque<Listener> listeners_;
    std::map<Session::Id, std::shared_ptr<Session>> sessions_;
    Places places_;
    Places lobby_;  // of those that have no place
    Session::Id last_id_ = kNoSession;
    std::size_t most_sessions_ = 0;  // since memory was given back
    std::optional<Instant> warned_of_no_watch_at_;
    std::optional<Instant> warned_of_crowd_at_;
    boost::asio::steady_timer stall_timer_;
    bool watching_ = false;
    bool write_posted_ = false;
};

}  // namespace holdfast::agent
