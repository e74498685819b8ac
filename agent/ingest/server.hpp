// All that listens for apps, and their sessions.
//
// Runs on: the ingest executor, whose context does not run any more once this is gone.
#pragma once

#include "agent/ingest/session.hpp"
#include "agent/listener.hpp"

#include <boost/asio/steady_timer.hpp>

#include <deque>
#include <map>
#include <memory>
#include <optional>

namespace holdfast::agent {

struct IngestLimits {
    std::size_t connections_max = 1024;  // further ones wait in the kernel's queue
    // An app that lets us wait for so long is cut off, and while there are too many connections one
    // that says nothing for so long.
    Duration stall_max = std::chrono::seconds(30);
    // For a large request while others wait for their turn.
    Duration turn_max = std::chrono::seconds(5);
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
    void on_closed(Session::Id id);
    void warn_of_no_watch(int why);

    [[nodiscard]] bool is_full() const { return sessions_.size() >= limits_.connections_max; }

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
    Session::Id last_id_ = kNoSession;
    std::size_t most_sessions_ = 0;  // since memory was given back
    std::optional<Instant> warned_at_;
    boost::asio::steady_timer stall_timer_;
    bool watching_ = false;
    bool write_posted_ = false;
};

}  // namespace holdfast::agent
