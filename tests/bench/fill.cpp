#include "tests/bench/fill.hpp"

#include "tests/bench/fail.hpp"

#include <fmt/core.h>

namespace holdfast::bench {
namespace {

constexpr std::size_t kOutstandingMax = 4096;

}  // namespace

bool fill(const std::string& socket, Api api, std::uint64_t events) {
    client::Client agent(socket);
    Calls calls(api);
    while (events > 0 || agent.outstanding() > 0) {
        for (; events > 0 && agent.outstanding() < kOutstandingMax; --events) {
            if (const auto ticket = agent.submit(calls.next()); !ticket) {
                fail(ticket.error().message);
            }
        }
        const auto completion = agent.receive();
        if (!completion || completion->outcome) continue;
        const client::Error& error = completion->outcome.error();
        fmt::print(stderr, "holdfast-bench: {} {}\n", error.status, error.message);
        if (error.status == 404) return false;
        fail("the agent does not take the backlog");
    }
    return true;
}

}  // namespace holdfast::bench
