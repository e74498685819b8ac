#include "transport/client.hpp"

#include "transport/connection.hpp"
#include "transport/pool.hpp"
#include "transport/tls.hpp"
#include "transport/wire.hpp"

#include <algorithm>
#include <set>

namespace holdfast::transport {
namespace {

namespace asio = boost::asio;
using TlsContext = std::unique_ptr<asio::ssl::context>;
using ConnectionPtr = std::shared_ptr<Connection>;
using Wire = std::shared_ptr<const std::string>;

Instant now() {
    return std::chrono::steady_clock::now();
}

AttemptResult unanswered(Phase phase, std::string why) {
    AttemptResult result;
    result.phase = phase;
    result.error = std::move(why);
    return result;
}

// A connection under way, where stop() finds it. Closed in the end, however that comes, unless
// kept.
class Lease {
public:
    Lease(std::set<ConnectionPtr>& busy, ConnectionPtr connection)
        : busy_(busy), connection_(std::move(connection)) {
        busy_.insert(connection_);
    }

    ~Lease() {
        busy_.erase(connection_);
        if (!kept_) connection_->close();
    }

    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    Connection* operator->() { return connection_.get(); }

    ConnectionPtr keep() {
        kept_ = true;
        return connection_;
    }

private:
    std::set<ConnectionPtr>& busy_;
    const ConnectionPtr connection_;
    bool kept_ = false;
};

}  // namespace

// Shared with each attempt, so that one which is under way may end after the Client is gone.
struct Client::Impl {
    Impl(asio::any_io_executor its_executor, ClientOptions its_options, TlsContext its_tls)
        : executor(std::move(its_executor)),
          options(std::move(its_options)),
          tls(std::move(its_tls)),
          pool(std::make_shared<Pool>(executor, options.idle_connections_max, options.idle_for)) {}

    static asio::awaitable<AttemptResult> send(std::shared_ptr<Impl> self,
                                               const OutgoingRequest& request);
    asio::awaitable<AttemptResult> attempt(const OutgoingRequest& request, Instant whole_by);
    asio::awaitable<AttemptResult> attempt_anew(Wire wire, bool to_head, Instant whole_by);
    asio::awaitable<Exchange> exchange(Lease& lease, Wire wire, bool to_head, Instant whole_by);

    const asio::any_io_executor executor;
    const ClientOptions options;
    const TlsContext tls;  // null: plain HTTP
    const std::shared_ptr<Pool> pool;
    std::set<ConnectionPtr> busy;
    bool stopped = false;
};

asio::awaitable<AttemptResult> Client::Impl::send(std::shared_ptr<Impl> self,
                                                  const OutgoingRequest& request) {
    const Instant start = now();
    AttemptResult result = co_await self->attempt(request, start + self->options.deadlines.total);
    result.latency = now() - start;
    if (result.body.size() > request.answer_bytes_kept) {
        result.body.resize(request.answer_bytes_kept);
        result.body.shrink_to_fit();
    }
    co_return result;
}

asio::awaitable<AttemptResult> Client::Impl::attempt(const OutgoingRequest& request,
                                                     Instant whole_by) {
    if (stopped) co_return unanswered(Phase::not_sent, "stopped");
    Result<std::string> encoded = encode_request(options.origin, request);
    if (!encoded) co_return unanswered(Phase::not_sent, encoded.error().detail);
    const Wire wire = std::make_shared<const std::string>(std::move(*encoded));
    const bool to_head = request.method == "HEAD";

    bool in_doubt = false;
    if (const ConnectionPtr kept = pool->take()) {
        Lease lease(busy, kept);
        Exchange first = co_await exchange(lease, wire, to_head, whole_by);
        if (!first.was_dead || !request.repeatable || stopped) co_return std::move(first.result);
        in_doubt = true;  // it may have been read before the connection ended
    }
    AttemptResult result = co_await attempt_anew(wire, to_head, whole_by);
    if (in_doubt && result.phase == Phase::not_sent) result.phase = Phase::no_answer;
    co_return result;
}

asio::awaitable<AttemptResult> Client::Impl::attempt_anew(Wire wire,
                                                          bool to_head,
                                                          Instant whole_by) {
    Lease lease(busy, std::make_shared<Connection>(executor, options.origin, tls.get()));
    const Instant open_by = std::min(now() + options.deadlines.connect, whole_by);
    const Result<void> opened = co_await lease->open(open_by);
    if (!opened) co_return unanswered(Phase::not_sent, opened.error().detail);
    Exchange only = co_await exchange(lease, wire, to_head, whole_by);
    co_return std::move(only.result);
}

asio::awaitable<Exchange> Client::Impl::exchange(Lease& lease,
                                                 Wire wire,
                                                 bool to_head,
                                                 Instant whole_by) {
    const Instant header_by = std::min(now() + options.deadlines.first_byte, whole_by);
    Exchange done = co_await lease->exchange(std::move(wire), to_head, header_by, whole_by);
    if (done.reusable && !stopped) pool->put(lease.keep());
    co_return done;
}

Result<std::unique_ptr<Client>> Client::create(asio::any_io_executor executor,
                                               ClientOptions options) {
    TlsContext tls;
    if (options.origin.tls) {
        Result<TlsContext> made = make_tls_context(options.ca_file);
        if (!made) return made.error();
        tls = std::move(*made);
    }
    auto impl = std::make_shared<Impl>(std::move(executor), std::move(options), std::move(tls));
    return std::unique_ptr<Client>(new Client(std::move(impl)));
}

Client::Client(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Client::~Client() {
    stop();
}

asio::awaitable<AttemptResult> Client::send(const OutgoingRequest& request) {
    return Impl::send(impl_, request);
}

void Client::stop() {
    impl_->stopped = true;
    impl_->pool->clear();
    for (const ConnectionPtr& connection : impl_->busy) connection->stop();
}

}  // namespace holdfast::transport
