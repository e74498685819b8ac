#include "agent/listener.hpp"

#include <boost/asio/error.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace holdfast::agent {
namespace {

namespace asio = boost::asio;
using Unix = asio::local::stream_protocol;

constexpr std::chrono::milliseconds kRetryAfterExhaustion{100};

// Among thousands of busy connections this one gets a turn in thousands.
constexpr int kAcceptsAtOnce = 64;

Peer peer_of(int descriptor) {
    ucred credentials{};
    socklen_t size = sizeof(credentials);
    if (::getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) return {};
    return {credentials.uid, credentials.gid, static_cast<std::uint32_t>(credentials.pid)};
}

// A socket file that nobody listens on is left over from a process that was killed.
Result<void> remove_stale_socket(const std::string& path) {
    struct stat status {};

    if (::lstat(path.c_str(), &status) != 0) return {};
    if (!S_ISSOCK(status.st_mode)) {
        return Error{Errc::bad_config, path + " exists and is not a socket"};
    }
    asio::io_context io;
    Unix::socket probe(io);
    boost::system::error_code ec;
    probe.open(Unix(), ec);
    if (!ec) probe.non_blocking(true, ec);
    if (!ec) probe.connect(Unix::endpoint(path), ec);
    const bool queue_is_full = ec == asio::error::would_block;
    if (!ec || queue_is_full) return Error{Errc::busy, "another process listens on " + path};
    // For any other reason somebody may well listen there.
    if (ec != asio::error::connection_refused) {
        return Error{Errc::bad_config, "look who listens on " + path + ": " + ec.message()};
    }
    ::unlink(path.c_str());
    return {};
}

bool is_exhaustion(boost::system::error_code ec) {
    return ec == boost::system::errc::too_many_files_open ||
           ec == boost::system::errc::too_many_files_open_in_system ||
           ec == boost::system::errc::no_buffer_space ||
           ec == boost::system::errc::not_enough_memory;
}

}  // namespace

Listener::Listener(asio::any_io_executor executor, OnAccept on_accept)
    : acceptor_(executor), retry_(executor), on_accept_(std::move(on_accept)) {}

Listener::~Listener() {
    close();
}

Result<void> Listener::listen_unix(const std::string& path, std::uint32_t mode) {
    if (path.size() >= sizeof(sockaddr_un::sun_path)) {
        return Error{Errc::bad_config, path + ": a socket's path has at most 107 bytes"};
    }
    if (Result<void> removed = remove_stale_socket(path); !removed) return removed;
    boost::system::error_code ec;
    acceptor_.open(Protocol(AF_UNIX, 0), ec);
    // Nobody can connect before listen(), and by then the mode is set. (A umask would do as well,
    // but it is the whole process's: the log's files are made by other threads meanwhile.)
    if (!ec) acceptor_.bind(Protocol::endpoint(Unix::endpoint(path)), ec);
    if (!ec) path_to_remove_ = path;
    if (!ec && ::chmod(path.c_str(), mode) != 0) {
        ec.assign(errno, boost::system::system_category());
    }
    if (!ec) acceptor_.listen(asio::socket_base::max_listen_connections, ec);
    if (ec) return Error{Errc::bad_config, "listen on " + path + ": " + ec.message()};
    start(path, true);
    return {};
}

Result<void> Listener::listen_tcp(const asio::ip::tcp::endpoint& endpoint) {
    boost::system::error_code ec;
    acceptor_.open(Protocol(endpoint.protocol().family(), 0), ec);
    if (!ec) acceptor_.set_option(asio::socket_base::reuse_address(true), ec);
    if (!ec) acceptor_.bind(Protocol::endpoint(endpoint), ec);
    if (!ec) acceptor_.listen(asio::socket_base::max_listen_connections, ec);
    const std::string text = endpoint.address().to_string() + ":" + std::to_string(endpoint.port());
    if (ec) return Error{Errc::bad_config, "listen on " + text + ": " + ec.message()};
    start(text, false);
    return {};
}

Result<void> Listener::adopt_unix(int descriptor) {
    boost::system::error_code ec;
    acceptor_.assign(Protocol(AF_UNIX, 0), descriptor, ec);
    if (ec) return Error{Errc::bad_config, "take over systemd's socket: " + ec.message()};
    start("systemd", true);
    return {};
}

void Listener::start(std::string address, bool is_unix) {
    address_ = std::move(address);
    is_unix_ = is_unix;
    boost::system::error_code ec;
    acceptor_.non_blocking(true, ec);
    accept();
}

void Listener::accept() {
    if (accepting_ || !acceptor_.is_open()) return;
    accepting_ = true;
    acceptor_.async_accept([this](boost::system::error_code ec, Socket socket) {
        if (ec == asio::error::operation_aborted) return;
        accepting_ = false;
        for (int more = kAcceptsAtOnce; !ec; --more) {
            const Peer peer = is_unix_ ? peer_of(socket.native_handle()) : Peer{};
            on_accept_(std::move(socket), peer);
            if (more == 0 || !acceptor_.is_open()) break;
            socket = acceptor_.accept(ec);
        }
        if (!is_exhaustion(ec)) return accept();
        retry_.expires_after(kRetryAfterExhaustion);
        retry_.async_wait([this](boost::system::error_code cancelled) {
            if (!cancelled) accept();
        });
    });
}

void Listener::close() {
    boost::system::error_code ec;
    retry_.cancel();
    acceptor_.close(ec);
    if (!path_to_remove_.empty()) ::unlink(path_to_remove_.c_str());
    path_to_remove_.clear();
}

}  // namespace holdfast::agent
