#include "agent/ingest/server.hpp"

#include "agent/clock.hpp"
#include "agent/journal.hpp"

#include <boost/asio/post.hpp>
#include <fmt/format.h>
#include <malloc.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>
#include <vector>

namespace holdfast::agent {
namespace {

// So many sessions may have taken enough memory to be worth a millisecond.
constexpr std::size_t kCrowd = 128;

// Whoever connects can make them necessary again and again.
constexpr std::chrono::minutes kBetweenWarnings{1};

bool may_warn(std::optional<Instant>& last) {
    if (last && now() < *last + kBetweenWarnings) return false;
    last = now();
    return true;
}

}  // namespace

IngestServer::IngestServer(boost::asio::any_io_executor executor,
                           wal::Log& log,
                           const Directory& directory,
                           UlidFactory ulids,
                           IngestLimits limits)
    : executor_(executor),
      poller_(executor,
              [this](Session::Id id, Poller::Ready ready) {
                  const auto found = sessions_.find(id);
                  if (found == sessions_.end()) return;  // closed meanwhile
                  const std::shared_ptr<Session> session = found->second;
                  session->on_ready(ready);
              }),
      context_{.executor = executor,
               .poller = poller_,
               .log = log,
               .directory = directory,
               .ulids = ulids,
               .acceptor = {},
               .on_appended = [this] { write_soon(); },
               .on_waiting = [this] { watch_stalls(); },
               .take_place = [this](Session::Id id,
                                    Places::Process who) { return give_place(id, who); }},
      limits_(limits),
      places_({.for_own = limits.own_rest, .for_others = limits.stall_max}),
      lobby_(Places::Rest{}),
      stall_timer_(executor) {}

Listener& IngestServer::add_listener() {
    return listeners_.emplace_back(executor_, [this](Listener::Socket socket, Peer peer) {
        accepted(std::move(socket), peer);
    });
}

Result<void> IngestServer::listen_unix(const std::string& path, std::uint32_t mode) {
    return add_listener().listen_unix(path, mode);
}

Result<void> IngestServer::listen_tcp(const boost::asio::ip::tcp::endpoint& endpoint) {
    return add_listener().listen_tcp(endpoint);
}

Result<void> IngestServer::adopt_unix(int descriptor) {
    return add_listener().adopt_unix(descriptor);
}

void IngestServer::accepted(Listener::Socket socket, Peer peer) {
    do {
        ++last_id_;
    } while (last_id_ == kNoSession || sessions_.contains(last_id_));
    boost::system::error_code ec;
    const int descriptor = socket.release(ec);
    if (ec) return;
    auto session = std::make_shared<Session>(
        descriptor, last_id_, peer, context_, [this](Session::Id id) { on_closed(id); });
    sessions_.emplace(last_id_, session);
    most_sessions_ = std::max(most_sessions_, sessions_.size());
    if (is_full()) {
        enter_lobby(*session, last_id_, peer);
    } else {
        places_.add(last_id_, peer.pid, now());
    }
    if (!session->start()) warn_of_no_watch(errno);
}

void IngestServer::enter_lobby(Session& session, Session::Id id, Peer peer) {
    warn_of_crowd();
    if (lobby_.size() >= kInLobbyMax) {
        const auto looked_at = [](Session::Id) { return Instant::min(); };
        if (const auto first = lobby_.find_room(peer.pid, now(), looked_at)) leave_lobby(*first);
    }
    lobby_.add(id, peer.pid, now());
    session.wait_for_place();
}

// It may have spoken and not been heard yet. If it is silent it gets a place too, where there is
// one: it may have been too many in one turn.
void IngestServer::leave_lobby(Session::Id id) {
    const std::shared_ptr<Session> session = sessions_.at(id);
    session->on_ready({.to_read = true});
    if (lobby_.has(id) && !session->take_place()) session->close();
}

bool IngestServer::give_place(Session::Id id, Places::Process who) {
    if (is_full() && !make_room(who)) return false;
    lobby_.remove(id);
    places_.add(id, who, now());
    return true;
}

bool IngestServer::make_room(Places::Process who) {
    const Instant lately = now() - limits_.turn_max;
    const auto id = places_.find_room(
        who, now(), [&](Session::Id one) { return sessions_.at(one)->rests_since(lately); });
    if (!id) return false;
    const std::shared_ptr<Session> session = sessions_.at(*id);
    session->close();
    return true;
}

void IngestServer::warn_of_crowd() {
    if (!may_warn(warned_of_crowd_at_)) return;
    const Places::Holder most = places_.most();
    journal::warning(fmt::format(
        "all {} places for connections of apps are taken (ingest.connections_max), {} of them by "
        "{}: idle ones are closed for new ones, or these are refused",
        places_.size(),
        most.connections,
        most.who == 0 ? std::string("processes that are not known")
                      : fmt::format("process {}", most.who)));
}

void IngestServer::warn_of_no_watch(int why) {
    if (!may_warn(warned_of_no_watch_at_)) return;
    journal::warning(
        "connections of apps are closed at once: the system lets no more sockets be watched "
        "(fs.epoll.max_user_watches): " +
        std::generic_category().message(why));
}

void IngestServer::on_closed(Session::Id id) {
    sessions_.erase(id);
    places_.remove(id);
    lobby_.remove(id);
    if (most_sessions_ >= kCrowd && sessions_.size() * 2 <= most_sessions_) give_memory_back();
}

void IngestServer::on_commit(const wal::Commit& commit) {
    std::vector<std::shared_ptr<Session>> touched;
    for (const wal::Stored& stored : commit.appended) {
        const auto id = static_cast<Session::Id>(stored.ticket >> 32U);
        const auto found = sessions_.find(id);
        if (found == sessions_.end())
            continue;  // closed meanwhile: the event is stored all the same
        const auto slot = static_cast<AnswerQueue::Slot>(stored.ticket);
        found->second->on_stored(slot, commit);
        if (touched.empty() || touched.back() != found->second) touched.push_back(found->second);
    }
    for (const auto& held : std::exchange(context_.held, {})) {
        if (auto session = held.lock()) touched.push_back(std::move(session));
    }
    for (const std::shared_ptr<Session>& session : touched) session->resume();
}

// After those sessions that can be read now: what they send goes into the same write.
void IngestServer::write_soon() {
    if (std::exchange(write_posted_, true)) return;
    boost::asio::post(executor_, [this] {
        write_posted_ = false;
        context_.log.write();
    });
}

// Armed only while a session waits for its app: an idle agent does not wake up.
void IngestServer::watch_stalls() {
    if (watching_) return;
    watching_ = true;
    const Duration every = std::min(limits_.stall_max / 6, limits_.turn_max);
    const Instant expected = now() + every;
    stall_timer_.expires_after(every);
    stall_timer_.async_wait([this, every, expected](boost::system::error_code cancelled) {
        watching_ = false;
        if (cancelled) return;
        // This thread stood still: what came meanwhile is looked at first.
        if (now() > expected + every) return watch_stalls();
        close_stalled();
    });
}

void IngestServer::close_stalled() {
    const Instant then = now() - limits_.stall_max;
    const Instant lately = now() - limits_.turn_max;
    bool go_on = false;
    std::vector<std::pair<Session::Id, std::shared_ptr<Session>>> stalled;
    for (const auto& [id, session] : sessions_) {
        if (session->is_stalled_since(then) || session->is_in_the_way_since(lately)) {
            stalled.emplace_back(id, session);
        }
        go_on = go_on || session->may_stall();
    }
    for (const auto& [id, session] : stalled) {
        // Where a place is free by now it may go on being silent.
        const bool may_stay = lobby_.has(id) && !is_full() && session->take_place();
        if (!may_stay) session->close();
    }
    if (go_on) watch_stalls();
}

// glibc keeps what lies below something that is still in use: most of what a crowd took.
void IngestServer::give_memory_back() {
    most_sessions_ = sessions_.size();
    ::malloc_trim(0);
}

bool IngestServer::has_answers_outstanding() const {
    return std::any_of(sessions_.begin(), sessions_.end(), [](const auto& one) {
        return one.second->has_answers_outstanding();
    });
}

void IngestServer::stop() {
    context_.stopping = true;
    for (Listener& listener : listeners_) listener.close();
    std::vector<std::shared_ptr<Session>> all;
    for (const auto& [id, session] : sessions_) all.push_back(session);
    for (const std::shared_ptr<Session>& session : all) session->finish();
}

void IngestServer::close() {
    stall_timer_.cancel();
    std::vector<std::shared_ptr<Session>> all;
    for (const auto& [id, session] : sessions_) all.push_back(session);
    for (const std::shared_ptr<Session>& session : all) session->close();
}

}  // namespace holdfast::agent
