// customerio-sim: builds the objects, says where it listens, runs until SIGTERM or SIGINT.
#include "tests/customerio-sim/options.hpp"
#include "tests/customerio-sim/server.hpp"
#include "tests/customerio-sim/session.hpp"
#include "tests/customerio-sim/simulator.hpp"
#include "tests/customerio-sim/tls.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <list>

namespace holdfast::customerio_sim {
namespace {

using Problem = std::optional<std::string>;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);
constexpr std::chrono::milliseconds kApplyTick{1};

// The order of the members is the order of their lives: what a coroutine still holds when the
// io_context is destroyed stands before it, and what needs the io_context to end stands after it.
class Program {
public:
    explicit Program(Options options)
        : options_(std::move(options)),
          simulator_(options_),
          tls_(asio::ssl::context::tls_server),
          service_(service_connections_),
          control_(simulator_, service_),
          io_(1),
          signals_(io_, SIGTERM, SIGINT) {}

    Problem start() {
        if (!simulator_.can_log()) return options_.log_file + ": cannot be written";
        if (Problem problem = load_faults()) return problem;
        if (Problem problem = prepare_tls()) return problem;
        if (Problem problem = listen()) return problem;
        if (options_.apply_delay.count() > 0) {
            asio::co_spawn(io_, apply_when_due(), asio::detached);
        }
        announce();
        return std::nullopt;
    }

    void run() {
        signals_.async_wait([this](const boost::system::error_code&, int) { io_.stop(); });
        io_.run();
        service_connections_.close_all();
        control_connections_.close_all();
    }

private:
    Problem load_faults() {
        if (options_.faults_file.empty()) return std::nullopt;
        std::ifstream file(options_.faults_file);
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        const std::optional<Json> rules = parse_json(text);
        if (!file || !rules) return options_.faults_file + ": cannot be read as JSON";
        if (Problem problem = simulator_.faults.replace(*rules)) {
            return options_.faults_file + ": " + *problem;
        }
        return std::nullopt;
    }

    Problem prepare_tls() {
        if (!options_.tls_self_signed.empty())
            return use_self_signed(tls_, options_.tls_self_signed);
        if (!options_.tls_cert.empty()) return use_files(tls_, options_.tls_cert, options_.tls_key);
        if (options_.https.empty()) return std::nullopt;
        return "--https needs --tls-self-signed, or --tls-cert and --tls-key";
    }

    Problem listen() {
        for (const std::string& address : options_.http) {
            const auto serve = [this](Tcp::socket socket) {
                spawn(serve_http(
                    std::move(socket), simulator_, service_connections_, next_connection_++));
            };
            if (Problem problem = open("http", address, serve)) return problem;
            service_.add(listeners_.back());
        }
        for (const std::string& address : options_.https) {
            const auto serve = [this](Tcp::socket socket) {
                spawn(serve_https(
                    std::move(socket), tls_, simulator_, service_connections_, next_connection_++));
            };
            if (Problem problem = open("https", address, serve)) return problem;
            service_.add(listeners_.back());
        }
        for (const std::string& address : options_.control) {
            const auto serve = [this](Tcp::socket socket) {
                spawn(serve_control(std::move(socket), control_, control_connections_));
            };
            if (Problem problem = open("control", address, serve)) return problem;
        }
        return std::nullopt;
    }

    Problem open(const char* kind, const std::string& address, Listener::OnConnection serve) {
        Listener& listener = listeners_.emplace_back(io_, std::move(serve));
        if (Problem problem = listener.open(address)) return problem;
        const Tcp::endpoint at = listener.endpoint();
        const char* form = at.address().is_v6() ? "[{}]" : "{}";  // as a URL has it
        const std::string host = fmt::format(fmt::runtime(form), at.address().to_string());
        const char* scheme = std::string_view(kind) == "https" ? "https" : "http";
        urls_[kind].push_back(fmt::format("{}://{}:{}", scheme, host, at.port()));
        return std::nullopt;
    }

    void spawn(asio::awaitable<void> session) {
        asio::co_spawn(io_, std::move(session), asio::detached);
    }

    // Each kind's first address, and all of them under `all`.
    void announce() const {
        Json line = {{"event", "listening"}, {"all", urls_}};
        for (const char* kind : {"http", "https", "control"}) {
            const auto it = urls_.find(kind);
            line[kind] = it == urls_.end() ? Json() : Json(it->second.front());
        }
        fmt::print("{}\n", dump(line));
        (void)std::fflush(stdout);  // nobody may be listening
    }

    asio::awaitable<void> apply_when_due() {
        asio::steady_timer timer(io_);
        for (;;) {
            const auto now = std::chrono::steady_clock::now();
            timer.expires_at(simulator_.apply_due(now).value_or(now + kApplyTick));
            auto [ec] = co_await timer.async_wait(kNoThrow);
            if (ec) co_return;
        }
    }

    Options options_;
    Simulator simulator_;
    asio::ssl::context tls_;
    Connections service_connections_;
    Connections control_connections_;
    Service service_;
    Control control_;
    std::uint64_t next_connection_ = 1;
    std::map<std::string, std::vector<std::string>> urls_;
    asio::io_context io_;
    asio::signal_set signals_;
    std::list<Listener> listeners_;
};

int run(int argc, char** argv) {
    Arguments arguments = parse_arguments(argc, argv);
    if (!arguments.options) return arguments.exit_code;
    std::signal(SIGPIPE, SIG_IGN);  // a closed stdout must not end us
    Program program(std::move(*arguments.options));
    if (const Problem problem = program.start()) {
        fmt::print(stderr, "customerio-sim: {}\n", *problem);
        return 1;
    }
    program.run();
    return 0;
}

}  // namespace
}  // namespace holdfast::customerio_sim

int main(int argc, char** argv) {
    return holdfast::customerio_sim::run(argc, argv);
}
