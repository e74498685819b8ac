// The admin socket: HTTP and JSON for `holdfast` and whoever speaks ADMIN.md.
//
// Runs on: the ingest executor. Its reads of the log are bounded, so that apps hardly notice.
// Limits: 16 connections, 64 KiB a request (4 MB for the body of an edit), 5 s for it to arrive.
// For one connection more that is closed which has waited for a request the longest (see Places),
// or it is answered 503.
#pragma once

#include "agent/admin/views.hpp"
#include "agent/listener.hpp"
#include "agent/places.hpp"

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>

namespace holdfast::agent {

// What the admin API needs of the agent. Every call on the ingest executor.
class AdminHost {
public:
    virtual ~AdminHost() = default;

    [[nodiscard]] virtual wal::Log& log() = 0;
    virtual boost::asio::awaitable<AgentStatus> status() = 0;
    virtual boost::asio::awaitable<std::set<Seq>> in_flight() = 0;

    // For reads that may take long: of a thread that nobody waits for.
    [[nodiscard]] virtual boost::asio::any_io_executor background() = 0;

    struct Replayed {
        Seq seq;
        Ulid id;
    };

    // One result for each, in order, once the new entries are on the disk; they share a sync.
    virtual boost::asio::awaitable<std::vector<Result<Replayed>>> replay(
        std::vector<Seq> failed) = 0;

    // From now on and after a restart; of all destinations when the name is empty. `peer`: who
    // wants it. Returns the names of those. Errors: not_found.
    virtual boost::asio::awaitable<Result<std::vector<std::string>>> set_level(
        std::string destination, transport::Level level, Peer peer) = 0;

    // One result for each, in order, once that is on the disk. `peer`: who wants it.
    virtual boost::asio::awaitable<std::vector<Result<void>>> drop(std::vector<Seq> failed,
                                                                   Peer peer) = 0;

    // Replays it with another body (edit.hpp). Errors: as there, and as Log::replace().
    virtual boost::asio::awaitable<Result<Replayed>> edit(Seq failed,
                                                          std::string body,
                                                          Peer peer) = 0;
};

class AdminServer {
public:
    AdminServer(boost::asio::any_io_executor executor, AdminHost& host);

    [[nodiscard]] Result<void> listen_unix(const std::string& path);
    [[nodiscard]] Result<void> adopt_unix(int descriptor);
    void close();

private:
    struct Connection;
    struct Parser;

    void accepted(Listener::Socket socket, Peer peer);
    [[nodiscard]] bool make_room(Places::Process who);
    static boost::asio::awaitable<boost::system::error_code> read(Connection& connection,
                                                                  Parser& parser);
    boost::asio::awaitable<void> serve(std::shared_ptr<Connection> connection, Peer peer);

    boost::asio::any_io_executor executor_;
    AdminHost& host_;
    Listener listener_;
    std::map<Places::Id, std::shared_ptr<Connection>> connections_;
    Places places_;  // of those that were not closed
    Places::Id last_id_ = 0;
};

}  // namespace holdfast::agent
