#include "transport/lookup.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace holdfast::transport {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Outlives the Lookup for as long as getaddrinfo() takes.
struct Lookup::Pending {
    explicit Pending(const asio::any_io_executor& executor) : resolver(executor), wake(executor) {}

    tcp::resolver resolver;
    asio::steady_timer wake;
    std::optional<error_code> outcome;
    Endpoints found;
};

Lookup::Lookup(const asio::any_io_executor& executor)
    : pending_(std::make_shared<Pending>(executor)) {}

void Lookup::cancel() {
    pending_->wake.cancel();
}

asio::awaitable<Result<Endpoints>> Lookup::run(std::string host,
                                               std::uint16_t port,
                                               Instant deadline) {
    error_code not_an_address;
    const asio::ip::address address = asio::ip::make_address(host, not_an_address);
    if (!not_an_address) co_return Endpoints{tcp::endpoint(address, port)};

    const std::shared_ptr<Pending> pending = pending_;
    pending->wake.expires_at(deadline);
    pending->resolver.async_resolve(
        host,
        std::to_string(port),
        [pending](const error_code& ec, const tcp::resolver::results_type& all) {
            pending->outcome = ec;
            pending->found.assign(all.begin(), all.end());
            pending->wake.cancel();
        });
    co_await pending->wake.async_wait(asio::as_tuple(asio::use_awaitable));

    if (!pending->outcome)
        co_return Error{Errc::unavailable, "no answer from the resolver in time"};
    if (*pending->outcome) co_return Error{Errc::unavailable, pending->outcome->message()};
    if (pending->found.empty()) co_return Error{Errc::unavailable, "the name has no address"};
    co_return std::move(pending->found);
}

}  // namespace holdfast::transport
