// A closed loop over a Unix socket: every answer is followed by the next request.
#pragma once

#include "tests/bench/protocol.hpp"
#include "tests/bench/recorder.hpp"

#include <cstddef>
#include <string>

namespace holdfast::bench {

struct Load {
    std::string socket;  // path of the server's
    std::size_t connections = 1;
    std::size_t outstanding = 1;  // requests under way on each connection
};

// Runs until the window is over and returns when it was. One thread, one epoll, so that the load
// costs little beside the server that it shares the machine with. Waits up to 10 s for the server
// to accept; a malformed answer, a closed connection or 10 s without an answer end the program.
Clock::time_point closed_loop(const Load& load, Protocol& protocol, Recorder& recorder);

}  // namespace holdfast::bench
