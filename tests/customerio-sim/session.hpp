// One connection of a client: reads requests, performs what the simulator decided, faults included.
#pragma once

#include "tests/customerio-sim/connections.hpp"
#include "tests/customerio-sim/control.hpp"
#include "tests/customerio-sim/read_request.hpp"
#include "tests/customerio-sim/simulator.hpp"

#include <boost/asio/ssl/context.hpp>

#include <cstdint>

namespace holdfast::customerio_sim {

// All borrow what they are given; it outlives the io_context they run on.
asio::awaitable<void> serve_http(Tcp::socket socket,
                                 Simulator& simulator,
                                 Connections& connections,
                                 std::uint64_t connection);

asio::awaitable<void> serve_https(Tcp::socket socket,
                                  asio::ssl::context& tls,
                                  Simulator& simulator,
                                  Connections& connections,
                                  std::uint64_t connection);

asio::awaitable<void> serve_control(Tcp::socket socket, Control& control, Connections& connections);

}  // namespace holdfast::customerio_sim
